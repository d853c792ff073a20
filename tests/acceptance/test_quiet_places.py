"""What a sync on this machine can see of a destination without opening it, and what its note of the last one is worth."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dlt
import pytest

from extend_source import SyncResult
from extend_source.errors import AccessRefused
from extend_source.operations.status import status
from extend_source.pipeline.last_scan import read_last_scan, write_last_scan
from extend_source.sandbox import SandboxServer
from tests.acceptance.scenes import last_log, put_small_runs
from tests.acceptance.test_quiet import HOUR, let_an_hour_pass, quiet_sync
from tests.acceptance.warehouse import DATASET, Warehouse
from tests.destinations.places import Place, make_destination


@pytest.fixture
def filled(empty_server: SandboxServer) -> SandboxServer:
    """A stand-in with three runs, all of which have ended."""
    put_small_runs(empty_server.workspace, 3)
    return empty_server


@pytest.mark.slow
def test_a_destination_that_is_set_for_one_pipeline_is_looked_at_where_it_is(
    filled: SandboxServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    warehouse = Warehouse(filled, tmp_path)
    warehouse.pipeline = dlt.pipeline(
        "extend", destination="duckdb", dataset_name=DATASET, pipelines_dir=str(tmp_path / "pipelines")
    )

    def sync_into(name: str) -> SyncResult:
        monkeypatch.setenv("EXTEND__DESTINATION__DUCKDB__CREDENTIALS", str(tmp_path / name))
        return quiet_sync(warehouse)

    assert [sync_into("one.duckdb").mode for _ in range(2)] == ["full", "quiet"]
    assert sync_into("two.duckdb").fetched == 3
    (tmp_path / "two.duckdb").unlink()
    assert sync_into("two.duckdb").fetched == 3


def drop_from_sqlite(place: Place) -> None:
    with place.pipeline.sql_client() as client:
        client.execute_sql(f"DROP TABLE {client.make_qualified_table_name('processor_run_files')}")


def delete_a_file(place: Place) -> None:
    next((place.folder / "bucket" / "extend_data" / "processor_runs").glob("*.parquet")).unlink()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "change"),
    [
        pytest.param("sqlite", drop_from_sqlite, marks=pytest.mark.destinations, id="sqlite"),
        pytest.param("filesystem", delete_a_file, id="filesystem"),
    ],
)
def test_a_change_to_files_of_this_machine_is_seen_at_once(
    name: str, change: Callable[[Place], None], filled: SandboxServer, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    place = Place(name, make_destination(name, tmp_path, request), filled, tmp_path)
    modes = [place.sync().mode for _ in range(2)]
    change(place)
    modes += [place.sync().mode]

    assert modes[:2] == ["full", "quiet"]
    assert modes[2] != "quiet"


@pytest.mark.slow
def test_status_of_another_dataset_knows_nothing_of_this_ones_quiet_syncs(
    filled: SandboxServer, tmp_path: Path
) -> None:
    warehouse = Warehouse(filled, tmp_path)
    quiet_sync(warehouse)
    quiet_sync(warehouse)
    other = dlt.pipeline(
        "extend",
        destination=warehouse.pipeline.destination,
        dataset_name="extend_too",
        pipelines_dir=str(warehouse.pipelines),
    )

    assert status(other).quiet_at is None


@pytest.mark.slow
def test_a_note_that_is_not_as_it_was_written_says_nothing(filled: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(filled, tmp_path)
    quiet_sync(warehouse)
    (note,) = Path(warehouse.pipeline.working_dir).glob("extend_last_scan.*")
    text = note.read_text()
    content = json.loads(text.split("\n")[1])
    without_zone = json.dumps({**content, "checked_at": "2026-01-01T00:00:00"})
    for damaged in ("", "null", "[]\n{}", text[:-1], text + " ", without_zone):
        note.write_text(damaged)
        assert read_last_scan(warehouse.pipeline) is None
    note.write_bytes(b"\xff\xfe\x00")
    assert quiet_sync(warehouse).mode == "incremental"
    assert quiet_sync(warehouse).mode == "quiet"


@pytest.mark.slow
def test_a_key_that_cannot_be_sent_is_a_failed_sync(filled: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(filled, tmp_path)
    quiet_sync(warehouse)

    with pytest.raises(AccessRefused):
        quiet_sync(warehouse, api_key="sk_no\nkey")

    assert last_log(warehouse, "runs_listed", "error_code") == (0, "EXT-102")
    assert status(warehouse.pipeline).health.state == "failing"


@pytest.mark.slow
def test_an_empty_workspace_is_quiet_for_hours(empty_server: SandboxServer, empty_warehouse: Warehouse) -> None:
    assert quiet_sync(empty_warehouse).mode == "full"
    let_an_hour_pass(empty_warehouse)
    result = quiet_sync(empty_warehouse)
    assert (result.mode, len(result.load_ids)) == ("quiet", 1)


@pytest.mark.slow
def test_a_clock_that_is_set_back_ends_the_quiet(filled: SandboxServer, tmp_path: Path) -> None:
    warehouse = Warehouse(filled, tmp_path)
    quiet_sync(warehouse)
    scan = read_last_scan(warehouse.pipeline)
    assert scan is not None
    write_last_scan(warehouse.pipeline, replace(scan, checked_at=scan.checked_at + HOUR))
    assert quiet_sync(warehouse).mode == "incremental"
    assert quiet_sync(warehouse).mode == "quiet"
