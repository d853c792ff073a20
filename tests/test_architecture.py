"""The house has floors: a module imports only from the floors below its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = "extend_source"
ROOT = Path(__file__).parent.parent / PACKAGE
MODULES = sorted(ROOT.rglob("*.py"))

# From top to bottom. Within a folder modules may import each other, but never in a circle.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("integrations", "migration", "survey"),
    ("operations", "reports"),
    ("source", "telemetry"),
    ("ingest",),
    ("pipeline",),
    ("privacy",),
    ("tables",),
    ("api",),
    ("config",),
    ("errors",),
    ("error_codes", "text"),
)
FLOOR = {unit: len(FLOORS) - index for index, units in enumerate(FLOORS) for unit in units}

FACE = "__init__"  # the public face: for users, and for the shell's --version
SANDBOX = "sandbox"  # stands beside the house: the shell serves it, and it knows no more of the house than its settings
MAY_IMPORT_THE_FACE = {"cli"}
MAY_IMPORT_THE_SANDBOX = {"cli"}

MAX_ROOMS = 20
MAX_FLOORS = 12

MAX_LINES = 400
LONGER = {
    "sandbox/workspace.py": "one class: the state of the stand-in",
    "tables/schemas.py": "the tables, a line for each column",
}
"""Modules longer than `MAX_LINES`, by what keeps each in one piece."""

MAX_LINES_OF_LONGER = 490
"""Not one of these grows without being noticed."""


def unit_of(module: Path) -> str:
    """Return the name of the module or folder that stands on a floor."""
    return module.relative_to(ROOT).with_suffix("").parts[0]


def imported_names(module: Path, source: str) -> Iterator[tuple[int, str]]:
    """Yield line and dotted name of everything that a module imports, inside functions as well."""
    package = (PACKAGE, *module.relative_to(ROOT).parent.parts)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom):
            parents = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*parents, *([node.module] if node.module else [])))
            for alias in node.names:
                yield node.lineno, f"{base}.{alias.name}"


def imported_units(module: Path, source: str) -> Iterator[tuple[int, str]]:
    """Yield line and unit for each import from the package itself."""
    units = {unit_of(other) for other in MODULES}
    for line, name in imported_names(module, source):
        first, *rest = name.split(".")
        if first == PACKAGE:
            yield line, rest[0] if rest and rest[0] in units else FACE


def forbidden(importer: str, imported: str) -> str | None:
    """Return what is wrong with one unit's importing another, or None."""
    if importer in (imported, FACE):
        return None
    if imported == FACE:
        return None if importer in MAY_IMPORT_THE_FACE else "the public face is for users"
    if imported == SANDBOX:
        return None if importer in MAY_IMPORT_THE_SANDBOX else "only the shell serves the stand-in"
    if importer == SANDBOX:
        return None if FLOOR[imported] <= FLOOR["config"] else "the stand-in must not share code with what it tests"
    return None if FLOOR[imported] < FLOOR[importer] else "it does not stand on a lower floor"


def place(module: Path, line: int) -> str:
    return f"{module.relative_to(ROOT.parent)}:{line}"


def test_every_module_stands_on_a_floor():
    homeless = {unit_of(module) for module in MODULES} - FLOOR.keys() - {FACE, SANDBOX}
    assert not homeless, f"give these a floor in FLOORS: {sorted(homeless)}"


def test_modules_import_only_from_lower_floors():
    wrong = [
        f"{place(module, line)} imports {imported}: {reason}"
        for module in MODULES
        for line, imported in imported_units(module, module.read_text("utf-8"))
        if (reason := forbidden(unit_of(module), imported))
    ]
    assert not wrong, "\n".join(wrong)


def test_the_house_has_few_rooms_on_few_floors():
    rooms = {unit_of(module) for module in MODULES}
    needs: dict[str, set[str]] = {room: set() for room in rooms}
    for module in MODULES:
        needs[unit_of(module)] |= {unit for _, unit in imported_units(module, module.read_text("utf-8"))}
    floors: dict[str, int] = {}
    for room in TopologicalSorter({room: others - {room} for room, others in needs.items()}).static_order():
        floors[room] = 1 + max((floors[other] for other in needs[room] - {room}), default=0)
    assert len(rooms) <= MAX_ROOMS, sorted(rooms)
    assert max(floors.values()) <= MAX_FLOORS, sorted(floors.items(), key=lambda room: room[1])


def test_tables_and_api_do_not_know_dlt():
    known = [
        f"{place(module, line)} imports {name}"
        for module in MODULES
        if unit_of(module) in {"tables", "api"}
        for line, name in imported_names(module, module.read_text("utf-8"))
        if name.split(".")[0] == "dlt"
    ]
    assert not known, "\n".join(known)


def imported_modules(module: Path) -> set[Path]:
    """Return the modules of the package that a module imports, the packages of folders left out."""
    found = set()
    for _, name in imported_names(module, module.read_text("utf-8")):
        parts = name.split(".")[1:] if name.split(".")[0] == PACKAGE else []
        for length in (len(parts), len(parts) - 1):
            other = ROOT.joinpath(*parts[:length]).with_suffix(".py")
            if length > 0 and other in MODULES and other != module:
                found.add(other)
                break
    return found


def test_no_modules_import_each_other_in_a_circle():
    try:
        tuple(TopologicalSorter({module: imported_modules(module) for module in MODULES}).static_order())
    except CycleError as error:
        circle = [str(module.relative_to(ROOT)) for module in error.args[1]]
        pytest.fail(f"a circle: {' imports '.join(reversed(circle))}")


PARTS = {"load_series.py"}
"""No operations, but parts of one: `sync` imports this one once there is something to load."""


def test_no_operation_imports_another():
    operations = {module for module in MODULES if unit_of(module) == "operations"}
    wrong = [
        f"{module.name} imports {other.name}"
        for module in operations
        for other in imported_modules(module) & operations
        if other.name not in PARTS
    ]
    assert not wrong, "\n".join(wrong)


def test_no_module_is_too_long_to_hold_in_the_head():
    lengths = {module.relative_to(ROOT).as_posix(): len(module.read_text("utf-8").splitlines()) for module in MODULES}
    assert {name for name, lines in lengths.items() if lines > MAX_LINES} == LONGER.keys()
    assert max(lengths.values()) <= MAX_LINES_OF_LONGER


def test_imports_are_seen_in_every_form():
    source = """
import extend_source.source
from extend_source import __version__, tables
def late():
    from extend_source.sandbox import serve
    from . import budget
    from ..config import SECTION
"""
    assert list(imported_units(ROOT / "api" / "client.py", source)) == [
        (2, "source"),
        (3, FACE),
        (3, "tables"),
        (5, SANDBOX),
        (6, "api"),
        (7, "config"),
    ]
