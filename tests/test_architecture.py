"""The house has floors: a module imports only from the floors below its own."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

PACKAGE = "extend_source"
ROOT = Path(__file__).parent.parent / PACKAGE
MODULES = sorted(ROOT.rglob("*.py"))

# From top to bottom. A folder stands on one floor as a whole; within it the modules may import each other.
FLOORS = (
    ("__main__",),
    ("cli",),
    ("credit_display", "demo", "report_display"),
    ("display", "live"),
    ("erasing", "existence", "planning", "rebuilding", "reports", "run_ids", "status"),
    ("checking", "runner"),
    ("load_files", "pending", "replaying", "source", "viewing"),
    ("overrides",),
    ("announcing", "ending", "hints", "batches", "locking", "portions"),
    ("recording",),
    ("fetching",),
    ("session", "discovery"),
    ("completeness", "logbook", "named_runs", "processors", "stored_payloads"),
    ("worklist",),
    ("landed",),
    ("destination", "duckdb_file", "holding"),
    ("replacing", "storage"),
    ("beacon", "conditions", "empty_texts", "limits", "long_texts", "opening", "room", "state"),
    ("connecting", "progress", "terminal"),
    ("privacy",),
    ("tables",),
    ("api",),
    ("config",),
    ("collecting", "pricing", "providers", "redaction", "writing"),
    ("escapes", "installation"),
)
FLOOR = {unit: len(FLOORS) - index for index, units in enumerate(FLOORS) for unit in units}

FACE = "__init__"  # the public face: for users, and for the shell's --version
SANDBOX = "sandbox"  # stands beside the house: the shell serves it, and it knows no more of the house than its settings
MAY_IMPORT_THE_FACE = {"cli"}
MAY_IMPORT_THE_SANDBOX = {"cli", "demo"}

MOST_LINES = 470


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


def test_tables_and_api_do_not_know_dlt():
    """But for the base classes of the API's errors, which tell dlt whether trying again can help."""
    known = [
        f"{place(module, line)} imports {name}"
        for module in MODULES
        if unit_of(module) in {"tables", "api"}
        for line, name in imported_names(module, module.read_text("utf-8"))
        if name.split(".")[0] == "dlt"
        and not (module == ROOT / "api" / "errors.py" and name.startswith("dlt.common.exceptions."))
    ]
    assert not known, "\n".join(known)


def test_no_module_is_too_long_to_hold_in_the_head():
    lengths = {module: len(module.read_text("utf-8").splitlines()) for module in MODULES}
    long = [f"{place(module, length)}" for module, length in lengths.items() if length > MOST_LINES]
    assert not long, f"longer than {MOST_LINES} lines: {', '.join(long)}"


def test_imports_are_seen_in_every_form():
    source = """
import extend_source.runner
from extend_source import __version__, tables
def late():
    from extend_source.sandbox import serve
    from . import errors
    from ..config import SECTION
"""
    assert list(imported_units(ROOT / "api" / "client.py", source)) == [
        (2, "runner"),
        (3, FACE),
        (3, "tables"),
        (5, SANDBOX),
        (6, "api"),
        (7, "config"),
    ]
