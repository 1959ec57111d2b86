"""What means are in a decoder while it trains: their share of activations, of extremes, and of Adam's second moment."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor

from claims.papers.mean_bias.training.loop import SECOND
from claims.papers.mean_bias.training.network import Product, Sizes, named, residual_stream

#: Share of the entries of an activation, the largest ones, that count as extremes.
EXTREME = 0.001
#: Rows of what is kept of an operand: share of the energy, the same with embedded tokens centred, share of extremes.
SHARE, CENTRED, EXTREMES = range(3)


def mean_share(x: Tensor) -> float:
    """Share of the energy of ``x`` (tokens, channels) that its mean over tokens has, from 0 to 1."""
    wide = x.double()
    return float(wide.mean(0).square().sum() * len(wide) / wide.square().sum())


def share_of_extremes(x: Tensor) -> float:
    """Mean of M_ij / X_ij over the thousandth of the entries with the largest magnitude: what the mean adds to them."""
    wide = x.double().flatten()
    largest = wide.abs().topk(max(1, round(EXTREME * wide.numel()))).indices
    means = x.double().mean(0)[largest % x.shape[1]]
    return float((means / wide[largest]).mean())


class Means:
    """Watches a run in exact arithmetic: a product for its steps, and what to do after gradients and evaluations.

    ``batch`` (windows, length) is what activations are looked at on.
    """

    def __init__(self, sizes: Sizes, batch: Tensor) -> None:
        self.sizes, self.batch = sizes, batch
        self._inputs: dict[str, Tensor] = {}
        self._tokens: dict[str, Tensor] = {}

    def product(self, name: str, x: Tensor, weight: Tensor) -> Tensor:
        """The exact product; keeps the mean of its input, and of the gradient of its output the sum over tokens."""
        y = x @ weight.T
        if y.requires_grad:
            self._inputs[name] = x.detach().mean(0)

            def keep(gradient: Tensor) -> None:
                self._tokens[name] = gradient.sum(0)

            y.register_hook(keep)  # type: ignore[no-untyped-call]
        return y

    def watch(self, step: int, gradients: dict[str, Tensor], state: dict[str, Tensor]) -> None:
        """Second moments, as Adam averages them, of each weight's gradient with and without what the mean adds to it.

        Of D^T X = D^T X_R + (D^T 1) mu the second term is the mean's. ``state["moments"]`` is (products, 2).
        """
        moments = state.setdefault("moments", torch.zeros(len(self._inputs), 2, dtype=torch.float64))
        for row, name in zip(moments, self.sizes.products(), strict=True):
            whole = gradients[name]
            left = torch.addr(whole, self._tokens[name], self._inputs[name], alpha=-1)
            energies = torch.stack([part.double().square().sum() for part in (whole, left)])
            row.lerp_(energies, 1 - SECOND)

    def evaluated(self, step: int, state: dict[str, Tensor]) -> None:
        """Shares at this step, into ``state["shares"]`` (evaluations, operands, 3), and moments beside them."""
        weights = named(state["weights"], self.sizes)
        with torch.no_grad():
            plain, centred = (list(self._operands(weights, centred=choice)) for choice in (False, True))
        rows = [
            [mean_share(x), mean_share(without), share_of_extremes(x)]
            for x, without in zip(plain, centred, strict=True)
        ]
        for name, found in (("shares", torch.tensor(rows, dtype=torch.float64)), ("history", state["moments"])):
            before = state.get(name)
            state[name] = found[None].clone() if before is None else torch.cat([before, found[None]])

    def _operands(self, weights: dict[str, Tensor], *, centred: bool) -> Iterator[Tensor]:
        """The embedded tokens, then the input of every product, in the order of ``operands``."""
        embedded = weights["embedding"][self.batch.flatten()]
        yield embedded - embedded.mean(0) if centred else embedded
        seen: list[Tensor] = []

        def product(name: str, x: Tensor, weight: Tensor) -> Tensor:
            seen.append(x)
            return x @ weight.T

        looked_at: Product = product
        residual_stream(weights, self.batch, self.sizes, looked_at, centred=centred)
        yield from seen


def operands(sizes: Sizes) -> tuple[str, ...]:
    """What shares are taken of: "embedding" and the products by name."""
    return ("embedding", *sizes.products())
