"""A catalogue that takes a few thousand seeds: truths from the middle of the band to well outside it."""

from claims.bands import within
from claims.claim import Claim
from claims.experiment import experiment, grid
from claims.kinds import mean

LOGGED = experiment("toys:logged")

CLAIMS = tuple(
    Claim(
        id=f"resume.centre-{k}",
        locus="section 1",
        statement="The mean lies within one of zero.",
        test=mean(LOGGED["x"]),
        at=grid(k=k),
        band=within(0.0, abs=1.0, provenance="author", because="a toy"),
        rival=9.0,
    )
    for k in (0, 3, 9, 10, 13, 20, 30)
)
