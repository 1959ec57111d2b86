"""One training run: AdamW under a cosine, losses on text kept back, states from which a killed run goes on.

All arms of a seed begin from the same weights and see the same batches.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from claims.papers.mean_bias.training.checkpoints import Checkpoints
from claims.papers.mean_bias.training.data import windows_at
from claims.papers.mean_bias.training.network import Product, Sizes, initial, named, token_losses
from claims.streams import Streams

#: Decay of Adam's first and second moments, what it adds to the root, and AdamW's decay of matrices.
FIRST, SECOND, EPSILON, DECAY = 0.9, 0.95, 1e-8, 0.1
#: Share of the steps in which the learning rate rises.
_WARMUP = 0.1
#: Steps between checkpoints.
EVERY = 50

#: Called after the gradients of a step are made: step, the gradients by name, what it may add to (kept with the state).
Watch = Callable[[int, dict[str, Tensor], dict[str, Tensor]], None]
#: Called after losses were taken: step, the state.
Evaluated = Callable[[int, dict[str, Tensor]], None]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Task:
    """What all arms of a seed share.

    Attributes:
        sizes: of the decoder.
        streams: of the seed; "weights" makes the first weights, "rounding/..." the keys of stochastic rounding.
        tokens: to train on, int64.
        starts: first tokens of each step's windows, int64 (steps, windows).
        length: tokens of a window whose loss counts; each has one more.
        validation: windows kept back, int64 (count, length + 1), a multiple of those of a step.
        evaluations: the steps, ascending, after which losses on these are taken; the last ends the run.
        planned: the steps that the learning rate is planned for, of which a run may take the first ones only.
        rate: the largest learning rate.
        embedding: standard deviation of the first embedding.
    """

    sizes: Sizes
    streams: Streams
    tokens: Tensor
    starts: Tensor
    length: int
    validation: Tensor
    evaluations: tuple[int, ...]
    planned: int
    rate: float
    embedding: float

    def key(self, step: int) -> Callable[[str], int]:
        """The keys of stochastic rounding in a step, by product: the same in all arms."""
        return lambda name: self.streams.key(f"rounding/{step}/{name}")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Mean loss of a token kept back, in nats, at each evaluation: ``own`` in the arithmetic of the run, ``exact`` of
    the same weights without quantization or planted mean."""

    own: tuple[float, ...]
    exact: tuple[float, ...]


def learning_rate(step: int, steps: int, largest: float) -> float:
    """Linear in the first tenth of the steps, then a cosine to zero; steps count from 1."""
    warmup = _WARMUP * steps
    if step < warmup:
        return largest * step / warmup
    return largest * 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1.0, steps - warmup)))


def validation_loss(weights: dict[str, Tensor], task: Task, product: Product) -> float:
    """Mean over the tokens kept back, added up in float64; windows go through together as in training."""
    together = task.starts.shape[1]
    with torch.no_grad():
        parts = torch.split(task.validation, together)
        losses = [token_losses(weights, part, task.sizes, product).double() for part in parts]
    return float(torch.cat(losses).mean())


def _fresh(task: Task) -> dict[str, Tensor]:
    """The state before the first step: weights, moments, step, losses so far (evaluations, own and exact)."""
    weights = initial(task.sizes, task.streams.torch("weights"), embedding=task.embedding)
    return {
        "weights": weights,
        "first": torch.zeros_like(weights),
        "second": torch.zeros_like(weights),
        "step": torch.zeros((), dtype=torch.int64),
        "losses": torch.full((len(task.evaluations), 2), math.nan, dtype=torch.float64),
    }


def _decayed(sizes: Sizes) -> Tensor:
    """1 for entries of matrices, which decay, and 0 for gains: (weights,)."""
    shapes = sizes.shapes().values()
    return torch.cat([torch.full((math.prod(shape),), float(len(shape) > 1)) for shape in shapes])


def _update(state: dict[str, Tensor], gradient: Tensor, rate: float, decayed: Tensor) -> None:
    """AdamW (Loshchilov and Hutter, arXiv 1711.05101), in place; ``gradient`` is used up."""
    step = int(state["step"])
    state["first"].lerp_(gradient, 1 - FIRST)
    state["second"].lerp_(gradient.square_(), 1 - SECOND)
    root = (state["second"] / (1 - SECOND**step)).sqrt_().add_(EPSILON)
    state["weights"].mul_(1 - rate * DECAY * decayed)
    state["weights"].addcdiv_(state["first"], root, value=-rate / (1 - FIRST**step))


def train(
    task: Task,
    name: str,
    *,
    product: Callable[[int], Product],
    exact: Product | None = None,
    kept: Checkpoints | None = None,
    watch: Watch | None = None,
    evaluated: Evaluated | None = None,
) -> tuple[Curve, dict[str, Tensor]]:
    """Train from the first weights, or from where the checkpoint ``name`` is; the losses, and the state at the end.

    ``product(step)`` is the arithmetic of a step, and of evaluations that of step 0; ``exact`` another one in which its
    weights are evaluated, too. What ``watch`` and ``evaluated`` add to the state is kept in the checkpoints with it.
    """
    state = (kept.load(name) if kept is not None else None) or _fresh(task)
    weights = {part: view.detach().requires_grad_() for part, view in named(state["weights"], task.sizes).items()}
    decayed, steps = _decayed(task.sizes), task.evaluations[-1]
    while int(state["step"]) < steps:
        step = int(state["step"].add_(1))
        batch = windows_at(task.tokens, task.starts[step - 1], task.length + 1)
        loss = token_losses(weights, batch, task.sizes, product(step)).mean()
        gradients = torch.autograd.grad(loss, list(weights.values()))
        if watch is not None:
            watch(step, dict(zip(weights, gradients, strict=True)), state)
        with torch.no_grad():
            flat = torch.cat([gradient.flatten() for gradient in gradients])
            _update(state, flat, learning_rate(step, task.planned, task.rate), decayed)
        if step in task.evaluations:
            own = validation_loss(weights, task, product(0))
            other = own if exact is None else validation_loss(weights, task, exact)
            state["losses"][task.evaluations.index(step)] = torch.tensor([own, other], dtype=torch.float64)
            if evaluated is not None:
                evaluated(step, state)
        if kept is not None and (step % EVERY == 0 or step == steps):
            kept.save(name, state)
    own_losses, exact_losses = state["losses"].T.tolist()
    return Curve(own=tuple(own_losses), exact=tuple(exact_losses)), state
