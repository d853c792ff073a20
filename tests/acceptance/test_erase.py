"""What is erased is gone from every table and does not come back."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from extend_source import erase, rebuild
from extend_source.api import InvalidRequest
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import ids_with_status, make_open_warehouse
from tests.acceptance.shell import run_shell
from tests.acceptance.test_shell import settings
from tests.acceptance.truth import assert_tables, assert_typed_tables, expected_tables
from tests.acceptance.warehouse import AnyWarehouse, Warehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse


def tables_with(warehouse: AnyWarehouse, text: str) -> set[str]:
    """The tables in which a text occurs anywhere."""
    with warehouse.reading():
        return {
            table
            for table in warehouse.tables()
            if any(text in str(value) for row in warehouse.query(f'select * from "{table}"') for value in row)
        }


def staging_tables_with(warehouse: AnyWarehouse, text: str) -> set[str]:
    """The tables of dlt's staging dataset in which a text occurs anywhere."""
    staging = f"{warehouse.dataset}_staging"
    with warehouse.reading():
        tables = warehouse.query(f"select table_name from information_schema.tables where table_schema = '{staging}'")
        return {
            table
            for (table,) in tables
            if any(text in str(value) for row in warehouse.query(f'select * from {staging}."{table}"') for value in row)
        }


def an_invoice(warehouse: AnyWarehouse) -> str:
    workspace = warehouse.server.workspace
    processor = workspace.processor("invoices").id
    ids = ids_with_status(workspace, "PROCESSED")
    return next(run_id for run_id in ids if workspace.run_payload(run_id)["processorId"] == processor)


@pytest.mark.core
def test_a_run_is_erased_from_every_table_and_stays_so(any_warehouse: AnyWarehouse) -> None:
    workspace = any_warehouse.server.workspace
    workspace.advance(86_400)
    any_warehouse.sync(keep_raw=True)
    run_id = an_invoice(any_warehouse)
    before = tables_with(any_warehouse, run_id)
    assert "extraction_fields" in staging_tables_with(any_warehouse, run_id)
    others = [other for other in workspace.run_ids() if other != run_id]

    result = erase(any_warehouse.pipeline, run_ids=[run_id])

    assert tables_with(any_warehouse, run_id) == {"erasures", *({"schema_drift"} & before)}
    assert staging_tables_with(any_warehouse, run_id) == set()
    assert {"processor_runs", "extraction_fields", "raw_processor_runs", "processor_run_summaries"} <= set(result.rows)
    assert "extraction_supplier_invoices" in result.rows
    assert set(result.rows) == before - {"schema_drift"}
    expected = expected_tables(
        workspace, others, loaded_tables=any_warehouse.column("processor_runs", "loaded_tables")[0]
    )
    assert_tables(any_warehouse, {name: rows for name, rows in expected.items() if not name.startswith("run_config")})
    for arguments in ({}, {"reconcile": True}, {"refresh": True}, {"run_ids": [run_id]}):
        any_warehouse.server.requests.reset()
        any_warehouse.sync(keep_raw=True, **arguments)
        assert all(run_id not in entry.path for entry in any_warehouse.server.requests.entries)
    rebuild(any_warehouse.pipeline)
    assert tables_with(any_warehouse.on_another_machine(), run_id) == {"erasures", *({"schema_drift"} & before)}


def test_a_file_is_erased_and_its_runs_stay(any_warehouse: AnyWarehouse) -> None:
    workspace = any_warehouse.server.workspace
    workspace.advance(86_400)
    any_warehouse.sync(keep_raw=True, file_contents="fetch")
    run_id = an_invoice(any_warehouse)
    (file_id, *_) = [file["id"] for file in workspace.run_payload(run_id)["files"]]
    users = {each for each in workspace.run_ids() if f'"{file_id}"' in json.dumps(workspace.run_payload(each)["files"])}
    runs = any_warehouse.count("processor_runs")

    result = erase(any_warehouse.pipeline, file_ids=[file_id])

    left = tables_with(any_warehouse, file_id)
    assert left <= {"erasures", "files", "splits"}  # as the parent of another file, and as a part of a split
    assert any_warehouse.query(f"select count(*) from files where id = '{file_id}'") == [(0,)]
    assert set(result.runs_left) == users
    assert result.payloads == len(users)
    assert any_warehouse.count("processor_runs") == runs
    assert_typed_tables(any_warehouse)
    any_warehouse.sync(keep_raw=True, file_contents="fetch", refresh=True)
    rebuild(any_warehouse.pipeline)
    assert tables_with(any_warehouse, file_id) == left


def test_what_a_kill_left_is_erased_by_the_same_call(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    run_id = an_invoice(any_warehouse)
    rows = erase(any_warehouse.pipeline, run_ids=[run_id]).rows

    assert erase(any_warehouse.pipeline, run_ids=[run_id]).rows == {}
    assert rows["processor_runs"] == 1


def test_an_id_that_never_landed_is_noted_all_the_same(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    warehouse = make_warehouse(empty_server)

    result = erase(warehouse.pipeline, run_ids=["dpr_later"])

    assert result.rows == {}
    assert warehouse.column("erasures", "id") == ["dpr_later"]


def test_the_files_of_loads_that_have_landed_are_deleted(warehouse: Warehouse) -> None:
    warehouse.sync()
    run_id = an_invoice(warehouse)
    kept = [path for path in warehouse.pipelines.rglob("completed_jobs/*.parquet") if "processor_runs." in path.name]
    assert any(run_id in pq.read_table(path)["id"].to_pylist() for path in kept)

    erase(warehouse.pipeline, run_ids=[run_id])

    assert [*warehouse.pipelines.rglob("*.parquet")] == []


def test_nothing_to_erase_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(InvalidRequest, match="Nothing to erase"):
        erase(warehouse.pipeline)


def test_the_shell_says_what_it_has_erased(server: SandboxServer, tmp_path: Path) -> None:
    run_shell(tmp_path, "sync", **settings(server))
    run_id = ids_with_status(server.workspace, "PROCESSED")[0]

    shown = run_shell(tmp_path, "erase", "--run-id", run_id)
    again = run_shell(tmp_path, "erase", "--run-id", run_id, "--json")
    nothing = run_shell(tmp_path, "erase")

    assert (shown.code, shown.stderr) == (0, "")
    lines = shown.stdout.splitlines()
    assert lines[0].startswith("1 run erased: ")
    assert "          1  processor_runs" in lines
    assert json.loads(again.stdout)["rows"] == {}
    assert (nothing.code, nothing.stderr) == (2, "extend-source: Nothing to erase. Name runs or files.\n")
