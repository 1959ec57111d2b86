"""The authors' released results, as data: mostly perplexities, norms and NLL changes of runs on TinyLlama-1.1B.

Only figures that claims need, from the repository named in section 9.1; revision and licence are in each file. NLL is
in nats a token, and its change the logarithm of a perplexity over the unperturbed model's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from claims.kinds.table import read_rows

PATH = "claims.papers.sign_magnitude:figures"
#: Perplexity of the unperturbed model on the authors' 20,480 tokens.
BASELINE = 7.382783981216292

Columns = dict[str, tuple[float, ...]]
Condition = Callable[[Mapping[str, str]], bool]


def having(name: str, *values: str) -> Condition:
    """The rows with a column of that name, holding one of the values if any are given."""
    return lambda row: name in row and (not values or row[name] in values)


def path(name: str) -> str:
    """Where the ``table`` kind finds the results of one experiment: ``"exp_b"`` to ``"exp_g"``, ``"two_layer"``."""
    return f"{PATH}/{name}.toml"


def columns(name: str, where: Condition = bool) -> Columns:
    """The numeric columns of one experiment's rows, in the rows' order.

    Raises:
        ValueError: a chosen row has words where others have numbers.
    """
    rows = [row for row in read_rows(path(name)) if where(row)]
    return {key: tuple(float(row[key]) for row in rows) for key in rows[0]}


def nll_changes(flip_rate: str) -> Columns:
    """Exp E at one rate: NLL changes of both arms by seed, shape (10,), and the same per flip.

    ``outlier`` and ``other`` are changes in nats, ``outlier_per_flip`` and ``other_per_flip`` divided by the number of
    flips, ``inverse_leverage`` the quotient other/outlier of a seed.
    """
    found = columns("exp_e", having("flip_rate", flip_rate))
    flips = found["flips"][0]
    outlier = tuple(math.log(ppl / BASELINE) for ppl in found["outlier_ppl"])
    other = tuple(math.log(ppl / BASELINE) for ppl in found["nonoutlier_ppl"])
    return {
        "outlier": outlier,
        "other": other,
        "outlier_per_flip": tuple(change / flips for change in outlier),
        "other_per_flip": tuple(change / flips for change in other),
        "inverse_leverage": tuple(b / a for a, b in zip(outlier, other, strict=True)),
    }


def per_flip_pair(flip_rate: str, reference: str, arm: str) -> Columns:
    """One arm's NLL change per flip at two rates, ``change`` and ``reference``, paired by seed."""
    name = f"{arm}_per_flip"
    return {"change": nll_changes(flip_rate)[name], "reference": nll_changes(reference)[name]}
