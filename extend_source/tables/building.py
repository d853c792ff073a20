"""Collecting the rows of a table and turning them into Arrow columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from operator import itemgetter
from typing import Any

import pyarrow as pa

from extend_source.tables.contract import EXTRA, TableSchema
from extend_source.tables.kinds import to_json
from extend_source.tables.reading import Extra


class TableBuilder:
    """The rows of one table, on their way to Arrow.

    A row is a tuple in the order of the schema. Transposing all of them at once is a loop in C, several
    times faster than appending each value to a list of its column.
    """

    def __init__(self, table: TableSchema) -> None:
        """Start with no rows."""
        self.table = table
        self._rows: list[tuple[Any, ...]] = []
        by_role = [*table.own_columns, *table.api_columns]
        names = [column.name for column in by_role]
        if any(column.name == EXTRA for column in table.columns):
            names.append(EXTRA)
        self._in_schema_order = itemgetter(*(names.index(column.name) for column in table.columns))
        self._has_extra = EXTRA in names

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, own: Sequence[Any], api: Sequence[Any] = (), extra: Extra | None = None) -> None:
        """Add a row.

        Args:
            own: the values of the columns that the builder worked out, in schema order.
            api: the values read from the API object, in schema order.
            extra: what no column holds.
        """
        values = (*own, *api)
        if self._has_extra:
            values = (*values, to_json(extra) if extra else None)
        self._rows.append(self._in_schema_order(values))

    def mark(self, owner: str) -> None:
        """Say that an owner was loaded, so that rows it no longer has are removed.

        Args:
            owner: the value of the table's `replaced_by` column.
        """
        table = self.table
        marker = dict(table.marker)
        marker[str(table.replaced_by)] = owner
        self._rows.append(tuple(marker.get(column.name) for column in table.columns))

    def cut(self, length: int) -> None:
        """Drop the rows beyond a length."""
        del self._rows[length:]

    def take(self, load_id: str | None) -> pa.Table:
        """Return the rows as an Arrow table and start again with none.

        Args:
            load_id: the id of the load that the rows belong to.

        Returns:
            A table of exactly the schema's Arrow schema.
        """
        schema = self.table.arrow_schema
        if not self._rows:
            return schema.empty_table()
        columns = list(zip(*self._rows, strict=True))
        arrays = [pa.array(values, type=field.type) for values, field in zip(columns, schema, strict=False)]
        arrays.append(pa.array([load_id] * len(self._rows), type=pa.string()))
        self._rows = []
        return pa.Table.from_arrays(arrays, schema=schema)


class TableSet:
    """One builder a table."""

    def __init__(self, tables: Sequence[TableSchema]) -> None:
        """Make the builders."""
        self._builders = {table.name: TableBuilder(table) for table in tables}

    def __getitem__(self, table: TableSchema) -> TableBuilder:
        return self._builders[table.name]

    @contextmanager
    def all_or_nothing(self) -> Iterator[None]:
        """Drop the rows that the block has added when it fails."""
        lengths = {name: len(builder) for name, builder in self._builders.items()}
        try:
            yield
        except BaseException:
            for name, length in lengths.items():
                self._builders[name].cut(length)
            raise

    def take(self, load_id: str | None) -> dict[str, pa.Table]:
        """Return all tables by name, empty ones included, and start again."""
        return {name: builder.take(load_id) for name, builder in self._builders.items()}
