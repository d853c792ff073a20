"""What is erased is gone from every table and does not come back."""

from __future__ import annotations

import json
import pickle
import shutil
from pathlib import Path

import pytest

from extend_source import create_current_views, erase, extend_source, rebuild
from extend_source.errors import UsageError
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.requests_log import LoggedRequest
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.scenes import ids_with_status, make_open_warehouse, small_server
from tests.acceptance.shell import run_shell
from tests.acceptance.test_privacy import SECRET, found_on_disk, put_secrets
from tests.acceptance.test_shell import settings
from tests.acceptance.truth import assert_tables, assert_typed_tables, expected_tables
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse, Warehouse

pytestmark = pytest.mark.thorough

make_warehouse = make_open_warehouse
server = small_server


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


@pytest.mark.slow
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
    assert {"processor_runs", "extraction_fields", "raw_payloads", "processor_run_summaries"} <= set(result.rows)
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


def test_a_load_that_another_machine_has_left_behind_brings_nothing_back(any_warehouse: AnyWarehouse) -> None:
    elsewhere = any_warehouse.on_another_machine()
    elsewhere.pipeline.extract(extend_source(**elsewhere.settings()))
    elsewhere.pipeline.normalize()  # killed before the load
    any_warehouse.sync()
    run_id = an_invoice(any_warehouse)
    kept = any_warehouse.count("processor_runs") - 1
    erase(any_warehouse.pipeline, run_ids=[run_id])

    elsewhere.sync()

    assert tables_with(any_warehouse, run_id) == {"erasures"}
    assert any_warehouse.count("processor_runs") == kept


def test_what_another_machine_erases_while_a_sync_is_under_way_does_not_stay(
    server: SandboxServer, tmp_path: Path, postgres: str
) -> None:
    warehouse = PostgresWarehouse(server, tmp_path, postgres)
    warehouse.sync()
    run_id = an_invoice(warehouse)
    note = f"insert into erasures (id, resource_type, erased_at, _dlt_load_id) values ('{run_id}', 'processor_run', now(), '1')"
    statements = [note]

    def erase_elsewhere(entry: LoggedRequest) -> None:
        if entry.route == "get_run" and statements:
            warehouse.execute(statements.pop())

    server.before_each_request = erase_elsewhere
    warehouse.sync(refresh=True)

    assert statements == []
    assert tables_with(warehouse, run_id) == {"erasures"}


def test_ids_without_a_row_are_named(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync()
    run_id = an_invoice(any_warehouse)

    results = [erase(any_warehouse.pipeline, run_ids=[run_id, "dpr_slip"], file_ids=["file_slip"]) for _ in range(2)]

    assert [result.unknown for result in results] == [["dpr_slip", "file_slip"], []]


def test_an_id_that_never_landed_is_noted_all_the_same(
    empty_server: SandboxServer, make_warehouse: MakeWarehouse
) -> None:
    warehouse = make_warehouse(empty_server)

    result = erase(warehouse.pipeline, run_ids=["dpr_later"])

    assert result.rows == {}
    assert warehouse.column("erasures", "id") == ["dpr_later"]


@pytest.mark.slow
@pytest.mark.case("S7")
@pytest.mark.core
def test_nothing_of_an_erased_run_is_left_in_the_working_folder_whatever_became_of_its_loads(
    any_warehouse: AnyWarehouse,
) -> None:
    any_warehouse.sync()
    run_id = an_invoice(any_warehouse)
    working = any_warehouse.pipelines / any_warehouse.pipeline.pipeline_name
    (job, *_) = working.glob("load/loaded/*/completed_jobs/extraction_fields.*")
    load = job.parent.parent
    for state in ("failed_jobs", "new_jobs", "started_jobs"):  # of a load that was refused, given up or killed
        shutil.copy(job, load / state / job.name)
    (load / "failed_jobs" / f"{job.name}.exception").write_text(f"Could not insert ({run_id}, ...)")
    (load / ".exceptions" / f"{job.name}.exception").write_text(f"Could not insert ({run_id}, ...)")
    shutil.copytree(load, working / "load" / "new" / "1700000000.5")
    (working / "trace.pickle").write_bytes(pickle.dumps(f"Could not insert ({run_id}, ...)"))
    dropped = any_warehouse.pipeline  # extracted and normalised, then given up
    dropped.extract(extend_source(**any_warehouse.settings(run_ids=[run_id], refresh=True)))
    dropped.normalize()
    dropped.abort_packages()
    before = found_on_disk(any_warehouse.pipelines, run_id)
    for part in ("completed_jobs", "failed_jobs", "new_jobs", ".exceptions"):
        assert any(part in name for name in before), part

    erase(any_warehouse.pipeline, run_ids=[run_id])

    assert found_on_disk(any_warehouse.pipelines, run_id) == []
    assert any_warehouse.sync(refresh=True).failed == 0
    assert found_on_disk(any_warehouse.pipelines, run_id) == []


@pytest.mark.slow
@pytest.mark.case("S12")
@pytest.mark.core
def test_a_file_that_is_written_anew_holds_no_byte_of_an_erased_run(
    empty_server: SandboxServer, tmp_path: Path
) -> None:
    put_secrets(empty_server)
    warehouse = Warehouse(empty_server, tmp_path)
    warehouse.sync()
    create_current_views(warehouse.pipeline)
    (file,) = tmp_path.rglob("*.duckdb")
    file.chmod(0o640)
    before = warehouse.tables()

    kept = erase(
        warehouse.pipeline, run_ids=["dpr_secret", "dpr_legacy"], file_ids=["file_dpr_secret", "file_dpr_legacy"]
    )
    assert kept.compacted is None
    assert kept.remains == [
        f"{file} holds their bytes until DuckDB writes over them: erase again with --compact. Backups and copies have them still."
    ]
    assert SECRET.encode() in file.read_bytes()

    result = erase(warehouse.pipeline, run_ids=["dpr_secret", "dpr_legacy"], compact=True)

    assert result.compacted is not None
    assert result.compacted[1] == file.stat().st_size
    assert result.remains == ["Backups and copies have them still."]
    assert found_on_disk(tmp_path, SECRET) == []
    assert file.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in file.parent.iterdir() if path.name.startswith(file.name)] == [file.name]
    assert warehouse.query("select count(*) from extend.processor_runs_current") == [(0,)]
    assert warehouse.tables() == before
    assert warehouse.sync().failed == 0


@pytest.mark.case("S12")
def test_a_destination_that_is_no_file_is_not_written_anew(any_warehouse: AnyWarehouse) -> None:
    if isinstance(any_warehouse, Warehouse):
        pytest.skip("DuckDB's file can be")
    any_warehouse.sync()
    runs = any_warehouse.count("processor_runs")

    with pytest.raises(UsageError, match="Only a DuckDB file can be written anew, and the destination is postgres"):
        erase(any_warehouse.pipeline, run_ids=[an_invoice(any_warehouse)], compact=True)

    assert any_warehouse.count("processor_runs") == runs
    result = erase(any_warehouse.pipeline, run_ids=[an_invoice(any_warehouse)])
    assert result.remains == [
        "The database may keep freed pages until it reuses them. Backups and copies have them still."
    ]


def test_nothing_to_erase_is_refused(warehouse: Warehouse) -> None:
    with pytest.raises(UsageError, match="Nothing to erase"):
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
    assert (nothing.code, nothing.stderr) == (2, "extend-source: EXT-101: Nothing to erase. Name runs or files.\n")
