"""Claims on depth beyond the paper's two networks: what decides whether the ratio rises or falls with it.

The paper's two residual networks differ in three things at once, and their ratios go in opposite directions. Here they
are taken apart (``shared.depth.VARIANTS``): a second projection, a stream that is normalised, the metric.
"""

from __future__ import annotations

from claims import Claim, at_least, at_most, grid, order, ratio, value, within
from claims.papers.sign_magnitude.shared.depth import (
    ARCHITECTURES,
    DEEP_FEW_FLIPS,
    ENDS,
    LAYERS,
    MEAN_FIELD,
    METRICS,
    RATE,
    STACK,
    VARIANTS,
    other_metric,
    points,
)
from claims.papers.sign_magnitude.theory import depth, depth_limits, small_rate

_WORDS = {
    "v3-normalised": "V3 with a normalised stream and no second projection",
    "v3-projected": "V3 with a second projection and a stream that is not normalised",
    "v2-bare": "V2 with nothing normalised",
}

RECURSION = (
    Claim(
        id="sign-magnitude.depth.mean-field-variants",
        locus="section 7.1, other combinations",
        statement="Three networks that neither of the authors' scripts builds follow the recursion, in both metrics.",
        at=tuple(p for name in VARIANTS for p in points(name, layer=LAYERS, metric=METRICS)),
        test=ratio(STACK["transverse_sign"], STACK["transverse_magnitude"]),
        band=within(depth.depth_ratio, rel=0.065, provenance="theory", because="finite width takes 1 to 2.5 % at 256"),
        rival=other_metric,
        role="ours",
        decides="standard",
    ),
    *(
        Claim(
            id=f"sign-magnitude.depth.quadrature-{name}",
            locus="section 7.1, wide limit",
            statement=f"The closed recursion of {words} agrees with Gram matrices propagated by quadrature.",
            at=grid(
                **VARIANTS[name],
                activation=["relu", "linear"],
                flip_rate=[RATE, 0.1],
                layer=LAYERS,
                metric=METRICS,
            ),
            test=value(MEAN_FIELD["c"]),
            band=within(depth.depth_ratio, rel=1e-10, provenance="theory", because="float64 against 40 digits"),
            rival=other_metric,
            role="ours",
        )
        for name, words in _WORDS.items()
    ),
)

DIRECTIONS = (
    Claim(
        id="sign-magnitude.v3.normalised-dips",
        locus="section 7.1; Table 16",
        statement=f"{_WORDS['v3-normalised']} has a smaller ratio at the second layer than at the first.",
        at=points("v3-normalised", layer=[1, 2], metric=METRICS),
        test=order(STACK["c"], over="layer"),
        band=at_most(0.0, provenance="smallest-effect", because="any fall; the wide limit has -.057 and -.035"),
        rival=0.05,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.normalised-rises",
        locus="section 7.1; Table 16",
        statement=(
            "From there on it rises, to a larger ratio at the sixth layer: without its second projection the network "
            "of Table 16 is not monotone."
        ),
        at=points("v3-normalised", layer=[2, 6], metric=METRICS),
        test=order(STACK["c"], over="layer"),
        band=at_least(0.1, provenance="smallest-effect", because="two fifths of the wide limit's .239 and .258"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.v3.projected-rises",
        locus="section 7.1; Figure 2",
        statement=f"{_WORDS['v3-projected']} rises in both metrics: what makes V3 rise is the growing stream.",
        at=points("v3-projected", layer=ENDS, metric=METRICS),
        test=order(STACK["c"], over="layer"),
        band=at_least(0.15, provenance="smallest-effect", because="two fifths of the wide limit's smaller rise, .365"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="sign-magnitude.depth.small-rate-24-layers",
        locus="section 7.1; Figure 2",
        statement="As p -> 0 the released residual network reaches 2.208 at 24 layers, still below pi/(pi - 2).",
        at=grid(**ARCHITECTURES["v3-released"], layer=24, metric=METRICS),
        test=value(DEEP_FEW_FLIPS["limit"]),
        band=within(depth_limits.depth_limit, abs=1e-9, provenance="theory", because="interpolation is good to 1e-12"),
        rival=small_rate.c_limit,
        role="ours",
        decides="standard",
    ),
)
