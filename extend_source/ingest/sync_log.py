"""The ``sync_log`` row of a load: what the counts have grown by since it began."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import asdict, replace
from datetime import datetime, timezone
from typing import Any, NamedTuple

import pyarrow as pa

from extend_source.config.installation import versions
from extend_source.config.settings import ExtendSettings
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.worklist import Worklist
from extend_source.tables import TABLES, Tables
from extend_source.tables.bookkeeping import SYNC_LOG
from extend_source.tables.row_counts import count_rows
from extend_source.text.json_codec import encode_json
from extend_source.text.redaction import redact
from extend_source.text.wording import one_line

_COUNTS = {
    "runs_listed": "listed",
    "runs_known": "known",
    "runs_fetched": "fetched",
    "runs_changed": "changed",
    "runs_failed": "failed",
    "runs_gone": "gone",
    "runs_restored": "restored",
    "runs_rechecked": "rechecked",
    "runs_drifted": "drifted",
    "files_fetched": "files_fetched",
    "files_failed": "files_failed",
}
_MAX_CHARACTERS = 1_000
_REQUEST_COUNTS = ("requests", "retries", "throttled", "seconds_waiting", "bytes_received")


def rows_text(rows: Mapping[str, int]) -> str:
    """Write rows by table as ``sync_log.rows_written`` has them."""
    return encode_json(dict(rows), sort_keys=True)


class Failure(NamedTuple):
    """What a sync failed with: its code, and one line."""

    error_code: str
    text: str


class LoadLog:
    """Remembers where the counts stood when a load began."""

    def __init__(self, progress: SyncProgress, load_id: str, sync_id: str, *, since: datetime | None = None) -> None:
        """Begin a load.

        Args:
            progress: the counts of the sync, which may have had other loads.
            load_id: dlt's id of the load.
            sync_id: the id of the first load of the sync.
            since: when it began, before anything was counted; None: it begins now.
        """
        self._progress = progress
        self._ids = {"load_id": load_id, "sync_id": sync_id}
        self._started_at = since or datetime.now(timezone.utc)
        before = SyncProgress() if since else progress
        self._before = self._counts(before)
        self._rows_before = Counter(before.rows)
        self._objects_before = {name: replace(counts) for name, counts in before.of.items()}

    def _counts(self, progress: SyncProgress) -> dict[str, Any]:
        counts = {column: getattr(progress, name) for column, name in _COUNTS.items()}
        return counts | {name: getattr(progress.requests, name) for name in _REQUEST_COUNTS}

    def count_rows(self, tables: Tables, written: Collection[str]) -> Tables:
        """Count the rows of a batch, markers left out; in its row of ``sync_log``, say how many the load has written.

        Args:
            tables: the batch.
            written: the names of those of its tables that are written; typed ones always are.

        Returns:
            The batch.
        """
        for name, rows in tables.items():
            if rows.num_rows and (name in written or name in tables.typed):
                self._progress.rows[name] += count_rows(tables.typed.get(name) or TABLES[name], rows)
        log = tables[SYNC_LOG.name]
        if log.num_rows:  # it comes last
            place = log.schema.get_field_index("rows_written")
            text = pa.array([rows_text(self._progress.rows - self._rows_before)], type=pa.string())
            tables[SYNC_LOG.name] = log.set_column(place, log.schema.field(place), text)
        return tables

    def objects(self) -> Iterator[dict[str, Any]]:
        """Write the rows of ``sync_log_objects``: of each type of objects with anything to count."""
        for name, counts in self._progress.of.items():
            before = asdict(self._objects_before[name])
            grown = {key: value - before[key] for key, value in asdict(counts).items()}
            if any(grown.values()):
                yield {"load_id": self._ids["load_id"], "resource_type": name, **grown}

    def entry(
        self,
        settings: ExtendSettings,
        worklist: Worklist,
        reached: datetime | None,
        stopped_by: str | None,
        failure: Failure | None = None,
    ) -> dict[str, Any]:
        """Write the row.

        Args:
            settings: the settings of the source.
            worklist: what is left, and the watermark before.
            reached: the watermark after the load.
            stopped_by: why the sync ends early; None: it does not.
            failure: what the sync fails with after this load; None: it does not.

        Returns:
            The values by column name.
        """
        grown = {name: value - self._before[name] for name, value in self._counts(self._progress).items()}
        rechecked = grown["runs_rechecked"]
        return {
            **self._ids,
            **grown,
            "mode": worklist.mode,
            "workspace_id": settings.workspace_id,
            "started_at": self._started_at,
            "fetched_at": datetime.now(timezone.utc),
            "runs_pending": worklist.runs_left,
            "drift_rate": grown["runs_drifted"] / rechecked if rechecked else None,
            "watermark_before": worklist.before.watermark,
            "watermark_after": reached,
            "stopped_by": stopped_by,
            "error": None if failure is None else one_line(redact(failure.text))[:_MAX_CHARACTERS],
            "error_code": None if failure is None else failure.error_code,
            "scope": encode_json(worklist.scope.description, sort_keys=True),
            "api_version": settings.api_version,
            **versions(),
        }
