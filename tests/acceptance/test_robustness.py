"""What goes wrong costs a row or a line, never the data."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import pytest

from extend_source import ExtendError, sync
from extend_source.sandbox import SandboxServer
from extend_source.tables.payloads import Origin
from extend_source.tables.runs import RunTables
from tests.acceptance.warehouse import Warehouse

pytestmark = pytest.mark.thorough

CRASH_BETWEEN_TABLES = """
import os, sys, time
import dlt
from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob
from extend_source import sync

run = DuckDbCopyJob.run

def crashing_run(self):
    if self._load_table["name"] == "extraction_fields":
        # let the other tables get ahead: they load in other threads, each in a transaction of its own
        time.sleep(3)
        os._exit(9)
    run(self)

DuckDbCopyJob.run = crashing_run
database, pipelines, base_url = sys.argv[1:]
pipeline = dlt.pipeline(
    "extend", destination=dlt.destinations.duckdb(database), dataset_name="extend", pipelines_dir=pipelines
)
sync(pipeline, api_key="sk_sandbox", base_url=base_url, requests_per_second=0)
"""


@pytest.mark.parametrize("same_machine", [True, False])
def test_a_crash_between_two_tables_leaves_nothing_missing_after_the_next_sync(
    warehouse: Warehouse, tmp_path: Path, same_machine: bool
) -> None:
    arguments = [str(warehouse.database), str(warehouse.pipelines), warehouse.server.base_url]
    crashed = subprocess.run(
        [sys.executable, "-c", CRASH_BETWEEN_TABLES, *arguments],
        cwd=tmp_path,
        capture_output=True,
        timeout=120,
        check=False,
    )
    landed = len(warehouse.rows("processor_runs"))
    healer = Warehouse(warehouse.server, tmp_path) if same_machine else warehouse.on_another_machine()

    healer.sync()

    assert (crashed.returncode, landed) == (9, 120)
    healed = healer.snapshot()
    (tmp_path / "fresh").mkdir()
    undisturbed = Warehouse(warehouse.server, tmp_path / "fresh")
    undisturbed.sync()
    assert healed == undisturbed.snapshot()


def test_an_odd_figure_in_the_listing_ends_no_sync(empty_warehouse: Warehouse) -> None:
    workspace = empty_warehouse.server.workspace
    for number, credits in enumerate(["n/a", 10**40, None, 2.5]):
        run = {
            "id": f"dpr_{number}",
            "type": "EXTRACT",
            "status": "PROCESSED",
            "config": {},
            "usage": {"credits": credits},
        }
        workspace.put_run(run)

    first, second = empty_warehouse.sync(), empty_warehouse.sync()

    assert (first.fetched, second.known) == (4, 4)
    assert empty_warehouse.column("processor_runs", "credits") == [None, None, None, Decimal("2.5")]


def test_a_payload_that_no_table_can_hold_is_an_error_row_beside_the_others(
    empty_warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = RunTables.add

    def add_but_one(tables: RunTables, run: dict[str, Any], origin: Origin) -> str:
        if run["id"] == "dpr_1":  # no payload is known that does so
            raise ValueError("no table can hold it")
        return add(tables, run, origin)

    monkeypatch.setattr(RunTables, "add", add_but_one)
    for number in range(2):
        empty_warehouse.server.workspace.put_run({"id": f"dpr_{number}", "status": "PROCESSED", "type": "EXTRACT"})

    result = empty_warehouse.sync()

    assert (result.fetched, result.failed, result.complete) == (1, 1, False)
    assert [(row["id"], row["code"]) for row in empty_warehouse.rows("fetch_errors")] == [("dpr_1", "ValueError")]


@pytest.mark.slow
@pytest.mark.core
def test_an_error_row_counts_its_attempts_and_goes_with_success(empty_warehouse: Warehouse) -> None:
    attempts = []
    for _ in range(3):
        empty_warehouse.sync(run_ids=["dpr_late"])
        (row,) = empty_warehouse.rows("fetch_errors")
        attempts.append((row["attempts"], row["first_seen_at"] < row["last_seen_at"]))
    workspace = empty_warehouse.server.workspace
    workspace.put_run({"id": "dpr_late", "status": "PROCESSED", "type": "EXTRACT", "config": {}})

    empty_warehouse.sync(run_ids=["dpr_late"])

    assert attempts == [(1, False), (2, True), (3, True)]
    assert empty_warehouse.rows("fetch_errors") == []


@pytest.mark.parametrize(
    ("odd", "file_contents"),
    [({}, "embedded"), ([], "embedded"), (7, "embedded"), (None, "embedded"), ({}, "fetch")],
)
def test_a_run_of_an_odd_status_ends_nothing(empty_warehouse: Warehouse, odd: object, file_contents: str) -> None:
    workspace = empty_warehouse.server.workspace
    for run_id, status in (("dpr_sound", "PROCESSED"), ("dpr_odd", odd)):
        files = [{"id": f"file_of_{run_id}"}]
        workspace.put_run({"id": run_id, "status": status, "type": "EXTRACT", "config": {}, "files": files})

    result = empty_warehouse.sync(file_contents=file_contents)

    assert (result.fetched, result.failed) == (2, 0)
    assert {row["id"]: row["status"] for row in empty_warehouse.rows("processor_runs")} == {
        "dpr_sound": "PROCESSED",
        "dpr_odd": None,
    }


def test_a_destination_that_cannot_replace_rows_is_refused_before_any_request(
    server: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    capabilities = dlt.destinations.duckdb._raw_capabilities

    def of_a_vector_store(self: dlt.destinations.duckdb) -> Any:  # real ones need a service
        found = capabilities(self)
        found.supported_merge_strategies = ["upsert"]
        return found

    monkeypatch.setattr(dlt.destinations.duckdb, "_raw_capabilities", of_a_vector_store)
    destination = dlt.destinations.duckdb(str(tmp_path / "vectors.duckdb"), destination_name="vectors")
    pipeline = dlt.pipeline("vectors_pipeline", destination=destination, dataset_name="extend")

    with pytest.raises(ExtendError, match="The destination vectors cannot replace the rows of a run"):
        sync(pipeline, api_key=server.api_key, base_url=server.base_url)

    assert server.requests.total == 0


def test_a_passing_fault_is_outlasted(tmp_path: Path) -> None:
    with SandboxServer(runs=25, faults=["5xx:0.2"]) as server:  # test_faults.py has the others
        warehouse = Warehouse(server, tmp_path)

        result = warehouse.sync()
        server.faults.clear()
        healed = warehouse.sync()

        assert result.fetched + healed.fetched == 25
        assert result.retries > 0
        assert warehouse.column("processor_runs", "id") == sorted(server.workspace.run_ids())
        assert warehouse.rows("fetch_errors") == []
