"""What is imported by the time that the shell answers, as dlt takes longer to import than a help takes to read."""

from __future__ import annotations

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import extend_source
from extend_source.cli import app
from extend_source.sandbox import SandboxServer
from tests.acceptance.scenes import put_small_runs

HEAVY = ("dlt", "duckdb", "numpy", "pandas", "pyarrow", "sqlglot", "httpx")
"""What takes long to import."""

USELESS_TO_A_SYNC = (
    "duckdb",
    "extend_source.migration",
    "extend_source.operations.erase",
    "extend_source.operations.rebuild",
    "extend_source.reports.credits",
    "extend_source.sandbox",
    "extend_source.survey",
    "pandas",
    "sqlalchemy",
)
"""What other commands need; DuckDB, where the destination is one."""

USELESS_TO_A_QUIET_SYNC = (
    *USELESS_TO_A_SYNC,
    "extend_source.ingest.load",
    "extend_source.pipeline.landed",
    "extend_source.tables",
    "numpy",
    "pyarrow",
)
"""What looks at the destination, or writes to it."""

USELESS_TO_STATUS = (
    "extend_source.ingest.load",
    "extend_source.migration",
    "extend_source.operations.sync",
    "extend_source.sandbox",
    "pandas",
    "sqlalchemy",
)
"""What writes rows, and what DuckDB would bring for more than looking at some."""

_AT_THE_END = """
import atexit, json, sys
atexit.register(lambda: print("\\n" + json.dumps(sorted(sys.modules))))
"""
_SHELL = f"{_AT_THE_END}\nsys.argv[0] = 'extend-source'\nfrom extend_source.cli import main\nmain()"
_ONE_AFTER_THE_OTHER = f"""{_AT_THE_END}
from typer.testing import CliRunner
from extend_source.cli import app
print(json.dumps([CliRunner().invoke(app, words).exit_code for words in json.loads(sys.argv[1])]))
"""


def answer(program: str, *words: str, folder: Path | None = None, **variables: str) -> tuple[list[str], set[str]]:
    """Run a program in a process of its own; return its lines, and the modules that are there at its end."""
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
        env={**os.environ, **variables},
    )
    *lines, modules = done.stdout.splitlines()
    return lines, set(json.loads(modules))


def every_command(group: typer.core.TyperGroup, *before: str) -> list[list[str]]:
    """The words of each command."""
    return [
        words
        for name, command in group.commands.items()
        for words in (
            every_command(command, *before, name) if isinstance(command, typer.core.TyperGroup) else [[*before, name]]
        )
    ]


def test_the_help_of_every_command_is_there_without_dlt() -> None:
    commands = every_command(typer.main.get_command(app))  # type: ignore[arg-type]
    assert len(commands) > 12

    (codes, *_), modules = answer(_ONE_AFTER_THE_OTHER, json.dumps([[*words, "--help"] for words in [[], *commands]]))

    assert set(json.loads(codes)) == {0}
    assert modules.isdisjoint(HEAVY)


def test_a_wrong_command_line_is_refused_without_dlt() -> None:
    wrong = (
        "nonsense",
        "sync --nonsense",
        "sync --max-runs many",
        "sync --output csv",
        "status --max-age soon",
        "report quality --json --csv",
        "report credits --by colour",
        "report credits --from yesterday",
        "report credits --title ACME",
        "report credits --from-listing --by product",
    )

    (codes, *_), modules = answer(_ONE_AFTER_THE_OTHER, json.dumps([each.split() for each in wrong]))

    assert json.loads(codes) == [2] * len(wrong)
    assert modules.isdisjoint(HEAVY)


def test_the_version_is_there_without_dlt() -> None:
    lines, modules = answer(_SHELL, "--version")

    assert lines[0] == f"dlt-source-extend {extend_source.__version__}"
    assert modules.isdisjoint(HEAVY)


def test_a_shell_completes_a_command_without_dlt() -> None:
    typed = {"COMP_WORDS": "extend-source st", "COMP_CWORD": "1", "_EXTEND_SOURCE_COMPLETE": "complete_bash"}

    lines, modules = answer(_SHELL, **typed)

    assert lines[0] == "status"
    assert modules.isdisjoint(HEAVY)


def test_a_sync_imports_nothing_that_it_has_no_use_for() -> None:
    _, modules = answer(f"{_AT_THE_END}\nimport extend_source\nfrom extend_source.cli import syncs\nextend_source.sync")

    assert {"extend_source.cli.syncs", "extend_source.operations.sync"} <= modules
    assert modules.isdisjoint(USELESS_TO_A_SYNC)


def test_a_quiet_sync_imports_nothing_that_reads_or_writes_rows_and_status_little(tmp_path: Path) -> None:
    with SandboxServer(runs=0) as server:
        put_small_runs(server.workspace, 3)
        variables = {
            "DLT_DATA_DIR": str(tmp_path),
            "SOURCES__EXTEND__API_KEY": server.api_key,
            "SOURCES__EXTEND__BASE_URL": server.base_url,
        }
        answer(_SHELL, "sync", folder=tmp_path, **variables)

        lines, modules = answer(_SHELL, "sync", folder=tmp_path, **variables)
        said, brought_by_status = answer(_SHELL, "status", folder=tmp_path, **variables)

    assert lines[0].startswith("Nothing new: the lists are as the last sync saw them")
    assert "extend_source.ingest.quiet_scan" in modules
    assert modules.intersection(USELESS_TO_A_QUIET_SYNC) == set()
    assert said[0].startswith("healthy")
    assert "duckdb" in brought_by_status
    assert brought_by_status.intersection(USELESS_TO_STATUS) == set()


def test_the_face_imports_a_name_when_it_is_asked_for() -> None:
    program = f"{_AT_THE_END}\nimport extend_source\n"
    _, modules = answer(program)
    assert modules.isdisjoint(HEAVY)
    assert {name for name in modules if name.startswith("extend_source")} == {"extend_source"}

    _, modules = answer(f"{program}extend_source.SyncUnderWay")
    assert "extend_source.errors" in modules
    assert "extend_source.operations" not in modules


def test_the_face_tells_a_type_checker_the_names_that_it_imports() -> None:
    tree = ast.parse(Path(extend_source.__file__).read_text("utf-8"))
    told = {
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("extend_source.")
        for alias in node.names
    }

    homes = extend_source._HOMES
    assert told == {(f"extend_source.{module}", name) for module, names in homes.items() for name in names}
    assert {name for _, name in told} | {"__version__"} == set(extend_source.__all__)


def test_the_face_has_its_names_for_every_kind_of_import() -> None:
    everything: dict[str, object] = {}
    exec("from extend_source import *", everything)

    assert set(extend_source.__all__) <= everything.keys()
    assert set(extend_source.__all__) <= set(dir(extend_source))
    with pytest.raises(AttributeError, match="module 'extend_source' has no attribute 'nonsense'"):
        extend_source.nonsense  # noqa: B018
