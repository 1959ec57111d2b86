"""Claims of section 9.4 on Exp B's six layers: what the released means and spreads over ten seeds support."""

from __future__ import annotations

import math

from claims import HOLDS, UNDECIDED, Claim, at_most, column, mean, sample
from claims.kinds.sample import with_moments
from claims.kinds.table import read_rows
from claims.papers.sign_magnitude.figures import published

ROWS = {(row["weights"], row["activation"], row["flip_rate"]): row for row in read_rows(published.path("exp_b"))}
_NAMES = {"trained": "trained weights", "iid": "iid weights"}
_ACTIVATIONS = {"relu": "ReLU", "silu": "SiLU"}


def _difference(mean_a: str, sd_a: str, mean_b: str, sd_b: str, seeds: str) -> tuple[float, ...]:
    """Stand-ins for a - b by seed where the correlation of a and b is not published: the largest sd that it allows."""
    return with_moments(mean=float(mean_a) - float(mean_b), sd=float(sd_a) + float(sd_b), n=int(seeds))


DECLINES = {
    "-".join(key): {"change": _difference(row["last"], row["last_sd"], row["first"], row["first_sd"], row["seeds"])}
    for key, row in ROWS.items()
}
_TRAINED, _IID = ROWS["trained", "relu", "0.01"], ROWS["iid", "relu", "0.01"]
#: Trained against iid weights, ReLU at p = .01, at the first layer and at the last.
BELOW_IID = {
    layer: {
        "difference": _difference(
            _TRAINED[layer], _TRAINED[f"{layer}_sd"], _IID[layer], _IID[f"{layer}_sd"], _TRAINED["seeds"]
        )
    }
    for layer in ("first", "last")
}
CHANGE, DIFFERENCE = mean(column("change")), mean(column("difference"))
_NEGATIVE = (-math.inf, 0.0)

DECLINE = tuple(
    Claim(
        id=f"sign-magnitude.expb.declines-{weights}-{activation}-p{flip_rate[2:]}",
        locus="section 9.4, Exp B; Table 3",
        statement=(
            f"With {_NAMES[weights]} and {_ACTIVATIONS[activation]} the ratio at the sixth layer is below the first "
            f"layer's at p = {flip_rate[1:]}."
        ),
        test=sample(
            CHANGE,
            family=DECLINES,
            member=f"{weights}-{activation}-{flip_rate}",
            bands=dict.fromkeys(DECLINES, _NEGATIVE),
        ),
        band=at_most(0.0, provenance="author", because="a decline of whatever size"),
        rival=0.2,
        role="paper" if weights == "trained" and flip_rate == "0.01" else "ours",
    )
    for weights, activation, flip_rate in ROWS
)

TRAINED_AGAINST_IID = tuple(
    Claim(
        id=f"sign-magnitude.expb.below-iid-{layer}",
        locus="section 9.4, Exp B; released results",
        statement=f"At the {layer} of six layers trained weights have a smaller ratio than iid ones (ReLU, p = .01).",
        test=sample(
            DIFFERENCE,
            family=BELOW_IID,
            member=layer,
            bands=dict.fromkeys(BELOW_IID, _NEGATIVE),
        ),
        band=at_most(0.0, provenance="smallest-effect", because="the paper has them above, by 27 per cent"),
        rival=0.1,
        expected=expected,
        finding=finding,
        role="ours",
    )
    for layer, expected, finding in (
        ("first", HOLDS, ""),
        (
            "last",
            UNDECIDED,
            "Means differ by -.101 with spreads .081 and .091 over ten seeds. Per-seed values of both runs would "
            "decide, or thirty seeds each.",
        ),
    )
)
