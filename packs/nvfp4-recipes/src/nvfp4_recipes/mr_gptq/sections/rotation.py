"""Claims of what a Hadamard rotation does to the two formats."""

from __future__ import annotations

from claims import Claim, at_least, at_most, grid, order, ratio, within
from nvfp4_recipes.mr_gptq.shared import FORMATS, HEAVY

_NVFP4, _MXFP4 = (FORMATS.at(format=name) for name in ("nvfp4", "mxfp4"))

ROTATION = (
    Claim(
        id="mr-gptq.rotation.nvfp4",
        locus="abstract, rotation; abstract, small group size",
        statement="A rotation does not mitigate outliers in NVFP4: squared errors are no less where tails are heavy.",
        read_as=(
            "To neutralize is read as to win nothing, in squared error; outlier mitigation is a rotation of blocks."
        ),
        at=grid(law=HEAVY),
        test=ratio(_NVFP4["rotated"], _NVFP4["plain"]),
        band=at_least(1.0, provenance="author", because="neutralizes is read as: wins nothing"),
        rival=0.95,
        decides="standard",
    ),
    Claim(
        id="mr-gptq.rotation.raises",
        locus="abstract, rotation; abstract, small group size",
        statement="A rotation raises NVFP4's squared error where tails are heavy: by a twenty-fifth and more.",
        at=grid(law=HEAVY),
        test=ratio(_NVFP4["rotated"], _NVFP4["plain"]),
        band=at_least(1.04, provenance="smallest-effect", because="a twenty-fifth"),
        rival=1.0,
        decides="standard",
        role="ours",
    ),
    Claim(
        id="mr-gptq.rotation.mxfp4",
        locus="abstract, rotation",
        statement="A rotation lowers MXFP4's squared error where tails are heavy: by a tenth and more.",
        read_as="Boosting is read as a tenth less squared error, without GPTQ.",
        at=grid(law=HEAVY),
        test=ratio(_MXFP4["rotated"], _MXFP4["plain"]),
        band=at_most(0.9, provenance="smallest-effect", because="a tenth"),
        rival=1.0,
        decides="standard",
    ),
    Claim(
        id="mr-gptq.rotation.gap",
        locus="abstract, rotation",
        statement="Rotated MXFP4 still has a quarter more error than NVFP4 as it is, on entries with heavy tails.",
        at=grid(law=HEAVY),
        test=ratio(_MXFP4["rotated"], _NVFP4["plain"]),
        band=at_least(1.25, provenance="smallest-effect", because="a quarter"),
        rival=1.0,
        role="ours",
    ),
    Claim(
        id="mr-gptq.rotation.normal",
        locus="abstract, rotation; normal entries",
        statement="Normal entries have the same error rotated or not, in either format.",
        at=grid(law="normal", format=["nvfp4", "mxfp4"]),
        test=ratio(FORMATS["rotated"], FORMATS["plain"]),
        band=within(1.0, abs=0.02, provenance="smallest-effect", because="half of the smallest effect on heavy tails"),
        rival=1.08,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="mr-gptq.control.rotation-mends-nvfp4",
        locus="abstract, rotation",
        statement="A rotation lowers NVFP4's error on blocks of outliers.",
        at=grid(law="outliers"),
        test=order(_NVFP4["rotated"], _NVFP4["plain"]),
        band=at_most(0.0, provenance="author", because="lowers"),
        rival=0.001,
        expected="REFUTED",
        finding="It raises it by a quarter: every element of a block then errs as near-maximal ones do.",
        role="control",
    ),
)
