"""The notebook, run without a browser, and the command that serves it."""

from __future__ import annotations

import subprocess
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import duckdb
import pytest

from extend_source.sandbox import SandboxServer
from tests.integrations.pages import BIN, environment, follow

pytestmark = pytest.mark.integrations


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the page on the notebook was followed: the demo's file is there."""
    folder = tmp_path_factory.mktemp("explore")
    follow("explore.md", folder)
    return folder


def shown(database: Path, **chosen: Any) -> dict[str, Any]:
    """What the notebook has worked out of a file."""
    from extend_source.integrations.notebook import app

    _, values = app.run(defs={"database": str(database), "dataset": "extend", **chosen})
    return dict(values)


class Chosen:
    """A control of the notebook with a value."""

    def __init__(self, value: Any) -> None:
        self.value = value


def test_the_notebook_shows_documents_doubts_changes_and_credits(folder: Path) -> None:
    values = shown(folder / "extend_demo.duckdb")

    with SandboxServer(runs=300, now=datetime(2026, 2, 2, 9, tzinfo=timezone.utc)) as server:
        runs = [server.workspace.run_payload(run_id) for run_id in server.workspace.run_ids()]
    assert values["counts"]["runs"] == 300
    assert values["counts"]["processed"] == sum(run["status"] == "PROCESSED" for run in runs)
    assert values["counts"]["reviewed"] == sum(bool(run.get("reviewed")) for run in runs)
    assert sorted(values["documents"]["run_id"].to_pylist()) == sorted(
        run["id"] for run in runs for _ in run["files"] or [None]
    )
    doubtful = values["doubtful"].to_pylist()
    assert len(doubtful) > 50
    assert all(row["lowest"] < 0.8 and 0 < row["doubtful"] <= row["with_confidence"] for row in doubtful)
    assert {row["change"] for row in values["changes"].to_pylist()} <= {"changed", "added", "removed"}
    with_credits = [run for run in runs if (run.get("usage") or {}).get("credits") is not None]
    assert sum(row["credits"] for row in values["credits"].to_pylist()) == pytest.approx(
        sum(float(run["usage"]["credits"]) for run in with_credits)
    )


def test_what_is_chosen_holds_for_all_that_follows(folder: Path) -> None:
    values = shown(
        folder / "extend_demo.duckdb",
        processors=Chosen(["Supplier Invoices"]),
        statuses=Chosen(["PROCESSED"]),
        threshold=Chosen(0.5),
    )

    documents = values["documents"].to_pylist()
    assert {(row["processor"], row["status"]) for row in documents} == {("Supplier Invoices", "PROCESSED")}
    for name in ("doubtful", "changes", "credits"):
        assert {row["processor"] for row in values[name].to_pylist()} == {"Supplier Invoices"}, name
    assert all(row["lowest"] < 0.5 for row in values["doubtful"].to_pylist())


def test_a_file_without_rows_is_shown_as_well(folder: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.duckdb"
    with duckdb.connect() as connection:
        connection.execute(f"attach '{folder}/extend_demo.duckdb' as demo (read_only); attach '{empty}' as own")
        connection.execute("copy from database demo to own (schema)")

    values = shown(empty)
    assert values["counts"]["runs"] == 0
    assert [values[name].num_rows for name in ("documents", "doubtful", "changes", "credits")] == [0, 0, 0, 0]


def test_nothing_of_what_was_shown_stays_beside_the_notebook(folder: Path) -> None:
    from extend_source.integrations import notebook

    kept = {path.name for path in Path(notebook.__file__).parent.iterdir()}
    assert "__marimo__" not in kept


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (
            ["--database", "none.duckdb"],
            "There is no file none.duckdb. Run extend-source demo first, or name a DuckDB file",
        ),
        (["--database", "text.duckdb"], "text.duckdb cannot be read: IO Error"),
        (["--dataset", "other"], "extend_demo.duckdb has no dataset 'other' that this source has loaded. Name another"),
    ],
)
def test_what_cannot_be_explored_is_told_in_one_line(folder: Path, arguments: list[str], line: str) -> None:
    (folder / "text.duckdb").write_text("no database" * 1000)
    command = [str(BIN / "extend-source"), "explore", "--no-browser", *arguments]
    done = subprocess.run(command, cwd=folder, env=environment(folder), capture_output=True, text=True, timeout=60)

    assert done.returncode == 2
    assert line in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
