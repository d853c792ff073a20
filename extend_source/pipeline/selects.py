"""SELECT statements over the source's tables, in SQL that every destination takes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

import dlt

from extend_source.pipeline.conditions import Condition, Sql, is_of_ended_load
from extend_source.pipeline.presence import Presence
from extend_source.pipeline.write_mode import current_rows, replacement_of
from extend_source.tables.contract import LOAD_ID, TableSchema

Statement = tuple[str, tuple[Any, ...]]
"""SQL, and the values for the ``%s`` in it."""


class Chosen(NamedTuple):
    """Some rows of a table; see `DestinationReader.rows`."""

    table: TableSchema
    conditions: Sequence[Condition] = ()
    complete: bool | None = None


class Selects:
    """Writes statements that read the current rows, and NULL for columns that are not there."""

    def __init__(self, pipeline: dlt.Pipeline | None, there: Presence) -> None:
        """Take the pipeline, and what is there of its tables."""
        self._pipeline, self._there = pipeline, there

    @cached_property
    def supersedes(self) -> bool:
        """Tell whether the tables have superseded rows beside the current ones."""
        return self._pipeline is not None and replacement_of(self._pipeline) == "supersede"

    def write(self, client: Sql, columns: Sequence[str], chosen: Chosen, *, distinct: bool = False) -> Statement:
        """Write a statement.

        Args:
            client: dlt's client of the destination.
            columns: the columns to read.
            chosen: the rows to read.
            distinct: leave out repeated rows.
        """
        table, conditions, complete = chosen
        selected = ", ".join(self._column(client, table.name, column) for column in columns)
        name = client.make_qualified_table_name(table.name)
        if self.supersedes:
            # a row of a load that did not end counts as such only until a later load has superseded it
            ended = is_of_ended_load(client) if complete else ""
            name = f"({current_rows(table, name, ended)}) AS current_rows"
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{selected} FROM {name}"
        gone = self._there.gone_from(table.name)
        parts = [condition.sql(client, gone) for condition in conditions]
        if complete is not None:
            parts.append(_ended(client, complete=complete, are_known=LOAD_ID not in gone))
        if parts:
            sql += f" WHERE {' AND '.join(parts)}"
        return sql, tuple(value for condition in conditions for value in condition.values)

    def _column(self, client: Sql, table: str, column: str) -> str:
        name = client.escape_column_name(column)
        return f"NULL AS {name}" if self._there.lacks(table, column) else name


def _ended(client: Sql, *, complete: bool, are_known: bool) -> str:
    """Write that the loads of rows have ended, or have not; where those are gone from a table, all count as ended."""
    if not are_known:
        return "1 = 1" if complete else "1 = 0"
    return is_of_ended_load(client) if complete else f"NOT ({is_of_ended_load(client)})"
