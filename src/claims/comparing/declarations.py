"""What the claims of a source tree declare, as JSON. Run as a program of its own, in a process of its own.

``python declarations.py REQUEST.json``: the request names the folders in which modules are looked for, the packs
(``"module:attribute"``), the claim files, and the file to write to. It runs with the harness that the tree holds, or
else with the installed one, of whatever age: it asks of a claim only what is there.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

#: What a claim says once: field of a result, attribute of a claim.
_FIELDS = ("id", "locus", "statement", "read_as", "role", "kind", "decides", "expected", "finding", "corrected_by")


def main(request_file: str) -> None:
    """Answer a request: ``{"claims": […], "codes": {…}, "notes": […]}``, into the file that it names."""
    request = json.loads(Path(request_file).read_text(encoding="utf-8"))
    sys.path[:0] = request["paths"]
    tree, notes = Path(request["tree"]).resolve(), []
    claims: dict[str, Any] = {}
    with contextlib.redirect_stdout(sys.stderr):
        for name, load in _loaders(request):
            try:
                claims |= {claim.id: claim for claim in load(tree)}
            except (Exception, SystemExit) as error:  # noqa: BLE001  code of another time may raise anything
                notes.append(f"{name} cannot be loaded: {type(error).__name__}: {error}"[:500])
        rows = [_claim(claim, notes) for claim in claims.values()]
        codes = _codes(claims, notes)
    answer = {"claims": rows, "codes": codes, "notes": notes}
    Path(request["answer"]).write_text(json.dumps(answer, allow_nan=False), encoding="utf-8")


def _loaders(request: dict[str, Any]) -> Iterator[tuple[str, Callable[[Path], list[Any]]]]:
    for name in request["packs"]:
        yield name, functools.partial(_of_pack, name)
    for file in request["files"]:
        yield file, functools.partial(_of_file, file)


def _of_pack(name: str, tree: Path) -> list[Any]:
    module_name, _, attribute = name.partition(":")
    module = importlib.import_module(module_name)
    found = Path(module.__file__ or "").resolve()
    if not found.is_relative_to(tree):
        raise ImportError(f"{module_name} is found at {found}, not in the revision")
    return list(getattr(module, attribute).claims())


def _of_file(file: str, tree: Path) -> list[Any]:
    from claims.claim import Claim

    path = tree / file
    sys.path.append(str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    values = (value for value in vars(module).values())
    items = (item for value in values for item in (value if isinstance(value, tuple | list) else (value,)))
    return [item for item in items if isinstance(item, Claim)]


def _claim(claim: Any, notes: list[str]) -> dict[str, Any]:
    """A claim as in a result, with the points of the claim as declared and the options of its readings."""
    row = {name: _plain(getattr(claim, name, None)) for name in _FIELDS}
    readings = [_reading(claim, *each, notes) for each in _as_read(claim)]
    return row | _range(claim) | {"paper": claim.paper, "points": _points(claim, notes), "readings": readings}


def _as_read(claim: Any) -> list[tuple[Any, Any]]:
    """The readings of a claim that has some: None and the claim as declared, then the others."""
    return list(claim.as_read()) if getattr(claim, "readings", ()) else []


def _reading(claim: Any, reading: Any, variant: Any, notes: list[str]) -> dict[str, Any]:
    """One reading: how the claim is read along each axis, why, and the band of its first point."""
    chosen = {each.axis: each for each in claim.readings if each.as_declared}
    why = chosen if reading is None else {reading.axis: reading}
    chosen |= {} if reading is None else {reading.axis: reading}
    points = _points(variant, notes)
    first = points[0] if points else {"at": {}, "target": None, "band": None, "rival": None}
    return (
        {
            "reads": {axis: each.option for axis, each in chosen.items()},
            "differs": None if reading is None else reading.axis,
            "own": [axis for axis, each in chosen.items() if each.own],
            "because": {axis: each.because for axis, each in why.items()},
            "points": len(points),
            "kind": variant.kind,
        }
        | _range(variant)
        | first
    )


def _range(claim: Any) -> dict[str, Any]:
    """The range that a seed's value is declared to lie in; nothing where there is none."""
    ends = getattr(claim.test, "seed_range", None)
    return {} if ends is None else {"range": [_finite(end) for end in ends]}


def _points(claim: Any, notes: list[str]) -> list[dict[str, Any]]:
    found = []
    for point, _ in claim.judged_points():
        made: dict[str, Any] = {"at": dict(point), "target": None, "band": None, "rival": None}
        try:
            band, rival = claim.limits(point)
        except Exception as error:  # noqa: BLE001  closed forms of another time may raise anything
            notes.append(f"{claim.id} at {dict(point)}: no band: {type(error).__name__}: {error}"[:300])
            band = rival = None
        if band is not None:
            made |= {"target": _finite(band.target), "band": [_finite(band.lo), _finite(band.hi)]}
            made["rival"] = _finite(rival)
        found.append(made)
    return found


def _codes(claims: dict[str, Any], notes: list[str]) -> dict[str, str]:
    """Fingerprint of what each experiment runs, by its name and the code that its base point names."""
    try:
        from claims.evidence.fingerprint import code_fingerprint, code_named
    except ImportError:
        notes.append("no fingerprints of code: its harness has none under this name")
        return {}
    named: dict[str, tuple[str, ...]] = {}
    read = [variant for claim in claims.values() for _, variant in _as_read(claim) or [(None, claim)]]
    for variant in read:
        for quantity in variant.test.quantities():
            for point in variant.at:
                made = quantity.experiment
                first, *others = code_named(made.address, made.base(dict(point)))
                named[f"{made.name} ({', '.join(others)})" if others else made.name] = (first, *others)
    found = {}
    for name, targets in named.items():
        try:
            found[name] = code_fingerprint(*targets)
        except Exception as error:  # noqa: BLE001
            notes.append(f"no fingerprint of {name}: {type(error).__name__}: {error}"[:300])
    return found


def _plain(value: Any) -> str | None:
    """A word or text; None where there is none."""
    return None if value is None or value == "" else str(getattr(value, "value", value))


def _finite(value: Any) -> float | None:
    return float(value) if value is not None and math.isfinite(value) else None


if __name__ == "__main__":
    main(sys.argv[1])
