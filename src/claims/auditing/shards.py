"""Parts of an audit that machines without a common store can measure: what is measured once is in one part alone.

The parts follow from the plan: whoever plans the same claims at the same tier, with the same code and libraries, gets
the same ones; stores that were measured otherwise are not merged.
Claims that share a measurement stay together, so that parts never measure the same, and each decides its claims.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from claims.auditing.planning import Plan
from claims.auditing.trial import Measurement
from claims.errors import BadOption

#: Seconds that a group of claims takes whatever it measures, so that what costs nothing is dealt out as well.
_EACH = 1e-3


@dataclass(frozen=True, slots=True)
class Shard:
    """Part ``number`` of ``count``, from 1."""

    number: int
    count: int

    @classmethod
    def of(cls, text: str) -> Shard:
        """The shard that ``--shard`` names.

        Raises:
            BadOption: not ``I/N`` with 1 <= I <= N.
        """
        number, slash, count = text.partition("/")
        if slash and all(part.isascii() and part.isdecimal() for part in (number, count)):
            shard = cls(int(number), int(count))
            if 1 <= shard.number <= shard.count:
                return shard
        raise BadOption("--shard", text, "I/N, such as 3/300: part I of N, from 1")


def part(planned: Plan, shard: Shard) -> Plan:
    """The claims of a shard, in the order of the plan."""
    heads, seconds = _together(planned)
    loads, homes = [0.0] * shard.count, {}
    for head in sorted(seconds, key=lambda head: -seconds[head]):  # the dearest first, each where least is yet
        homes[head] = loads.index(min(loads))
        loads[homes[head]] += seconds[head] + _EACH
    kept = {name: trials for name, trials in planned.groups.items() if homes[heads[name]] == shard.number - 1}
    return replace(planned, groups=kept)


def _together(planned: Plan) -> tuple[dict[str, str], dict[str, float]]:
    """For each claim the first that it shares measurements with, by way of others too; and the seconds of each such."""
    heads = {name: name for name in planned.groups}
    homes: dict[Measurement, str] = {}

    def head(name: str) -> str:
        while heads[name] != name:
            name = heads[name]
        return name

    for trial in planned.trials:
        for measurement in trial.measurements():
            one, other = head(homes.setdefault(measurement, trial.claim.id)), head(trial.claim.id)
            heads[other] = one
    found = {name: head(name) for name in planned.groups}
    seconds = dict.fromkeys(found.values(), 0.0)
    for measurement, (_, most) in planned.cost().items():
        seconds[found[homes[measurement]]] += most * measurement.seconds
    return found, seconds
