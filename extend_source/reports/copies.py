"""Copies of a destination's tables in DuckDB's memory, for queries that its own SQL is too simple for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from types import TracebackType
from typing import Any

import duckdb
import pyarrow as pa
from dlt.destinations.exceptions import DatabaseException, DatabaseUndefinedRelation

from extend_source.pipeline.landed import LandedData
from extend_source.tables import TABLES, TableSchema

_ROWS_AT_ONCE = 10_000


class TableCopies:
    """Stands in for dlt's connection to a destination: a table is copied when it is first asked for."""

    def __init__(self, landed: LandedData) -> None:
        """Copy nothing yet.

        Args:
            landed: reads the destination.
        """
        self._landed = landed
        self._copied: set[str] = set()

    def __enter__(self) -> TableCopies:
        self._connection = duckdb.connect()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def make_qualified_table_name_path(self, table: str, quote: bool = False) -> list[str]:
        """Name a table; it is copied now."""
        if table in TABLES and table not in self._copied:
            self._copied.add(table)
            self._copy(TABLES[table])
        return [table]

    @contextmanager
    def execute_query(self, sql: str) -> Iterator[Any]:
        """Run a query."""
        try:
            yield self._connection.execute(sql)
        except duckdb.CatalogException as error:
            raise DatabaseUndefinedRelation(error) from error
        except duckdb.Error as error:
            raise DatabaseException(error) from error

    def execute_sql(self, sql: str) -> None:
        """Run a statement."""
        with self.execute_query(sql):
            pass

    def _copy(self, table: TableSchema) -> None:
        names = table.column_names[:-1]
        rows = self._landed.rows(table, names, complete=True)
        schema = pa.schema([field for field in table.arrow_schema if field.name in names])
        some = list(islice(rows, _ROWS_AT_ONCE))
        if not self._landed.has_table(table.name):
            return
        self._connection.execute("set timezone = 'UTC'")
        empty = schema.empty_table()
        self._connection.register("rows_to_copy", empty)
        self._connection.execute(f"create table {table.name} as select * from rows_to_copy")
        while some:
            columns = list(zip(*some, strict=True))
            arrays = [_array(values, field) for values, field in zip(columns, schema, strict=True)]
            self._connection.register("rows_to_copy", pa.Table.from_arrays(arrays, schema=schema))
            self._connection.execute(f"insert into {table.name} select * from rows_to_copy")
            some = list(islice(rows, _ROWS_AT_ONCE))


def _array(values: tuple[Any, ...], field: pa.Field) -> pa.Array:
    """Make a column of what a destination gives: SQLite has numbers for booleans, and texts for dates."""
    if pa.types.is_boolean(field.type):
        values = tuple(None if value is None else bool(value) for value in values)
    elif pa.types.is_date(field.type):
        return pa.array([None if value is None else str(value)[:10] for value in values]).cast(field.type)
    elif pa.types.is_string(field.type):
        values = tuple(None if value is None else str(value) for value in values)
    return pa.array(values, type=field.type)
