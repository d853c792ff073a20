"""DuckDB with one thread: in databases as small as those of the tests, sharing out the work takes longer than it saves."""

from __future__ import annotations

from typing import Any

import duckdb

_connect = duckdb.connect


def quicken_databases() -> None:
    """Have all databases that are opened in this process from now on work in one thread; other processes choose anew."""
    duckdb.connect = _connect_with_one_thread  # type: ignore[assignment]


def _connect_with_one_thread(
    database: Any = ":memory:", read_only: bool = False, config: dict[str, Any] | None = None
) -> duckdb.DuckDBPyConnection:
    return _connect(database, read_only, {"threads": 1, **(config or {})})
