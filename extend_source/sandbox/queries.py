"""Filters and sorts runs and files the way the list endpoints do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timezone
from typing import Literal

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.records import FileRecord, Json, RunRecord

SortBy = Literal["updatedAt", "createdAt"]
SortDir = Literal["asc", "desc"]

SOURCES = (
    "ADMIN",
    "BATCH_PROCESSOR_RUN",
    "PLAYGROUND",
    "WORKFLOW_CONFIGURATION",
    "WORKFLOW_RUN",
    "STUDIO",
    "API",
)
"""The values the ``source`` filter accepts."""


@dataclass(frozen=True)
class RunQuery:
    """The filters of GET ``/processor_runs``; None means no filter.

    Attributes:
        status: One status.
        processor_id: One processor.
        processor_type: EXTRACT, CLASSIFY or SPLITTER.
        source_id: Id of what created the run.
        source: What created the run, one of ``SOURCES``.
        file_name_contains: Part of a file's name, in any case.
        batch_id: The batch that created the run, which is what its ``source_id`` names then; 2026-02-09 only.
    """

    status: str | None = None
    processor_id: str | None = None
    processor_type: str | None = None
    source_id: str | None = None
    source: str | None = None
    file_name_contains: str | None = None
    batch_id: str | None = None

    def matches(self, run: RunRecord) -> bool:
        """Whether a run passes every filter but the one on file names, which the workspace knows."""
        wanted = (
            (self.status, run.status),
            (self.processor_id, run.payload.get("processorId")),
            (self.processor_type, run.payload.get("type")),
            (self.source_id, run.source_id),
            (self.source, run.source),
            (self.batch_id, run.source_id if run.source == "BATCH_PROCESSOR_RUN" else None),
        )
        return all(value is None or value == actual for value, actual in wanted)


def run_sort_key(run: RunRecord, sort_by: SortBy) -> tuple[str, str]:
    """Return what runs are ordered by: the time asked for, then the id, so that the order is total."""
    moment = run.updated_at if sort_by == "updatedAt" else run.created_at
    return (moment.astimezone(timezone.utc).isoformat(timespec="microseconds"), run.id)


def file_sort_key(file: FileRecord) -> tuple[str, str]:
    """Return what files are ordered by: creation time, then id."""
    # without the Z a time in whole seconds sorts before the same second with milliseconds
    return (str(file.payload.get("createdAt")).rstrip("Z"), file.id)


def summary_of(run: RunRecord) -> Json:
    """Return the ProcessorRunSummary of a run."""
    payload = run.payload
    keys = ("id", "status", "processorId", "processorName", "processorVersionId", "type")
    summary: Json = {key: payload[key] for key in keys if key in payload}
    summary["createdAt"], summary["updatedAt"] = rfc3339(run.created_at), rfc3339(run.updated_at)
    if "usage" in payload:
        summary["usage"] = payload["usage"]
    return summary
