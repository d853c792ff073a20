"""Flattening one payload in a test: tables as lists of rows, markers left out unless asked for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timezone
from typing import Any

from extend_source.tables import TABLES, Flattener, Origin

NOW = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone.utc)

Rows = list[dict[str, Any]]


def flatten(
    *runs: dict[str, Any],
    created_at: datetime | None = None,
    updated_at: datetime | None = None,
    with_contents: bool = True,
    markers: bool = False,
) -> dict[str, Rows]:
    """Flatten runs as one load."""
    flattener = Flattener(with_contents=with_contents)
    for run in runs:
        flattener.add("processor_run", run, Origin("2025-04-21", "ws_1", NOW, created_at, updated_at))
    return rows_of(flattener, markers=markers)


def rows_of(flattener: Flattener, *, markers: bool = False) -> dict[str, Rows]:
    """Take a flattener's tables as rows."""
    tables = flattener.take("load-1", NOW)
    return {
        name: [row for row in table.to_pylist() if markers or not is_marker(name, row)]
        for name, table in tables.items()
    }


def is_marker(name: str, row: dict[str, Any]) -> bool:
    """Tell whether a row only names an owner."""
    marker = TABLES[name].marker
    return bool(marker) and all(row[column] == value for column, value in marker.items())


def cells(tables: dict[str, Rows]) -> Iterable[Any]:
    """All values of all tables."""
    return (value for rows in tables.values() for row in rows for value in row.values())


def run_of(kind: str = "EXTRACT", **parts: Any) -> dict[str, Any]:
    """A minimal finished run."""
    config: dict[str, Any] = {"type": kind}
    if kind == "EXTRACT":
        config["schema"] = {"type": "object", "properties": {}}
    run: dict[str, Any] = {
        "object": "document_processor_run",
        "id": "dpr_1",
        "processorId": "dp_1",
        "processorVersionId": "dpv_1",
        "processorName": "Processor 1",
        "status": "PROCESSED",
        "type": kind,
        "reviewed": False,
        "edited": False,
        "edits": {},
        "config": config,
        "output": {},
        "files": [],
        "mergedProcessors": [],
        "url": "https://dashboard.extend.ai/runs/dpr_1",
    }
    return {**run, **parts}


def without(row: dict[str, Any], *names: str) -> dict[str, Any]:
    """A row without NULLs, the load id and some columns, to compare what matters."""
    return {key: value for key, value in row.items() if value is not None and key not in (*names, "_dlt_load_id")}
