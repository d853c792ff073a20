"""A pipeline on the stand-in API, and what it has landed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dlt
import duckdb

from extend_source import SyncProgress, SyncResult, extend_source, sync
from extend_source.sandbox import SandboxServer
from extend_source.tables import TABLES

DATASET = "extend"

SYNC_COLUMNS = frozenset({"_dlt_load_id", "fetched_at", "observed_at"})
"""What a repeated load may change: when and by which load a row was written."""


class Warehouse:
    """A DuckDB file, a pipelines folder and a stand-in."""

    def __init__(self, server: SandboxServer, folder: Path, pipelines: str = "pipelines") -> None:
        self.server = server
        self.folder = folder
        self.database = folder / "warehouse.duckdb"
        self.pipelines = folder / pipelines
        self.pipeline = dlt.pipeline(
            "extend",
            destination=dlt.destinations.duckdb(str(self.database)),
            dataset_name=DATASET,
            pipelines_dir=str(self.pipelines),
        )

    def on_another_machine(self) -> Warehouse:
        """The same destination, seen by a machine that has never loaded anything."""
        return Warehouse(self.server, self.folder, "other-pipelines")

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
        return sync(self.pipeline, **self.settings(**arguments))

    def run(self, *resources: str, **arguments: Any) -> SyncProgress:
        """Run some resources of the source through plain dlt."""
        progress = SyncProgress()
        source = extend_source(progress=progress, **self.settings(**arguments))
        self.pipeline.run(source.with_resources(*resources) if resources else source)
        return progress

    def rows(self, table: str) -> list[dict[str, Any]]:
        """The rows of a table, sorted by its key."""
        key = ", ".join(TABLES[table].key)
        with duckdb.connect(str(self.database), read_only=True) as connection:
            result = connection.sql(f'select * from "{DATASET}"."{table}" order by {key}')
            return [dict(zip(result.columns, row, strict=True)) for row in result.fetchall()]

    def tables(self) -> set[str]:
        """The names of the tables, dlt's own left out."""
        with duckdb.connect(str(self.database), read_only=True) as connection:
            found = connection.sql(
                f"select table_name from information_schema.tables where table_schema = '{DATASET}'"
            ).fetchall()
        return {name for (name,) in found if not name.startswith("_dlt")}

    def column(self, table: str, name: str) -> list[Any]:
        """One column of a table, in the order of its key."""
        return [row[name] for row in self.rows(table)]

    def snapshot(self) -> dict[str, list[dict[str, Any]]]:
        """All rows of all tables, without the columns that every load changes."""
        return {
            name: [{key: value for key, value in row.items() if key not in SYNC_COLUMNS} for row in self.rows(name)]
            for name in TABLES
        }

    def cells(self) -> list[Any]:
        """Every value of every table."""
        return [value for name in TABLES for row in self.rows(name) for value in row.values()]
