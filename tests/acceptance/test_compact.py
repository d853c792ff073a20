"""Many small files of a lake become few, and the current views say the same before, meanwhile and after."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pytest

from extend_source import CompactResult, SyncError, UsageError, compact, create_current_views, sync
from extend_source.pipeline import lake_compaction
from extend_source.sandbox import Options, SandboxServer, Workspace
from tests.acceptance.small_world import fill

pytestmark = pytest.mark.slow

LOADS = 4
KEY = "sk_compact_0123456789"

Seen = dict[str, Counter[str]]


class Lake:
    """A folder of Parquet files, and the stand-in that feeds it."""

    def __init__(
        self, server: SandboxServer, folder: Path, layout: str | None = None, pipelines: str = "pipelines"
    ) -> None:
        self.server, self.folder = server, folder
        chosen: dict[str, Any] = {"layout": layout} if layout else {}
        self.pipeline = dlt.pipeline(
            "lake",
            destination=dlt.destinations.filesystem(str(folder / "bucket"), **chosen),
            dataset_name="extend",
            pipelines_dir=str(folder / pipelines),
        )

    def on_another_machine(self) -> Lake:
        """The same folder, seen by a machine that has never loaded anything."""
        return Lake(self.server, self.folder, pipelines="other-pipelines")

    def sync(self, **arguments: Any) -> Any:
        """Load what is new."""
        return sync(self.pipeline, api_key=KEY, base_url=self.server.base_url, keep_raw=True, **arguments)

    def change(self, number: int) -> None:
        """Change a run at the source, an hour later."""
        workspace = self.server.workspace
        workspace.advance(3600)
        run_id = workspace.run_ids()[number]
        workspace.put_run(workspace.run_payload(run_id), created_at=workspace.now)

    def seen(self) -> Seen:
        """The rows of each current view."""
        result = create_current_views(self.pipeline)
        with duckdb.connect() as connection:
            connection.execute(result.script or "")
            return {
                view: Counter(map(repr, connection.execute(f'select * from "{view}"').fetchall()))
                for view in result.views
            }

    def files(self, table: str) -> list[Path]:
        """The files of a table."""
        return sorted(path for path in (self.folder / "bucket" / "extend" / table).rglob("*") if path.is_file())


def loaded(server: SandboxServer, folder: Path, layout: str | None = None, loads: int = LOADS) -> Lake:
    lake = Lake(server, folder, layout)
    lake.sync()
    for number in range(1, loads):
        lake.change(number)
        lake.sync()
    return lake


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """A lake of several loads; tests work on copies of it."""
    with SandboxServer(workspaces=[Workspace(runs=12)], options=Options(api_key=KEY)) as server:
        yield loaded(server, tmp_path_factory.mktemp("lake"))


@pytest.fixture
def lake(built: Lake, tmp_path: Path) -> Lake:
    """A copy of the lake and of its pipeline's folder."""
    shutil.copytree(built.folder, tmp_path / "copy")
    return Lake(built.server, tmp_path / "copy")


@pytest.fixture(scope="module")
def before(built: Lake) -> Seen:
    """What the views say of it."""
    return built.seen()


def test_each_table_has_one_file_and_the_views_say_the_same(lake: Lake, before: Seen) -> None:
    assert len(lake.files("processor_runs")) == LOADS
    named = []

    result = compact(lake.pipeline, on_table=lambda table: named.append(table.name))

    assert [table.name for table in result.tables] == named
    assert {table.files for table in result.tables} == {1}
    assert {len(lake.files(table)) for table in named} == {1}
    assert lake.seen() == before
    runs = next(table for table in result.tables if table.name == "processor_runs")
    assert (runs.files_before, runs.bytes) == (LOADS, lake.files("processor_runs")[0].stat().st_size)
    assert result.bytes == sum(lake.files(table)[0].stat().st_size for table in named)


def test_superseded_rows_are_gone_and_rows_keep_their_load(lake: Lake) -> None:
    (before,) = duckdb.sql(f"select count(*) from '{lake.folder}/bucket/extend/processor_runs/*.parquet'").fetchall()[0]
    compact(lake.pipeline)
    rows, runs, loads = duckdb.sql(
        "select count(*), count(distinct id), count(distinct _dlt_load_id)"
        f" from '{lake.folder}/bucket/extend/processor_runs/*.parquet'"
    ).fetchall()[0]
    # the stand-in has 12 runs, and each later load brought one of them again
    assert (before, rows, runs, loads) == (12 + LOADS - 1, 12, 12, LOADS)


def test_notes_of_loads_are_one_file_that_names_each(lake: Lake) -> None:
    loads = [json.loads(path.read_text())["load_id"] for path in lake.files("_dlt_loads")]
    compact(lake.pipeline)
    (file,) = lake.files("_dlt_loads")
    assert [json.loads(line)["load_id"] for line in file.read_text().splitlines()] == loads
    assert len(loads) == LOADS


def test_compacting_twice_writes_nothing(lake: Lake) -> None:
    compact(lake.pipeline)
    files = {path: path.stat().st_mtime_ns for path in lake.folder.rglob("*.parquet")}
    result = compact(lake.pipeline)
    assert (result.bytes_before, {table.files_before for table in result.tables}) == (result.bytes, {1})
    assert {path: path.stat().st_mtime_ns for path in lake.folder.rglob("*.parquet")} == files


@pytest.mark.parametrize("moment", ["written", "moved"])
def test_a_kill_at_any_moment_loses_and_doubles_nothing(
    moment: str, lake: Lake, before: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_: Any, **__: Any) -> None:
        raise Killed

    with monkeypatch.context() as patched:
        if moment == "written":
            patched.setattr(lake_compaction._Lake, "_move", kill)
        else:  # before the old files go
            patched.setattr(lake_compaction._Lake, "_size", lambda self, files: 0)
            storage = type(lake.pipeline.destination_client().fs_client)  # type: ignore[attr-defined]
            patched.setattr(storage, "rm", lambda self, path, **more: kill() if isinstance(path, list) else None)
        with pytest.raises(Killed):
            compact(lake.pipeline)
    assert len(lake.files("processor_runs")) == LOADS + (moment == "moved")
    assert lake.seen() == before
    assert lake.sync().fetched == 0

    compact(lake.pipeline)

    assert len(lake.files("processor_runs")) == 1
    assert not lake.files("_compaction")
    assert {view: rows for view, rows in lake.seen().items() if "sync_log" not in view} == {
        view: rows for view, rows in before.items() if "sync_log" not in view
    }


def test_rows_of_a_load_that_has_not_ended_stay_in_their_file(lake: Lake, before: Seen) -> None:
    note = lake.files("_dlt_loads")[-1]
    text, last = note.read_text(), lake.files("processor_runs")[-1]
    note.unlink()  # as while another machine loads

    result = compact(lake.pipeline)

    assert last in lake.files("processor_runs")
    assert len(lake.files("processor_runs")) == 2
    assert next(table.files for table in result.tables if table.name == "processor_runs") == 2
    note.write_text(text)
    assert lake.seen() == before


def columns(lake: Lake) -> dict[str, list[tuple[str, str]]]:
    """The columns of each table with their types, as its files have them."""
    return {
        table.name: sorted(
            row[:2]
            for row in duckdb.sql(
                f"describe from read_parquet('{table}/**/*.parquet', union_by_name = true, hive_partitioning = false)"
            ).fetchall()
        )
        for table in (lake.folder / "bucket" / "extend").iterdir()
        if next(table.rglob("*.parquet"), None)
    }


def test_columns_keep_their_types(lake: Lake) -> None:
    before = columns(lake)
    compact(lake.pipeline)
    assert columns(lake) == before
    types = dict(before["processor_runs"])
    assert (types["credits"], types["created_at"]) == ("DECIMAL(18,6)", "TIMESTAMP WITH TIME ZONE")


def test_another_machine_finds_what_has_landed_and_compacts_it(lake: Lake, before: Seen) -> None:
    compact(lake.pipeline)
    other = lake.on_another_machine()
    assert {table.files_before for table in compact(other.pipeline).tables} == {1}
    assert other.seen() == before
    assert other.sync().fetched == 0


def test_what_another_machine_brings_into_place_is_not_taken_for_its_own(
    lake: Lake, before: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    storage = type(lake.pipeline.destination_client().fs_client)  # type: ignore[attr-defined]
    move = storage.mv

    def beside_another(self: Any, waiting: str, remote: str, **more: Any) -> None:
        (Path(waiting).parent / "data_0.parquet").write_bytes(b"half a file")
        move(self, waiting, remote, **more)

    monkeypatch.setattr(storage, "mv", beside_another)
    compact(lake.pipeline)
    assert lake.seen() == before


def test_two_machines_at_once_lose_nothing(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    other = lake.on_another_machine()
    other.sync()
    before = lake.seen()
    put_in_place = lake_compaction._Lake._put_in_place

    def with_another(self: Any, written: list[Path], beside: str) -> list[str]:
        placed = put_in_place(self, written, beside)
        monkeypatch.undo()
        compact(other.pipeline)
        return placed

    monkeypatch.setattr(lake_compaction._Lake, "_put_in_place", with_another)
    with pytest.raises(SyncError, match="could not be written anew"):
        compact(lake.pipeline)
    assert lake.seen() == before
    compact(lake.pipeline)
    assert lake.seen() == before
    assert {len(lake.files(table)) for table in ("processor_runs", "_dlt_loads")} == {1}


def test_without_room_for_temporary_files_all_stays_as_it_is(
    lake: Lake, before: Seen, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(self: Any, *_: Any) -> list[Path]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lake_compaction._Lake, "_written", no_room)
    with pytest.raises(SyncError, match="No space left"):
        compact(lake.pipeline)
    assert len(lake.files("processor_runs")) == LOADS
    assert lake.seen() == before


def test_a_layout_that_mixes_the_files_of_tables_is_refused(tmp_path: Path) -> None:
    with SandboxServer(workspaces=[Workspace(runs=0)], options=Options(api_key=KEY)) as server:
        fill(server.workspace)
        lake = Lake(server, tmp_path, "{table_name}_{load_id}.{file_id}.{ext}")
        lake.sync()
        files = set(lake.folder.rglob("*.parquet"))
        with pytest.raises(UsageError, match="files of sync_log from those of sync_log_objects"):
            compact(lake.pipeline)
        assert files <= set(lake.folder.rglob("*.parquet"))


def test_configs_that_were_lost_come_back_by_the_last_load_of_a_sync_too(tmp_path: Path) -> None:
    with SandboxServer(workspaces=[Workspace(runs=0)], options=Options(api_key=KEY)) as server:
        fill(server.workspace)
        lake = Lake(server, tmp_path)
        lake.sync()
        before = lake.seen()["run_config_classifications_current"]
        shutil.rmtree(lake.folder / "bucket" / "extend" / "run_config_classifications")
        lake.sync(package_runs=1, quiet_log_minutes=0)
        assert len(lake.files("_dlt_loads")) > 2
        after = lake.seen()["run_config_classifications_current"]
        assert sum(after.values()) == sum(before.values()) == 2


@pytest.mark.parametrize(
    "layout", [None, "{table_name}/year={YYYY}/{load_id}/{file_id}.{ext}", "{table_name}.{load_id}.{file_id}.{ext}"]
)
def test_syncs_go_on_in_any_layout_and_a_change_replaces_its_run(layout: str | None, tmp_path: Path) -> None:
    with SandboxServer(workspaces=[Workspace(runs=4)], options=Options(api_key=KEY)) as server:
        lake = loaded(server, tmp_path, layout, loads=2)
        before = lake.seen()
        made = columns(lake)
        tables = compact(lake.pipeline).tables
        assert {table.files for table in tables} == {1}
        assert (lake.seen(), columns(lake)) == (before, made)
        lake.change(0)
        assert lake.sync().fetched == 1
        after = lake.seen()
        compact(lake.pipeline)
        assert lake.seen() == after
        assert sum(after["processor_runs_current"].values()) == 4


def test_a_duckdb_file_is_written_anew(tmp_path: Path) -> None:
    file = tmp_path / "lake.duckdb"
    with SandboxServer(workspaces=[Workspace(runs=4)], options=Options(api_key=KEY)) as server:
        pipeline = dlt.pipeline("file", destination=dlt.destinations.duckdb(str(file)), dataset_name="extend")
        sync(pipeline, api_key=KEY, base_url=server.base_url)
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table large as select random() as number from range(1000000)")
        connection.execute("drop table large")
    before = file.stat().st_size

    result = compact(pipeline)

    assert result == CompactResult([], before, file.stat().st_size, result.destination, "extend")
    assert result.bytes < before / 2
    with duckdb.connect(str(file)) as connection:
        assert connection.sql("select count(*) from extend.processor_runs").fetchall() == [(4,)]


def test_a_lake_in_which_nothing_has_landed_is_refused(tmp_path: Path) -> None:
    pipeline = dlt.pipeline("none", destination=dlt.destinations.filesystem(str(tmp_path / "none")))
    with pytest.raises(UsageError, match="Nothing has landed yet"):
        compact(pipeline)


def test_a_database_frees_its_space_by_itself(tmp_path: Path) -> None:
    pipeline = dlt.pipeline("sql", destination=dlt.destinations.postgres("postgres://nobody:secret@127.0.0.1:1/none"))
    with pytest.raises(UsageError, match="The destination postgres has no files to compact"):
        compact(pipeline)
