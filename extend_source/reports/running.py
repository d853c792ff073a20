"""Running a query that is written once, in DuckDB's SQL over plain table names, on any pipeline's destination."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timezone
from decimal import Decimal
from importlib.resources import files
from types import MappingProxyType
from typing import Any

import dlt
import sqlglot
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from dlt.common.schema.typing import LOADS_TABLE_NAME
from dlt.destinations.exceptions import DatabaseException
from sqlglot import exp

from extend_source.config import SECTION
from extend_source.errors import UsageError
from extend_source.pipeline.conditions import Sql
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.reader import column_names
from extend_source.pipeline.write_mode import IN_ENDED_LOADS, current_rows, replacement_of
from extend_source.reports.copies import TableCopies
from extend_source.tables import TABLES
from extend_source.tables.schemas import PROCESSOR_RUNS
from extend_source.tables.selection import selected_by
from extend_source.wording import counted

_WRITTEN_IN = "duckdb"
_COLLATING = frozenset({"duckdb", "postgres"})
"""The dialects that take COLLATE "C"; most others compare text byte by byte without it."""

_TOO_SIMPLE = frozenset({"sqlite", "mysql"})
"""The dialects that have no time zones, no FILTER or no percentiles."""

_Node = Any
"""A part of a parsed query: the common base of sqlglot's classes has another name in each of its versions."""

_HEADING = re.compile(r"-- (\w+): *(.*)")
_INCLUDE = re.compile(r"^-- include: (\w+)\n", re.MULTILINE)
"""A line in the place of what several queries begin with."""

_COLUMN = re.compile(r"--   (\w+): (.*)")
_MORE = "--   "


@dataclass(frozen=True)
class Query:
    """A query and what its header says of it.

    Attributes:
        name: the name of its file.
        title: what it shows, as a heading.
        grain: what a row stands for.
        empty: what it means that there are no rows.
        notes: what a reader must know to read it right.
        columns: what each column means.
        shown: the columns that people see first; the others are for machines.
        key: the columns that tell rows apart; none where the header does not say.
        sql: the SQL in DuckDB's dialect, header included.
        optional: the tables that it can do without; they are as good as empty then.
        newer: likewise, and nobody misses them unless there are runs of API 2026-02-09, which alone fill them.
    """

    name: str
    title: str
    grain: str
    empty: str
    notes: tuple[str, ...]
    columns: dict[str, str]
    shown: tuple[str, ...]
    key: tuple[str, ...]
    sql: str
    optional: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()


@dataclass(frozen=True)
class QueryResult:
    """What a query found.

    Attributes:
        name: the query.
        title: what it shows.
        grain: what a row stands for.
        notes: what a reader must know to read it right.
        columns: the columns in order, and what each of them means.
        shown: the columns that people see first.
        rows: the rows, a value for each column: text, int, float, bool, a UTC time, or None for unknown.
        message: why there are no rows; None if there are some.
        sql: the SQL as it ran on the destination; None if a table is missing.
    """

    name: str
    title: str
    grain: str
    notes: tuple[str, ...]
    columns: dict[str, str]
    shown: tuple[str, ...]
    rows: list[tuple[Any, ...]]
    message: str | None
    sql: str | None


def load_query(folder: str, name: str) -> Query:
    """Read a query.

    Args:
        folder: the folder beside this module.
        name: the name of the file, without ``.sql``.

    Returns:
        The query with what its header says.
    """
    sql = _INCLUDE.sub(lambda found: _text_of("parts", found[1]), _text_of(folder, name))
    said: dict[str, list[str]] = {}
    columns: dict[str, str] = {}
    heading = ""
    for line in sql.splitlines():
        if not line.startswith("--"):
            break
        found = _HEADING.fullmatch(line)
        if found:
            heading = found[1]
            said.setdefault(heading, []).append(found[2])
        elif heading == "columns" and (column := _COLUMN.fullmatch(line)):
            columns[column[1]] = column[2]
        else:
            said[heading][-1] += " " + line.removeprefix(_MORE)

    def names(of: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in said[of][0].split(",")) if of in said else ()

    return Query(
        name=name,
        title=said["title"][0],
        grain=said["grain"][0],
        empty=said["empty"][0],
        notes=tuple(said.get("note", ())),
        columns=columns,
        shown=names("shown") or tuple(columns),
        key=names("key"),
        sql=sql,
        optional=names("optional"),
        newer=names("newer"),
    )


def _text_of(folder: str, name: str) -> str:
    return (files("extend_source.reports") / folder / f"{name}.sql").read_text("utf-8")


class QueryRunner:
    """Runs queries over one connection, and remembers what the dataset has."""

    def __init__(
        self,
        client: Sql | TableCopies,
        dialect: str,
        *,
        has_ddl_transactions: bool = False,
        supersedes: bool = False,
    ) -> None:
        """Use an open connection.

        Args:
            client: the connection, in the dataset.
            dialect: the destination's SQL, as sqlglot calls it.
            has_ddl_transactions: whether what a transaction has made can be undone.
            supersedes: the tables have superseded rows beside the current ones, which alone are read.
        """
        self._client: Any = client
        self._supersedes = supersedes
        self._dialect = dialect
        self._has_ddl_transactions = has_ddl_transactions
        self._columns: dict[str, set[str] | None] = {}
        self._run_counts: dict[str | None, int] | None = None
        self._temporary: dict[str, str] = {}

    @classmethod
    @contextmanager
    def on(cls, pipeline: dlt.Pipeline, *, simple: bool = False) -> Iterator[QueryRunner]:
        """Connect to the destination of a pipeline.

        Where its SQL lacks what the queries need, they run in DuckDB on this machine, on copies of the tables.

        Args:
            pipeline: the pipeline.
            simple: what is to run is nothing but joins and conditions, which every database has.

        Yields:
            The runner, for the length of the block.

        Raises:
            UsageError: the destination takes no SQL.
            InvalidSetting: it can hold no tables of this source.
        """
        schema: Any = SECTION if SECTION in pipeline.schema_names else None
        try:
            client = pipeline.sql_client(schema)
        except SqlClientNotAvailable:
            name = pipeline.destination.destination_name
            raise UsageError(f"The destination {name} takes no SQL", "Report on a database or warehouse") from None
        can = pipeline.destination.capabilities()
        dialect = can.sqlglot_dialect or ""
        if dialect in _TOO_SIMPLE and not simple:
            with TableCopies(LandedData(pipeline, SECTION)) as copies:
                yield cls(copies, _WRITTEN_IN)
            return
        supersedes = replacement_of(pipeline) == "supersede"
        with client as connection:
            yield cls(connection, dialect, has_ddl_transactions=can.supports_ddl_transactions, supersedes=supersedes)

    def prefer_hash_joins(self) -> None:
        """Have queries that join large results by equal values take no longer than these are, for this connection.

        PostgreSQL takes tables that nobody has analysed, and results of queries, for small, and would compare each row
        with each other one.
        """
        if self._dialect == "postgres":
            for way in ("nestloop", "mergejoin"):
                self._client.execute_sql(f"SET enable_{way} = off")

    def run(self, query: Query) -> QueryResult:
        """Run a query.

        Args:
            query: the query.

        Returns:
            Its rows; or why there are none, also where the dataset lacks a table.
        """
        tree = parsed(query.sql)
        tables = tables_of(tree)
        if missing := self.missing(tables):
            return self._result(query, [], f"not loaded yet: {', '.join(missing)}", None)
        partial = self._partial_runs(tables)
        sql = self.translated(tree, partial)
        rows = [tuple(_plain(value) for value in row) for row in self.rows(sql)]
        result = self._result(query, rows, None if rows else query.empty, sql)
        return _with_note(result, _left_out(partial, tables)) if partial else result

    def _result(self, query: Query, rows: list[tuple[Any, ...]], message: str | None, sql: str | None) -> QueryResult:
        return QueryResult(
            name=query.name,
            title=query.title,
            grain=query.grain,
            notes=query.notes,
            columns=query.columns,
            shown=query.shown,
            rows=rows,
            message=message,
            sql=sql,
        )

    def missing(self, tables: Iterable[str]) -> list[str]:
        """Name the tables that the dataset does not have."""
        return [name for name in tables if name not in self._temporary and self._columns_of(name) is None]

    def lacks(self, table: str, column: str) -> bool:
        """Tell whether a table is there without a column, as an earlier version of this source has left it."""
        columns = None if table in self._temporary else self._columns_of(table)
        return columns is not None and column not in columns

    def translated(self, tree: _Node, partial: Mapping[str, int] = MappingProxyType({})) -> str:
        """Write a query for the destination, with its own names of the tables.

        Args:
            tree: the parsed query; it is changed.
            partial: what `loaded_tables` says of runs to leave out.
        """
        nested = {cte.alias for cte in tree.find_all(exp.CTE)}
        for table in [table for table in tree.find_all(exp.Table) if table.name not in nested]:
            table.replace(self._source(table, partial))
        if self._dialect not in _COLLATING:
            tree = tree.transform(lambda node: node.this if isinstance(node, exp.Collate) else node)
        return str(tree.sql(self._dialect, pretty=True, comments=False))

    def _source(self, table: exp.Table, partial: Mapping[str, int]) -> _Node:
        """What stands for a table: itself, or a selection from it without partial runs."""
        alias = table.alias_or_name
        if table.name in self._temporary:
            return exp.alias_(exp.to_table(self._temporary[table.name]), alias, table=True)
        own: _Node = self.qualified(table.name)
        if self._supersedes and table.name in TABLES:
            ended = IN_ENDED_LOADS.replace(LOADS_TABLE_NAME, self._name_of(LOADS_TABLE_NAME))
            own = parsed(current_rows(TABLES[table.name], self._name_of(table.name), ended)).subquery(alias)
        if not partial or table.name != PROCESSOR_RUNS.name:
            return own if isinstance(own, exp.Subquery) else exp.alias_(own, alias, table=True)
        is_whole = exp.column("loaded_tables").isin(*partial).not_()
        selected = exp.select("*").from_(own).where(exp.or_(exp.column("loaded_tables").is_(exp.null()), is_whole))
        return selected.subquery(alias)

    def _name_of(self, table: str) -> str:
        return self.qualified(table).sql(self._dialect)

    def qualified(self, table: str) -> exp.Table:
        """Name a table of the dataset as the destination does."""
        parts = self._client.make_qualified_table_name_path(table, quote=False)
        names = [exp.to_identifier(part, quoted=True) for part in reversed(parts)]
        return exp.Table(**dict(zip(("this", "db", "catalog"), names, strict=False)))

    def compute_once(self, name: str, definition: str) -> bool:
        """Keep the rows of a query for the length of the connection, to be read by a name.

        Args:
            name: the name that queries read them by.
            definition: the query, written for the destination.

        Returns:
            Whether the destination could do that: not all have temporary tables, or let everybody make them.
        """
        table = f"{name}_now"
        try:
            self._client.execute_sql(f"CREATE TEMPORARY TABLE {table} AS {definition}")
        except DatabaseException:
            return False
        self._temporary[name] = table
        return True

    def create_views(self, definitions: Mapping[str, str]) -> None:
        """Make views of the dataset in place of those of these names: all of them, or, where it can be undone, none.

        Replacing keeps what others have built on a view, and who may read it. Where a destination cannot, as columns
        have changed, the views are dropped first.

        Args:
            definitions: queries written for the destination, by the name of the view, each after those it builds on.

        Raises:
            UsageError: the destination has no such views, or they cannot be replaced.
        """
        if isinstance(self._client, TableCopies) or self._supersedes:
            raise UsageError(
                "The destination cannot hold these views", "Use the reports, which need none, or load into a warehouse"
            )
        names = {name: self._name_of(name) for name in definitions}
        replacing = [f"CREATE OR REPLACE VIEW {names[name]} AS {sql}" for name, sql in definitions.items()]
        dropping = [f"DROP VIEW IF EXISTS {names[name]}" for name in reversed(list(definitions))]
        creating = [f"CREATE VIEW {names[name]} AS {sql}" for name, sql in definitions.items()]
        try:
            self._execute_together(replacing)
        except DatabaseException:
            try:
                self._execute_together([*dropping, *creating])
            except DatabaseException as error:
                said = str(error).strip().splitlines()[0]
                raise UsageError(
                    f"The views cannot be replaced: {said}",
                    "Drop what others have built on them, run this again, and make those anew",
                ) from None

    def _execute_together(self, statements: Iterable[str]) -> None:
        with self._client.begin_transaction() if self._has_ddl_transactions else nullcontext():
            for statement in statements:
                self._client.execute_sql(statement)

    def _columns_of(self, table: str) -> set[str] | None:
        """The names of a table's columns; None if there is no such table."""
        if table not in self._columns:
            sql = exp.select("*").from_(self.qualified(table)).where("1 = 0").sql(self._dialect)
            try:
                with self._client.execute_query(sql) as cursor:
                    self._columns[table] = {name.lower() for name in column_names(cursor)}
            except DestinationUndefinedEntity:
                self._columns[table] = None
        return self._columns[table]

    def _partial_runs(self, tables: Sequence[str]) -> dict[str, int]:
        """How many runs are loaded, but not into all of some tables; by what `loaded_tables` says of them."""
        if PROCESSOR_RUNS.name not in tables:
            return {}
        if self._run_counts is None:
            counting = parsed(f"select loaded_tables, count(*) from {PROCESSOR_RUNS.name} group by loaded_tables")
            self._run_counts = dict(self.rows(self.translated(counting)))
        return {
            text: count
            for text, count in self._run_counts.items()
            if text is not None and not selected_by(text).issuperset(tables)
        }

    def rows(self, sql: str) -> list[Any]:
        """Fetch the rows of a query that is written for the destination."""
        with self._client.execute_query(sql) as cursor:
            return list(cursor.fetchall())


def parsed(sql: str) -> _Node:
    """Parse a query as it is written here."""
    return sqlglot.parse_one(sql, read=_WRITTEN_IN)


def tables_of(tree: _Node) -> list[str]:
    """Name the tables that a query reads, in order."""
    nested = {cte.alias for cte in tree.find_all(exp.CTE)}
    return sorted({table.name for table in tree.find_all(exp.Table)} - nested)


def _left_out(partial: dict[str, int], tables: Sequence[str]) -> str:
    lacking = sorted({name for text in partial for name in set(tables) - selected_by(text)})
    verb = "was" if sum(partial.values()) == 1 else "were"
    return f"{counted(sum(partial.values()), 'run')} {verb} loaded without {' or '.join(lacking)} and left out."


def _with_note(result: QueryResult, note: str) -> QueryResult:
    return QueryResult(**{**vars(result), "notes": (*result.notes, note)})


def _plain(value: Any) -> Any:
    """A value as all destinations give it."""
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, datetime):
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    return value
