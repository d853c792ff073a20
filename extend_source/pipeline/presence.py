"""What is there of the tables: as dlt knows them, as someone has dropped them, and as reading has shown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import dlt
from dlt.common.schema import Schema
from dlt.common.schema.typing import TSchemaTables

from extend_source.pipeline.storage import Gone, columns_there, find_gone, make_again
from extend_source.tables.bookkeeping import ERASURES
from extend_source.tables.contract import LOAD_ID, TableSchema
from extend_source.tables.objects import LISTED_TYPES


class Presence:
    """Which tables and columns are there. Where the destination cannot be read, none is."""

    def __init__(self, pipeline: dlt.Pipeline | None, schema_name: str | None, emptied: Iterable[str]) -> None:
        """Remember where to look; nothing is looked at yet.

        Args:
            pipeline: the running pipeline; None outside of one.
            schema_name: the dlt schema of the source; None: the pipeline has none yet.
            emptied: tables that the load under way drops or empties: they count as if they did not exist.
        """
        self._pipeline = pipeline
        self._schema_name: Any = schema_name
        self._emptied = frozenset(emptied)
        self._missing = self._from_the_start
        self._gone = Gone({})

    @property
    def _from_the_start(self) -> set[str]:
        """The tables that count as missing from the start: erasures must outlast what empties them."""
        return set(self._emptied) - {ERASURES.name}

    def give_up(self) -> None:
        """Be told that the destination cannot be read."""
        self._pipeline = None

    @property
    def tables(self) -> TSchemaTables:
        """The tables as dlt knows them before the load under way."""
        return self._schema.tables if self._pipeline is not None and self._schema is not None else {}

    @cached_property
    def _schema(self) -> Schema | None:
        """The schema of the source, which the pipeline reads from its folder and checks each time it is asked."""
        if self._pipeline is None or self._schema_name is None:
            return None
        return self._pipeline.schemas[self._schema_name]

    def knows(self, table: TableSchema) -> bool:
        """Tell whether dlt knows a table."""
        return table.name in self.tables

    def is_made(self, table: TableSchema) -> bool:
        """Tell whether dlt knows a table with all its columns: a load without rows of it makes none."""
        return self.knows(table) and self.tables[table.name]["columns"].keys() >= set(table.column_names)

    def has(self, name: str) -> bool:
        """Tell whether there is a table, as far as reading it has shown."""
        return self._pipeline is not None and name not in self._missing

    def note_missing(self, name: str) -> None:
        """Be told that there is no such table, as reading it has shown."""
        self._missing.add(name)

    def gone_from(self, name: str) -> frozenset[str]:
        """The columns of a table that someone has dropped, until they are made again."""
        return self._gone.columns.get(name, frozenset())

    def lacks(self, name: str, column: str) -> bool:
        """Tell whether a table has no such column: someone has dropped it, or no load has made it yet."""
        if column in self.gone_from(name):
            return True
        known = self.tables.get(name)
        return known is not None and column not in known["columns"] and column != LOAD_ID

    def columns_of(self, names: Sequence[str]) -> dict[str, set[str]]:
        """Ask the destination for the columns of some tables; one that does not exist has none."""
        if self._pipeline is None or self._schema_name is None or not names:
            return {}
        return columns_there(self._pipeline, self._schema_name, list(names))

    def find_gone(self) -> frozenset[str]:
        """Find the tables that hold nothing, or not all, of what was written to them.

        Returns:
            Those that someone has dropped, or that have lost a column: until `make_again` it reads as NULL, and a table
            that has lost a column of its key does not exist. And those that the load under way drops or empties.
        """
        if self._pipeline is None or self._schema_name is None:
            return self._emptied
        self._gone = find_gone(self._pipeline, self._schema_name)
        self._missing = self._from_the_start | self._gone.keyless  # reading may have noticed what is there now
        return self._emptied.union(self._gone.columns)

    def make_again(self) -> list[TableSchema]:
        """Make the tables and columns that `find_gone` has found to be gone.

        Returns:
            The tables of objects that have summaries, of which something was gone.
        """
        gone = self._gone
        if self._pipeline is None or not gone.columns:
            return []
        make_again(self._pipeline, self._schema_name, gone)
        self._gone = Gone({})
        self._missing = self._from_the_start
        return [
            kind.table
            for kind in LISTED_TYPES.values()
            if any(table.name in gone.columns for table in (kind.table, *kind.children.values()))
        ]
