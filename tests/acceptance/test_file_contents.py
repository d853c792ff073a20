"""The text of files: as embedded, fetched, or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from extend_source.sandbox import SandboxServer, Workspace
from tests.acceptance.warehouse import Warehouse

TEXT_TABLES = ("file_contents", "file_pages", "file_sheets")


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


def test_a_file_that_cannot_be_fetched_is_an_error_row_and_is_tried_again(warehouse: Warehouse) -> None:
    workspace = warehouse.server.workspace
    run = workspace.run_payload(workspace.run_ids()[0])
    workspace.put_run(run)
    file = workspace.file_payload(run["files"][0]["id"])
    workspace.delete_file(file["id"])
    first = warehouse.sync(run_ids=[run["id"]], file_contents="fetch")
    failed = [(row["id"], row["resource_type"], row["status_code"]) for row in warehouse.rows("fetch_errors")]
    workspace.put_file(file)

    second = warehouse.sync(run_ids=[], file_contents="fetch")

    assert (first.fetched, first.files_failed) == (1, 1)
    assert failed == [(file["id"], "file", 404)]
    assert (second.files_fetched, second.files_failed) == (1, 0)
    assert warehouse.rows("fetch_errors") == []
    assert len(warehouse.rows("file_contents")) == 1
