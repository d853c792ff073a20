"""Writing a DuckDB file anew, so that nothing is left in it of what was deleted."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

import duckdb

from extend_source.error_codes import ErrorCode
from extend_source.errors import SyncError, UsageError
from extend_source.pipeline.duckdb_layout import BLOCK_BYTES

_OLD, _NEW = "old", "new"


def compact(file: Path) -> tuple[int, int]:
    """Write a DuckDB file anew, with all that is in it: tables, views, indexes, sequences, macros and comments.

    The new file takes the place of the old one at once, at the end: whatever goes wrong before leaves the old one as it
    is. It has the permissions of the old one, and needs as much free space beside it.

    Args:
        file: the file; a link stays one, to the new file.

    Returns:
        The size before and after, in bytes.

    Raises:
        UsageError: another process or connection has the file open.
        SyncError: the new file could not be written, or does not hold what the old one holds.
    """
    file = file.resolve()
    before = file.stat().st_size
    _check_free(file)
    # in a folder of its own, which nobody else may read
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}.") as folder:
        fresh = Path(folder) / file.name
        try:
            with duckdb.connect() as connection:
                # the old file stays locked against writers until the new one is in its place
                connection.execute(f"ATTACH {_quoted(file)} AS {_OLD} (READ_ONLY)")
                if _log_of(file).exists():
                    raise _in_use(file)
                _copy(connection, fresh)
                shutil.copystat(file, fresh)
                _keep_owner(file, fresh)
                if os.name == "nt":  # where no file that is open can be replaced
                    connection.execute(f"DETACH {_OLD}")
                os.replace(fresh, file)
        except (duckdb.Error, OSError) as error:
            if "lock" in str(error):
                raise _in_use(file) from None
            raise SyncError(
                f"{file} could not be written anew ({type(error).__name__})",
                "It is as it was. Make sure that there is as much free space beside it as it takes",
                error_code=ErrorCode.NOT_COMPACTED,
            ) from error
    shutil.rmtree(f"{file}.tmp", ignore_errors=True)  # where DuckDB puts what memory does not hold
    return before, file.stat().st_size


def _check_free(file: Path) -> None:
    """Make sure that nobody has the file open, in this process either, and write its log into it."""
    try:
        # in each of the two ways: DuckDB refuses the one that differs from how this process has opened it already
        duckdb.connect(str(file), read_only=True).close()
        with duckdb.connect(str(file)) as connection:
            connection.execute("CHECKPOINT")
    except duckdb.Error:
        raise _in_use(file) from None


def _in_use(file: Path) -> UsageError:
    return UsageError(
        f"The rows are deleted, but {file} is open elsewhere and was not written anew",
        "Close it, then run the same command again",
        error_code=ErrorCode.FILE_IN_USE,
    )


def _copy(connection: duckdb.DuckDBPyConnection, fresh: Path) -> None:
    connection.execute(f"ATTACH {_quoted(fresh)} AS {_NEW} (BLOCK_SIZE {BLOCK_BYTES})")
    connection.execute(f"COPY FROM DATABASE {_OLD} TO {_NEW}")
    if _contents(connection, _OLD) != _contents(connection, _NEW):
        raise OSError("the copy differs")
    connection.execute(f"DETACH {_NEW}")  # writes it out
    with fresh.open("rb") as written:
        os.fsync(written.fileno())


def _contents(connection: duckdb.DuckDBPyConnection, database: str) -> list[Any]:
    """The names of all tables with their rows, and of all views."""
    tables = connection.execute(
        "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = ? ORDER BY ALL", [database]
    ).fetchall()
    counts = [
        connection.execute(f'SELECT count(*) FROM {database}."{_name(schema)}"."{_name(table)}"').fetchall()
        for schema, table in tables
    ]
    views = connection.execute(
        "SELECT schema_name, view_name FROM duckdb_views() WHERE database_name = ? AND NOT internal ORDER BY ALL",
        [database],
    ).fetchall()
    return [tables, counts, views]


def _name(name: str) -> str:
    return name.replace('"', '""')


def _quoted(file: Path) -> str:
    path = str(file).replace("'", "''")
    return f"'{path}'"


def _log_of(file: Path) -> Path:
    """The file beside the database in which DuckDB keeps what is not in it yet."""
    return file.with_name(f"{file.name}.wal")


def _keep_owner(file: Path, fresh: Path) -> None:
    """Give the new file to whom the old one belongs, as far as this process may."""
    owner = file.stat()
    if hasattr(os, "chown") and (owner.st_uid, owner.st_gid) != (fresh.stat().st_uid, fresh.stat().st_gid):
        os.chown(fresh, owner.st_uid, owner.st_gid)
