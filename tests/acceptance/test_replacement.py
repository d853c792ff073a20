"""A run that is fetched again replaces exactly its own rows."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.thorough

OWNED = ("processor_run_files", "extraction_fields", "extraction_citations", "output_insights", "extraction_edits",
         "processor_run_merged_processors")  # fmt: skip


def invoice(run_id: str, lines: int, pages: int | None, file_id: str = "file_1") -> dict[str, Any]:
    """An extraction of some lines from a file of some pages; None: without contents."""
    value = {"lines": [{"sku": f"{run_id}-{n}"} for n in range(lines)]}
    metadata = {
        f"lines[{n}].sku": {
            "ocrConfidence": 0.5,
            "citations": [{"page": 1}],
            "insights": [{"type": "issue", "content": "?"}],
        }
        for n in range(lines)
    }
    file: dict[str, Any] = {"object": "file", "id": file_id, "name": "a.pdf", "metadata": {}}
    if pages is not None:
        file["contents"] = {"pages": [{"pageNumber": n + 1, "rawText": f"page {n + 1}"} for n in range(pages)]}
    return {
        "object": "document_processor_run", "id": run_id, "processorId": "dp_1", "status": "PROCESSED", "type": "EXTRACT",
        "config": {"type": "EXTRACT", "schema": {"type": "object"}}, "output": {"value": value, "metadata": metadata},
        "edits": {f"lines[{n}].sku": {"notes": "checked"} for n in range(lines)}, "files": [file],
        "mergedProcessors": [{"processorId": f"dp_{n}"} for n in range(lines)],
    }  # fmt: skip


@pytest.fixture
def loaded(empty_warehouse: Warehouse) -> Warehouse:
    """Two runs with three lines each and files of three pages."""
    for number in (1, 2):
        empty_warehouse.server.workspace.put_run(invoice(f"dpr_{number}", 3, 3, f"file_{number}"))
    empty_warehouse.sync()
    return empty_warehouse


def reload(warehouse: Warehouse, run: dict[str, Any]) -> None:
    warehouse.server.workspace.put_run(run)
    warehouse.sync(run_ids=[run["id"]], refresh=True)


def owned_counts(warehouse: Warehouse, run_id: str) -> dict[str, int]:
    with warehouse.reading():
        return {name: sum(row["run_id"] == run_id for row in warehouse.rows(name)) for name in OWNED}


@pytest.mark.parametrize("lines", [1, 0])
def test_fewer_fields_or_none_leave_no_stale_rows(loaded: Warehouse, lines: int) -> None:
    reload(loaded, invoice("dpr_1", lines, 3))

    expected = dict.fromkeys(OWNED, lines) | {"processor_run_files": 1, "extraction_fields": max(lines, 1)}
    assert owned_counts(loaded, "dpr_1") == expected
    untouched = dict.fromkeys(OWNED, 3) | {"processor_run_files": 1}
    assert owned_counts(loaded, "dpr_2") == untouched


@pytest.mark.slow
@pytest.mark.core
def test_a_run_that_has_lost_its_output_and_files_has_no_rows_of_either(loaded: Warehouse) -> None:
    reload(loaded, {**invoice("dpr_1", 0, None), "output": None, "files": [], "status": "FAILED"})

    assert owned_counts(loaded, "dpr_1") == dict.fromkeys(OWNED, 0)
    assert loaded.column("files", "id") == ["file_1", "file_2"]


@pytest.mark.parametrize("pages", [1, 0])
def test_fewer_pages_or_none_leave_no_stale_pages(loaded: Warehouse, pages: int) -> None:
    reload(loaded, invoice("dpr_1", 3, pages))

    assert [(row["file_id"], row["page_number"]) for row in loaded.rows("file_pages")] == [
        *(("file_1", number + 1) for number in range(pages)),
        *(("file_2", number) for number in (1, 2, 3)),
    ]


def test_a_run_without_contents_keeps_its_pages(loaded: Warehouse) -> None:
    before = loaded.snapshot()["file_pages"]

    reload(loaded, invoice("dpr_1", 3, None))

    assert len(before) == 6
    assert loaded.snapshot()["file_pages"] == before


def test_text_that_one_payload_carries_outlasts_one_that_does_not(empty_warehouse: Warehouse) -> None:
    run = invoice("dpr_1", 1, 1)
    full = copy.deepcopy(run)
    full["files"][0]["contents"] |= {"rawText": "plain", "markdown": "# marked"}
    empty_warehouse.server.workspace.put_run(full)
    empty_warehouse.sync()
    run["files"][0]["contents"]["rawText"] = "plain, again"

    reload(empty_warehouse, run)

    (row,) = empty_warehouse.rows("file_contents")
    assert (row["raw_text"], row["markdown"]) == ("plain, again", "# marked")


@pytest.mark.slow
@pytest.mark.core
def test_a_file_in_five_runs_is_one_row_and_one_cost(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    for number in range(5):
        run = invoice(f"dpr_{number}", 1, 2)
        run["files"][0]["usage"] = {"credits": 4.5}
        workspace.put_run(run)

    empty_warehouse.sync()

    assert empty_warehouse.column("files", "id") == ["file_1"]
    assert [(row["resource_id"], row["credits"]) for row in empty_warehouse.rows("credit_usage")] == [("file_1", 4.5)]
    assert len(empty_warehouse.rows("processor_run_files")) == 5
    assert len(empty_warehouse.rows("file_pages")) == 2


def test_files_of_equal_content_stay_two_files_and_two_costs(empty_warehouse: Warehouse) -> None:
    for number in (1, 2):
        run = invoice(f"dpr_{number}", 1, 2, f"file_{number}")
        run["files"][0]["usage"] = {"credits": 4.5}
        empty_warehouse.server.workspace.put_run(run)

    empty_warehouse.sync()

    assert empty_warehouse.column("files", "id") == ["file_1", "file_2"]
    assert empty_warehouse.column("credit_usage", "resource_id") == ["file_1", "file_2"]


def test_drift_is_dated_by_its_first_sight(empty_warehouse: Warehouse) -> None:
    run = {**invoice("dpr_1", 1, None), "novelty": 1}
    empty_warehouse.server.workspace.put_run(run)
    empty_warehouse.sync()
    before = empty_warehouse.rows("schema_drift")

    reload(empty_warehouse, {**run, "another": 2})

    rows = empty_warehouse.rows("schema_drift")
    assert [(row["object"], row["path"], row["json_type"]) for row in rows] == [
        ("processor_run", "another", "integer"),
        ("processor_run", "novelty", "integer"),
    ]
    assert rows[1] == before[0]
