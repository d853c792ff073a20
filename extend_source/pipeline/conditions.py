"""Conditions on rows, in SQL that every destination takes."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import Any

from dlt.common.schema.typing import LOADS_TABLE_NAME
from dlt.destinations.sql_client import SqlClientBase

from extend_source.tables.contract import LOAD_ID

Sql = SqlClientBase[Any]


class Condition:
    """A condition on the rows of a table: SQL with column names and ``%s`` in it, and the values for these."""

    def __init__(self, sql: str, *values: Any, columns: Sequence[str] = ()) -> None:
        """Take the SQL.

        Args:
            sql: the SQL; ``{name}`` stands for a column, escaped for the destination.
            *values: the values, one for each ``%s``.
            columns: the names used in `sql`.
        """
        self._sql = sql
        self._columns = columns
        self.values = values

    def sql(self, client: Sql, gone: Collection[str] = ()) -> str:
        """Return the SQL for a destination.

        Args:
            client: the destination.
            gone: columns that someone has dropped: they count as NULL.
        """
        names = {name: "NULL" if name in gone else client.escape_column_name(name) for name in self._columns}
        return self._sql.format(**names)


NO_ROW = Condition("1 = 0")
"""No row meets it."""


def one_of(column: str, values: Sequence[Any]) -> Condition:
    """The column has one of some values; without any, no row has."""
    if not values:
        return NO_ROW
    return Condition(f"{{{column}}} IN ({', '.join(['%s'] * len(values))})", *values, columns=[column])


def equals(column: str, value: Any) -> Condition:
    """The column has a value; None is equal to NULL."""
    if value is None:
        return Condition(f"{{{column}}} IS NULL", columns=[column])
    return Condition(f"{{{column}}} = %s", value, columns=[column])


def between(column: str, least: Any, most: Any) -> Condition:
    """The column has a value from `least` to `most`, both included."""
    return Condition(f"{{{column}}} >= %s AND {{{column}}} <= %s", least, most, columns=[column])


class Written(Condition):
    """A condition that needs the destination to be written."""

    def __init__(self, write: Callable[[Sql], str], *values: Any) -> None:
        """Take what writes the SQL for a destination, and the values in it."""
        super().__init__("", *values)
        self._write = write

    def sql(self, client: Sql, gone: Collection[str] = ()) -> str:
        """Return the SQL for a destination; no column of it can be gone."""
        return self._write(client)


def of_ended_loads() -> Condition:
    """The rows of loads that have ended."""
    return Written(is_of_ended_load)


def is_of_ended_load(client: Sql) -> str:
    """Write the condition that a row is of a load that has ended."""
    loads = client.make_qualified_table_name(LOADS_TABLE_NAME)
    load_id, status = client.escape_column_name("load_id"), client.escape_column_name("status")
    ended = f"SELECT {load_id} FROM {loads} WHERE {status} = 0"
    return f"{client.escape_column_name(LOAD_ID)} IN ({ended})"
