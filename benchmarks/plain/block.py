"""The authors' two-layer protocol, cell by cell: W1, W2, a mask and 10,000 inputs for every flip rate."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from benchmarks.plain.common import count_of, flips, input_batches, only, split_energy, step_like, weights
from claims.streams import Streams

Record = dict[str, Any]
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "linear": lambda z: z,
    "silu": torch.nn.functional.silu,
    "gelu": torch.nn.functional.gelu,
    "tanh": torch.tanh,
    "erf": torch.erf,
    "softplus": torch.nn.functional.softplus,
    "relu2": lambda z: torch.relu(z).square(),
}


def _transverse(y: Tensor, moved: Tensor) -> Tensor:
    """(2, K): transverse energy of the change, and the squared sine of the angle."""
    transverse = split_energy(y, moved - y)[2]
    return torch.stack([transverse, transverse / moved.double().square().sum(1)])


def _records(shared: Record, sign: Tensor, magnitude: Tensor, metrics: tuple[str, ...]) -> list[Record]:
    """One record a metric from the means (2,) of both arms; no controls, so that plain estimates are the estimates."""
    records = []
    for metric in metrics:
        at = 0 if metric == "pre" else 1
        s, m = float(sign[at]), float(magnitude[at])
        plain = {"plain_transverse_sign": s, "plain_transverse_magnitude": m}
        records.append(shared | {"metric": metric, "transverse_sign": s, "transverse_magnitude": m, "c": s / m} | plain)
    return records


def two_layer(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Section 6.5: both arms through a drawn second projection, energies summed over the inputs."""
    n, rate, step = point["n"], only(point["flip_rate"]), only(point["step"])
    act = ACTIVATIONS[only(point["activation"])]
    w1, w2 = weights(streams, point, (n, n), (n, n))
    change = flips(w1, rate, streams)
    moves = (change, step * step_like(change, w1))
    sums = torch.zeros(2, 2, dtype=torch.float64)
    for x in input_batches(point, streams, n):
        y = act(x @ w1.T) @ w2.T
        for arm, move in enumerate(moves):
            sums[arm] += _transverse(y, act(x @ (w1 + move).T) @ w2.T).sum(1)
    shared = {"flip_rate": rate, "step": step, "activation": only(point["activation"])}
    return _records(shared, *(sums / count_of(point)), point["metric"])


def activations(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """The same behind another activation and without a projection, which changes no ratio."""
    n, name, scale = point["n"], only(point["activation"]), point["scale"]
    act = ACTIVATIONS[name]
    if point["law"] == "gaussian":
        weight = scale * torch.randn(n, n, generator=streams.torch("weights"))
    else:
        from claims.papers.sign_magnitude.experiments.vectors import draw_weights

        weight = scale * draw_weights(point["law"], n * n, streams.torch("weights")).view(n, n)
    change = flips(weight, point["flip_rate"], streams)
    sums = torch.zeros(2, 2, dtype=torch.float64)
    for x in input_batches(point, streams, n):
        clean = act(x @ weight.T)
        for arm, move in enumerate((change, step_like(change, weight))):
            sums[arm] += _transverse(clean, act(x @ (weight + move).T)).sum(1)
    return _records({"activation": name}, *(sums / count_of(point)), point["metric"])


def four_way(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """One of the two architectures, with or without a projection, in both metrics."""
    n, projection = point["n"], only(point["projection"])
    w1, w2 = weights(streams, point, (n, n), (point["outputs"], n))
    change = flips(w1, point["flip_rate"], streams)
    moves = (change, point["step"] * step_like(change, w1))
    sums = torch.zeros(2, 5, dtype=torch.float64)  # total, radial, transverse, squared sine, squared norm
    clean_norm = 0.0
    for x in input_batches(point, streams, n):
        hidden = [torch.relu(x @ (w1 + move).T) for move in (0.0, *moves)]
        clean, *moved = hidden if projection == "none" else [a @ w2.T for a in hidden]
        clean_norm += float(clean.double().square().sum())
        for arm, y in enumerate(moved):
            split, norm = split_energy(clean, y - clean), y.double().square().sum(1)
            sums[arm] += torch.stack([*split, split[2] / norm, norm]).sum(1)
    sign, magnitude = sums
    c = {"pre": float(sign[2] / magnitude[2]), "post": float(sign[3] / magnitude[3])}
    shared = {
        "projection": projection,
        "metric_factor": c["post"] / c["pre"],
        "norm_growth": float(magnitude[4]) / clean_norm,
        "radial_sign": float(sign[1] / sign[0]),
        "radial_magnitude": float(magnitude[1] / magnitude[0]),
    }
    return [shared | {"metric": metric, "c": c[metric]} for metric in point["metric"]]


def own_ratios(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Each input's own ratio, and the ratio of their sums."""
    n, rate = point["n"], only(point["flip_rate"])
    w1, w2 = weights(streams, point, (n, n), (n, n))
    change = flips(w1, rate, streams)
    own, sums = 0.0, torch.zeros(2, dtype=torch.float64)
    for x in input_batches(point, streams, n):
        y = torch.relu(x @ w1.T) @ w2.T
        moved = (torch.relu(x @ (w1 + move).T) @ w2.T for move in (change, step_like(change, w1)))
        sign, magnitude = (split_energy(y, other - y)[2] for other in moved)
        own += float((sign / magnitude).sum()) / count_of(point)
        sums += torch.stack([sign.sum(), magnitude.sum()])
    pooled = float(sums[0] / sums[1])
    return [{"flip_rate": rate, "own": own, "pooled": pooled, "excess": own - pooled}]


def hidden_layer(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Appendix A's energies of the hidden layer, part by part, as means over inputs."""
    n, m, rate = point["n"], point.get("m", point["n"]), only(point["flip_rate"])
    (weight,) = weights(streams, point, (m, n))
    change = flips(weight, rate, streams)
    moves = {"sign": change, "magnitude": point["step"] * step_like(change, weight)}
    sums: dict[str, dict[str, float]] = {arm: {} for arm in point["arm"]}
    for x in input_batches(point, streams, n):
        h = x @ weight.T
        for arm in point["arm"]:
            for name, value in _parts(h, x @ (weight + moves[arm]).T).items():
                sums[arm][name] = sums[arm].get(name, 0.0) + float(value.double().sum()) / count_of(point)
    return [
        {"flip_rate": rate, "arm": arm} | _per_neuron(sums[arm], n, m, float(change.double().square().sum()))
        for arm in point["arm"]
    ]


def _parts(h: Tensor, h_moved: Tensor) -> dict[str, Tensor]:
    """(K,) sums over neurons of one batch."""
    a, moved = torch.relu(h), torch.relu(h_moved)
    total, radial, _ = split_energy(a, moved - a)
    switched = (h > 0) != (h_moved > 0)
    gate = ((moved - a).square() * switched).sum(1)
    return {
        "total": total,
        "gate": gate,
        "smooth": total - gate,
        "cross": (a * (moved - a)).sum(1),
        "radial": radial,
        "fraction": radial / total,
        "gates_off": ((h > 0) & (h_moved <= 0)).sum(1),
        "gates_on": ((h <= 0) & (h_moved > 0)).sum(1),
        "variance": h_moved.square().sum(1),
        "activation": a.square().sum(1),
    }


def _per_neuron(sums: Mapping[str, float], n: int, m: int, change_energy: float) -> Record:
    """Energies per neuron in units in which pre-activations have variance one."""
    units = {"fraction": 1.0, "gates_off": 1 / m, "gates_on": 1 / m}
    record: Record = {name: value * units.get(name, n / m) for name, value in sums.items()}
    flip_energy = change_energy / m
    shares = {
        "share": record["total"] / flip_energy,
        "gate_share": record["gate"] / flip_energy,
        "smooth_share": record["smooth"] / flip_energy,
        "radial_fraction": record["radial"] / record["total"],
    }
    return record | {"flip_energy": flip_energy} | shares


def perturbed_layer(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Section 5: one linear layer, flips against noises and a step of equal norm."""
    n, m, rate = point["n"], point["m"], only(point["flip_rate"])
    (weight,) = weights(streams, point, (m, n))
    change = flips(weight, rate, streams)
    noise = torch.randn(m, n, generator=streams.torch("noise"), dtype=weight.dtype)
    other = {"sign": change, "additive": weight.sign() * noise, "absolute": weight.sign() * noise.abs()}
    moves = {arm: move * float(change.norm() / move.norm()) for arm, move in other.items()}
    moves["constant"] = step_like(change, weight)
    exact = float(change.double().square().sum()) / n
    sums = {arm: torch.zeros(4, dtype=torch.float64) for arm in point["arm"]}
    for x in input_batches(point, streams, n):
        y = x @ weight.T
        for arm in point["arm"]:
            total, radial, transverse = split_energy(y, x @ moves[arm].T)
            sums[arm] += torch.stack([total, radial, transverse, radial / total]).sum(1) / count_of(point)
    return [
        {
            "flip_rate": rate,
            "arm": arm,
            "energy_plain": float(total),
            "energy_exact": exact,
            "transverse": float(transverse) / exact,
            "radial": float(radial) / exact,
            "fraction": float(fraction),
        }
        for arm, (total, radial, transverse, fraction) in sums.items()
    ]
