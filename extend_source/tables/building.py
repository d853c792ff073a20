"""Collecting the rows of a table and turning them into Arrow columns."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pyarrow as pa

from extend_source.tables.arrays import array_of
from extend_source.tables.contract import EXTRA, TableSchema
from extend_source.tables.kinds import to_json
from extend_source.tables.reading import Extra


class TableBuilder:
    """The rows of one table, on their way to Arrow.

    A row is a tuple of what the builder worked out, what the API sent, and what no column holds; the columns are put in
    the order of the schema once a batch. Transposing all rows at once is a loop in C, several times faster than
    appending each value to a list of its column.
    """

    def __init__(self, table: TableSchema) -> None:
        """Start with no rows."""
        self.table = table
        self._rows: list[tuple[Any, ...]] = []
        names = [column.name for column in (*table.own_columns, *table.api_columns)]
        self._own_names = {column.name for column in table.own_columns}
        self._has_extra = any(column.name == EXTRA for column in table.columns)
        if self._has_extra:
            names.append(EXTRA)
        self._places = [names.index(column.name) for column in table.columns]
        self._marker = [table.marker.get(name) for name in names]
        self._owner = names.index(table.replaced_by) if table.replaced_by else 0
        self._kept = [names.index(name) for name in table.kept_columns]

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, api: Sequence[Any] = (), extra: Extra | None = None, /, **own: Any) -> None:
        """Add a row.

        Args:
            api: the values read from the API object, in schema order.
            extra: what no column holds.
            **own: the values of the columns that the builder worked out, by name; all of them.

        Raises:
            TypeError: a column is left out, or there is no such column.
        """
        if own.keys() != self._own_names:
            raise TypeError(f"{self.table.name}: {', '.join(sorted(own.keys() ^ self._own_names))}")
        self.add_in_order([own[column.name] for column in self.table.own_columns], api, extra)

    def add_in_order(self, own: Sequence[Any], api: Sequence[Any] = (), extra: Extra | None = None) -> None:
        """Add a row of a table that has so many that naming each value takes too long.

        Args:
            own: the values of the columns that the builder worked out, in schema order.
            api: the values read from the API object, in schema order.
            extra: what no column holds.
        """
        if self._has_extra:
            self._rows.append((*own, *api, to_json(extra) if extra else None))
        else:
            self._rows.append((*own, *api))

    def mark(self, owner: str) -> None:
        """Say that an owner was loaded, so that rows it no longer has are removed.

        Args:
            owner: the value of the table's `replaced_by` column.
        """
        marker = self._marker.copy()
        marker[self._owner] = owner
        self._rows.append(tuple(marker))

    def cut(self, length: int) -> None:
        """Drop the rows beyond a length."""
        del self._rows[length:]

    def replace(self, start: int, stop: int) -> None:
        """Drop rows of an object that later rows of it replace, if there are any; what these do not know is kept.

        Args:
            start: the place of the first one to drop.
            stop: the place after the last one, where the later rows begin.
        """
        earlier, later = self._rows[start:stop], self._rows[stop:]
        if not (earlier and later):
            return
        if len(earlier) == len(later) == 1:
            known, row = earlier[0], list(later[0])
            for place in self._kept:
                row[place] = known[place] if row[place] is None else row[place]
            later = [tuple(row)]
        self._rows[start:] = later

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
        kinds = (column.kind for column in self.table.columns)
        arrays = [array_of(columns[place], kind) for place, kind in zip(self._places, kinds, strict=True)]
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
