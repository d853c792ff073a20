"""A pipeline on the stand-in API, and what it has landed in DuckDB or in PostgreSQL.

Both give equal values for equal data: JSON in one form of text, times in UTC, rows in the order of their keys.
"""

from __future__ import annotations

import json
import shutil
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from datetime import datetime, timezone
from decimal import Decimal
from pathlib import Path
from typing import Any

import dlt
import duckdb
import psycopg2
import psycopg2.extras

from extend_source import SyncProgress, SyncResult, SyncSession, extend_source, sync
from extend_source.pipeline.duckdb_layout import make_file
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES
from extend_source.tables.row_counts import ROW_COUNTS

DATASET = "extend"

SYNC_COLUMNS = frozenset({"_dlt_load_id", "fetched_at", "observed_at", "listed_at", "recorded_at", "row_counts"})
"""What a repeated load may change: when and by which load a row was written, and how many rows came with it."""

FIRST_SEEN = {"schema_drift": ("first_seen_at", "example_run_id")}
"""What depends on when, and in which order, runs were fetched."""

SYNC_TABLES = frozenset({"sync_log", "sync_log_objects", "replacements"})
"""What every load writes of itself."""

Row = dict[str, Any]

Fetch = Callable[[str], tuple[list[str], list[tuple[Any, ...]]]]
"""Runs a query; returns the names of its columns and its rows."""


class AnyWarehouse(ABC):
    """A destination, a pipelines folder and a stand-in.

    Attributes:
        server: the stand-in.
        folder: where everything that is a file lies.
        pipelines: the folder of dlt's own notes.
        dataset: the schema that holds the tables.
        pipeline: the pipeline between them.
        quiet_log_minutes: the setting, unless a sync is told otherwise; 0: each one looks at the destination.
    """

    quiet_log_minutes = 0.0

    def __init__(self, server: SandboxServer, folder: Path, pipelines: str, destination: Any, dataset: str) -> None:
        """Make the pipeline; nothing is loaded yet."""
        self.server = server
        self.folder = folder
        self.pipelines = folder / pipelines
        self.dataset = dataset
        self._fetch: Fetch | None = None
        self._there: set[str] | None = None
        self.pipeline = dlt.pipeline(
            "extend", destination=destination, dataset_name=dataset, pipelines_dir=str(self.pipelines)
        )

    @abstractmethod
    def on_another_machine(self) -> AnyWarehouse:
        """The same destination, seen by a machine that has never loaded anything."""

    def kept_open(self) -> AbstractContextManager[None]:
        """Keep what takes long to open open for all of the block."""
        return nullcontext()

    @abstractmethod
    def _connect(self) -> AbstractContextManager[Fetch]:
        """Open a connection for queries."""

    @abstractmethod
    def execute(self, sql: str) -> None:
        """Change something in the destination behind the pipeline's back."""

    def settings(self, **arguments: Any) -> dict[str, Any]:
        """Arguments of the source that reach the stand-in, without a request budget of our own."""
        return {
            "api_key": self.server.api_key,
            "base_url": self.server.base_url,
            "requests_per_second": 0,
            **arguments,
        }

    def sync(self, **arguments: Any) -> SyncResult:
        """Sync through the public function."""
        return sync(self.pipeline, **self.settings(**{"quiet_log_minutes": self.quiet_log_minutes, **arguments}))

    def run(self, *resources: str, **arguments: Any) -> SyncProgress:
        """Run some resources of the source through plain dlt."""
        session = SyncSession()
        source = extend_source(session=session, **self.settings(**arguments))
        self.pipeline.run(source.with_resources(*resources) if resources else source)
        return session.progress

    @contextmanager
    def reading(self) -> Iterator[Fetch]:
        """Read all that the block reads over one connection, as it takes its time to open."""
        if self._fetch is not None:
            yield self._fetch
            return
        with self._connect() as self._fetch:
            try:
                yield self._fetch
            finally:
                self._fetch = self._there = None

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """The rows of a query; tables need no schema in front of their names."""
        with self.reading() as fetch:
            return fetch(sql)[1]

    def typed_tables(self) -> set[str]:
        """The names of the typed tables."""
        return {row["table_name"] for row in self.rows("typed_columns")}

    def tables(self) -> set[str]:
        """The names of the tables, dlt's own left out."""
        if self._there is not None:
            return self._there
        sql = f"select table_name from information_schema.tables where table_schema = '{self.dataset}'"
        with self.reading() as fetch:
            self._there = {name for (name,) in fetch(sql)[1] if not name.startswith("_dlt")}
            return self._there

    def count(self, table: str) -> int:
        """The number of rows of a table; 0 if there is no such table."""
        with self.reading():
            return int(self.query(f'select count(*) from "{table}"')[0][0]) if table in self.tables() else 0

    def rows(self, table: str) -> list[Row]:
        """The rows of a table in the order of its key; none if there is no such table."""
        with self.reading() as fetch:
            if table not in self.tables():
                return []
            names, rows = fetch(f'select * from "{table}"')
        typed_key = [name for name in ("run_id", "row_path") if name in names]
        key = TABLES[table].key if table in TABLES else typed_key
        found = in_key_order(key, [dict(zip(names, row, strict=True)) for row in rows])
        # which run is the first of a load to show an unknown key is chance; test_completeness.py looks at the counts
        return [{name: value for name, value in row.items() if name != ROW_COUNTS} for row in found]

    def column(self, table: str, name: str) -> list[Any]:
        """One column of a table, in the order of its key."""
        return [row[name] for row in self.rows(table)]

    def snapshot(self) -> dict[str, list[Row]]:
        """All rows of all tables, without the columns and tables that every load changes."""
        with self.reading():
            found = {name: without_sync_columns(self.rows(name)) for name in self._names() if name not in SYNC_TABLES}
        for name, columns in FIRST_SEEN.items():
            found[name] = [{key: row[key] for key in row if key not in columns} for row in found[name]]
        return found

    def cells(self) -> list[Any]:
        """Every value of every table."""
        with self.reading():
            return [value for name in self._names() for row in self.rows(name) for value in row.values()]

    def _names(self) -> list[str]:
        return [*TABLES, *sorted(self.typed_tables())]


class Warehouse(AnyWarehouse):
    """A warehouse in a DuckDB file.

    Attributes:
        database: the file.
        is_open: this process has the file open, to write: DuckDB takes no connection that can only read beside that.
    """

    is_open = False

    def __init__(self, server: SandboxServer, folder: Path, pipelines: str = "pipelines") -> None:
        """Make the pipeline; nothing is loaded yet."""
        self.database = folder / "warehouse.duckdb"
        super().__init__(server, folder, pipelines, dlt.destinations.duckdb(str(self.database)), DATASET)

    def on_another_machine(self) -> Warehouse:
        """The same destination, seen by a machine that has never loaded anything."""
        return Warehouse(self.server, self.folder, "other-pipelines")

    def copy_to(self, folder: Path) -> Warehouse:
        """The same tables and notes of dlt in another folder, as they are now."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return Warehouse(self.server, folder)

    @contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep the file open for all of the block: opening it takes longer than most of what is asked of it."""
        was_open = self.is_open
        make_file(self.database)
        with duckdb.connect(str(self.database)):
            self.is_open = True
            try:
                yield
            finally:
                self.is_open = was_open

    @contextmanager
    def _connect(self) -> Iterator[Fetch]:
        loaded = self.database.exists()
        read_only = loaded and not self.is_open
        with duckdb.connect(str(self.database) if loaded else ":memory:", read_only=read_only) as connection:
            self._enter_dataset(connection)

            def fetch(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
                result = connection.sql(sql)
                is_json = [str(kind) == "JSON" for kind in result.types]
                return result.columns, [
                    tuple(_comparable(value, json) for value, json in zip(row, is_json, strict=True))
                    for row in result.fetchall()
                ]

            yield fetch

    def execute(self, sql: str) -> None:
        """Change something in the destination behind the pipeline's back."""
        with duckdb.connect(str(self.database)) as connection:
            self._enter_dataset(connection)
            connection.execute(sql)

    def _enter_dataset(self, connection: duckdb.DuckDBPyConnection) -> None:
        if (self.dataset,) in connection.execute("select schema_name from information_schema.schemata").fetchall():
            connection.execute(f'use "{self.dataset}"')


class PostgresWarehouse(AnyWarehouse):
    """A warehouse in a database of a PostgreSQL server.

    Attributes:
        uri: the address of the database.
    """

    def __init__(
        self, server: SandboxServer, folder: Path, uri: str, pipelines: str = "pg-pipelines", dataset: str = DATASET
    ) -> None:
        """Make the pipeline; nothing is loaded yet."""
        self.uri = uri
        super().__init__(server, folder, pipelines, dlt.destinations.postgres(uri), dataset)

    def on_another_machine(self) -> PostgresWarehouse:
        """The same destination, seen by a machine that has never loaded anything."""
        return PostgresWarehouse(self.server, self.folder, self.uri, "other-pg-pipelines", self.dataset)

    def copy_to(self, folder: Path, uri: str) -> PostgresWarehouse:
        """The same notes of dlt in another folder, as they are now, for a copy of the database."""
        shutil.copytree(self.folder, folder, dirs_exist_ok=True)
        return PostgresWarehouse(self.server, folder, uri)

    @contextmanager
    def _connect(self) -> Iterator[Fetch]:
        with closing(self._open()) as connection, connection.cursor() as cursor:
            for register in (psycopg2.extras.register_default_json, psycopg2.extras.register_default_jsonb):
                register(connection, loads=canonical_json)

            def fetch(sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
                cursor.execute(sql)
                names = [column.name for column in cursor.description or ()]
                return names, [tuple(_comparable(value) for value in row) for row in cursor.fetchall()]

            yield fetch

    def execute(self, sql: str) -> None:
        """Change something in the destination behind the pipeline's back."""
        with closing(self._open()) as connection, connection, connection.cursor() as cursor:
            cursor.execute(sql)

    def copy(self, table: str, file: Path) -> None:
        """Fill a table from a file of comma-separated values with a header."""
        with closing(self._open()) as connection, connection, connection.cursor() as cursor, file.open("rb") as rows:
            cursor.copy_expert(f'copy "{table}" from stdin with (format csv, header)', rows)

    def _open(self) -> psycopg2.extensions.connection:
        # the schema in the search path need not exist yet
        return psycopg2.connect(self.uri, options=f"-c search_path={self.dataset}")


def without_sync_columns(rows: Iterable[Row]) -> list[Row]:
    """Rows without the columns that every load changes."""
    return [{name: value for name, value in row.items() if name not in SYNC_COLUMNS} for row in rows]


def in_key_order(key: Sequence[str], rows: Iterable[Row]) -> list[Row]:
    """Rows sorted by their key: text byte by byte, whatever the collation of the database, and numbers by value."""

    def place(row: Row) -> tuple[Any, ...]:
        return tuple(row[name].encode() if isinstance(row[name], str) else row[name] for name in key)

    return sorted(rows, key=place)


def canonical_json(text: str) -> str:
    """JSON text in the one form that both databases' texts lead to.

    Keys are sorted and numbers written without exponents, as PostgreSQL keeps nothing else; every digit stays.
    """
    # Decimal, as Python reads no int of more than 4,300 digits
    return _json_text(json.loads(text, parse_int=Decimal, parse_float=Decimal))


def _json_text(value: Any) -> str:
    if isinstance(value, dict):
        members = (f"{json.dumps(key, ensure_ascii=False)}:{_json_text(value[key])}" for key in sorted(value))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_json_text, value)) + "]"
    if isinstance(value, Decimal):
        return format(value.copy_abs() if value.is_zero() else value, "f")  # PostgreSQL knows no minus zero
    return json.dumps(value, ensure_ascii=False)


def _comparable(value: Any, is_json: bool = False) -> Any:
    """A value as both databases give it."""
    if is_json and value is not None:
        return canonical_json(value)
    return value.astimezone(timezone.utc) if isinstance(value, datetime) and value.tzinfo else value
