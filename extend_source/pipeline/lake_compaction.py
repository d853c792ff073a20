"""Writing the many small files of a table anew as few: only rows that are current, in the order of their loads.

The new files take their place before the old ones go. In between a row may be there twice, which the current views and
all that this package reads take as one, as a job of dlt that is repeated writes rows twice as well. So a kill at any
moment leaves tables that say the same.
"""

from __future__ import annotations

import re
import tempfile
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dlt
import duckdb
import pyarrow as pa
from dlt.common.destination.exceptions import DestinationUndefinedEntity
from dlt.common.schema.typing import LOADS_TABLE_NAME

from extend_source.error_codes import ErrorCode
from extend_source.errors import SyncError, UsageError
from extend_source.pipeline.write_mode import current_rows
from extend_source.tables.contract import LOAD_ID, TableSchema
from extend_source.text.redaction import redact
from extend_source.text.wording import one_line

FILE_BYTES = 256 * 2**20
"""About how large a new file gets before another one begins."""

_WORK = "_compaction"
"""The folder of the dataset in which files are that are not yet in their place."""

_LOADED, _FILE = "loaded", "_file"
_AS_WRITTEN = "union_by_name = true, hive_partitioning = false"
"""How files are read: what a layout puts into their path (``year=2026``) is no column of theirs."""

_MAX_CHARACTERS = 300
_NAMED_AGAIN = re.compile(r"-c[0-9a-f]{8}_\d+$")


@dataclass(frozen=True)
class CompactedTable:
    """What became of the files of a table.

    Attributes:
        name: the table.
        files_before: how many there were.
        files: how many there are.
        bytes_before: their size.
        bytes: their size now; of Delta and Iceberg tables, of the files that the newest version consists of.
    """

    name: str
    files_before: int
    files: int
    bytes_before: int
    bytes: int


def compact_lake(pipeline: dlt.Pipeline, schema_name: str, tables: list[TableSchema]) -> Iterator[CompactedTable]:
    """Write the files of tables anew, one table after the other.

    Args:
        pipeline: a locked pipeline whose destination is files.
        schema_name: the dlt schema of the source.
        tables: the tables; those without files are passed over.

    Yields:
        Each table that has files, also where they stay as they are.

    Raises:
        UsageError: the files are not Parquet, or nothing tells those of two tables apart.
        SyncError: files went meanwhile, or there is no room for new ones; nothing is lost.
    """
    try:
        with ExitStack() as opened:
            client: Any = pipeline.destination_client(schema_name)
            lake = _Lake(opened.enter_context(client), opened)
            lake.clear_work()
            ended = lake.ended_loads()
            for table in tables:
                table_format = client.schema.tables.get(table.name, {}).get("table_format")
                compacted = (
                    lake.compact_open_table(table, table_format, ended) if table_format else lake.compact(table, ended)
                )
                if compacted:
                    yield compacted
            lake.compact_loads()
            lake.clear_work()
    except (OSError, duckdb.Error) as error:
        reason = one_line(redact(str(error)))[:_MAX_CHARACTERS]
        raise SyncError(
            f"The files could not be written anew ({type(error).__name__}): {reason}",
            "Nothing is lost. Make sure that one machine at a time compacts, and that the folder for temporary files "
            "(TMPDIR) has room for the largest table; then run the same command again",
            error_code=ErrorCode.NOT_COMPACTED,
        ) from error


class _Lake:
    """The files of a dataset, and DuckDB to read and write them with."""

    def __init__(self, client: Any, opened: ExitStack) -> None:
        self._client, self._storage = client, client.fs_client
        self._folder = Path(opened.enter_context(tempfile.TemporaryDirectory(prefix="extend-compact-")))
        sql_client = opened.enter_context(client.sql_client)
        self._duckdb = sql_client.native_connection.cursor()
        opened.callback(self._duckdb.close)
        self._duckdb.execute(f"SET temp_directory = {_quoted(str(self._folder / 'spilled'))}")
        self._join = client.pathlib.join

    def clear_work(self) -> None:
        """Delete what a compaction that was cut off has left."""
        work = self._join(self._client.dataset_path, _WORK)
        if self._storage.exists(work):
            self._storage.rm(work, recursive=True)

    def ended_loads(self) -> str:
        """Return the SQL condition that a row is of a load that has ended; loads that end from now on do not count."""
        files = self._files(LOADS_TABLE_NAME)
        if not files:
            return "false"
        self._duckdb.execute(
            "CREATE OR REPLACE TEMP TABLE ended_loads AS SELECT load_id FROM "
            f"read_json({self._listed(files)}, columns = {{load_id: 'varchar', status: 'bigint'}}) "
            "WHERE status = 0 AND load_id IS NOT NULL"
        )
        return f"{LOAD_ID} in (select load_id from ended_loads)"

    def compact(self, table: TableSchema, ended: str) -> CompactedTable | None:
        """Write the Parquet files of a table anew, but for those of loads that have not ended."""
        files = self._files(table.name)
        if not files:
            return None
        self._refuse_mixed_files(table.name)
        if not all(file.endswith(".parquet") for file in files):
            raise UsageError(
                f"The files of {table.name} are not Parquet",
                "Only Parquet files, Delta and Iceberg tables can be compacted",
                error_code=ErrorCode.UNFIT_DESTINATION,
            )
        before = self._size(files)
        kept = self._of_other_loads(files, ended)
        old = [file for file in files if file not in kept]
        if len(old) > 1:
            self._duckdb.execute(
                f"CREATE OR REPLACE TEMP VIEW {_LOADED} AS"
                f" SELECT * FROM read_parquet({self._listed(old)}, {_AS_WRITTEN})"
            )
            new = self._put_in_place(self._written(table), beside=max(old))
            self._storage.rm(old)
            files = [*kept, *new]
        after = self._size(files)
        return CompactedTable(table.name, len(old) + len(kept), len(files), before, after)

    def compact_open_table(self, table: TableSchema, table_format: str, ended: str) -> CompactedTable | None:
        """Write a Delta or Iceberg table anew, in one commit of its own library; its older versions stay."""
        with suppress(DestinationUndefinedEntity):
            opened = self._client.load_open_table(table_format, table.name)
            return _OPEN_TABLES[table_format](self._duckdb, table, opened, ended)
        return None

    def compact_loads(self) -> None:
        """Write dlt's notes of loads, a file each, into that of the newest load."""
        files = self._files(LOADS_TABLE_NAME)
        own = [file for file in files if self._name(file).startswith(f"{self._client.schema.name}__")]
        if len(own) > 1:
            lines = (line for file in sorted(own) for line in self._storage.cat_file(file).splitlines() if line)
            local = self._folder / "loads.jsonl"
            local.write_bytes(b"\n".join(dict.fromkeys(lines)) + b"\n")
            self._move(local, max(own))
            self._storage.rm([file for file in own if file != max(own)])

    def _written(self, table: TableSchema) -> list[Path]:
        folder = self._folder / table.name
        self._duckdb.execute(
            f"COPY ({_kept_rows(table)}) TO {_quoted(str(folder))}"
            f" (FORMAT parquet, FILE_SIZE_BYTES {FILE_BYTES}, PER_THREAD_OUTPUT false)"
        )
        return sorted(folder.rglob("*.parquet"))

    def _put_in_place(self, written: list[Path], beside: str) -> list[str]:
        stem, _, ending = beside.rpartition(".")
        mark = uuid.uuid4().hex[:8]
        placed = [f"{_NAMED_AGAIN.sub('', stem)}-c{mark}_{number}.{ending}" for number in range(len(written))]
        for local, remote in zip(written, placed, strict=True):
            self._move(local, remote)
            local.unlink()
        return placed

    def _move(self, local: Path, remote: str) -> None:
        """Bring a file into a place where a reader finds all of it or nothing."""
        work = self._join(self._client.dataset_path, _WORK)
        self._storage.makedirs(work, exist_ok=True)
        waiting = self._join(work, f"{uuid.uuid4().hex}-{local.name}")  # no other machine writes to the same
        self._storage.put_file(str(local), waiting)
        self._storage.mv(waiting, remote)
        if self._storage.size(remote) != local.stat().st_size:
            raise OSError(f"{self._name(remote)} is not as it was written")

    def _refuse_mixed_files(self, table: str) -> None:
        """Make sure that what looks like a file of a table is none of another one.

        Raises:
            UsageError: a layout such as ``{table_name}_{load_id}`` does not tell them apart.
        """
        prefix = self._client.get_table_prefix(table)
        others = (name for name in self._client.schema.tables if name != table)
        mixed = [name for name in others if self._client.get_table_prefix(name).startswith(prefix)]
        if mixed:
            raise UsageError(
                f"The layout of the destination does not tell the files of {table} from those of {mixed[0]}",
                "Only files in a layout with a slash or a dot after {table_name} can be compacted",
                error_code=ErrorCode.UNFIT_DESTINATION,
            )

    def _of_other_loads(self, files: list[str], ended: str) -> set[str]:
        """The files with rows of loads that have not ended: another machine may be at work on them."""
        by_name = {self._url(file): file for file in files}
        read = f"read_parquet({self._listed(files)}, {_AS_WRITTEN}, filename = '{_FILE}')"
        rows = self._duckdb.execute(f"SELECT DISTINCT {_FILE} FROM {read} WHERE NOT ({ended})").fetchall()
        return {by_name[name] for (name,) in rows}

    def _files(self, table: str) -> list[str]:
        with suppress(DestinationUndefinedEntity):
            return sorted(self._client.list_table_files(table))
        return []

    def _listed(self, files: list[str]) -> str:
        return f"[{', '.join(_quoted(self._url(file)) for file in files)}]"

    def _url(self, file: str) -> str:
        return str(file if self._client.is_local_filesystem else self._client.make_remote_url(file))

    def _size(self, files: list[str]) -> int:
        return sum(self._storage.size(file) for file in files)

    def _name(self, file: str) -> str:
        return str(self._client.pathlib.basename(file))


def _kept_rows(table: TableSchema, ended: str = "") -> str:
    """The rows of the last load of each owner, its markers among them, in the order of loads."""
    return f"{current_rows(table, _LOADED, ended, markers=True)} ORDER BY {LOAD_ID}, {', '.join(table.key)}"


def _compact_delta(connection: Any, table: TableSchema, opened: Any, ended: str) -> CompactedTable:
    from deltalake import write_deltalake  # an extra of dlt, which has written the table

    def files() -> tuple[int, int]:
        sizes = pa.table(opened.get_add_actions(flatten=True))["size_bytes"].to_pylist()
        return len(sizes), sum(sizes)

    count, size = files()
    if count > 1:
        connection.register(_LOADED, opened.to_pyarrow_dataset())
        write_deltalake(opened, connection.execute(_all_kept(table, ended)).to_arrow_reader(), mode="overwrite")
        opened.update_incremental()
    return CompactedTable(table.name, count, files()[0], size, files()[1])


def _compact_iceberg(connection: Any, table: TableSchema, opened: Any, ended: str) -> CompactedTable:
    def files() -> tuple[int, int]:
        sizes = [task.file.file_size_in_bytes for task in opened.scan().plan_files()]
        return len(sizes), sum(sizes)

    count, size = files()
    if count > 1:
        connection.register(_LOADED, opened.scan().to_arrow_batch_reader().read_all())
        kept = connection.execute(_all_kept(table, ended)).to_arrow_table()
        opened.overwrite(kept.cast(opened.schema().as_arrow()))
    return CompactedTable(table.name, count, files()[0], size, files()[1])


def _all_kept(table: TableSchema, ended: str) -> str:
    """The rows that a table keeps, and those of loads that have not ended."""
    return f"({_kept_rows(table, ended)}) UNION ALL (SELECT * FROM {_LOADED} WHERE NOT ({ended}))"


_OPEN_TABLES: dict[str, Callable[[Any, TableSchema, Any, str], CompactedTable]] = {
    "delta": _compact_delta,
    "iceberg": _compact_iceberg,
}


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
