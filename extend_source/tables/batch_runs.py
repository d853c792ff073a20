"""Batches of runs, which have no list: others name them."""

from __future__ import annotations

from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import INTEGER, JSON, TEXT, TIMESTAMP
from extend_source.tables.object_rows import AFTER, BEFORE, ObjectRows
from extend_source.tables.payloads import Origin
from extend_source.tables.reading import DriftLog

BATCH_RUNS = TableSchema(
    name="batch_runs",
    grain="batch of runs",
    description="Batches that a parse run, a webhook or the user has named. Those of workflow runs cannot be read.",
    key=("id",),
    object_name="batch_run",
    columns=(
        Column("id", TEXT, "The batch's id, which its parse runs name.", api="id", about="batch_run"),
        *BEFORE,
        Column("kind", TEXT, "What its runs are, by its id: processor_run or parse_run; NULL: not known."),
        Column("status", TEXT, "PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED.", api="status"),
        Column("run_count", INTEGER, "How many runs it has.", api="runCount"),
        Column("file_count", INTEGER, "How many files they had (API 2025-04-21).", api="metrics.numFiles"),
        Column("page_count", INTEGER, "How many pages these had (API 2025-04-21).", api="metrics.numPages"),
        Column("source", TEXT, "PLAYGROUND or STUDIO (API 2025-04-21).", api="source"),
        Column("source_id", TEXT, "Of STUDIO: the processor (API 2025-04-21).", api="sourceId"),
        Column("processor_id", TEXT, "The processor (API 2025-04-21).", api="processorId", references="processor"),
        Column("processor_name", TEXT, "Its name (API 2025-04-21).", api="processorName"),
        Column(
            "processor_version_id",
            TEXT,
            "Its version (API 2025-04-21).",
            api="processorVersionId",
            references="processor_version",
        ),
        Column("options", JSON, "What else it was told (API 2025-04-21).", api="options"),
        Column("created_at", TIMESTAMP, "Creation.", api="createdAt"),
        Column("updated_at", TIMESTAMP, "Last update (API 2025-04-21).", api="updatedAt"),
        *AFTER,
    ),
)

_KINDS = {"bpr_": "processor_run", "batch_processor_run_": "processor_run", "bpar_": "parse_run"}
"""What the runs of a batch are, by what its id begins with (SDK 0.2.0 and 1.20.0)."""


class BatchRunTables:
    """Writes batches of runs."""

    def __init__(self, tables: TableSet, drift: DriftLog, *, keep_raw: bool) -> None:
        """Start a load; see `ObjectRows`."""
        self._rows = ObjectRows("batch_run", BATCH_RUNS, tables, drift, keep_raw=keep_raw)

    def add(self, batch: dict[str, Any], origin: Origin) -> str:
        """Add a batch.

        Args:
            batch: the canonical BatchRun object with an ``id`` (SDK 0.2.0, batch_processor_run; SDK 1.20.0, batch_run).
            origin: where it came from.

        Returns:
            The payload's `payload_sha256`.
        """
        kind = next((kind for prefix, kind in _KINDS.items() if batch["id"].startswith(prefix)), None)
        return self._rows.write(batch, origin, *self._rows.read(batch), kind=kind)
