"""Claims about what all other measurements rest on: kernels of formats give here what their references give."""

from __future__ import annotations

from claims import Claim, grid
from claims.papers.agreement import AGREES

CLAIMS = (
    Claim(
        id="mean-bias.kernels.reference",
        locus="kernels of this project",
        statement="Quantizers, Hadamard transforms and block products give here what plain torch gives, to the bit.",
        read_as="The products to what two orders of a sum may differ by.",
        at=grid(
            kernel=[
                "nvfp4_quantize",
                "nvfp4_quantize 16x16",
                "nvfp4_quantize columns",
                "nvfp4_quantize stochastic",
                "nvfp4_quantize four over six",
                "nvfp4_quantize four over six, absolute",
                "nvfp4_quantize centered",
                "mxfp4_quantize",
                "mxfp4_quantize ceil, columns",
                "mxfp4_quantize stochastic",
                "mxfp6_quantize e2m3",
                "mxfp6_quantize e3m2",
                "mxfp8_quantize e4m3",
                "mxfp8_quantize e5m2",
                "e2m1_encode",
                "e2m1_encode stochastic",
                "e4m3_encode",
                "dequantize_blocks nvfp4",
                "dequantize_blocks mxfp4",
                "dequantize_blocks mxfp6",
                "dequantize_blocks mxfp8",
                "block_scaled_matmul nvfp4",
                "block_scaled_matmul mxfp4",
                "block_scaled_matmul mxfp6",
                "block_scaled_matmul mxfp8",
                "hadamard_transform 16",
                "hadamard_transform 128",
                "hadamard_transform signs",
                "hadamard_transform signs, inverse",
                "column_statistics",
            ]
        ),
        test=AGREES,
        role="ours",
    ),
)
