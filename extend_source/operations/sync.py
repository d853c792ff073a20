"""Running a sync to its end: a quiet one at once, any other load after load until nothing is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dlt

from extend_source.api import PagesAhead
from extend_source.api.endpoints import endpoints_of
from extend_source.api.settings import checked_base_url
from extend_source.config.settings import ExtendSettings
from extend_source.ingest.progress import ObjectCounts, SyncProgress
from extend_source.ingest.quiet_scan import quiet_scan
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.pipeline.last_scan import LastScan
from extend_source.pipeline.lock import only_sync
from extend_source.telemetry.observation import Observation, observed

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from extend_source.ingest.session import SyncSession


@dataclass(frozen=True)
class SyncResult:
    """What a sync did.

    Attributes:
        mode: how the runs were found: full, incremental, reconcile or by_id; or quiet: the lists were as the last sync
            had seen them, so that nothing was done to the destination but for a row in ``sync_log`` now and then.
        listed: runs seen in the listing.
        known: runs that had landed and not changed.
        fetched: runs fetched and loaded.
        changed: of these, runs that were new or had another payload than before.
        failed: runs that went to ``fetch_errors``.
        gone: runs found to be gone at the source, rows in ``tombstones``.
        restored: runs written again, as rows of theirs were gone from the destination.
        rechecked: runs fetched although nothing said that they had changed.
        drifted: of these, runs that had changed.
        files_fetched: files whose contents were fetched.
        files_failed: files whose contents went to ``fetch_errors``.
        rows: rows written, by table; tables without any are left out. Those that dlt merged into earlier ones count;
            the rows of a load that an earlier sync had left pending do not, as that sync had counted them.
        requests: requests sent, by endpoint.
        retries: how many of the requests were second or later attempts.
        throttled: 429 answers.
        seconds_waiting: seconds in which the request budget held requests back.
        bytes_received: bytes of the bodies as they came over the wire.
        seconds: seconds the sync took.
        stopped_by: why it ended early: request (Ctrl-C, SIGTERM), max_runs, max_requests or max_seconds; None: it did
            not.
        left: runs, and parse runs, that were to be fetched and were not.
        listing_complete: the listing was read as far as it had to be.
        watermark: all changes up to here are loaded, UTC; None: the listing has not been worked off yet.
        destination: where the rows are, without any password.
        dataset: the dataset (schema) they are in.
        errors: the first few failures by the id of the run or file; all of them are in ``fetch_errors``.
        load_ids: dlt's ids of the loads, the pending ones finished first among them.
        objects: all these counts, and more, by type of objects: ``processor_run``, ``file``, ``parse_run``.
        details: runs were fetched; False: only the lists were read, and `known` counts what has landed as it is listed.
    """

    mode: str
    listed: int
    known: int
    fetched: int
    changed: int
    failed: int
    gone: int
    restored: int
    rechecked: int
    drifted: int
    files_fetched: int
    files_failed: int
    requests: dict[str, int]
    retries: int
    throttled: int
    seconds_waiting: float
    bytes_received: int
    seconds: float
    stopped_by: str | None
    left: int
    listing_complete: bool
    watermark: datetime | None
    destination: str
    dataset: str
    errors: dict[str, str] = field(default_factory=dict)
    load_ids: list[str] = field(default_factory=list)
    objects: dict[str, ObjectCounts] = field(default_factory=dict)
    details: bool = True
    rows: dict[str, int] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Tell whether everything that was wanted was loaded."""
        failed = any(counts.failed for counts in self.objects.values())
        return not failed and not self.failed and not self.files_failed and self.stopped_by is None


def sync(
    pipeline: dlt.Pipeline,
    *,
    run_ids: Iterable[str] | None = None,
    reconcile: bool = False,
    progress: SyncProgress | None = None,
    **arguments: Unpack[Arguments],
) -> SyncResult:
    """Bring a pipeline's destination up to date, in loads of limited size until nothing is left.

    A load that an earlier sync left pending is finished first. A kill at any moment costs at most the load under way.

    Args:
        pipeline: any dlt pipeline.
        run_ids: the runs to load; None: find them by listing.
        reconcile: compare the whole listing with what has landed, and recheck runs within the review window.
        progress: filled while the sync runs.
        **arguments: as for `extend_source`.

    Returns:
        What was done. Runs that could not be loaded are rows in ``fetch_errors``, not an exception.

    Raises:
        SyncUnderWay: the pipeline is being synced already.
        TooManyErrors: a greater share of runs failed than `max_error_share` allows; the others have landed.
        ApiError: the API refused everything, or cannot be reached; one clear line.
        UsageError: `run_ids` has something that is no id, or is given and `details` is False.
        InvalidSetting: a setting cannot work, or the destination cannot hold the tables.
        RowsRefused: the destination refused rows, and dlt was told to go on; the next sync writes them again.
        PipelineStepFailed: loading failed.
        ConfigurationValueError: a setting has a value that it does not take.
    """
    settings = resolved_settings(needs_rules=False, **arguments)
    # before dlt notes anything of them: there may be a secret in the wrong place
    checked_base_url(settings.base_url)
    endpoints_of(settings.api_version)
    progress = progress or SyncProgress()
    with observed(pipeline, settings, progress) as observation:
        result = _synced(pipeline, settings, run_ids, progress, observation, {**arguments}, reconcile=reconcile)
        observation.watermark, observation.stopped_by = result.watermark, result.stopped_by
    return result


def _synced(
    pipeline: dlt.Pipeline,
    settings: ExtendSettings,
    run_ids: Iterable[str] | None,
    progress: SyncProgress,
    observation: Observation,
    arguments: dict[str, Any],
    *,
    reconcile: bool,
) -> SyncResult:
    """Sync, with the settings found."""
    ahead = PagesAhead()
    if run_ids is None and not reconcile and pipeline.refresh is None:
        with only_sync(pipeline):
            scan = quiet_scan(pipeline, settings, progress, ahead)
        if scan is not None:
            return _quiet_result(pipeline, progress, scan, details=settings.details)
    from extend_source.operations.load_series import LoadSeries  # all that knows the tables, where it is needed

    series = LoadSeries(pipeline, settings, progress, ahead, arguments, observation)
    series.run(run_ids, reconcile=reconcile)
    return _result(pipeline, series.place, series.session, series.load_ids, details=settings.details)


def _quiet_result(pipeline: dlt.Pipeline, progress: SyncProgress, scan: LastScan, *, details: bool) -> SyncResult:
    return _counted(
        progress,
        stopped_by=None,
        left=0,
        listing_complete=True,
        watermark=scan.watermark,
        destination=scan.destination,
        dataset=pipeline.dataset_name,
        load_ids=[scan.load_id] if scan.logged_at == scan.checked_at else [],
        details=details,
    )


def _result(pipeline: dlt.Pipeline, where: str, session: SyncSession, loads: list[str], *, details: bool) -> SyncResult:
    worklist = session.worklist
    assert worklist is not None
    left = worklist.runs_left
    reached = worklist.before if left else worklist.after
    return _counted(
        session.progress,
        stopped_by=session.stopped_by,
        left=left,
        listing_complete=worklist.listing_stopped_by is None,
        watermark=reached.watermark,
        destination=where,
        dataset=pipeline.dataset_name,
        load_ids=loads,
        details=details,
    )


def _counted(progress: SyncProgress, **others: Any) -> SyncResult:
    sent = progress.requests
    return SyncResult(
        mode=progress.mode,
        listed=progress.listed,
        known=progress.known,
        fetched=progress.fetched,
        changed=progress.changed,
        failed=progress.failed,
        gone=progress.gone,
        restored=progress.restored,
        rechecked=progress.rechecked,
        drifted=progress.drifted,
        files_fetched=progress.files_fetched,
        files_failed=progress.files_failed,
        requests=dict(sent.requests_by_endpoint),
        retries=sent.retries,
        throttled=sent.throttled,
        seconds_waiting=round(sent.seconds_waiting, 3),
        bytes_received=sent.bytes_received,
        seconds=round(progress.seconds, 3),
        errors=dict(progress.errors),
        objects=dict(progress.of),
        rows={name: count for name, count in sorted(progress.rows.items()) if count},
        **others,
    )
