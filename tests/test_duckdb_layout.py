"""How a DuckDB file is laid out: small blocks in a new one, small row groups in one of some size."""

from __future__ import annotations

from pathlib import Path

import dlt
import duckdb
import pytest

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.limits import Limits
from extend_source.ingest.progress import SyncProgress
from extend_source.pipeline.duckdb_layout import MUCH_BYTES
from extend_source.pipeline.held_database import HeldDatabase, held_database, held_if_there


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / 'a "strange".name.duckdb'


@pytest.fixture
def pipeline(file: Path, tmp_path: Path) -> dlt.Pipeline:
    return dlt.pipeline(
        "p", destination=dlt.destinations.duckdb(str(file)), dataset_name="d", pipelines_dir=str(tmp_path / "pipelines")
    )


def group_sizes(file: Path) -> list[str | None]:
    """What the process has the file open with, as rows in a row group; None: DuckDB's own."""
    with duckdb.connect(str(file)) as connection:
        rows = connection.execute("select options['row_group_size'] from duckdb_databases() where not internal")
        return [size for (size,) in rows.fetchall()]


def test_a_new_file_has_small_blocks_and_one_that_was_there_keeps_its_own(file: Path, pipeline: dlt.Pipeline) -> None:
    with held_database(pipeline), duckdb.connect(str(file)) as connection:
        assert connection.execute("select block_size from pragma_database_size()").fetchall() == [(65_536,)]
    file.unlink()
    duckdb.connect(str(file)).close()
    with held_database(pipeline), duckdb.connect(str(file)) as connection:
        assert connection.execute("select block_size from pragma_database_size()").fetchall() == [(262_144,)]


@pytest.mark.parametrize(("has_large_rows", "rows"), [(False, "8192"), (True, "2048")])
def test_a_file_of_some_size_has_small_row_groups_whatever_is_loaded(
    file: Path, pipeline: dlt.Pipeline, has_large_rows: bool, rows: str
) -> None:
    with duckdb.connect(str(file)) as connection:
        connection.execute("create table texts as select repeat(md5(range::varchar), 10) as text from range(100000)")
    assert file.stat().st_size > MUCH_BYTES
    with held_database(pipeline, has_large_rows=has_large_rows):
        assert group_sizes(file) == [rows]
    with held_if_there(pipeline):
        assert group_sizes(file) == [None]  # nothing is written


def test_groups_of_many_rows_are_not_merged_by_a_small_load(file: Path, pipeline: dlt.Pipeline) -> None:
    groups = "select count(distinct row_group_id) from pragma_storage_info('texts')"
    texts = "select repeat(md5(range::varchar), 10) as text from range(20480)"  # two groups and a half
    with held_database(pipeline) as database:
        database.rows_in_group = 8_192
        database.renew()
        with duckdb.connect(str(file)) as connection:
            connection.execute(f"create table texts as {texts}")
            for _ in range(4):
                connection.execute(f"insert into texts {texts}")
    assert file.stat().st_size > MUCH_BYTES
    with held_database(pipeline), duckdb.connect(str(file)) as connection:
        connection.execute("insert into texts values ('one more')")
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("select count(*) from texts").fetchall() == [(102_401,)]
        [(left,)] = connection.execute(groups).fetchall()
        assert left >= 13


def test_a_load_of_much_takes_little_memory_and_the_next_one_what_it_likes(file: Path, pipeline: dlt.Pipeline) -> None:
    settings = "select current_setting('threads'), current_setting('write_buffer_row_group_count')"
    jobs = pipeline.destination.caps_params
    with held_database(pipeline) as database:
        with duckdb.connect(str(file)) as connection:
            usual = connection.execute(settings).fetchall()
        database.rows_in_group = 8_192
        database.renew()
        with duckdb.connect(str(file)) as connection:
            assert connection.execute(settings).fetchall() == [(1, 1)]
        assert jobs["max_parallel_load_jobs"] == 1
        database.rows_in_group = None
        database.renew()
        with duckdb.connect(str(file)) as connection:
            assert connection.execute(settings).fetchall() == usual
    assert usual != [(1, 1)]
    assert "max_parallel_load_jobs" not in jobs


def test_a_file_that_is_not_there_is_not_made_to_be_looked_at(file: Path, pipeline: dlt.Pipeline) -> None:
    with held_if_there(pipeline):
        assert not file.exists()


def test_row_groups_are_small_while_rows_are_large_for_all_connections_and_no_longer(
    file: Path, pipeline: dlt.Pipeline
) -> None:
    with held_database(pipeline) as database:
        assert group_sizes(file) == [None]
        database.rows_in_group = 4_096
        database.renew()
        assert group_sizes(file) == ["4096"]
        with duckdb.connect(str(file)) as connection:
            connection.execute("create table numbers as select range as number from range(20000)")
            groups = "select count(distinct row_group_id) from pragma_storage_info('numbers')"
            assert connection.execute(groups).fetchall() == [(5,)]
    assert group_sizes(file) == [None]
    with duckdb.connect(str(file)) as connection:
        assert connection.execute("select count(*), sum(number) from numbers").fetchall() == [(20_000, 199_990_000)]


def test_the_file_stays_as_it_is_where_someone_else_in_the_process_has_it_open(
    file: Path, pipeline: dlt.Pipeline
) -> None:
    with duckdb.connect(str(file)) as theirs:
        theirs.execute("create table t as select 1 as a")
        theirs.execute("begin")
        theirs.execute("insert into t values (2)")
        database = HeldDatabase(pipeline)
        database.rows_in_group = 4_096
        database.hold()
        assert group_sizes(file) == [None]
        theirs.execute("commit")
        database.end()
        assert theirs.execute("from t").fetchall() == [(1,), (2,)]


@pytest.mark.parametrize(
    ("done", "requests", "megabytes", "expected"),
    [
        (500, 500, 15.9, None),
        (500, 500, 16.0, 8_192),
        (5, 5, 16.0, 2_048),  # large answers
    ],
)
def test_a_load_of_many_megabytes_and_one_of_large_answers_get_small_row_groups(
    done: int, requests: int, megabytes: float, expected: int | None
) -> None:
    progress = SyncProgress()
    progress.requests.requests, progress.requests.bytes_decoded = 9_000, 9_000_000  # an earlier load, and the listing
    limits = Limits(ExtendSettings(), progress, bounded=True)
    assert not limits.stop_fetching()
    assert limits.rows_in_group is None
    progress.runs_done = done
    progress.requests.requests = requests
    progress.requests.bytes_decoded += int(megabytes * 1e6)

    assert limits.rows_in_group == expected
    with_payloads = Limits(ExtendSettings(keep_raw=True), progress, bounded=True)
    with_payloads.stop_fetching()
    progress.requests.bytes_decoded += int(megabytes * 1e6)
    assert with_payloads.rows_in_group == (expected and 2_048)


@pytest.mark.parametrize(
    ("done", "requests", "megabytes", "expected"),
    [
        (0, 1, 3.0, False),  # a page of the listing
        (3, 4, 15.0, True),
        (3, 4, 3.9, False),
        (1, 2, 2.0, True),
    ],
)
def test_answers_are_large_from_a_megabyte_on_on_average(
    done: int, requests: int, megabytes: float, expected: bool
) -> None:
    progress = SyncProgress()
    progress.runs_done = done
    progress.requests.requests = requests
    progress.requests.bytes_decoded = int(megabytes * 1e6)
    assert progress.has_large_answers is expected
