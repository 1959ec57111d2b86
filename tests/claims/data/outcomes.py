"""A claim file with a claim for every outcome, and how pytest counts them."""

CLAIMS = '''
"""A claim for every outcome."""
from claims.bands import printed, within
from claims.claim import Claim
from claims.errors import Unavailable
from claims.experiment import experiment, grid
from claims.kinds import mean


def draw(point, streams):
    return {"mean": streams.numpy("x").normal(point["mu"], 1, size=point["m"]).mean()}


def fragile(point, streams):
    if streams.seed_index == 3:
        raise ValueError("no root")
    return {"x": 1.0}


def on_gpu(point, streams):
    raise Unavailable("no GPU of compute capability 10")


def claim(name, *, m=400, mu=1.0, band=within(1, abs=0.25, provenance="author", because="small"), x=None, **more):
    test = mean(experiment(draw, fixed={"m": m})["mean"] if x is None else x)
    return Claim(id=f"toy.{name}", locus="section 1", statement=f"Words of {name}.", at=grid(mu=mu), test=test,
                 band=band, rival=9.0, **more)


ON_EDGE = within(0.8, abs=0.2, provenance="author", because="its edge is the truth")
CLAIMS = (
    claim("holds"),
    claim("refuted", band=printed("2.0"), expected="REFUTED", finding="It is 1.", corrected_by="toy.holds"),
    claim("wrong", mu=[1.0, 2.0], role="ours"),
    claim("edge", m=4, band=ON_EDGE),
    claim("edge-later", m=4, band=ON_EDGE, decides="standard"),
    claim("full", decides="full"),
    claim("error", x=experiment(fragile)["x"]),
    claim("gpu", x=experiment(on_gpu)["x"]),
)
'''
OUTCOMES = {"passed": 4, "failed": 1, "errors": 1, "skipped": 2, "warnings": 1}
