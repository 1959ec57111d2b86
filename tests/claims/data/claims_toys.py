"""A catalogue of many kinds and all verdicts, cheap enough to be audited often."""

from claims.bands import at_least, between, within
from claims.claim import Claim
from claims.experiment import experiment, grid
from claims.kinds import bound, identity, limit, mean, order, proportion, quantile, ratio, replay, search, trend

WHY = {"provenance": "author", "because": "a toy"}
GAUSSIAN = experiment("toys:gaussian")
SWEPT = experiment("toys:swept", sweep={"p": (1, 3), "metric": ("pre", "post")}, fixed={"inputs": 2})
ARMS = experiment("toys:arms")
SIZED = experiment("toys:sized", sweep={"n": (64, 128)})
SUMS = experiment("toys:sums")
AUTHORS = experiment("toys:authors", published=True)
FIRST = experiment("toys:first_block_only")


def toy(name, test, **fields):
    return Claim(id=f"toys.{name}", locus="section 1", statement="A toy.", test=test, **fields)


MEANS = tuple(
    toy(
        f"mean-{int(10 * centre)}",
        mean(GAUSSIAN["x"]),
        at=grid(centre=centre, sd=[0.1, 0.4]),
        band=between(-1.0, 1.0, **WHY),
        rival=9.0,
    )
    for centre in (0.0, 0.9, 1.0, 2.0)
)
CELLS = tuple(
    toy(f"cell-{p}-{metric}", mean(SWEPT["x"]), at=grid(p=p, metric=metric), band=within(p, abs=9.0, **WHY), rival=99.0)
    for p in (1, 3)
    for metric in ("pre", "post")
)
RATIO = toy("ratio", ratio(ARMS["u"], ARMS["v"]), band=within(2.5, rel=0.01, **WHY), rival=2.0)
SHARE = toy("share", proportion(ARMS["k"], ARMS["n"]), band=between(0.08, 0.12, **WHY), rival=0.2)
MEDIAN = toy("median", quantile(ARMS["draws"], q=0.5), band=between(0.5, 0.9, **WHY), rival=2.0)
ORDER = toy("order", order(ARMS["u"], ARMS["v"]), band=at_least(1.0, **WHY), rival=0.0)
BOUND = toy("bound", bound(ARMS["v"]), band=at_least(0.5, **WHY), rival=0.0)
LIMIT = toy(
    "limit", limit(SIZED["y"], over="n", rate=1.0), at=grid(n=[64, 128]), band=within(1.0, abs=0.01, **WHY), rival=1.1
)
TREND = toy(
    "trend",
    trend(SIZED["y"], over="n", direction="decreasing"),
    at=grid(n=[64, 128]),
    band=at_least(0.0, **WHY),
    rival=-1.0,
)
SAME = toy("same", identity(SUMS["a"], SUMS["b"], bound=SUMS["bound"], planted=SUMS["planted"]))
REPLAY = toy(
    "replay",
    replay(AUTHORS["x"], seeds=5, printed_mean="2.639", neighbours=[AUTHORS["other"]], configuration="as printed"),
)
CONVEX = toy("convex", search("statements:CONVEX", examples=15, restarts=1, rounds=1))
FALSE = toy("for-all", search("statements:FALSE", examples=15, restarts=1, rounds=1))
UNREPLICATED = toy(
    "unreplicated", mean(FIRST["x"]), at=grid(confirmed=[0.0, 1.0]), band=between(-1.0, 1.0, **WHY), rival=9.0
)
MISSING = toy("missing", mean(experiment("toys:needs_a_model")["x"]), band=between(-1.0, 1.0, **WHY), rival=9.0)
RAISING = toy(
    "raising", mean(experiment("toys:raises", fixed={"seed": 2})["x"]), band=between(-1.0, 1.0, **WHY), rival=9.0
)
