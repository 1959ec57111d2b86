"""Experiments of the tests: cheap, pure, and some that misbehave on purpose."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import time
from pathlib import Path

from claims.errors import Unavailable


def gaussian(point, streams):
    """One normal value a seed, centred where the point says."""
    return {"x": streams.numpy("x").normal(point.get("centre", 0.0), point.get("sd", 0.1)), "seed": streams.seed_index}


def swept(point, streams):
    """A cell a level of the sweep, all from one draw."""
    common = streams.numpy("x").normal()
    return [{"p": p, "metric": m, "x": common + p + len(m)} for p in point["p"] for m in point["metric"]]


def arms(point, streams):
    """Two paired arms, a count and pooled draws."""
    rng = streams.numpy("arms")
    v = 1.0 + 0.1 * rng.normal()
    return {
        "u": 2.5 * v + 0.01 * rng.normal(),
        "v": v,
        "k": int(rng.binomial(500, 0.1)),
        "n": 500,
        "draws": rng.exponential(size=32).tolist(),
    }


def sized(point, streams):
    """T_n = 1 + 2/n with noise common to the sizes."""
    rng = streams.numpy("x")
    n = point["n"]
    return [
        {"n": size, "y": 1.0 + 2.0 / size + noise} for size, noise in zip(n, rng.normal(0.0, 1e-4, len(n)), strict=True)
    ]


def sums(point, streams):
    """A float sum in two orders, with its rounding bound and a planted mistake."""
    x = streams.numpy("x").normal(size=50)
    return {"a": float(x.sum()), "b": float(x[::-1].sum()), "bound": 1e-13, "planted": float(x[1:].sum())}


def tensors(point, streams):
    """Torch values as they come: 0-d tensors, vectors, integers."""
    import torch

    x = torch.randn(4, generator=streams.torch("x"))
    return {"mean": x.mean(), "vector": x, "count": torch.tensor(3), "note": "four values"}


def first_block_only(point, streams):
    """Far from its band on the seeds that decide first, inside it on those that confirm."""
    centre = 5.0 if streams.seed_index < 2**19 else point.get("confirmed", 0.0)
    return {"x": streams.numpy("x").normal(centre, 0.01)}


def not_finite(point, streams):
    """NaN, infinity or what else the point says, at one seed."""
    value = float(point["wrong"]) if streams.seed_index == point["seed"] else 0.1 * streams.numpy("x").normal()
    return {"x": value}


def raises(point, streams):
    if streams.seed_index == point.get("seed", 0):
        raise ZeroDivisionError("nothing to divide by")
    return {"x": 0.1 * streams.numpy("x").normal()}


def leaves(point, streams):
    """Raises what no ``except Exception`` catches, at one seed."""
    if streams.seed_index == point.get("seed", 0):
        raise {"exit": SystemExit(0), "cancelled": asyncio.CancelledError("no"), "closed": GeneratorExit()}[
            point["how"]
        ]
    return gaussian(point, streams)


def speechless(point, streams):
    """Raises an error that cannot say what it is."""

    class SpeechlessError(Exception):
        def __str__(self):
            raise ValueError("no words")

    raise SpeechlessError


def interrupts(point, streams):
    raise KeyboardInterrupt("nobody pressed it")


def holds_the_lock(point, streams):
    """Sleeps in C with the interpreter's lock, so that no other thread of its process runs."""
    Path(point["marker"]).write_text(str(os.getpid()))
    ctypes.PyDLL(None).sleep(600)


def needs_a_model(point, streams):
    raise Unavailable("the model toy-1b is not here; `claimbench models` says how to get it")


def returns(point, streams):
    """Whatever the point names."""
    return {
        "nothing": None,
        "number": 3.0,
        "empty": {},
        "other": {"y": 1.0},
        "text": {"x": "a note"},
        "bool": {"x": True},
        "none": {"x": None},
        "nested": {"x": [[1.0, 2.0], [3.0]]},
        "huge": {"x": 1e308 * (1 + streams.seed_index % 2)},
    }[point["what"]]


def cells(point, streams):
    """Cells of a sweep over p = (1, 2), one of them wrong."""
    right = [{"p": 1, "x": 0.0}, {"p": 2, "x": 0.0}]
    return {
        "missing": right[:1],
        "doubled": [*right, right[0]],
        "other": [right[0], {"p": 3, "x": 0.0}],
        "unnamed": [right[0], {"x": 0.0}],
        "not a list": right[0],
    }[point["what"]]


def dies(point, streams):
    """Kills its worker, always."""
    os.kill(os.getpid(), signal.SIGKILL)


def dies_at(point, streams):
    """Kills its worker whenever the seed of the point is measured."""
    if streams.seed_index == point["seed"]:
        os.kill(os.getpid(), signal.SIGKILL)
    return gaussian(point, streams)


def dies_once(point, streams):
    """Kills its worker the first time that the seed of the point is measured."""
    marker = Path(point["marker"])
    if streams.seed_index == point["seed"] and not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return gaussian(point, streams)


def logged(point, streams):
    """Writes a line to $TOY_LOG when it begins, then takes $TOY_SECONDS.

    They are asked of the C library, since Python's way would make them part of what it measures.
    """
    if log := c_variable("TOY_LOG"):
        handle = os.open(log, os.O_APPEND | os.O_CREAT | os.O_WRONLY)
        os.write(handle, f"{os.getpid()} {point['k']} {streams.seed_index}\n".encode())
        os.close(handle)
    time.sleep(float(c_variable("TOY_SECONDS") or "0"))
    return {"x": streams.numpy("x").normal(0.1 * point["k"], 1.0)}


def c_variable(name):
    """A variable of the environment, empty if there is none."""
    getenv = ctypes.CDLL(None).getenv
    getenv.restype = ctypes.c_char_p
    return (getenv(name.encode()) or b"").decode()


def threads(point, streams):
    """How many threads torch, BLAS and OpenMP may use while an experiment runs."""
    import torch
    from threadpoolctl import threadpool_info

    return {"torch": torch.get_num_threads(), "libraries": [library["num_threads"] for library in threadpool_info()]}


def authors(point, streams):
    """Replays the authors' i-th seed."""
    return {"x": [2.61, 2.65, 2.63, 2.66, 2.645][streams.seed_index], "other": 3.0}


def epoch_of(point, streams):
    """A published experiment that draws from its streams although it should not."""
    return {"x": streams.numpy("x").normal()}
