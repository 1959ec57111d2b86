"""The claim file that ``claimbench new`` writes: two claims about a fair die, one true, one as papers get it wrong."""

from __future__ import annotations

import json
from string import Template

from claims.paper import Paper

_SKELETON = Template('''"""Claims of $words.

    claimbench audit $file    measures and decides
    claimbench why $file $key.variance.as-printed    tells how one of them was decided

The example is a die. Replace the experiment by what the paper measures, and the claims by what it says of it.
"""

from claims.bands import printed, within
from claims.claim import Claim, Paper
from claims.experiment import experiment, grid
from claims.kinds import mean
from claims.verdict import REFUTED

PAPER = Paper(key=$key_literal, title=$title_literal)


# 1. An experiment is a pure function of a point and of named random streams. One call is one seed, which is the unit of
#    evidence: average inside it, so that each of its values is nearly normal and its spread small beside the tolerance.
def roll(point, streams):
    """Rolls of one die: their mean and their sample variance."""
    rolls = streams.numpy("rolls").integers(1, point["faces"], size=point["rolls"], endpoint=True)
    return {"mean": float(rolls.mean()), "variance": float(rolls.var(ddof=1))}


# 2. Coordinates that all claims share are fixed here; a claim may set its own. Nothing runs yet.
DIE = experiment(roll, fixed={"faces": 6, "rolls": 4000})


# 3. A claim that holds. The band says how close is close enough and why; the rival is a value that the claim must
#    reject: a band which contains it is refused, because such a claim could not fail.
MEAN = Claim(
    id="$key.mean",
    locus="Section 2, eq. 1",
    statement="The mean of a fair die with n faces is (n + 1) / 2.",
    at=grid(faces=[6, 20]),
    test=mean(DIE["mean"]),
    band=within(lambda faces: (faces + 1) / 2, rel=0.03, provenance="smallest-effect", because="3 % would matter here"),
    rival=lambda faces: faces / 2,
)

# 4. A claim that is false, as the paper prints it: expected REFUTED, with what is true instead and the claim that says
#    so. Never widen a tolerance to make a claim hold.
VARIANCE_AS_PRINTED = Claim(
    id="$key.variance.as-printed",
    locus="Table 1, row 1",
    statement="The variance of a fair die is 3.50.",
    test=mean(DIE["variance"]),
    band=printed("3.50", because="two decimals are printed"),
    rival=35 / 12,
    expected=REFUTED,
    finding="It is 35/12 = 2.917: the printed figure is the mean of the faces.",
    corrected_by="$key.variance",
)

# 5. The correction, a claim of ours which has to hold.
VARIANCE = Claim(
    id="$key.variance",
    locus="Table 1, row 1, corrected",
    statement="The variance of a fair die is 35/12.",
    test=mean(DIE["variance"]),
    band=within(35 / 12, rel=0.05, provenance="theory", because="the mean of squares less the square of the mean"),
    rival=3.5,
    role="ours",
)
''')


def skeleton(paper: Paper, *, file: str) -> str:
    """The text of a claim file of this name about a paper."""
    words = " ".join(paper.title.replace("\\", " ").replace('"""', "'''").split()).rstrip('"')
    return _SKELETON.substitute(
        words=words,
        key=paper.key,
        file=file,
        key_literal=json.dumps(paper.key),
        title_literal=json.dumps(paper.title, ensure_ascii=False),
    )
