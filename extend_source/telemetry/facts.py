"""What others may know of a sync: names, counts, times and codes. No key, no address, nothing of a document."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, Literal

import dlt

from extend_source.ingest.progress import SyncProgress
from extend_source.pipeline.failures import error_code_of

COUNTED = ("listed", "known", "fetched", "changed", "failed", "gone")
"""The counts of objects that are told, by the names of `ObjectCounts`."""


@dataclass(frozen=True)
class SyncFacts:
    """Which sync it is.

    Attributes:
        pipeline: the name of its pipeline.
        dataset: the dataset.
        destination: the kind of destination, for example ``duckdb``; not where it is.
        kind: ``sync``, or ``events`` for what webhooks have told of.
        tables: names the tables that have landed so far.
    """

    pipeline: str
    dataset: str
    destination: str
    kind: str
    tables: Callable[[], list[str]]

    def labels(self) -> dict[str, str]:
        """Return what tells it from other syncs."""
        return {
            "pipeline": self.pipeline,
            "dataset": self.dataset,
            "destination": self.destination,
            "kind": self.kind,
        }


@dataclass(frozen=True)
class Ending:
    """How a sync has ended.

    Attributes:
        outcome: ``ok``, ``stopped`` (early, more to do) or ``failed``.
        mode: how the runs were found.
        seconds: how long it took.
        objects: the counts by type of objects, by the names in `COUNTED`; types without any are left out.
        requests: requests by endpoint.
        retries: second or later attempts.
        throttled: 429 answers.
        seconds_waiting: seconds in which the request budget held requests back.
        bytes_received: bytes of the bodies.
        loads: loads begun.
        ended_at: when it ended, UTC.
        watermark: all changes up to here are loaded; None: not known.
        lag_seconds: the age of the watermark; None: not known.
        stopped_by: why it ended early; None: it did not.
        error_code: the code of what it failed with; None: it did not.
    """

    outcome: Literal["ok", "stopped", "failed"]
    mode: str
    seconds: float
    objects: Mapping[str, Mapping[str, int]]
    requests: Mapping[str, int]
    retries: int
    throttled: int
    seconds_waiting: float
    bytes_received: int
    loads: int
    ended_at: datetime
    watermark: datetime | None
    lag_seconds: float | None
    stopped_by: str | None
    error_code: str | None


def facts_of(pipeline: dlt.Pipeline, kind: str) -> SyncFacts:
    """Say which sync it is."""

    def tables() -> list[str]:
        name: Any = pipeline.default_schema_name
        return [] if name is None else sorted(pipeline.default_schema.data_table_names())

    destination = pipeline.destination.destination_type.rpartition(".")[2] if pipeline.destination else ""
    return SyncFacts(pipeline.pipeline_name, pipeline.dataset_name, destination, kind, tables)


def ending_of(
    progress: SyncProgress, watermark: datetime | None, stopped_by: str | None, failure: BaseException | None
) -> Ending:
    """Say how a sync has ended."""
    sent, now = progress.requests, datetime.now(timezone.utc)
    return Ending(
        outcome="failed" if failure is not None else "stopped" if stopped_by else "ok",
        mode=progress.mode,
        seconds=round(progress.seconds, 3),
        objects=counts_of(progress),
        requests=dict(sent.requests_by_endpoint),
        retries=sent.retries,
        throttled=sent.throttled,
        seconds_waiting=round(sent.seconds_waiting, 3),
        bytes_received=sent.bytes_received,
        loads=progress.packages,
        ended_at=now,
        watermark=watermark,
        lag_seconds=None if watermark is None else round((now - watermark).total_seconds(), 3),
        stopped_by=stopped_by,
        error_code=code_of(failure),
    )


def counts_of(progress: SyncProgress) -> dict[str, dict[str, int]]:
    """Count what there is of each type of objects; types without any are left out."""
    counts = {kind: {name: getattr(of, name) for name in COUNTED} for kind, of in progress.of.items()}
    return {kind: found for kind, found in counts.items() if any(found.values())}


def code_of(failure: BaseException | None) -> str | None:
    """Return the code of a failure; its text is told to nobody, as it may quote an answer."""
    return None if failure is None else error_code_of(failure).value
