"""The list of files: files are known that no run has used, and those that the list has no longer are gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extend_source import erase, plan
from extend_source.api import CURRENT_VERSION
from extend_source.config.settings import API_VERSION
from extend_source.sandbox import SandboxServer
from tests.acceptance.scenes import OpenWarehouse
from tests.acceptance.warehouse import Warehouse

RUNS = 8
UNUSED: dict[str, Any] = {
    "object": "file",
    "id": "file_unused",
    "name": "unused.pdf",
    "type": "PDF",
    "presignedUrl": "https://files.test/unused.pdf?X-Amz-Signature=5e5e5e5e",
    "parentFileId": "file_packet",
    "metadata": {
        "pageCount": 3,
        "parentSplit": {"id": "s_1", "type": "invoice", "identifier": "A-1", "startPage": 2, "endPage": 4},
    },
    "contents": {"rawText": "what it says"},
    "createdAt": "2026-03-01T08:59:00Z",
    "updatedAt": "2026-03-01T09:59:00Z",
    "usage": {"credits": 3},
}
ITS_ROW = {
    "id": "file_unused",
    "object": "file",
    "name": "unused.pdf",
    "type": "PDF",
    "page_count": 3,
    "parent_file_id": "file_packet",
    "parent_split_id": "s_1",
    "parent_split_type": "invoice",
    "parent_split_identifier": "A-1",
    "parent_split_start_page": 2,
    "parent_split_end_page": 4,
    "extra": None,
}


@pytest.fixture(params=[API_VERSION, CURRENT_VERSION])
def settings(request: pytest.FixtureRequest) -> dict[str, Any]:
    return {"api_version": request.param, "objects": ["files"]}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[OpenWarehouse]:
    with SandboxServer(runs=RUNS) as server:
        server.workspace.put_file(UNUSED)
        yield OpenWarehouse(server, tmp_path)


@pytest.mark.slow
def test_all_files_are_known_by_what_their_list_says(warehouse: OpenWarehouse, settings: dict[str, Any]) -> None:
    planned = plan(warehouse.pipeline, **warehouse.settings(**settings))
    first = warehouse.sync(**settings)
    second = warehouse.sync(**settings)

    rows = {row["id"]: row for row in warehouse.rows("file_summaries")}
    assert set(rows) == set(warehouse.server.workspace.files)
    assert {name: rows["file_unused"][name] for name in ITS_ROW} == ITS_ROW
    assert first.requests == second.requests == {"list_files": 1}
    assert (planned.requests, planned.groups) == (1, {"files": 1})
    assert warehouse.rows("files") == warehouse.rows("credit_usage") == []
    assert [cell for cell in warehouse.cells() if "5e5e5e5e" in str(cell) or "what it says" in str(cell)] == []


def test_an_idle_sync_of_the_list_is_quiet(warehouse: OpenWarehouse, settings: dict[str, Any], tmp_path: Path) -> None:
    closed = Warehouse(warehouse.server, tmp_path)
    closed.quiet_log_minutes = 60
    closed.sync(**settings)

    assert closed.sync(**settings).mode == "quiet"


@pytest.mark.slow
def test_a_file_that_a_whole_list_has_no_longer_is_gone(warehouse: OpenWarehouse, settings: dict[str, Any]) -> None:
    warehouse.sync(**settings)
    warehouse.server.workspace.delete_file("file_unused")
    warehouse.sync(**settings)
    unnoticed = warehouse.rows("tombstones")

    result = warehouse.sync(**settings, reconcile=True)
    noticed = [(row["id"], row["resource_type"], row["reason"]) for row in warehouse.rows("tombstones")]
    warehouse.server.workspace.put_file(UNUSED)
    warehouse.sync(**settings)

    assert unnoticed == []
    assert noticed == [("file_unused", "file", "not_listed")]
    assert result.requests == {"list_files": 1}
    assert warehouse.rows("tombstones") == []


@pytest.mark.slow
def test_an_erased_file_is_not_listed_again(warehouse: OpenWarehouse, settings: dict[str, Any]) -> None:
    warehouse.sync(**settings)

    erase(warehouse.pipeline, file_ids=["file_unused"])
    warehouse.sync(**settings, reconcile=True)

    assert "file_unused" not in warehouse.column("file_summaries", "id")
    assert warehouse.rows("tombstones") == []


@pytest.mark.slow
def test_files_of_runs_land_as_without_the_list(warehouse: OpenWarehouse, tmp_path: Path) -> None:
    (folder := tmp_path / "runs").mkdir()
    runs_alone = OpenWarehouse(warehouse.server, folder)
    runs_alone.sync(objects=["runs"])

    warehouse.sync(objects=["runs", "files"])

    assert warehouse.snapshot()["files"] == runs_alone.snapshot()["files"]
    assert "file_unused" not in warehouse.column("files", "id")
