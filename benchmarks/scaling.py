"""How seconds and memory grow with claims, 20 to 20,000, and with stored seeds, a thousand to a million.

``python benchmarks/scaling.py --json FILE`` measures each command in a process of its own: seconds of the processor,
of the wall, and the largest resident size. ``--svg FILE`` draws what a file of ``--json`` has, or what was measured.
Claims are synthetic ones of made-up papers, ten of them about one base point; seeds are put into a store as they are.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

sys.path.append(str(Path(__file__).parents[1]))

from benchmarks.records import environment

CLAIMS = (20, 200, 2_000, 20_000)
SEEDS = (1_000, 10_000, 100_000, 1_000_000)
#: What is drawn, in words, by its name in the file.
WORDS = {
    "list": "list",
    "audit": "unchanged audit",
    "check": "evidence check",
    "export": "evidence export --json",
    "one": "audit of one claim",
}
#: Colours of Okabe and Ito, and marks that differ in grey as well.
_STYLES = (("#0072B2", "o"), ("#D55E00", "s"), ("#009E73", "D"))
#: Seeds that are put into a store in one transaction, and base points that they are spread over.
_BATCH, _POINTS = 2_000, 100

_EXPERIMENT = """
def drawn(point, streams):
    return {"x": float(streams.numpy("x").normal(point["m"], 0.01))}
"""
_DECLARED = """
from claims import Claim, experiment, grid, mean, within
from scaling_experiment import drawn

DRAWN = experiment(drawn, seconds=1e-4)
CLAIMS = [
    Claim(
        id=f"p{{i // 400}}.claim-{{i}}",
        locus=f"section {{i % 7}}",
        statement=f"The mean of experiment {{i // 10}} is its number.",
        test=mean(DRAWN["x"]),
        at=grid(m=[float(1 + i // 10)]),
        band=within(1.0 + i // 10, abs=0.1 + 0.01 * (i % 10), provenance="author", because="a benchmark"),
        rival=3.0 + i // 10,
    )
    for i in range({count})
]
"""


@dataclass(frozen=True, slots=True)
class Used:
    """What one command took: ``what`` it is of ``count`` claims or seeds.

    Attributes:
        what: the command, a key of ``WORDS``.
        of: "claims" or "seeds".
        count: how many of them there are.
        seconds: of the processor, its children's too.
        wall: seconds that passed.
        megabytes: largest resident size, in units of 2**20 bytes.
    """

    what: str
    of: str
    count: int
    seconds: float
    wall: float
    megabytes: float


def used(words: Sequence[str], folder: Path) -> tuple[float, float, float]:
    """Seconds of the processor, seconds, and megabytes of a ``claimbench`` command that has to succeed.

    It runs beneath a process of its own, since a process knows only the largest of all its children.
    """
    command = [sys.executable, "-P", __file__, "--beneath", *words]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True, env=_environment())
    seconds, wall, kilobytes = json.loads(done.stdout.splitlines()[-1])
    return seconds, wall, kilobytes / 1024


def _environment() -> dict[str, str]:
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path[1:]), "OMP_NUM_THREADS": "1"}


def beneath(words: Sequence[str]) -> None:
    """Run a command and print what it took: seconds, wall, kilobytes."""
    start = "import sys; from claims.cli import main; sys.exit(main())"
    began = time.perf_counter()
    command = [sys.executable, "-P", "-c", start, *words]
    done = subprocess.run(command, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    wall = time.perf_counter() - began
    if done.returncode:
        sys.exit(f"claimbench {' '.join(words)} ended with {done.returncode}: {done.stderr.decode(errors='replace')}")
    spent = resource.getrusage(resource.RUSAGE_CHILDREN)
    kilobytes = spent.ru_maxrss // (1024 if sys.platform == "darwin" else 1)
    print(json.dumps([spent.ru_utime + spent.ru_stime, wall, kilobytes]))


def of_claims(count: int, folder: Path) -> Iterator[Used]:
    """Listing so many claims, and auditing them when they were audited before."""
    declare(count, folder)
    yield Used("list", "claims", count, *used(["list", "claims_many.py"], folder))
    audit = ["audit", "claims_many.py", "--tier", "smoke", "--jobs", "1", "--no-table"]
    used(audit, folder)
    yield Used("audit", "claims", count, *used(audit, folder))


def declare(count: int, folder: Path) -> None:
    """Write a claim file of so many claims."""
    (folder / "scaling_experiment.py").write_text(_EXPERIMENT, encoding="utf-8")
    (folder / "claims_many.py").write_text(_DECLARED.format(count=count), encoding="utf-8")
    _settle()


def _settle() -> None:
    """Until what was written counts as left alone, as what is audited again has been."""
    time.sleep(2.5)


def of_seeds(count: int, folder: Path) -> Iterator[Used]:
    """Checking and exporting a store of so many seeds, and auditing one claim whose seeds are among them."""
    store = folder / "many.sqlite"
    fill(store, count)
    at = ["--store", str(store)]
    yield Used("check", "seeds", count, *used(["evidence", "check", *at], folder))
    yield Used("export", "seeds", count, *used(["evidence", "export", "--json", "out.json", *at], folder))
    declare(1, folder)
    audit = ["audit", "claims_many.py", "--tier", "smoke", "--jobs", "1", "--no-table", *at]
    used(audit, folder)
    yield Used("one", "seeds", count, *used(audit, folder))


def fill(path: Path, count: int) -> None:
    """Put so many seeds of a made-up experiment into a store, as an audit would have."""
    from claims.evidence.fingerprint import environment
    from claims.evidence.store import Identity, Store

    content = {"experiment": "made.up:drawn", "sweep": dict[str, Any](), "epoch": 1, "code": "0" * 64}
    identity = Identity.of(content | {"environment": environment()})
    with Store(path) as store:
        for start in range(0, count, _BATCH):
            seeds = range(start, min(start + _BATCH, count))
            rows = [(seed, [{"x": seed / 7, "y": [seed / 3, 1.0]}], 0.001) for seed in seeds]
            store.put(identity, "made.up:drawn", {"n": start // _BATCH % _POINTS}, rows)


def measured(claims: Sequence[int], seeds: Sequence[int]) -> dict[str, Any]:
    """Everything, as plain data, in temporary folders."""
    here, rows = environment(), list[Used]()
    for of, counts in ((of_claims, claims), (of_seeds, seeds)):
        for count in counts:
            with tempfile.TemporaryDirectory() as folder:
                for row in of(count, Path(folder)):
                    words = f"{row.seconds:.2f} s of processor, {row.wall:.2f} s, {row.megabytes:,.0f} MB"
                    print(f"{WORDS[row.what]}, {row.count:,} {row.of}: {words}", flush=True)
                    rows.append(row)
    return {"environment": here, "rows": [asdict(row) for row in rows]}


def growth(rows: Sequence[Used]) -> float:
    """How many times as long one more claim or seed takes up to the largest number as up to a tenth of it.

    One where time is in proportion, start-up aside; of one command, at three numbers or more.
    """
    first, *_, before, last = sorted(rows, key=lambda row: row.count)
    slope = (last.seconds - before.seconds) / (last.count - before.count)
    return slope * (before.count - first.count) / (before.seconds - first.seconds)


def svg(document: dict[str, Any]) -> str:
    """Seconds and megabytes over numbers, logarithmically; the same for the same document."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    rows = [Used(**row) for row in document["rows"]]
    with mpl.rc_context({"svg.hashsalt": "claimbench", "svg.fonttype": "none"}):
        figure = Figure(figsize=(9, 6.4), layout="constrained")
        for across, of in enumerate(("claims", "seeds")):
            for down, (name, limit) in enumerate((("seconds", None), ("megabytes", 1000.0))):
                axes = figure.add_subplot(2, 2, 2 * down + across + 1)
                _draw(axes, [row for row in rows if row.of == of], name, limit)
                axes.set_xlabel("stored seeds" if of == "seeds" else "claims")
        stream = io.StringIO()
        figure.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return "\n".join(line.rstrip() for line in stream.getvalue().splitlines()) + "\n"


def _draw(axes: Any, rows: Sequence[Used], name: str, limit: float | None) -> None:
    for what, (colour, mark) in zip(dict.fromkeys(row.what for row in rows), _STYLES, strict=False):
        points = [(row.count, getattr(row, name)) for row in rows if row.what == what]
        style = {"color": colour, "marker": mark}
        axes.plot(*zip(*points, strict=True), label=WORDS[what], linewidth=1.2, markersize=4.5, **style)
    last = max(rows, key=lambda row: (row.count, getattr(row, name)))
    ends = [row.count for row in rows]
    slope = [getattr(last, name) * end / last.count for end in (min(ends), last.count)]
    axes.set(xscale="log", yscale="log", ylabel="seconds of processor" if name == "seconds" else "megabytes, at most")
    axes.set_ylim(bottom=min(getattr(row, name) for row in rows) / 2)
    dashed: Any = {"color": "#999999", "linestyle": (0, (5, 2)), "label": "in proportion"}
    axes.plot([min(ends), last.count], slope, linewidth=0.9, scaley=False, **dashed)
    if limit is not None:
        axes.axhline(limit, color="#555555", linewidth=0.9, linestyle=(0, (1, 1.5)), label="1 GB")
        axes.set_ylim(top=1.5 * max(limit, *(getattr(row, name) for row in rows)))
    axes.grid(visible=True, color="#dddddd", linewidth=0.5)
    axes.legend(fontsize=8, frameon=False)


def main() -> None:
    """Measure, write and draw."""
    if sys.argv[1:2] == ["--beneath"]:
        beneath(sys.argv[2:])
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, help="write what was measured, or, with --drawn, read it")
    parser.add_argument("--svg", type=Path, help="draw it")
    parser.add_argument("--drawn", action="store_true", help="draw what --json has and measure nothing")
    parser.add_argument("--most-claims", type=int, default=CLAIMS[-1], help="no larger numbers of claims")
    parser.add_argument("--most-seeds", type=int, default=SEEDS[-1], help="no larger numbers of stored seeds")
    options = parser.parse_args()
    if options.drawn:
        document = json.loads(options.json.read_text(encoding="utf-8"))
    else:
        document = measured(
            [count for count in CLAIMS if count <= options.most_claims],
            [count for count in SEEDS if count <= options.most_seeds],
        )
        if options.json is not None:
            options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    if options.svg is not None:
        options.svg.write_text(svg(document), encoding="utf-8")


if __name__ == "__main__":
    main()
