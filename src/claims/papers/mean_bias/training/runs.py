"""Experiments that train: loss curves of all arithmetics on common batches, and means of activations over a run."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from claims.evidence.canonical import digest
from claims.evidence.fingerprint import code_fingerprint, environment
from claims.papers.mean_bias.training.arms import ARMS, NOTHING, Planted, product_of
from claims.papers.mean_bias.training.checkpoints import Checkpoints, checkpoints
from claims.papers.mean_bias.training.data import consecutive, corpus, draws
from claims.papers.mean_bias.training.loop import Curve, Task, train
from claims.papers.mean_bias.training.means import CENTRED, EXTREMES, SHARE, Means, operands
from claims.papers.mean_bias.training.network import Sizes
from claims.streams import Streams
from claims.subject import Subject

Record = dict[str, Any]


def task_of(point: Mapping[str, Any], streams: Streams) -> Task:
    """What all arms of a seed share: sizes of the point, batches and first weights of the streams.

    Point: ``subject``; ``vocabulary``, ``width``, ``layers``, ``heads``, ``hidden`` of the decoder; ``windows`` of
    ``length`` tokens a step; ``validation`` windows kept back; ``rate``; ``embedding``, standard deviation of the first
    embedding; the sweep ``step``, at whose levels losses are taken and of which the last ends the run; maybe
    ``planned``, steps that are planned for, if the run ends before: its weights and losses are those of the whole run.
    """
    sizes = Sizes(**{name: point[name] for name in ("vocabulary", "width", "layers", "heads", "hidden")})
    subject: Subject = point["subject"]
    found, source, length = corpus(subject, sizes.vocabulary), subject.text, point["length"]
    evaluations = tuple(sorted(point["step"]))
    planned = point.get("planned", evaluations[-1])
    shape = (planned, point["windows"])
    return Task(
        sizes=sizes,
        streams=streams,
        tokens=found.training,
        starts=draws(found.training, shape, length + 1, streams.torch("batches"), source=source),
        length=length,
        validation=consecutive(found.validation, point["validation"], length + 1, source=source),
        evaluations=evaluations,
        planned=planned,
        rate=point["rate"],
        embedding=point["embedding"],
    )


def identity(point: Mapping[str, Any], streams: Streams) -> str:
    """Digest of everything that determines a run: seed, point, text, code and arithmetic of the machine."""
    subject: Subject = point["subject"]
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in point.items()}
    plain["subject"] = subject.text_digest
    seed = [streams.epoch, streams.experiment, dict(streams.base), streams.seed_index]
    return digest([seed, plain, code_fingerprint(__name__), environment()]).hex()[:32]


def planted_means(sizes: Sizes, strength: float, streams: Streams, *, dtype: torch.dtype = torch.float32) -> Planted:
    """Means of that strength: for every product a normal direction of root mean square 1, from the stream "means"."""
    generator, vectors = streams.torch("means"), {}
    for name, (_, channels) in sizes.products().items():
        b = torch.randn(channels, generator=generator)
        vectors[name] = (b * (channels**0.5 / torch.linalg.vector_norm(b))).to(dtype)
    return Planted(strength=strength, vectors=vectors)


def _curve(task: Task, name: str, planted: Planted, kept: Checkpoints) -> Curve:
    """The curve of an arm; of one that an earlier process has finished, as it was kept."""
    arm_name, _, without = name.partition(" / ")
    arm = ARMS[arm_name]
    means = NOTHING if without else planted
    label = name.replace("/", "-")
    exact = product_of(ARMS["fp32"], task.key(0))
    return train(
        task,
        label,
        product=lambda step: product_of(arm, task.key(step), means),
        exact=None if arm.recipe is None else exact,
        kept=kept,
    )[0]


def losses(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Train the same decoder on the same batches in several arithmetics.

    Base point: that of ``task_of`` and ``strength`` of the means planted at every product. Sweep: ``arm``, a name of
    ``arms.ARMS``, maybe followed by " / nothing planted"; ``step``. Quantities, in nats a token of text kept back:
    ``loss`` in the run's own arithmetic, ``exact`` of the same weights in exact arithmetic.
    """
    task = task_of(point, streams)
    planted = planted_means(task.sizes, point["strength"], streams)
    with checkpoints(identity(point, streams)) as kept:
        curves = {name: _curve(task, name, planted, kept) for name in point["arm"]}
    return [
        {"arm": name, "step": step, "loss": curve.own[i], "exact": curve.exact[i]}
        for name, curve in curves.items()
        for i, step in enumerate(task.evaluations)
    ]


def means(point: Mapping[str, Any], streams: Streams) -> list[Record]:
    """Train in exact arithmetic and look at means of activations on the way, on the first windows kept back.

    Base point: that of ``task_of``. Sweep: ``step``; ``operand``, "embedding" (the embedded tokens) or the input of a
    product, "<part>/first" or "<part>/last" layer. Quantities: ``share`` of the operand's energy that is its mean's;
    ``centred``, that if the embedded tokens are centred; ``extremes``, the mean's share of the largest entries;
    ``moment``, the share of Adam's second moment of the weight's gradients that goes with the mean (0 for the
    embedding); ``loss`` of text kept back.
    """
    task = task_of(point, streams)
    watching = Means(task.sizes, task.validation[: point["windows"], :-1])
    with checkpoints(identity(point, streams)) as kept:
        curve, state = train(
            task,
            "means",
            product=lambda step: watching.product,
            kept=kept,
            watch=watching.watch,
            evaluated=watching.evaluated,
        )
    places = {name: i for i, name in enumerate(operands(task.sizes))}
    records = []
    for operand in point["operand"]:
        part, _, layer = operand.partition("/")
        row = places[f"{0 if layer == 'first' else task.sizes.layers - 1}.{part}" if layer else operand]
        for i, step in enumerate(task.evaluations):
            shares = state["shares"][i, row].tolist()
            whole, left = state["history"][i, row - 1].tolist() if row else (1.0, 1.0)
            found = {"share": shares[SHARE], "centred": shares[CENTRED], "extremes": shares[EXTREMES]}
            records.append({"operand": operand, "step": step, "moment": 1 - left / whole, "loss": curve.own[i]} | found)
    return records
