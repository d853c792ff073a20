"""Running a query on the destination of any pipeline."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext, suppress
from datetime import datetime, timezone
from decimal import Decimal
from typing import Any, NamedTuple

import dlt
from dlt.common.destination.exceptions import DestinationUndefinedEntity, SqlClientNotAvailable
from dlt.destinations.exceptions import DatabaseException
from sqlglot import exp

from extend_source.config.settings import SECTION
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError
from extend_source.pipeline.cells import column_names
from extend_source.pipeline.conditions import Sql
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.write_mode import replacement_of
from extend_source.reports.copies import TableCopies
from extend_source.reports.queries import WRITTEN_IN, Query, QueryResult, parsed, tables_of
from extend_source.reports.translation import Translation
from extend_source.tables.schemas import PROCESSOR_RUNS
from extend_source.tables.selection import selected_by
from extend_source.text.wording import counted, one_line

_TOO_SIMPLE = frozenset({"sqlite", "mysql"})
"""The dialects that have no time zones, no FILTER or no percentiles."""

_COMMENTING = frozenset({"duckdb", "postgres"})
"""The dialects that take COMMENT ON VIEW, and on the columns of one."""

MAX_MEMORY_MIB = 400
"""What DuckDB may use for a query on its file, MiB, without what Python and the result take."""

_HAS_FILE = (
    "select path from duckdb_databases()"
    " where database_name = current_database() and type = 'duckdb' and path is not null"
)
_UNITS = {"KiB": 1 / 1024, "MiB": 1.0, "GiB": 1024.0, "TiB": 1024.0**2}


class Description(NamedTuple):
    """What a view is.

    Attributes:
        text: what a row stands for, and what a reader must know.
        columns: what each column means.
    """

    text: str
    columns: Mapping[str, str]


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
        self._can_hold_views = not (isinstance(client, TableCopies) or supersedes)
        self._dialect = dialect
        self.translation = Translation(client, dialect, supersedes=supersedes)
        self._has_ddl_transactions = has_ddl_transactions
        self._columns: dict[str, set[str] | None] = {}
        self._run_counts: dict[str | None, int] | None = None

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
            raise UsageError(
                f"The destination {name} takes no SQL",
                "Report on a database or warehouse",
                error_code=ErrorCode.UNFIT_DESTINATION,
            ) from None
        # Of the client, which has read the settings: without its credentials, dlt does not know SQLAlchemy's dialect.
        can = client.capabilities
        dialect = can.sqlglot_dialect or ""
        if dialect in _TOO_SIMPLE and not simple:
            with TableCopies(LandedData(pipeline, SECTION)) as copies:
                yield cls(copies, WRITTEN_IN)
            return
        is_superseding = replacement_of(pipeline) == "supersede"
        with client as connection:
            yield cls(
                connection,
                dialect,
                has_ddl_transactions=bool(can.supports_ddl_transactions),
                supersedes=is_superseding,
            )

    def prefer_hash_joins(self) -> None:
        """Have queries that join large results by equal values take no longer than these are, for this connection.

        PostgreSQL takes tables that nobody has analysed, and results of queries, for small, and would compare each row
        with each other one.
        """
        if self._dialect == "postgres":
            for way in ("nestloop", "mergejoin"):
                self._client.execute_sql(f"SET enable_{way} = off")

    @contextmanager
    def bounded_memory(self) -> Iterator[None]:
        """Have DuckDB keep what a query needs beyond `MAX_MEMORY_MIB` beside its file, for the length of the block.

        It takes most of the machine's memory otherwise, and is hardly faster with it. A smaller limit of the user's
        stays, as does that of a database without a file, which has no place of its own for what does not fit.
        """
        before = ""
        if self._dialect == WRITTEN_IN and self._can_hold_views and self.rows(_HAS_FILE):
            before = str(self.rows("select current_setting('memory_limit')")[0][0])
        if _mebibytes(before) <= MAX_MEMORY_MIB:
            yield
            return
        with suppress(DatabaseException):  # others in this process have more in use: it stays as it is
            self._client.execute_sql(f"SET memory_limit = '{MAX_MEMORY_MIB}MiB'")
        try:
            yield
        finally:
            self._client.execute_sql(f"SET memory_limit = '{before}'")

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
        sql = self.translation.of(tree, partial)
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
        return [name for name in tables if name not in self.translation.stand_ins and self._columns_of(name) is None]

    def lacks(self, table: str, column: str) -> bool:
        """Tell whether a table is there without a column, as an earlier version of this source has left it."""
        columns = None if table in self.translation.stand_ins else self._columns_of(table)
        return columns is not None and column not in columns

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
        self.translation.stand_ins[name] = table
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
        if not self._can_hold_views:
            raise UsageError(
                "The destination cannot hold these views",
                "Use the reports, which need none, or load into a warehouse",
                error_code=ErrorCode.UNFIT_DESTINATION,
            )
        names = {name: self.translation.name_of(name) for name in definitions}
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
                    error_code=ErrorCode.VIEWS_IN_USE,
                ) from None

    def describe_views(self, descriptions: Mapping[str, Description]) -> None:
        """Give views their comments, where the destination is DuckDB or PostgreSQL.

        Args:
            descriptions: what each view is, by its name.
        """
        if self._dialect not in _COMMENTING:
            return
        statements = []
        for view, description in descriptions.items():
            name = self.translation.name_of(view)
            statements.append(f"COMMENT ON VIEW {name} IS {_literal(description.text)}")
            for column, meaning in description.columns.items():
                quoted = exp.to_identifier(column, quoted=True).sql(self._dialect)
                statements.append(f"COMMENT ON COLUMN {name}.{quoted} IS {_literal(meaning)}")
        self._execute_together([";\n".join(statements)])

    def _execute_together(self, statements: Iterable[str]) -> None:
        with self._client.begin_transaction() if self._has_ddl_transactions else nullcontext():
            for statement in statements:
                self._client.execute_sql(statement)

    def _columns_of(self, table: str) -> set[str] | None:
        """The names of a table's columns; None if there is no such table."""
        if table not in self._columns:
            sql = exp.select("*").from_(self.translation.qualified(table)).where("1 = 0").sql(self._dialect)
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
            self._run_counts = dict(self.rows(self.translation.of(counting)))
        return {
            text: count
            for text, count in self._run_counts.items()
            if text is not None and not selected_by(text).issuperset(tables)
        }

    def rows(self, sql: str) -> list[Any]:
        """Fetch the rows of a query that is written for the destination."""
        with self._client.execute_query(sql) as cursor:
            return list(cursor.fetchall())


def _literal(text: str) -> str:
    """Write a text for both dialects that take comments."""
    return "'" + one_line(text).replace("'", "''") + "'"


def _mebibytes(size: str) -> float:
    """Read a size as DuckDB writes it, such as ``18.7 GiB``; 0: it is written otherwise."""
    number, _, unit = size.partition(" ")
    return float(number) * _UNITS[unit] if unit in _UNITS else 0.0


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
