"""A claim about what all other measurements rest on: kernels of the block give here what their references give."""

from __future__ import annotations

from claims import Claim, grid
from claims.papers.agreement import AGREES

CLAIMS = (
    Claim(
        id="sign-magnitude.kernels.reference",
        locus="kernels of this project",
        statement="Norms, steps, energies and ternary products give here what plain torch gives, up to its rounding.",
        read_as="Steps, codes and sums of integers to the bit, the others to what two orders of a sum may differ by.",
        at=grid(
            kernel=[
                "rms_norm",
                "rms_norm_jvp",
                "sign_flip",
                "magnitude_step",
                "flip_energy",
                "sign_flip_linear",
                "transverse_energy",
                "relu_moments",
                "absmean",
                "absmean rows",
                "weight_codes",
                "pack_ternary",
                "ternary_product",
                "ternary_product one row",
            ]
        ),
        test=AGREES,
        role="ours",
    ),
)
