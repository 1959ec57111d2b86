"""Claims of section 7.2, 'mechanism': the energy of sign flips by columns."""

from __future__ import annotations

from claims import Claim, grid, identity
from claims.papers.sign_magnitude.shared.depth import COLUMN_FLIP, FLIP_ENERGY

SMALL = grid(m=6, n=8, flip_rate=[0.05, 0.3, 0.9])

ENERGY = (
    Claim(
        id="sign-magnitude.sec72.one-column",
        locus="section 7.2, mechanism, flips of a single column",
        statement="Flipping all signs of column j moves the output by an energy of 4 x_j^2 |W_:j|^2.",
        at=grid(m=64, n=48),
        test=identity(
            COLUMN_FLIP["energy"],
            COLUMN_FLIP["weighted"],
            bound=COLUMN_FLIP["rounding"],
            planted=COLUMN_FLIP["planted"],
        ),
    ),
    Claim(
        id="sign-magnitude.sec72.column-weights",
        locus="section 7.2, mechanism, iid flips",
        statement=(
            "The mean energy of iid flips is 4p sum_j x_j^2 |W_:j|^2, averaged over the signs of the columns, which a "
            "symmetric weight law makes equally likely."
        ),
        at=SMALL,
        test=identity(
            FLIP_ENERGY["sign_average"],
            FLIP_ENERGY["column_sum"],
            bound=FLIP_ENERGY["rounding"],
            planted=FLIP_ENERGY["enumerated"],
        ),
    ),
    Claim(
        id="sign-magnitude.sec72.given-weights",
        locus="section 7.2, mechanism, iid flips",
        statement=(
            "For given weights the mean energy has a coherent part: 4p(1 - p) sum_j x_j^2 |W_:j|^2 + 4p^2 |W x|^2."
        ),
        at=SMALL,
        test=identity(
            FLIP_ENERGY["enumerated"],
            FLIP_ENERGY["fixed_weights"],
            bound=FLIP_ENERGY["rounding"],
            planted=FLIP_ENERGY["column_sum"],
        ),
        role="ours",
    ),
)
