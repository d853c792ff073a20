"""The destination's tables through the pipeline's own connection, in SQL that every destination takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, NamedTuple

import dlt
import pyarrow as pa
from dlt.common import logger
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from dlt.common.schema.typing import C_DLT_ID, LOADS_TABLE_NAME

from extend_source.pipeline.cells import readers, type_of
from extend_source.pipeline.columns import RowsInColumns, Run, chunks_of, executed, plain_rows_of, rows_of, streamed
from extend_source.pipeline.conditions import NO_ROW, Condition, Sql, Written, equals, one_of
from extend_source.pipeline.connections import Connections
from extend_source.pipeline.direct_rows import clear_column, replace_rows
from extend_source.pipeline.presence import Presence
from extend_source.pipeline.selects import Chosen, Selects, Statement
from extend_source.pipeline.storage import last_load_left_rows_out
from extend_source.pipeline.traits import traits_of
from extend_source.pipeline.write_mode import log_once, refuse_ambiguous_name, refuse_unreadable_folder, replacement_of
from extend_source.tables.bookkeeping import RAW_PAYLOADS
from extend_source.tables.contract import TableSchema
from extend_source.tables.history import EXTRACTION_FIELD_HISTORY
from extend_source.tables.objects import Rows
from extend_source.tables.schemas import EXTRACTION_FIELDS

KEYS_PER_QUERY = 1000

KEYS_FOR_COLUMNS = 50_000
"""Keys that are looked up in a table before all its rows are read at once instead."""

KEYS_FOR_COLUMNS_OF_ALL = 2_000
"""The same where all that has landed will be looked up."""

_VALUES = (EXTRACTION_FIELDS, EXTRACTION_FIELD_HISTORY)
_LARGE = frozenset({(RAW_PAYLOADS.name, "payload"), *((table.name, "value_text") for table in _VALUES)})
"""Columns that are never read as a whole, as they hold more than fits in memory."""


class _Lookup(NamedTuple):
    table: str
    columns: tuple[str, ...]
    complete: bool | None


class DestinationReader:
    """Reads rows. A table that does not exist has none; a destination that cannot be read is noticed once."""

    def __init__(
        self,
        pipeline: dlt.Pipeline | None,
        schema_name: str | None = None,
        emptied: Iterable[str] = (),
        *,
        read_only: bool = False,
    ) -> None:
        """Remember where to read; no connection is made yet.

        Args:
            pipeline: the running pipeline; None outside of one.
            schema_name: the dlt schema of the source.
            emptied: tables that the load under way drops or empties: they count as if they did not exist.
            read_only: nothing must be written.
        """
        self._read_only = read_only
        self._pipeline = pipeline
        known_name = schema_name if pipeline and schema_name in pipeline.schema_names else None
        self._there = Presence(pipeline, known_name, emptied)
        self._connections = Connections(known_name)
        self._selects = Selects(pipeline, self._there)
        self._keys_for_columns = KEYS_FOR_COLUMNS
        self._asked: Counter[_Lookup] = Counter()
        self._in_columns: dict[_Lookup, RowsInColumns] = {}

    def connected(self) -> AbstractContextManager[None]:
        """Read all that the block reads over one connection.

        Within the block a result must be read to its end before the next query.
        """
        return self._connections.kept()

    @property
    def has_pages(self) -> bool:
        """Tell whether a row must fit a page, as in PostgreSQL."""
        return self._pipeline is not None and traits_of(self._pipeline).has_pages

    @property
    def is_readable(self) -> bool:
        """Tell whether what has landed can be known; so far as has been noticed."""
        return self._pipeline is not None

    def expect(self, *, all_keys: bool) -> None:
        """Be told whether all that has landed will be looked up, or some of it."""
        self._keys_for_columns = KEYS_FOR_COLUMNS_OF_ALL if all_keys else KEYS_FOR_COLUMNS

    def probe(self) -> None:
        """Find out whether the destination can be read.

        Raises:
            InvalidSetting: it cannot hold the tables.
        """
        if self._pipeline is None:
            return
        log_once(self._pipeline, replacement_of(self._pipeline))
        refuse_unreadable_folder(self._pipeline)
        if traits_of(self._pipeline).kind == "duckdb":
            with suppress(SqlClientNotAvailable), self._connections.to(self._pipeline) as client:
                refuse_ambiguous_name(self._pipeline, client)
        self.has_load("")

    @property
    def lacks_refused_rows(self) -> bool:
        """Tell whether the last load on this machine ended without rows that the destination had refused."""
        return self._pipeline is not None and last_load_left_rows_out(self._pipeline)

    def find_gone(self) -> frozenset[str]:
        """Find the tables that hold nothing, or not all, of what was written to them: see `Presence.find_gone`."""
        if self._there.tables:
            self.probe()
        return self._there.find_gone()

    def make_again(self) -> None:
        """Make the tables and columns that `find_gone` has found to be gone."""
        self._in_columns.clear()
        for table in self._there.make_again():
            if self._pipeline is not None and not self._selects.supersedes:
                with self._connections.to(self._pipeline) as client:
                    clear_column(client, table, "summary_sha256")  # so that a listing writes all of them again

    def knows_table(self, table: TableSchema) -> bool:
        """Tell whether dlt knows a table."""
        return self._there.knows(table)

    def has_table(self, name: str) -> bool:
        """Tell whether there is a table, as far as reading it has shown."""
        return self._there.has(name)

    def has_load(self, load_id: str) -> bool:
        """Tell whether a load has ended."""

        def write(client: Sql) -> Statement:
            name, status = client.escape_column_name("load_id"), client.escape_column_name("status")
            loads = client.make_qualified_table_name(LOADS_TABLE_NAME)
            return f"SELECT {name} FROM {loads} WHERE {name} = %s AND {status} = 0", (load_id,)

        return any(True for _ in self._read(LOADS_TABLE_NAME, write))

    def rows(
        self,
        table: TableSchema,
        columns: Sequence[str],
        *conditions: Condition,
        order_by: Sequence[str] = (),
        distinct: bool = False,
        complete: bool | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Read rows.

        Args:
            table: the table.
            columns: the columns to read.
            *conditions: all of them must hold.
            order_by: the columns to sort by, ascending.
            distinct: leave out repeated rows.
            complete: True: leave out rows of loads that did not end, as tables load one by one, and dlt notes a load at
                its end; False: read just these; None: read all.

        Yields:
            The rows: times in UTC and credits as decimals, whatever the destination makes of them. Stop iterating to
            stop reading.
        """

        def write(client: Sql) -> Statement:
            chosen = Chosen(table, conditions, complete)
            sql, values = self._selects.write(client, columns, chosen, distinct=distinct)
            if order_by:
                sql += f" ORDER BY {', '.join(client.escape_column_name(column) for column in order_by)}"
            return sql, values

        reads = readers(table, columns)
        if not any(reads):
            is_text = all(type_of(table, name) == pa.string() for name in columns)
            yield from self._read(table.name, write, plain_rows_of if is_text else rows_of)
            return
        for row in self._read(table.name, write):
            yield tuple(read(value) if read else value for read, value in zip(reads, row, strict=True))

    def absent_from(
        self, table: TableSchema, column: str, *conditions: Condition, key: str, complete: bool | None = None
    ) -> Condition:
        """The condition that no row of another table has a row's key.

        Args:
            table: the other table; where it does not exist, the condition always holds.
            column: the column that would have the key; it is never NULL.
            *conditions: which rows of that table count.
            key: the column with the key.
            complete: as for `rows`.
        """
        list(self.rows(table, (column,), NO_ROW))  # notices where there is no such table
        if not self.has_table(table.name):
            return Condition("1 = 1")

        def write(client: Sql) -> str:
            keys, _ = self._selects.write(client, (column,), Chosen(table, conditions, complete))
            return f"{client.escape_column_name(key)} NOT IN ({keys})"

        return Written(write, *(value for condition in conditions for value in condition.values))

    def lookup(
        self,
        table: TableSchema,
        columns: Sequence[str],
        keys: Iterable[str],
        *conditions: Condition,
        distinct: bool = False,
        complete: bool | None = None,
    ) -> Iterator[tuple[Any, ...]]:
        """Read the rows whose first column has one of some values, any number of them; else as `rows`.

        Of a table of which much is asked, all rows are read once: what others write meanwhile is not seen then. That is
        not done with payloads.
        """
        pending = list(dict.fromkeys(keys))
        if not conditions and not distinct and _LARGE.isdisjoint((table.name, column) for column in columns):
            asked = _Lookup(table.name, tuple(columns), complete)
            self._asked[asked] += len(pending)
            if pending and self._asked[asked] > self._keys_for_columns:
                return self._read_in_columns(table, asked).find(pending)
        found: list[tuple[Any, ...]] = []
        with self.connected():
            for start in range(0, len(pending), KEYS_PER_QUERY):
                chosen = one_of(columns[0], pending[start : start + KEYS_PER_QUERY])
                found += self.rows(table, columns, chosen, *conditions, distinct=distinct, complete=complete)
        return iter(found)

    def _read_in_columns(self, table: TableSchema, asked: _Lookup) -> RowsInColumns:
        """Read the columns of all rows, unless they have been read."""
        if asked not in self._in_columns:
            reads = readers(table, asked.columns)
            # notices where there is no such table
            list(self.rows(table, asked.columns, NO_ROW, complete=asked.complete))

            def write(client: Sql) -> Statement:
                return self._selects.write(client, asked.columns, Chosen(table, (), asked.complete))

            def chunks(cursor: Any) -> Iterator[pa.Table]:
                return chunks_of(cursor, [type_of(table, name) for name in asked.columns], reads)

            self._in_columns[asked] = RowsInColumns(self._read(table.name, write, chunks, streamed), reads)
        return self._in_columns[asked]

    def overtaken(
        self, table: TableSchema, by: TableSchema, times: tuple[str, str], columns: Sequence[str]
    ) -> list[str]:
        """Name the ids whose row in a table is older than that in another one, and says something else.

        Args:
            table: the table, with a column ``id``; rows of loads that did not end are left out.
            by: the other table, with an ``id``, too.
            times: the column with the time of a row in each.
            columns: columns of both, of which one at least differs; an unknown value differs from none.
        """
        for one in (table, by):
            list(self.rows(one, ("id",), NO_ROW))  # notices where there is no such table
        if not self.has_table(table.name) or not self.has_table(by.name):
            return []

        def write(client: Sql) -> Statement:
            older, _ = self._selects.write(client, ("id", times[0], *columns), Chosen(table, (), True))
            newer, _ = self._selects.write(client, ("id", times[1], *columns), Chosen(by))
            names = {name: client.escape_column_name(name) for name in ("id", *times, *columns)}
            differs = " OR ".join(f"older.{names[name]} <> newer.{names[name]}" for name in columns)
            sql = f"SELECT older.{names['id']} FROM ({older}) AS older JOIN ({newer}) AS newer "
            sql += f"ON older.{names['id']} = newer.{names['id']} "
            return sql + f"WHERE older.{names[times[0]]} < newer.{names[times[1]]} AND ({differs})", ()

        return [row[0] for row in self._read(table.name, write)]

    def count_each(self, asked: Mapping[str, Chosen]) -> dict[str, int]:
        """Count rows of several tables in one query.

        Args:
            asked: what to count, by a name of its own.

        Returns:
            The rows by that name; nothing where a table is not there.
        """

        def write(client: Sql) -> Statement:
            parts, values = [], list[Any]()
            for name, chosen in asked.items():
                sql, some = self._selects.write(client, chosen.table.key[:1], chosen)
                parts.append(f"SELECT '{name}' AS what, count(*) AS how_many FROM ({sql}) AS {name}")
                values += some
            return " UNION ALL ".join(parts), tuple(values)

        return {row[0]: int(row[1]) for row in self._read("", write)}

    def count_by(self, owned: Rows) -> dict[str, int]:
        """Count the rows of a table by their owners.

        Args:
            owned: the table, and what names the owners.

        Returns:
            The rows by owner; owners without any are left out.
        """

        def write(client: Sql) -> Statement:
            conditions = () if owned.resource_type is None else (equals("resource_type", owned.resource_type),)
            sql, values = self._selects.write(client, (owned.column,), Chosen(owned.table, conditions))
            owner = client.escape_column_name(owned.column)
            return f"SELECT {owner}, count(*) FROM ({sql}) AS owned_rows GROUP BY {owner}", values

        return {owner: int(rows) for owner, rows in self._read(owned.table.name, write, plain_rows_of)}

    def owners_in(self, wanted: Sequence[tuple[Rows, Sequence[str]]]) -> dict[str, set[str]] | None:
        """Tell which of some owners may have rows in some tables, also of loads that did not end: in one query.

        Args:
            wanted: the tables, each with the owners to look for in it.

        Returns:
            The owners by the name of the table, all of them for one that dlt has not met on this machine with all its
            columns; None: nothing can be known, as a load waits that will write rows, or superseded rows count, too.
        """
        if self._pipeline is None or self._selects.supersedes or self._pipeline.has_pending_data:
            return None
        found = {
            owned.table.name: set[str]() if self._there.is_made(owned.table) else set(owners)
            for owned, owners in wanted
        }
        asked = [one for one in wanted if self._there.is_made(one[0].table) and self.has_table(one[0].table.name)]
        if not asked:
            return found
        selects, values = [], list[Any]()
        try:
            with self._connections.to(self._pipeline) as client:
                for place, (owned, owners) in enumerate(asked):
                    chosen = Chosen(owned.table, [one_of(owned.column, owners)])
                    sql, of_table = self._selects.write(client, (owned.column,), chosen, distinct=True)
                    selects.append(f"SELECT {place} AS place, owned.* FROM ({sql}) AS owned")
                    values += of_table
                rows = client.execute_sql(" UNION ALL ".join(selects), *values) or ()
        except (DestinationUndefinedEntity, SqlClientNotAvailable):
            return None
        for place, owner in rows:
            found[asked[place][0].table.name].add(owner)
        return found

    def can_replace(self, table: TableSchema) -> bool:
        """Tell whether `replace` can write to a table, as far as reading it has shown."""
        return self.has_table(table.name) and not self._selects.supersedes and not self._read_only

    def replace(self, table: TableSchema, rows: Sequence[Sequence[Any]], *, drop: Condition | None) -> None:
        """Write rows at once, without a load of dlt.

        Args:
            table: a table that a load has made; where there is none yet, or the destination cannot delete rows,
                nothing is written.
            rows: a value for each of its columns, the load id last.
            drop: which rows to delete, beside those of other loads with the same first column; None: none at all.
        """
        if self._pipeline is None or not self.can_replace(table):
            return
        self._in_columns.clear()
        has_row_id = C_DLT_ID in self._there.tables.get(table.name, {}).get("columns", {})
        try:
            with self._connections.to(self._pipeline) as client:
                replace_rows(client, table, rows, drop=drop, has_row_id=has_row_id)
        except DestinationUndefinedEntity:
            self._there.note_missing(table.name)

    def _read(
        self, table: str, write: Any, fetch: Callable[[Any], Iterator[Any]] = rows_of, run: Run = executed
    ) -> Iterator[Any]:
        if self._pipeline is None or not self._there.has(table):
            return
        try:
            with self._connections.to(self._pipeline) as client:
                sql, values = write(client)
                with run(client, sql, values) as cursor:
                    yield from fetch(cursor)
        except DestinationUndefinedEntity:
            self._there.note_missing(table)
        except SqlClientNotAvailable:
            logger.warning(
                f"The destination of pipeline {self._pipeline.pipeline_name} cannot be read: what is listed since the "
                "last sync is fetched without a comparison."
            )
            self._pipeline = None
            self._there.give_up()
