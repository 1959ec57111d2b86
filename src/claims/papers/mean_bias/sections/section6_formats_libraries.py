"""Claims about libraries that implement the formats of section 6.1, each about one version.

They agree with the definition nearly everywhere; each known difference is a claim of its own, so that a release that
mends it shows. Without the library the claims are unavailable.
"""

from __future__ import annotations

from claims import Claim, Linear, Quantity, at_least, experiment, grid, identity, proportion, value, within

ML_DTYPES = experiment(
    "claims.papers.mean_bias.experiments.formats_libraries:ml_dtypes_codes", fixed={"version": "0.6.0"}, seconds=0.02
)
TORCH = experiment(
    "claims.papers.mean_bias.experiments.formats_libraries:torch_cast", fixed={"version": "2.13.0"}, seconds=0.02
)
_TORCHAO = {"version": "0.18.0"}
CASES = experiment(
    "claims.papers.mean_bias.experiments.formats_libraries:torchao_cases", fixed=_TORCHAO, seconds=5.0, megabytes=400
)
RANDOM = experiment(
    "claims.papers.mean_bias.experiments.formats_libraries:torchao_random",
    sweep={"case": ("nvfp4", "mxfp4-floor", "mxfp4-ceil")},
    fixed=_TORCHAO,
    seconds=0.05,
    megabytes=400,
)
BFLOAT16 = experiment(
    "claims.papers.mean_bias.experiments.formats_libraries:torchao_bfloat16",
    fixed=_TORCHAO | {"tensors": 16},
    seconds=0.05,
    megabytes=400,
)

_EXACT = "a count or a code of the format: nothing lies between it and the next"


def _agreement(
    name: str, library: str, statement: str, agree: Quantity, total: Quantity, planted: Quantity | Linear
) -> Claim:
    return Claim(
        id=f"mean-bias.{library}.{name}",
        locus="section 6.1, NVFP4",
        statement=statement,
        test=identity(agree, total, bound=0.0, planted=planted, draws=1),
        role="ours",
    )


def _pinned(
    name: str, library: str, statement: str, x: Quantity, target: float, ours: float, decides: str = "smoke"
) -> Claim:
    """What the library gives for one input, against what the definition gives."""
    return Claim(
        id=f"mean-bias.{library}.{name}",
        locus="section 6.1, NVFP4",
        statement=statement,
        test=value(x),
        band=within(target, rel=1e-3, provenance="theory", because=_EXACT),
        rival=ours,
        role="ours",
        decides=decides,
    )


CODECS = (
    _agreement(
        "e2m1",
        "ml-dtypes",
        "ml_dtypes 0.6.0 casts every bfloat16 number to the E2M1 code that the definition gives, -0 included.",
        ML_DTYPES["e2m1_agree"],
        ML_DTYPES["numbers"],
        ML_DTYPES["e2m1_planted"],
    ),
    _agreement(
        "e4m3",
        "ml-dtypes",
        "ml_dtypes 0.6.0 casts every bfloat16 number up to 464 to the E4M3 code that the definition gives.",
        ML_DTYPES["e4m3_agree"],
        ML_DTYPES["in_range"],
        ML_DTYPES["e4m3_planted"],
    ),
    _agreement(
        "overflow",
        "ml-dtypes",
        "ml_dtypes 0.6.0 turns every bfloat16 number beyond 464 into an E4M3 NaN instead of the largest value.",
        ML_DTYPES["beyond_nan"],
        ML_DTYPES["beyond"],
        ML_DTYPES["beyond"] * 0,
    ),
    _pinned(
        "nan",
        "ml-dtypes",
        "ml_dtypes 0.6.0 silently makes NaN the E2M1 code 8, which is -0.",
        ML_DTYPES["positive_nan"],
        8.0,
        7.0,
    ),
    _agreement(
        "e4m3",
        "torch",
        "torch 2.13.0 casts every bfloat16 number to the E4M3 code that the definition gives, saturating at 448.",
        TORCH["agree"],
        TORCH["numbers"],
        TORCH["planted"],
    ),
)

TORCHAO = (
    *(
        Claim(
            id=f"mean-bias.torchao.{case}",
            locus="section 6.1, NVFP4",
            statement=f"torchao 0.18.0 gives float32 tensors the same {case} scales and codes, byte for byte.",
            at=grid(case=case, spread=[0.0, 2.0]),
            test=identity(RANDOM["agree"], RANDOM["bytes"], bound=0.0, planted=RANDOM["planted"]),
            role="ours",
            decides="standard",
        )
        for case in ("nvfp4", "mxfp4-floor", "mxfp4-ceil")
    ),
    Claim(
        id="mean-bias.torchao.bfloat16",
        locus="section 6.1, NVFP4",
        statement="torchao 0.18.0 gives at least a quarter of bfloat16 tensors other NVFP4 bytes: ties fall otherwise.",
        test=proportion(BFLOAT16["different"], BFLOAT16["tensors"]),
        band=at_least(0.25, provenance="smallest-effect", because="half of what was measured on 200 tensors"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    _pinned(
        "smallest-scale",
        "torchao",
        "torchao 0.18.0 has no subnormal block scales: beside one outlier of 3e5 no scale is below 2^-6.",
        CASES["smallest_scale"],
        2.0**-6,
        2.0**-8,
        decides="standard",
    ),
    _pinned(
        "outlier-error",
        "torchao",
        "Beside that outlier torchao 0.18.0 has twice the error that subnormal scales allow: .0205 for .0102.",
        CASES["error"],
        0.02051,
        0.01016,
        decides="standard",
    ),
    _pinned(
        "zeros",
        "torchao",
        "torchao 0.18.0 divides 0 by 0 for an all-zero tensor: all of its block scales are NaN.",
        CASES["zero_nan"],
        1.0,
        0.0,
        decides="standard",
    ),
    _pinned(
        "nan",
        "torchao",
        "torchao 0.18.0 silently makes NaN the E2M1 element 1.5.",
        CASES["nan_value"],
        1.5,
        6.0,
        decides="standard",
    ),
    _pinned(
        "ceil-exponent",
        "torchao",
        "torchao 0.18.0 rounds the logarithm of MXFP4's ceiling rule: just above 6 x 2^10 the exponent stays 10.",
        CASES["ceil_exponent"],
        10.0,
        11.0,
        decides="standard",
    ),
    _pinned(
        "tiny",
        "torchao",
        "torchao 0.18.0 stores MXFP4's smallest scale as 2^-127 and divides by 2^-126: 2^-126 gets code 2, not 4.",
        CASES["tiny_code"],
        2.0,
        4.0,
        decides="standard",
    ),
)
