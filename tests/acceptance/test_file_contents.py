"""The text of files: as embedded, fetched, or not at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.thorough

TEXT_TABLES = ("file_contents", "file_pages", "file_sheets")


@pytest.mark.slow
@pytest.mark.core
def test_fetch_asks_once_for_each_distinct_file(warehouse: Warehouse) -> None:
    warehouse.sync(file_contents="fetch")

    files = warehouse.column("files", "id")
    assert warehouse.server.requests.counts == {"get_run": 120, "list_runs": 1, "get_file": len(files)}
    assert warehouse.column("file_contents", "file_id") == files
    workspace = warehouse.server.workspace
    pages = {
        (file_id, page["pageNumber"]): page.get("rawText")
        for file_id in files
        for page in workspace.file_payload(file_id, raw_text=True, markdown=True, html=True)["contents"].get(
            "pages", []
        )
    }
    landed = {(row["file_id"], row["page_number"]): row["raw_text"] for row in warehouse.rows("file_pages")}
    assert landed == pages
    assert len(pages) > 100


def test_fetch_does_not_ask_for_files_that_have_landed_with_text(warehouse: Warehouse) -> None:
    warehouse.sync(file_contents="fetch")
    workspace = warehouse.server.workspace
    workspace.add_run(status="PROCESSED", file_id=warehouse.column("files", "id")[0])
    workspace.add_run(status="PROCESSED", file_name="new.pdf")
    warehouse.server.requests.reset()

    warehouse.sync(file_contents="fetch")

    assert warehouse.server.requests.counts["get_file"] == 1


@pytest.mark.parametrize(("mode", "any_text"), [("embedded", True), ("none", False)])
def test_embedded_text_lands_unless_it_is_not_wanted(mode: str, any_text: bool, tmp_path: Path) -> None:
    with SandboxServer(workspaces=[Workspace(runs=40, embed_contents=True)]) as server:
        warehouse = Warehouse(server, tmp_path)

        warehouse.sync(file_contents=mode)

        assert server.requests.counts == {"get_run": 40, "list_runs": 1}
        assert [bool(warehouse.rows(name)) for name in TEXT_TABLES] == [any_text] * 3


def test_a_sync_of_few_runs_brings_the_text_of_their_files(warehouse: Warehouse) -> None:
    result = warehouse.sync(file_contents="fetch", max_runs=3)

    files = {
        file["id"] for run_id in warehouse.column("processor_runs", "id") for file in served_run(warehouse, run_id)
    }
    assert (result.fetched, result.stopped_by, result.files_fetched) == (3, "max_runs", len(files))
    assert set(warehouse.column("file_contents", "file_id")) == files


def test_each_load_brings_the_text_of_the_files_of_its_runs(warehouse: Warehouse) -> None:
    warehouse.sync(file_contents="fetch", package_runs=50, max_runs=100)

    load_of = {row["id"]: row["_dlt_load_id"] for row in warehouse.rows("processor_runs")}
    brought_by: dict[str, set[str]] = {}
    for run_id, load_id in load_of.items():
        for file in served_run(warehouse, run_id):
            brought_by.setdefault(file["id"], set()).add(load_id)
    landed = {row["file_id"]: row["_dlt_load_id"] for row in warehouse.rows("file_contents")}
    assert landed == {file_id: min(loads) for file_id, loads in brought_by.items()}
    assert len(set(load_of.values())) == 2


def served_run(warehouse: Warehouse, run_id: str) -> list[dict[str, Any]]:
    """The files of a run, as the stand-in has them."""
    return warehouse.server.workspace.run_payload(run_id)["files"]  # type: ignore[no-any-return]


def run_with_file(status: str, contents: Any, run_id: str = "dpr_1") -> dict[str, Any]:
    file = {"object": "file", "id": "file_1", "name": "a.pdf", "metadata": {}, "contents": contents}
    return {"id": run_id, "type": "EXTRACT", "status": status, "config": {}, "output": {}, "files": [file]}


def served_file(contents: Any) -> dict[str, Any]:
    return {"object": "file", "id": "file_1", "name": "a.pdf", "metadata": {"pageCount": 1}, "contents": contents}


def test_a_file_that_cannot_be_fetched_is_an_error_row_and_is_tried_again(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    workspace.put_run(run_with_file("PROCESSED", None))
    first = empty_warehouse.sync(file_contents="fetch")
    failed = [(row["id"], row["resource_type"], row["status_code"]) for row in empty_warehouse.rows("fetch_errors")]
    workspace.put_file(served_file({"rawText": "all"}))

    second = empty_warehouse.sync(file_contents="fetch")

    assert (first.fetched, first.files_failed) == (1, 1)
    assert failed == [("file_1", "file", 404)]
    assert (second.fetched, second.files_fetched, second.files_failed) == (0, 1, 0)
    assert empty_warehouse.rows("fetch_errors") == []
    assert len(empty_warehouse.rows("file_contents")) == 1


@pytest.mark.parametrize("embedded", [{}, {"pages": []}, {"rawText": "", "markdown": "", "pages": []}, None])
def test_fetched_text_stands_above_what_a_run_carries(empty_warehouse: Warehouse, embedded: Any) -> None:
    workspace = empty_warehouse.server.workspace
    workspace.put_run(run_with_file("PROCESSED", embedded))
    workspace.put_file(served_file({"rawText": "all", "pages": [{"pageNumber": 1, "rawText": "one"}]}))

    empty_warehouse.sync(file_contents="fetch")
    empty_warehouse.sync(run_ids=["dpr_1"], refresh=True, file_contents="fetch")
    workspace.touch_run("dpr_1")
    empty_warehouse.sync(file_contents="fetch")

    assert empty_warehouse.column("file_contents", "raw_text") == ["all"]
    assert empty_warehouse.column("file_pages", "raw_text") == ["one"]
    assert empty_warehouse.column("files", "page_count") == [1]


def test_a_file_of_a_run_in_flight_is_asked_for_again_when_the_run_has_ended(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    workspace.put_run(run_with_file("PROCESSING", None))
    workspace.put_file(served_file(None))
    empty_warehouse.sync(file_contents="fetch")
    before = empty_warehouse.rows("file_contents")
    workspace.put_run(run_with_file("PROCESSED", None))
    workspace.put_file(served_file({"rawText": "now parsed"}))

    empty_warehouse.sync(file_contents="fetch")

    assert before == []
    assert empty_warehouse.column("file_contents", "raw_text") == ["now parsed"]


def test_a_file_without_any_text_is_asked_for_once(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    workspace.put_run(run_with_file("PROCESSED", None))
    workspace.put_file(served_file(None))

    for _ in range(3):
        empty_warehouse.sync(file_contents="fetch")

    assert empty_warehouse.server.requests.counts["get_file"] == 1
    assert [(row["file_id"], row["raw_text"]) for row in empty_warehouse.rows("file_contents")] == [("file_1", None)]


def test_text_of_files_that_landed_without_is_fetched_when_it_is_wanted_later(warehouse: Warehouse) -> None:
    warehouse.sync(file_contents="none")
    files = warehouse.column("files", "id")
    warehouse.server.requests.reset()

    result = warehouse.sync(file_contents="fetch")

    assert (result.fetched, result.files_fetched) == (0, len(files))
    assert warehouse.column("file_contents", "file_id") == files
    assert warehouse.server.requests.counts == {"list_runs": 1, "get_file": len(files)}


def test_no_text_is_fetched_for_tables_that_are_not_loaded(warehouse: Warehouse) -> None:
    warehouse.run("processor_runs", "files", file_contents="fetch")

    assert "get_file" not in warehouse.server.requests.counts
