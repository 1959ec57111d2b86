"""Claims of what a random Hadamard transform does to both grids: bias, ratio of signal to error, use of codes."""

from __future__ import annotations

from claims import Claim, at_least, at_most, grid, mean, order, within
from nvfp4_recipes.ufp4.shared import HEAVY, SHRINKAGE

_ROTATIONS = ("none", "hadamard")
_E2M1 = {rotation: SHRINKAGE.at(grid="e2m1", rotation=rotation) for rotation in _ROTATIONS}
_INT4 = {rotation: SHRINKAGE.at(grid="int4", rotation=rotation) for rotation in _ROTATIONS}
_DECIBEL = "a tenth of a decibel is 2 % of the error"

BIAS = (
    Claim(
        id="ufp4.rotation.amplifies",
        locus="abstract, rotation amplifies",
        statement="Rotating blocks of outliers makes E2M1 shrink them more: by .3 % or more.",
        read_as="Amplified is read as three times as much and more, in blocks with one outlier each.",
        at=grid(law="outliers"),
        test=order(_E2M1["none"]["gain"], _E2M1["hadamard"]["gain"]),
        band=at_least(0.003, provenance="smallest-effect", because="three times what they lose unrotated"),
        rival=0.0,
        decides="standard",
    ),
    Claim(
        id="ufp4.rotation.normal-unmoved",
        locus="abstract, rotation amplifies; normal entries",
        statement="Entries that are normal already shrink by as much, rotated or not.",
        at=grid(law="normal"),
        test=order(_E2M1["none"]["gain"], _E2M1["hadamard"]["gain"]),
        band=within(0.0, abs=0.0008, provenance="smallest-effect", because="a fifth of the bias"),
        rival=0.003,
        role="ours",
        decides="standard",
    ),
    Claim(
        id="ufp4.rotation.uniform-unmoved",
        locus="abstract, uniform grids",
        statement="Rotated blocks on a uniform grid have less than a third of E2M1's bias, whatever their tails were.",
        read_as="None is read as less than a third of E2M1's.",
        at=grid(law=["normal", "laplace", "outliers"]),
        test=mean(_INT4["hadamard"]["gain"]),
        band=within(0.0, abs=0.0014, provenance="smallest-effect", because="a third of E2M1's"),
        rival="nvfp4_recipes.theory.shrinkage:e2m1_normal",
        decides="standard",
    ),
)

SIGNAL = (
    Claim(
        id="ufp4.snr.before",
        locus="section 5, decibels; section 3, format preference",
        statement="Before a rotation E2M1 has less error than a uniform grid on entries with heavy tails.",
        at=grid(law=HEAVY),
        test=order(_E2M1["none"]["decibel"], _INT4["none"]["decibel"]),
        band=at_least(0.5, provenance="smallest-effect", because="half a decibel"),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="ufp4.snr.after",
        locus="section 5, decibels; section 3, format preference",
        statement="After a rotation a uniform grid has less error than E2M1 on entries with heavy tails.",
        at=grid(law=HEAVY),
        test=order(_INT4["hadamard"]["decibel"], _E2M1["hadamard"]["decibel"]),
        band=at_least(0.5, provenance="smallest-effect", because="half a decibel"),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="ufp4.snr.uniform-gains",
        locus="abstract, uniform grids; section 5, decibels",
        statement="A rotation improves a uniform grid where tails are heavy, by a decibel and more.",
        read_as="Higher quality is read as a decibel, where tails are heavy.",
        at=grid(law=HEAVY),
        test=order(_INT4["hadamard"]["decibel"], _INT4["none"]["decibel"]),
        band=at_least(1.0, provenance="smallest-effect", because="a fifth of the error"),
        rival=0.0,
    ),
    Claim(
        id="ufp4.snr.e2m1-loses",
        locus="section 5, decibels",
        statement="A rotation makes E2M1 worse where tails are heavy.",
        at=grid(law=HEAVY),
        test=order(_E2M1["hadamard"]["decibel"], _E2M1["none"]["decibel"]),
        band=at_most(-0.1, provenance="smallest-effect", because=_DECIBEL),
        rival=0.0,
        role="ours",
    ),
    Claim(
        id="ufp4.snr.normal-uniform",
        locus="section 3, format preference",
        statement=(
            "On normal entries in blocks of 16 the uniform grid is better without any rotation: .7 decibels and more."
        ),
        at=grid(law="normal"),
        test=order(_INT4["none"]["decibel"], _E2M1["none"]["decibel"]),
        band=at_least(0.7, provenance="theory", because="10 log10 of .00887 over .00726 is .87"),
        rival=0.0,
        role="ours",
        decides="standard",
    ),
)

USE = (
    Claim(
        id="ufp4.buckets.uniform",
        locus="abstract, bucket utilization; section 5, buckets",
        statement="A rotation raises the use of a uniform grid's codes beside outliers: by a quarter of all and more.",
        read_as="Use is read as the exponential of the entropy of codes over their number, in blocks with one outlier.",
        at=grid(law="outliers"),
        test=order(_INT4["hadamard"]["use"], _INT4["none"]["use"]),
        band=at_least(0.25, provenance="smallest-effect", because="from a half to three quarters at least"),
        rival=0.0,
    ),
    Claim(
        id="ufp4.buckets.e2m1-normal",
        locus="section 5, buckets",
        statement="E2M1 uses nearly all of its codes on normal entries: use alone does not make it better.",
        at=grid(law="normal"),
        test=mean(_E2M1["none"]["use"]),
        band=at_least(0.98, provenance="smallest-effect", because="nearly all; a uniform grid uses .89"),
        rival=0.89,
        role="ours",
    ),
)

CONTROLS = (
    Claim(
        id="ufp4.control.rotation-helps-e2m1",
        locus="section 5, decibels",
        statement="A rotation improves E2M1 on blocks of outliers.",
        at=grid(law="outliers"),
        test=order(_E2M1["hadamard"]["decibel"], _E2M1["none"]["decibel"]),
        band=at_least(0.0, provenance="author", because="improves"),
        rival=-0.5,
        expected="REFUTED",
        finding="It loses 1.2 decibels there, as ufp4.snr.e2m1-loses says.",
        role="control",
    ),
    Claim(
        id="ufp4.control.too-few-seeds",
        locus="abstract, shrinkage bias",
        statement="Normal entries shrink by .407 %, to the last of these digits.",
        at=grid(law="normal"),
        test=mean(_E2M1["none"]["gain"]),
        band=within(-0.00407, abs=0.000005, provenance="author", because="finer than eight seeds can tell"),
        rival=0.0,
        most_seeds=8,
        expected="UNDECIDED",
        finding="Eight seeds leave an interval that is many times as wide; many thousand would decide it.",
        role="control",
    ),
)
