"""What pages call between cog's marks: each function prints the lines that follow it."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import duckdb

from docs.generator import reference
from docs.generator.terminal import (
    Terminal,
    demo_output,
    demo_terminal,
    newer_terminal,
    own_terminal,
    present_terminal,
    settled,
)
from extend_source.cli.demo import QUERIES

__all__ = [
    "columns",
    "commands",
    "corrected",
    "example",
    "exit_codes",
    "held",
    "make_targets",
    "program",
    "query",
    "question",
    "serving",
    "settings",
    "shell",
    "table_map",
    "views",
]

_BIN = ".venv/bin/"
_DOCS = Path(__file__).parents[1]
_END_OF_DOCSTRING = '"""\n'
_SHOW = (
    "import duckdb, sys; "
    "duckdb.connect(sys.argv[1], read_only=True).sql(sys.stdin.read()).show(max_width=1000, max_rows=100)"
)


def table_map() -> None:
    """Every table with its grain and key."""
    _cog().outl(reference.table_map())


def columns() -> None:
    """Every column of every table."""
    _cog().outl(reference.columns())


def views() -> None:
    """Every view to ask first, with its columns."""
    _cog().outl(reference.views())


def settings() -> None:
    """Every setting with its default and meaning."""
    _cog().outl(reference.settings())


def commands() -> None:
    """Every command with its options."""
    _cog().outl(reference.commands())


def exit_codes() -> None:
    """Every exit code."""
    _cog().outl(reference.exit_codes())


def make_targets() -> None:
    """What `make help` prints, as a table."""
    _cog().outl(reference.make_targets())


def shell(
    *command_lines: str, at: str = "own", first: int | None = None, hidden: bool = False, as_log: bool = False
) -> None:
    """Commands and what they print.

    Args:
        *command_lines: run one after the other. ``{run}`` stands for the id of a run that has landed.
        at: where: ``own`` (120 runs of one's own), ``demo`` (what the demo has loaded), ``newer`` (API 2026-02-09),
            ``parses`` (the same, loaded with parse runs by the page itself) or ``present`` (no runs, the real time).
        first: show only so many lines of the output of each.
        hidden: run them without showing anything.
        as_log: show what a log gets, where there is no terminal.
    """
    terminal = _terminal(at)
    parts = []
    for line in command_lines:
        command = line.replace("{run}", _landed_run(terminal)) if "{run}" in line else line
        if hidden:
            command = f"export SOURCES__EXTEND__REQUESTS_PER_SECOND=0; {command}"
        lines = (
            demo_output() if line == "make demo" else terminal.run(command.removeprefix(_BIN), as_log=as_log)
        ).splitlines()
        shown = lines if first is None or len(lines) <= first else [*lines[:first], "..."]
        parts.append("\n".join((f"$ {command}", *shown)))
    if not hidden:
        _fenced("\n".join(parts))


def corrected(path: str, value: Any) -> None:
    """A person corrects a value that has landed, at Extend; nothing is shown.

    Args:
        path: which one, of the first run that has it and was not reviewed.
        value: the new value.
    """
    terminal = _terminal("own")
    sql = (
        "select min(run_id) from extend.extraction_fields join extend.processor_runs on id = run_id "
        "where path = ? and not reviewed and status = 'PROCESSED'"
    )
    with duckdb.connect(str(terminal.folder / "extend_pipeline.duckdb"), read_only=True) as connection:
        row = connection.execute(sql, [path]).fetchone()
    assert row is not None
    terminal.server.workspace.edit_run(str(row[0]), {path: value})


def serving(command: str, last_line: str) -> None:
    """A command that goes on until it is stopped, and what it prints up to a line."""
    output = own_terminal(_cog().inFile).run_until(last_line, re.sub(r"--port \d+", "--port 0", command))
    _fenced(f"$ {command}\n{output}")


def held() -> None:
    """A command that meets a DuckDB file which another process has open."""
    terminal = _terminal("own")
    with duckdb.connect(str(terminal.folder / "extend_pipeline.duckdb")):
        output = terminal.run('extend-source status; echo "exit code $?"')
    _fenced(f'$ extend-source status; echo "exit code $?"\n{output}')


def query(name: str, at: str = "demo") -> None:
    """A query of docs/queries, and its rows in what has been loaded: by the demo, or ``at`` another place."""
    _asked((_DOCS / "queries" / f"{name}.sql").read_text("utf-8").strip(), at)


def question(number: int) -> None:
    """One of the questions that the demo suggests, by its number from 0, and its rows."""
    text, sql = list(QUERIES.items())[number]
    _asked(f"-- {text}\n{sql.strip()}")


def example(name: str, at: str = "own") -> None:
    """A program of docs/examples, and what it prints."""
    program = (_DOCS / "examples" / f"{name}.py").read_text("utf-8")
    code = program.split(_END_OF_DOCSTRING, 1)[1].strip()
    output = _terminal(at).run(f"python {_DOCS / 'examples' / f'{name}.py'}")
    _settle(f"```python\n{code}\n```\n\n```text\n{output}\n```")


def program(name: str) -> None:
    """A program of docs/examples that needs more than the docs have; a test of the integrations runs it."""
    text = (_DOCS / "examples" / f"{name}.py").read_text("utf-8")
    _cog().outl(f"```python\n{text.split(_END_OF_DOCSTRING, 1)[1].strip()}\n```")


def _asked(sql: str, at: str = "demo") -> None:
    terminal = _terminal(at)
    file = "extend_demo.duckdb" if at == "demo" else "extend_pipeline.duckdb"
    (terminal.folder / "query.sql").write_text(sql, "utf-8")
    rows = terminal.run(f'python -c "{_SHOW}" {file} <query.sql')
    _settle(f"```sql\n{sql}\n```\n\n```text\n{rows}\n```")


def _terminal(at: str) -> Terminal:
    if at == "own":
        return own_terminal(_cog().inFile)
    if at == "present":
        return present_terminal()
    if at in ("newer", "parses"):
        return newer_terminal(_cog().inFile, at)
    demo_output()
    return demo_terminal()


def _landed_run(terminal: Terminal) -> str:
    with duckdb.connect(str(terminal.folder / "extend_pipeline.duckdb"), read_only=True) as connection:
        row = connection.execute("select min(run_id) from extend.extraction_fields").fetchone()
    assert row is not None
    return str(row[0])


def _fenced(text: str) -> None:
    _settle(f"```console\n{text}\n```")


def _settle(text: str) -> None:
    _cog().outl(settled(text, _cog().previous.rstrip("\n")))


def _cog() -> Any:
    """The module with which cog talks to the code that it runs: another one each time."""
    return import_module("cog")
