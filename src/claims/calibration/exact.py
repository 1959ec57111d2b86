"""Claims of kinds that judge no seeds, each right or wrong by a known amount: their verdicts are certain."""

from __future__ import annotations

from typing import Any

from claims.bands import between
from claims.calibration.statements import BOUND
from claims.claim import Claim
from claims.experiment import experiment, grid
from claims.kinds import identity, recomputed, replay, search, table, value
from claims.kinds.base import Kind
from claims.verdict import HOLDS, REFUTED, Verdict

_MADE = experiment("claims.calibration.statements:evaluated", seconds=0.0005)
_REPLAYED = experiment("claims.calibration.statements:replayed", published=True, seconds=0.0005)


def claims() -> dict[Claim, Verdict]:
    """Claims, and the verdict that each has to come out with."""
    made: dict[Claim, Verdict] = {}
    for off, verdict in ((0.0, HOLDS), (0.99, HOLDS), (1.01, REFUTED), (2.0, REFUTED), (6.0, REFUTED)):
        made[_claim(f"value.{_name(off)}", value(_MADE["number"]), verdict, off=off)] = verdict
        sides = identity(_MADE["left"], _MADE["right"], bound=BOUND, planted=_MADE["planted"], draws=4)
        made[_claim(f"identity.{_name(off)}", sides, verdict, off=off)] = verdict
    for printed, verdict in (("2.639", HOLDS), ("2.64", HOLDS), ("2.640", REFUTED), ("2.638", REFUTED)):
        again = replay(
            _REPLAYED["x"],
            seeds=5,
            printed_mean=printed,
            neighbours=[_REPLAYED["neighbour"]],
            configuration="synthetic",
        )
        made[_claim(f"replay.{printed.replace('.', '-')}", again, verdict)] = verdict
    for column, verdict in (("printed", HOLDS), ("rounded-down", HOLDS), ("a-unit-off", REFUTED), ("swapped", REFUTED)):
        check = recomputed(column, uses=["a", "b"], formula=lambda a, b: a + b)
        made[_claim(f"table.{column}", table("claims.calibration:sums.toml", check=check), verdict)] = verdict
    for name, verdict in (("RIGHT", HOLDS), ("WRONG", REFUTED)):
        sought = search(f"claims.calibration.statements:{name}", examples=60, restarts=4, rounds=1)
        made[_claim(f"search.{name.lower()}", sought, verdict)] = verdict
    return made


def _name(off: float) -> str:
    return f"off-{off:g}".replace(".", "-")


def _claim(name: str, test: Kind, verdict: Verdict, **at: float) -> Claim:
    banded: dict[str, Any] = {}
    if test.needs_band:
        banded = {"band": between(-1.0, 1.0, provenance="author", because="a synthetic claim"), "rival": 9.0}
    return Claim(
        id=f"synthetic.{name}",
        locus="exact",
        statement="A synthetic claim.",
        at=grid(**at),
        test=test,
        role="control",
        expected=verdict,
        finding="It is synthetic, and false on purpose.",
        **banded,
    )
