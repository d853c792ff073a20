"""The destination's tables through the pipeline's own connection, in SQL that every destination takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import cached_property
from typing import Any, NamedTuple

import dlt
import pyarrow as pa
from dlt.common import logger
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from dlt.common.schema import Schema
from dlt.common.schema.typing import C_DLT_ID, LOADS_TABLE_NAME, TSchemaTables
from dlt.common.utils import uniq_id

from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidSetting
from extend_source.pipeline.cells import readers, type_of
from extend_source.pipeline.columns import RowsInColumns, Run, chunks_of, executed, rows_of, streamed, texts_of
from extend_source.pipeline.conditions import NO_ROW, Condition, Sql, Written, equals, is_of_ended_load, one_of
from extend_source.pipeline.connections import MAX_WAIT_SECONDS, open_when_free
from extend_source.pipeline.storage import Gone, columns_there, find_gone, last_load_left_rows_out, make_again
from extend_source.pipeline.traits import traits_of
from extend_source.pipeline.write_mode import current_rows, log_once, refuse_unreadable_folder, replacement_of
from extend_source.tables.bookkeeping import ERASURES, RAW_PAYLOADS
from extend_source.tables.contract import LOAD_ID, TableSchema
from extend_source.tables.objects import LISTED_TYPES, Rows

KEYS_PER_QUERY = 1000

KEYS_FOR_COLUMNS = 50_000
"""Keys that are looked up in a table before all its rows are read at once instead."""

KEYS_FOR_COLUMNS_OF_ALL = 2_000
"""The same where all that has landed will be looked up."""

_LARGE = frozenset({(RAW_PAYLOADS.name, "payload")})
"""Columns that are never read as a whole, as they hold more than fits in memory."""

_ROWS_PER_INSERT = 200


class _Lookup(NamedTuple):
    table: str
    columns: tuple[str, ...]
    complete: bool | None


class Chosen(NamedTuple):
    """Some rows of a table; see `DestinationReader.rows`."""

    table: TableSchema
    conditions: Sequence[Condition] = ()
    complete: bool | None = None


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
        self._schema_name: Any = schema_name if pipeline and schema_name in pipeline.schema_names else None
        self._emptied = frozenset(emptied)
        self._missing_tables = self._not_there
        self._gone = Gone({})
        self._keys_for_columns = KEYS_FOR_COLUMNS
        self._idle: list[Sql] = []
        self._asked: Counter[_Lookup] = Counter()
        self._in_columns: dict[_Lookup, RowsInColumns] = {}
        self._has_connected = False
        self._kept: ExitStack | None = None
        self._connection: Sql | None = None

    @property
    def _not_there(self) -> set[str]:
        """The tables that count as missing from the start: erasures must outlast what empties them."""
        return set(self._emptied) - {ERASURES.name}

    @contextmanager
    def connected(self) -> Iterator[None]:
        """Read all that the block reads over one connection, which takes longer to open than most queries take.

        Within the block a result must be read to its end before the next query.
        """
        if self._kept is not None:
            yield
            return
        with ExitStack() as self._kept:
            try:
                yield
            finally:
                self._kept = self._connection = None

    @cached_property
    def _supersedes(self) -> bool:
        """Tell whether the tables have superseded rows beside the current ones."""
        return self._pipeline is not None and replacement_of(self._pipeline) == "supersede"

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
        with suppress(SqlClientNotAvailable):  # which the next query notices
            self._refuse_ambiguous_names(self._pipeline)
        self.has_load("")

    def _refuse_ambiguous_names(self, pipeline: dlt.Pipeline) -> None:
        if traits_of(pipeline).kind != "duckdb":
            return
        with self._connect(pipeline) as client:
            rows = client.execute_sql("SELECT current_database()") or [[None]]
            if rows[0][0] != client.dataset_name:
                return
        raise InvalidSetting(
            f"DuckDB cannot tell the dataset {pipeline.dataset_name!r} from its file of the same name",
            "Give the pipeline, the file or the dataset another name",
            error_code=ErrorCode.NAME_CLASH,
        )

    @property
    def lacks_refused_rows(self) -> bool:
        """Tell whether the last load on this machine ended without rows that the destination had refused."""
        return self._pipeline is not None and last_load_left_rows_out(self._pipeline)

    def find_gone(self) -> frozenset[str]:
        """Find the tables that hold nothing, or not all, of what was written to them.

        Returns:
            Those that someone has dropped, or that have lost a column: until `make_again` it reads as NULL, and a table
            that has lost a column of its key does not exist. And those that the load under way drops or empties.
        """
        if self._pipeline is None or self._schema_name is None:
            return self._emptied
        self.probe()
        if not self.is_readable:  # which has been found out just now
            return self._emptied
        self._gone = find_gone(self._pipeline, self._schema_name)
        self._missing_tables = self._not_there | self._gone.keyless  # reading may have noticed what is there now
        return self._emptied.union(self._gone.columns)

    def make_again(self) -> None:
        """Make the tables and columns that `find_gone` has found to be gone."""
        if self._pipeline is None or not self._gone.columns:
            return
        self._in_columns.clear()
        make_again(self._pipeline, self._schema_name, self._gone)
        for kind in LISTED_TYPES.values():
            if any(table.name in self._gone.columns for table in (kind.table, *kind.children.values())):
                self._clear(kind.table.name, "summary_sha256")  # so that a listing writes all of them again
        self._gone = Gone({})
        self._missing_tables = self._not_there

    def _clear(self, table: str, column: str) -> None:
        """Set a column to NULL in all rows."""
        if self._pipeline is not None and not self._supersedes:
            with self._connect(self._pipeline) as client:
                name = client.make_qualified_table_name(table)
                client.execute_sql(f"UPDATE {name} SET {client.escape_column_name(column)} = NULL")

    def columns_of(self, names: Sequence[str]) -> dict[str, set[str]]:
        """Ask the destination for the columns of some tables; one that does not exist has none."""
        if self._pipeline is None or self._schema_name is None or not names:
            return {}
        return columns_there(self._pipeline, self._schema_name, list(names))

    def knows_table(self, table: TableSchema) -> bool:
        """Tell whether dlt knows a table."""
        return table.name in self._dlt_tables

    def _is_made(self, table: TableSchema) -> bool:
        """Tell whether dlt knows a table with all its columns: a load without rows of it makes none."""
        return self.knows_table(table) and self._dlt_tables[table.name]["columns"].keys() >= set(table.column_names)

    def has_table(self, name: str) -> bool:
        """Tell whether there is a table, as far as reading it has shown."""
        return self._pipeline is not None and name not in self._missing_tables

    def has_load(self, load_id: str) -> bool:
        """Tell whether a load has ended."""

        def write(client: Sql) -> tuple[str, tuple[Any, ...]]:
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

        def write(client: Sql) -> tuple[str, tuple[Any, ...]]:
            sql, values = self._select(client, table, columns, conditions, complete, distinct=distinct)
            if order_by:
                sql += f" ORDER BY {', '.join(client.escape_column_name(column) for column in order_by)}"
            return sql, values

        reads = readers(table, columns)
        if not any(reads):
            is_text = all(type_of(table, name) == pa.string() for name in columns)
            yield from self._read(table.name, write, texts_of if is_text else rows_of)
            return
        for row in self._read(table.name, write):
            yield tuple(read(value) if read else value for read, value in zip(reads, row, strict=True))

    def _select(
        self,
        client: Sql,
        table: TableSchema,
        columns: Sequence[str],
        conditions: Sequence[Condition],
        complete: bool | None,
        *,
        distinct: bool = False,
    ) -> tuple[str, tuple[Any, ...]]:
        """Write a query, and give the values for it; see `rows`."""
        selected = ", ".join(self._selected(client, table.name, column) for column in columns)
        name = client.make_qualified_table_name(table.name)
        if self._supersedes:
            # a row of a load that did not end counts as such only until a later load has superseded it
            ended = is_of_ended_load(client) if complete else ""
            name = f"({current_rows(table, name, ended)}) AS current_rows"
        sql = f"SELECT {'DISTINCT ' if distinct else ''}{selected} FROM {name}"
        gone = self._gone.columns.get(table.name, frozenset())
        parts = [condition.sql(client, gone) for condition in conditions]
        if complete is not None:
            parts.append(self._is_of_ended_load(client, table.name, complete=complete))
        if parts:
            sql += f" WHERE {' AND '.join(parts)}"
        return sql, tuple(value for condition in conditions for value in condition.values)

    def _is_of_ended_load(self, client: Sql, table: str, *, complete: bool) -> str:
        """Write the condition of `rows`; where the loads of rows are gone from a table, it keeps all as complete."""
        if LOAD_ID in self._gone.columns.get(table, ()):
            return "1 = 1" if complete else "1 = 0"
        return is_of_ended_load(client) if complete else f"NOT ({is_of_ended_load(client)})"

    @property
    def _dlt_tables(self) -> TSchemaTables:
        """The tables as dlt knows them before the load under way."""
        return self._schema.tables if self._pipeline is not None and self._schema is not None else {}

    @cached_property
    def _schema(self) -> Schema | None:
        """The schema of the source, which the pipeline reads from its folder and checks each time it is asked."""
        if self._pipeline is None or self._schema_name is None:
            return None
        return self._pipeline.schemas[self._schema_name]

    def _selected(self, client: Sql, table: str, column: str) -> str:
        """Write a column of a query: NULL where someone has dropped it, or no load has made it yet."""
        name = client.escape_column_name(column)
        if column in self._gone.columns.get(table, ()):
            return f"NULL AS {name}"
        known = self._dlt_tables.get(table)
        if known is None or column in known["columns"] or column == LOAD_ID:
            return name
        return f"NULL AS {name}"

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
            keys, _ = self._select(client, table, (column,), conditions, complete)
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

            def write(client: Sql) -> tuple[str, tuple[Any, ...]]:
                return self._select(client, table, asked.columns, (), asked.complete)

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

        def write(client: Sql) -> tuple[str, tuple[Any, ...]]:
            older, _ = self._select(client, table, ("id", times[0], *columns), (), True)
            newer, _ = self._select(client, by, ("id", times[1], *columns), (), None)
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

        def write(client: Sql) -> tuple[str, tuple[Any, ...]]:
            parts, values = [], list[Any]()
            for name, (table, conditions, complete) in asked.items():
                sql, some = self._select(client, table, table.key[:1], conditions, complete)
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

        def write(client: Sql) -> tuple[str, tuple[Any, ...]]:
            conditions = () if owned.resource_type is None else (equals("resource_type", owned.resource_type),)
            sql, values = self._select(client, owned.table, (owned.column,), conditions, None)
            owner = client.escape_column_name(owned.column)
            return f"SELECT {owner}, count(*) FROM ({sql}) AS owned_rows GROUP BY {owner}", values

        return {row[0]: int(row[1]) for row in self._read(owned.table.name, write)}

    def owners_in(self, wanted: Sequence[tuple[Rows, Sequence[str]]]) -> dict[str, set[str]] | None:
        """Tell which of some owners may have rows in some tables, also of loads that did not end: in one query.

        Args:
            wanted: the tables, each with the owners to look for in it.

        Returns:
            The owners by the name of the table, all of them for one that dlt has not met on this machine with all its
            columns; None: nothing can be known, as a load waits that will write rows, or superseded rows count, too.
        """
        if self._pipeline is None or self._supersedes or self._pipeline.has_pending_data:
            return None
        found = {
            owned.table.name: set[str]() if self._is_made(owned.table) else set(owners) for owned, owners in wanted
        }
        asked = [one for one in wanted if self._is_made(one[0].table) and self.has_table(one[0].table.name)]
        if not asked:
            return found
        selects, values = [], list[Any]()
        try:
            with self._connect(self._pipeline) as client:
                for place, (owned, owners) in enumerate(asked):
                    chosen = one_of(owned.column, owners)
                    sql, of_table = self._select(client, owned.table, (owned.column,), (chosen,), None, distinct=True)
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
        return self.has_table(table.name) and not self._supersedes and not self._read_only

    def replace(self, table: TableSchema, rows: Sequence[Sequence[Any]], *, drop: Condition | None) -> None:
        """Write rows at once, without a load of dlt.

        New rows come before the ones that they replace go: not every destination has transactions.

        Args:
            table: a table that a load has made; where there is none yet, or the destination cannot delete rows,
                nothing is written.
            rows: a value for each of its columns, the load id last.
            drop: which rows to delete, beside those of other loads with the same first column; None: none at all.
        """
        if self._pipeline is None or not self.can_replace(table):
            return
        self._in_columns.clear()
        # dlt can be told to give each row an id
        has_row_id = C_DLT_ID in self._dlt_tables.get(table.name, {}).get("columns", {})
        names = [*table.column_names, *([C_DLT_ID] if has_row_id else [])]
        try:
            with self._connect(self._pipeline) as client, nullcontext() if drop is None else client.begin_transaction():
                name = client.make_qualified_table_name(table.name)
                for start in range(0, len(rows), _ROWS_PER_INSERT):
                    some = rows[start : start + _ROWS_PER_INSERT]
                    columns = ", ".join(map(client.escape_column_name, names))
                    places = ", ".join([f"({', '.join(['%s'] * len(names))})"] * len(some))
                    values = [value for row in some for value in (*row, *(uniq_id() for _ in names[len(row) :]))]
                    client.execute_sql(f"INSERT INTO {name} ({columns}) VALUES {places}", *values)
                    if drop is None:
                        continue
                    same = one_of(table.column_names[0], [row[0] for row in some])
                    of_others = f"{same.sql(client)} AND {client.escape_column_name(LOAD_ID)} <> %s"
                    client.execute_sql(f"DELETE FROM {name} WHERE {of_others}", *same.values, some[0][-1])
                if drop is not None:
                    client.execute_sql(f"DELETE FROM {name} WHERE {drop.sql(client)}", *drop.values)
        except DestinationUndefinedEntity:
            self._missing_tables.add(table.name)

    def _read(
        self, table: str, write: Any, fetch: Callable[[Any], Iterator[Any]] = rows_of, run: Run = executed
    ) -> Iterator[Any]:
        if self._pipeline is None or table in self._missing_tables:
            return
        try:
            with self._connect(self._pipeline) as client:
                sql, values = write(client)
                with run(client, sql, values) as cursor:
                    yield from fetch(cursor)
        except DestinationUndefinedEntity:
            self._missing_tables.add(table)
        except SqlClientNotAvailable:
            logger.warning(
                f"The destination of pipeline {self._pipeline.pipeline_name} cannot be read: what is listed since the "
                "last sync is fetched without a comparison."
            )
            self._pipeline = None

    def _connect(self, pipeline: dlt.Pipeline) -> Any:
        """A connection for a ``with`` statement: the one of the block that is under way, or a new one."""
        if self._kept is None:
            return self._borrowed(pipeline)
        if self._connection is None:
            self._connection = self._kept.enter_context(self._borrowed(pipeline))
        return nullcontext(self._connection)

    @contextmanager
    def _borrowed(self, pipeline: dlt.Pipeline) -> Iterator[Sql]:
        """Connect, with a client that was used before if one is idle: dlt takes long to make one.

        What has been fetched already is not given up because a reader has the file open just then.
        """
        client = self._idle.pop() if self._idle else pipeline.sql_client(self._schema_name)
        try:
            with ExitStack() as connections:
                open_when_free(client, connections, MAX_WAIT_SECONDS if self._has_connected else 0.0)
                self._has_connected = True
                yield client
        finally:
            self._idle.append(client)
