"""Claims of Appendix D.4: radial fractions of the two-layer model, by dimension and flip rate."""

from __future__ import annotations

from claims import Claim, grid, mean, replay, within
from claims.kinds.table import read_rows
from claims.papers.sign_magnitude.shared.block import FOUR_WAY, REPLAY_SLACK, REPLAY_TWO_LAYER
from claims.papers.sign_magnitude.theory import block, finite

D4 = read_rows("claims.papers.sign_magnitude:figures/appendix_d4.toml")
_SYMBOLS = {"radial_sign": "R_sign", "radial_magnitude": "R_mag"}


def sign_output_fraction(flip_rate: float, n: int) -> float:
    """Radial fraction of sign flips after a second projection to n outputs."""
    return finite.output_radial_fraction(flip_rate, n, n, "sign")


def magnitude_output_fraction(flip_rate: float, n: int) -> float:
    """The same of the magnitude step."""
    return finite.output_radial_fraction(flip_rate, n, n, "magnitude")


D4_MODEL = tuple(
    Claim(
        id=f"sign-magnitude.d4.radial-{arm}",
        locus=f"Appendix D.4, {symbol}, dimension 512",
        statement=f"{symbol} after the second projection is {formula}.",
        at=grid(flip_rate=rates, n=512, projection="gaussian", metric="pre"),
        test=mean(FOUR_WAY[f"radial_{arm}"]),
        band=within(predicted, abs=tolerance, provenance="theory", because=because),
        rival=rival,
        decides="standard",
    )
    for arm, predicted, symbol, rates, formula, tolerance, because, rival in (
        (
            "sign",
            sign_output_fraction,
            "R_sign",
            [0.01],
            "S/2 + 2/m + 1/d",
            0.002,
            "a third of 3/n",
            block.sign_radial_fraction,
        ),
        (
            "magnitude",
            magnitude_output_fraction,
            "R_mag",
            [0.01, 0.05],
            "the hidden one, to 1/d",
            0.012,
            "two per cent",
            0.6,
        ),
    )
)

D4_REPLAYS = tuple(
    Claim(
        id=f"sign-magnitude.d4.replay-{row['quantity'].replace('_', '-')}-{row['n']}-p{row['flip_rate'][-2:]}",
        locus=f"Appendix D.4, dimension {row['n']}, p = {row['flip_rate']}",
        statement=(
            f"{_SYMBOLS[row['quantity']]} = {row['value']} is the mean of the authors' run at n = {row['n']}, "
            f"p = {row['flip_rate']}."
        ),
        at=grid(n=int(row["n"]), flip_rate=float(row["flip_rate"])),
        test=replay(
            REPLAY_TWO_LAYER[row["quantity"]],
            seeds=20,
            printed_mean=row["value"],
            neighbours=[REPLAY_TWO_LAYER.at(n=512 if row["n"] == "256" else 256)[row["quantity"]]],
            configuration=f"architecture V1 at n = m = d = {row['n']}, the twenty published seeds of 10,000 inputs",
            slack=REPLAY_SLACK,
        ),
        decides="standard",
    )
    for row in D4
)
