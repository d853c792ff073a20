"""The pages with generated parts: all of them written, or compared with what would be written."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from cogapp import Cog

from docs.generator import dbt_package
from docs.generator.diagram import tables_diagram
from docs.generator.terminal import closing_terminals

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
DIAGRAM = DOCS / "pictures" / "tables.svg"

_MARK = "[[[cog "
_SLOW = ("shell(", "query(", "question(", "example(", "serving(")
"""The blocks that run a command, which takes seconds."""

_ON_DEMO = re.compile(r"\[\[\[cog (?:question\(|\w+\([^\]]*at=\"demo\"|query\((?![^\]]*at=))")

_COG = ["cog", "-n", "utf-8", "-U", "--verbosity=1", "-p", "from docs.generator.blocks import *"]
_ADVICE = "Generated parts differ from what the code gives now. Run: make docs-write"


def pages() -> list[Path]:
    """Return the README and all pages of docs/ that have a generated part."""
    candidates = [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]
    return [page for page in candidates if _MARK in page.read_text("utf-8")]


def runs_commands(page: Path) -> bool:
    """Tell whether a page shows the output of commands."""
    text = page.read_text("utf-8")
    return any(f"{_MARK}{block}" in text for block in _SLOW)


def is_on_demo(page: Path) -> bool:
    """Tell whether a page shows something of the data of the demo."""
    return _ON_DEMO.search(page.read_text("utf-8")) is not None


def write(only: Iterable[Path] | None = None) -> int:
    """Write the generated parts of some pages, by default of all, the diagram of the tables and the dbt package.

    Returns:
        0, or cog's exit code where a block failed.
    """
    DIAGRAM.write_text(tables_diagram(), "utf-8")
    dbt_package.write()
    return _run(["-r"], pages() if only is None else only)


def check(only: Iterable[Path] | None = None) -> int:
    """Compare what is generated in some pages, by default in all, with what would be written; print what differs.

    Returns:
        0 where nothing differs.
    """
    old = dbt_package.differing()
    if DIAGRAM.read_text("utf-8") != tables_diagram():
        old.append(DIAGRAM)
    for path in old:
        print(f"{path}: {_ADVICE}")
    differ = _run(["--check", "--diff", f"--check-fail-msg={_ADVICE}"], pages() if only is None else only)
    return differ or int(bool(old))


def _run(mode: list[str], chosen: Iterable[Path]) -> int:
    with closing_terminals():
        return int(Cog().main([*_COG, *mode, *map(str, chosen)]))
