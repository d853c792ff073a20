"""What the destination already holds, read through the pipeline's own connection.

The destination, not the pipeline's state, says what has landed: a new machine, or one that lost its state, fetches
nothing twice.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import dlt
import pyarrow as pa
from dlt.common import logger
from dlt.common.destination.exceptions import SqlClientNotAvailable
from dlt.common.schema.typing import LOADS_TABLE_NAME
from dlt.destinations.exceptions import DatabaseUndefinedRelation
from dlt.destinations.sql_client import SqlClientBase

from extend_source.api import InvalidSetting
from extend_source.tables import bookkeeping, schemas
from extend_source.tables.contract import LOAD_ID, TableSchema
from extend_source.tables.kinds import to_credits, to_timestamp

KEYS_PER_QUERY = 500

MOST_FILE_ATTEMPTS = 5
"""So many loads ask for the text of a file that cannot be had, such as a deleted one."""

_TEXT_TABLES = (schemas.FILE_CONTENTS, schemas.FILE_PAGES, schemas.FILE_SHEETS)

TERMINAL_STATUSES = frozenset({"PROCESSED", "FAILED", "CANCELLED"})
"""Run states that do not change by themselves (SDK 0.2.0, processor_status)."""


class LandedRun(NamedTuple):
    """What the destination knows of a run."""

    status: str | None
    updated_at: datetime | None
    credits: Decimal | None
    loaded_tables: frozenset[str] | None

    def is_in(self, tables: frozenset[str]) -> bool:
        """Tell whether the run was loaded into all of some tables."""
        return self.loaded_tables is None or tables <= self.loaded_tables


class LandedError(NamedTuple):
    """An earlier failure to load a run or a file."""

    attempts: int
    first_seen_at: datetime


class LandedData:
    """Reads what has landed. Where nothing has, or the destination cannot be read, nothing is known."""

    def __init__(self, pipeline: dlt.Pipeline | None, schema_name: str | None = None) -> None:
        """Remember where to read; no connection is made yet.

        Args:
            pipeline: the running pipeline; None outside of one.
            schema_name: the dlt schema of the source.
        """
        self._pipeline = pipeline
        self._schema_name: Any = schema_name if pipeline and schema_name in pipeline.schema_names else None
        self._missing_tables: set[str] = set()

    def refuse_unfit_destination(self) -> None:
        """Refuse a destination that cannot hold the tables, before any request is spent on it.

        Raises:
            InvalidSetting: it cannot replace rows, or a DuckDB dataset has the name of its file.
        """
        if self._pipeline is None:
            return
        strategies = self._pipeline.destination.capabilities().supported_merge_strategies or []
        if "delete-insert" not in strategies:
            raise InvalidSetting(
                f"The destination {self._pipeline.destination.destination_name} cannot replace the rows of a run",
                "Use one that merges by delete-insert, such as duckdb, postgres, snowflake or bigquery",
            )
        self._refuse_ambiguous_names()

    def _refuse_ambiguous_names(self) -> None:
        """Refuse a dataset that DuckDB, which names a database after its file, could not tell from that one."""
        if self._pipeline is None or not self._pipeline.destination.destination_type.endswith(".duckdb"):
            return
        with self._pipeline.sql_client(self._schema_name) as client:
            rows = client.execute_sql("SELECT current_database()") or [[None]]
            if rows[0][0] != client.dataset_name:
                return
        raise InvalidSetting(
            f"DuckDB cannot tell the dataset {self._pipeline.dataset_name!r} from its file of the same name",
            "Give the pipeline, the file or the dataset another name",
        )

    def runs(self, ids: Iterable[str]) -> dict[str, LandedRun]:
        """Look up runs.

        Args:
            ids: run ids, any number.

        Returns:
            The runs that have landed with all their rows, by id. A load that was cut off between two tables does not
            count: its runs are fetched again.
        """
        columns = ("id", "status", "updated_at", "credits", "loaded_tables")
        return {
            row[0]: LandedRun(row[1], as_utc(row[2]), as_credits(row[3]), row[4] and frozenset(row[4].split(",")))
            for row in self.rows(schemas.PROCESSOR_RUNS, columns, ids, complete=True)
        }

    def files_with_contents(self, ids: Sequence[str]) -> set[str]:
        """Tell which of some files have landed with text, pages or sheets."""
        found: set[str] = set()
        for table in _TEXT_TABLES:
            missing = [file_id for file_id in ids if file_id not in found]
            found.update(row[0] for row in self.rows(table, ("file_id",), missing, distinct=True, complete=True))
        return found

    def files_without_contents(self) -> list[str]:
        """The files that have landed without text, pages or sheets, but for those that were asked for in vain often."""
        ids = [row[0] for row in self._query(schemas.FILES, ("id",))]
        landed = self.files_with_contents(ids)
        errors = self.errors(ids)
        return [
            file_id
            for file_id in ids
            if file_id not in landed and (file_id not in errors or errors[file_id].attempts < MOST_FILE_ATTEMPTS)
        ]

    def errors(self, ids: Iterable[str]) -> dict[str, LandedError]:
        """Look up earlier failures, by the id of the run or file."""
        rows = self.rows(bookkeeping.FETCH_ERRORS, ("id", "attempts", "first_seen_at"), ids)
        return {row[0]: LandedError(row[1], as_utc(row[2]) or _EPOCH) for row in rows}

    def drift_keys(self) -> frozenset[tuple[str, str]]:
        """The keys of all ``schema_drift`` rows."""
        return frozenset((row[0], row[1]) for row in self._query(bookkeeping.SCHEMA_DRIFT, ("object", "path")))

    def rows(
        self,
        table: TableSchema,
        columns: Sequence[str],
        keys: Iterable[str],
        *,
        distinct: bool = False,
        complete: bool = False,
    ) -> Iterator[tuple[Any, ...]]:
        """Look up rows by the first of `columns`.

        Args:
            table: the table.
            columns: the columns to read; the first one is looked up.
            keys: its values, any number.
            distinct: leave out repeated rows.
            complete: leave out rows of loads that did not end.

        Yields:
            The rows found.
        """
        pending = list(dict.fromkeys(keys))
        for start in range(0, len(pending), KEYS_PER_QUERY):
            if table.name in self._missing_tables:
                return
            chunk = pending[start : start + KEYS_PER_QUERY]
            yield from self._query(table, columns, columns[0], chunk, distinct=distinct, complete=complete)

    def _query(
        self,
        table: TableSchema,
        columns: Sequence[str],
        where: str | None = None,
        values: Sequence[str] = (),
        *,
        distinct: bool = False,
        complete: bool = False,
    ) -> list[tuple[Any, ...]]:
        if self._pipeline is None or table.name in self._missing_tables:
            return []
        try:
            with self._pipeline.sql_client(self._schema_name) as client:
                selected = ", ".join(client.escape_column_name(column) for column in columns)
                sql = f"SELECT {'DISTINCT ' if distinct else ''}{selected} FROM "
                sql += client.make_qualified_table_name(table.name)
                if where:
                    sql += f" WHERE {client.escape_column_name(where)} IN ({', '.join(['%s'] * len(values))})"
                if complete:
                    sql += f" {'AND' if where else 'WHERE'} {self._is_complete(client)}"
                return [tuple(row) for row in client.execute_sql(sql, *values) or ()]
        except DatabaseUndefinedRelation:
            self._missing_tables.add(table.name)
        except SqlClientNotAvailable:
            logger.warning(
                f"The destination of pipeline {self._pipeline.pipeline_name} cannot be read: "
                "every run that is listed will be fetched again."
            )
            self._pipeline = None
        return []

    @staticmethod
    def _is_complete(client: SqlClientBase[Any]) -> str:
        """SQL that is true for rows of loads that ended: tables load one by one, and dlt notes a load at its end."""
        loads = client.make_qualified_table_name(LOADS_TABLE_NAME)
        load_id, status = client.escape_column_name("load_id"), client.escape_column_name("status")
        ended = f"SELECT {load_id} FROM {loads} WHERE {status} = 0"
        return f"{client.escape_column_name(LOAD_ID)} IN ({ended})"


def keep_known(table: pa.Table, schema: TableSchema, landed: LandedData) -> pa.Table:
    """Fill what a payload did not carry with what an earlier load landed: absent never erases known.

    Args:
        table: the rows about to be written.
        schema: their table; its `kept_columns` are the ones to fill.
        landed: what the destination holds.

    Returns:
        The table, with NULLs in those columns replaced where the destination has a value.
    """
    names = schema.kept_columns
    if not names or table.num_rows == 0:
        return table
    key = schema.key[0]
    columns = {name: table.column(name).to_pylist() for name in names}
    keys = table.column(key).to_pylist()
    lacking = [owner for index, owner in enumerate(keys) if any(columns[name][index] is None for name in names)]
    known = {row[0]: row[1:] for row in landed.rows(schema, (key, *names), lacking)}
    if not known:
        return table
    kinds = {column.name: column.kind for column in schema.columns}
    for place, name in enumerate(names):
        filled = [
            value if value is not None or owner not in known else _from_destination(known[owner][place])
            for owner, value in zip(keys, columns[name], strict=True)
        ]
        array = pa.array(filled, type=kinds[name].arrow_type)
        table = table.set_column(table.schema.get_field_index(name), table.schema.field(name), array)
    return table


_EPOCH = datetime.fromtimestamp(0, timezone.utc)


def _from_destination(value: Any) -> Any:
    return as_utc(value) if isinstance(value, datetime) else value


def as_utc(value: Any) -> datetime | None:
    """Return a time as a destination gives it, some without a zone or as text, in UTC."""
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    return to_timestamp(value)


def as_credits(value: Any) -> Decimal | None:
    """Return credits as a destination gives them as a decimal with six places."""
    return None if value is None else to_credits(value)
