"""A DuckDB file is written anew with all that is in it, or stays as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from extend_source.errors import ExtendError, UsageError
from extend_source.pipeline.duckdb_file import compact

pytestmark = pytest.mark.case("S12")

SECRET = "canary" * 4


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A file in which half of the rows were deleted."""
    place = tmp_path / "it's mine.duckdb"
    with duckdb.connect(str(place)) as connection:
        connection.execute("PRAGMA force_compression = 'uncompressed'")
        connection.execute(
            "CREATE SCHEMA extend; CREATE SEQUENCE extend.numbers START 5; CREATE MACRO extend.twice(x) AS x * 2"
        )
        connection.execute(
            "CREATE TABLE extend.rows (id INT PRIMARY KEY, text VARCHAR NOT NULL, amount DECIMAL(38, 9), seen_at TIMESTAMPTZ, data JSON)"
        )
        connection.execute(
            f"INSERT INTO extend.rows SELECT i, '{SECRET}' || i, 1.5, '2026-01-01 00:00:00+00', '{{\"a\":1}}' FROM range(20000) t(i)"
        )
        connection.execute("CHECKPOINT")
        connection.execute("CREATE INDEX by_text ON extend.rows (text); COMMENT ON TABLE extend.rows IS 'all rows'")
        connection.execute(
            "CREATE VIEW extend.some AS SELECT id FROM extend.rows; CREATE VIEW extend.a_few AS FROM extend.some LIMIT 3"
        )
        connection.execute('CREATE TABLE main."odd ""name""" AS SELECT 1 AS one')
        connection.execute("DELETE FROM extend.rows WHERE id >= 3; UPDATE extend.rows SET text = 'kept'")
    return place


def everything(file: Path) -> list[object]:
    with duckdb.connect(str(file), read_only=True) as connection:
        return [
            connection.execute(query).fetchall()
            for query in (
                "FROM extend.rows ORDER BY id", "FROM extend.a_few", 'FROM main."odd ""name"""', "SELECT extend.twice(4)",
                "SELECT index_name, sql FROM duckdb_indexes()", "SELECT table_name, comment FROM duckdb_tables() ORDER BY ALL",
                "SELECT view_name, sql FROM duckdb_views() WHERE NOT internal ORDER BY ALL",
                "SELECT table_name, constraint_text FROM duckdb_constraints() ORDER BY ALL",
                "SELECT sequence_name, start_value, last_value FROM duckdb_sequences()",
            )
        ]  # fmt: skip


def test_all_is_in_the_new_file_but_for_what_was_deleted(file: Path) -> None:
    file.chmod(0o600)
    content, bytes_before = everything(file), file.read_bytes()
    assert SECRET.encode() in bytes_before

    assert compact(file) == (len(bytes_before), file.stat().st_size)

    assert everything(file) == content
    assert SECRET.encode() not in file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_the_new_file_has_small_blocks(file: Path) -> None:
    compact(file)
    with duckdb.connect(str(file), read_only=True) as connection:
        assert connection.execute("select block_size from pragma_database_size()").fetchall() == [(65_536,)]


def test_a_link_to_the_file_stays_a_link(file: Path) -> None:
    link = file.parent / "link.duckdb"
    link.symlink_to(file.name)

    compact(link)

    assert link.is_symlink()
    assert SECRET.encode() not in file.read_bytes()


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_this_process_has_open_stays_as_it_is(file: Path, read_only: bool) -> None:
    before = file.read_bytes()

    with duckdb.connect(str(file), read_only=read_only), pytest.raises(UsageError, match="is open elsewhere"):
        compact(file)

    assert file.read_bytes() == before


@pytest.mark.parametrize("read_only", [True, False])
def test_a_file_that_another_process_has_open_stays_as_it_is(file: Path, read_only: bool) -> None:
    holding = f"import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only={read_only}); print('open', flush=True); sys.stdin.read()"
    before = file.read_bytes()
    with subprocess.Popen(
        [sys.executable, "-c", holding, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"open\n"
        with pytest.raises(UsageError, match="is open elsewhere"):
            compact(file)
        other.communicate()

    assert file.read_bytes() == before


def test_a_file_that_cannot_be_copied_stays_as_it_is(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("No space left on device")

    content = everything(file)
    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(ExtendError, match="could not be written anew"):
        compact(file)

    assert everything(file) == content
    assert [path.name for path in file.parent.iterdir()] == [file.name]
