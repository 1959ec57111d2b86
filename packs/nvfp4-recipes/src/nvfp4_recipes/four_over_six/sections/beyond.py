"""What is not in the paper: how much of the error scales have, and controls that have to come out as they do."""

from __future__ import annotations

from claims import Claim, at_most, experiment, grid, mean, ratio, within
from nvfp4_recipes.four_over_six.shared import ELEMENTS, ERRORS

SCALES = experiment(
    "nvfp4_recipes.four_over_six.experiments.errors:scales",
    sweep={"law": ("normal", "laplace", "t3", "outliers")},
    fixed={"elements": ELEMENTS},
    seconds=0.04,
)

CONTROLS = (
    Claim(
        id="four-over-six.scales.little",
        locus="abstract, quantization error; rounded scales",
        statement=(
            "Rounding the scales to E4M3 makes less than a tenth of the error: values, not scales, are what is lost."
        ),
        at=grid(law=["normal", "laplace", "t3", "outliers"]),
        test=ratio(SCALES["both"] - SCALES["elements"], SCALES["both"]),
        band=at_most(0.1, provenance="smallest-effect", because="a tenth"),
        rival=0.5,
        role="ours",
    ),
    Claim(
        id="four-over-six.control.no-gain",
        locus="abstract, quantization error",
        statement="The choice leaves the squared error of normal entries as it was.",
        at=grid(law="normal"),
        test=ratio(ERRORS.at(arm="squared")["error"], ERRORS.at(arm="six")["error"]),
        band=within(1.0, abs=0.05, provenance="smallest-effect", because="a twentieth"),
        rival=0.5,
        expected="REFUTED",
        finding="It takes a sixth off: the ratio of errors is .84, as four-over-six.error.gaussian says.",
        role="control",
    ),
    Claim(
        id="four-over-six.control.too-few-seeds",
        locus="abstract, quantization error",
        statement="On t3 entries the error with the choice is .00760, to the last of these digits.",
        at=grid(law="t3"),
        test=mean(ERRORS.at(arm="squared")["error"]),
        band=within(0.0076, abs=0.00001, provenance="author", because="finer than eight seeds can tell"),
        rival=0.0083,
        most_seeds=8,
        expected="UNDECIDED",
        finding="Eight seeds leave an interval many times as wide as the band; several thousand would decide it.",
        role="control",
    ),
)
