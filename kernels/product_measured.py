"""Measure which float32 product is faster on this machine, for ``product_choice`` to keep."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import torch

from claims.kernels import matmul
from claims.kernels.product_choice import Product, by_maker

SIZES = (512, 1024)
ROUNDS = 9
MARGIN = 1.1
"""How many times faster another product must be than that of the maker's rule: less is not told from noise."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The faster product, and how many times faster oneDNN's is than ``torch.mm``, the least over the sizes."""

    product: Product
    onednn_over_mm: float


def compare() -> Comparison:
    """Time both in turns on one thread; no more than a second where nothing else runs.

    Only oneDNN's product is ever in question where torch has not both: then the rule of the maker stands.
    """
    rule = by_maker()
    if not matmul.has_onednn():
        return Comparison(product=rule, onednn_over_mm=1.0)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        ratios = [_ratio(size) for size in SIZES]
    finally:
        torch.set_num_threads(threads)
    if rule == "onednn":
        return Comparison(product="mm" if max(ratios) < 1 / MARGIN else rule, onednn_over_mm=min(ratios))
    return Comparison(product="onednn" if min(ratios) > MARGIN else rule, onednn_over_mm=min(ratios))


def _ratio(size: int) -> float:
    a, b = torch.randn(size, size), torch.randn(size, size)
    ratios = []
    for index in range(ROUNDS + 1):
        begin = time.perf_counter()
        torch.mm(a, b)
        middle = time.perf_counter()
        matmul.by_onednn(a, b)
        end = time.perf_counter()
        if index:  # the first calls of all set things up
            ratios.append((middle - begin) / (end - middle))
    return statistics.median(ratios)
