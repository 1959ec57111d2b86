"""Names stay, rooms move: an experiment draws its random numbers under its name, and lives at an address.

Both have the form ``"module:function"``, and for most they are the same. Code that moves keeps its name: a file
``names.toml`` in a package that held it then and holds it now says where it went.

    ["paper.model"]                                        # the module in the name
    two_layer = "paper.experiments.block:two_layer"        # where that function lives now
"""

from __future__ import annotations

import functools
import sys
from collections.abc import Iterator, Mapping
from importlib.machinery import ModuleSpec
from pathlib import Path

from claims.errors import InvalidDeclaration

TABLE = "names.toml"


def address_of(name: str) -> str:
    """Where the code of a name lives now: as a table says, else where the name itself says."""
    return next((table[name] for table in _tables(name) if name in table), name)


def name_of(address: str) -> str:
    """Under which name the code at an address draws and is stored: the reverse of :func:`address_of`."""
    return next((names[address] for names in map(_reversed, _tables(address)) if address in names), address)


def moved(package: str) -> Mapping[str, str]:
    """The table of a package: name -> address of each experiment and searched statement that has moved.

    Raises:
        InvalidDeclaration: the file is no such table, or two names share an address.
    """
    table = _table(package)
    return table if table is not None else {}


def spec_of(module: str) -> ModuleSpec | None:
    """What ``importlib.util.find_spec`` gives, which however imports the module's parents; None if there is none."""
    parent, path = module.rpartition(".")[0], None
    if parent:
        above = spec_of(parent)
        path = above.submodule_search_locations if above is not None else None
        if path is None:
            return None
    # With three arguments, as importlib calls them: some finders, asv's for one, have no default for the last.
    found = (finder.find_spec(module, path, None) for finder in sys.meta_path if hasattr(finder, "find_spec"))
    return next((spec for spec in found if spec is not None), None)


def _tables(name: str) -> Iterator[Mapping[str, str]]:
    """The tables of the packages around a module, from the nearest outwards."""
    package = name.partition(":")[0]
    while package := package.rpartition(".")[0]:
        table = _table(package)
        if table is not None:
            yield table


@functools.cache
def _table(package: str) -> Mapping[str, str] | None:
    spec = spec_of(package)
    folders = [] if spec is None else list(spec.submodule_search_locations or ())
    file = next((found for folder in folders if (found := Path(folder) / TABLE).is_file()), None)
    return _read(file) if file is not None else None


def _read(file: Path) -> dict[str, str]:
    from claims.toml import parse

    try:
        modules = parse(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidDeclaration("names", str(file), f"a readable TOML file ({error})") from error
    table: dict[str, str] = {}
    for module, functions in modules.items():
        for function, address in functions.items() if isinstance(functions, dict) else ((module, functions),):
            if not isinstance(functions, dict) or not isinstance(address, str) or address.count(":") != 1:
                raise InvalidDeclaration(
                    f"names.{function}", address, f'["module"] with function = "module:function" ({file})'
                )
            table[f"{module}:{function}"] = address
    if len(set(table.values())) < len(table):
        twice = sorted(address for address in set(table.values()) if list(table.values()).count(address) > 1)
        raise InvalidDeclaration("names", twice[0], f"one name an address ({file})")
    return table


def _reversed(table: Mapping[str, str]) -> dict[str, str]:
    return {address: name for name, address in table.items()}
