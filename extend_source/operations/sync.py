"""Running a sync to its end: what an earlier one left pending first, then load after load until nothing is left."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import dlt
from dlt.common import logger

from extend_source.config.settings import ExtendSettings
from extend_source.errors import ExtendError, TooManyErrors, extend_error_in
from extend_source.ingest.beacon import told
from extend_source.ingest.garbage import give_back
from extend_source.ingest.named_runs import checked_run_ids, refuse_ids_without_details
from extend_source.ingest.progress import ObjectCounts, SyncProgress
from extend_source.ingest.quiet_scan import quiet_scan, remember_scan
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.ingest.session import SyncSession
from extend_source.ingest.sync_log import Failure
from extend_source.pipeline.comments import keep_comments
from extend_source.pipeline.failures import error_code_of
from extend_source.pipeline.held_database import held_database
from extend_source.pipeline.indexes import keep_indexes
from extend_source.pipeline.last_scan import LastScan
from extend_source.pipeline.loads import dropped_a_load, forget_dropped_load, run_load
from extend_source.pipeline.lock import exclusive, only_sync
from extend_source.pipeline.pending import settle
from extend_source.pipeline.read_only import location
from extend_source.source import extend_source

if TYPE_CHECKING:
    from typing_extensions import Unpack

MIN_RUNS_FOR_SHARE = 20
"""A share of failures means nothing of fewer runs than these."""


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
    settings = resolved_settings(**arguments)
    given: dict[str, Any] = {**arguments}
    session = SyncSession(progress or SyncProgress(), bounded=True, reconcile=reconcile, raises=True)
    ids = None if run_ids is None else checked_run_ids(run_ids)
    refuse_ids_without_details(ids, settings)
    refresh = pipeline.refresh
    if ids is None and not reconcile and refresh is None:
        with only_sync(pipeline):
            scan = quiet_scan(pipeline, settings, session.progress, session.ahead)
        if scan is not None:
            return _quiet_result(pipeline, session.progress, scan, details=settings.details)
    where = location(pipeline)
    with exclusive(pipeline):
        loads = _load_all(pipeline, ids, settings, session, given, where)
        if loads and ids is None and refresh is None:
            remember_scan(pipeline, settings, session, where, loads[-1])
    return _result(pipeline, where, session, loads, details=settings.details)


def _load_all(
    pipeline: dlt.Pipeline,
    ids: list[str] | None,
    settings: ExtendSettings,
    session: SyncSession,
    given: dict[str, Any],
    where: str,
) -> list[str]:
    """Run load after load until nothing is left; return their ids."""
    refresh = pipeline.refresh
    with told(pipeline, session.progress), held_database(pipeline) as session.database:
        try:
            loads = settle(pipeline, settings.package_attempts)
            session.compare_all = dropped_a_load(pipeline)
            while not session.is_over:
                session.database.renew()
                if session.progress.has_large_answers:
                    give_back()
                if session.progress.packages:
                    pipeline.refresh = None  # a further load must not drop what the first one has brought
                loads += run_load(pipeline, settings.package_attempts, extend_source(ids, session=session, **given))
                if settings.indexes:
                    keep_indexes(pipeline, where)
                if session.error is None:
                    _refuse_too_many_errors(session.progress, settings)
            keep_comments(pipeline, where)
            if session.final_error is not None:
                raise session.final_error
            if session.compare_all and session.has_compared_all:
                forget_dropped_load(pipeline)
        except Exception as failure:
            error = extend_error_in(failure)
            pipeline.refresh = None
            _log_failure(pipeline, session, error or failure, extend_source(ids, session=session, **given))
            if error is None or error is failure:
                raise
            raise error from None
        finally:
            pipeline.refresh = refresh
    return loads


def _log_failure(pipeline: dlt.Pipeline, session: SyncSession, failure: BaseException, source: Any) -> None:
    """Leave a row in ``sync_log`` that says what a sync failed with, unless its last load has.

    It takes a load of its own. Where a load is pending, that comes first, and `status` tells of it.
    """
    if failure is session.final_error or pipeline.has_pending_data:
        return
    text = str(failure) if isinstance(failure, ExtendError) else _name_of_cause(failure)
    session.failure = Failure(error_code_of(failure).value, text)
    session.worklist = None
    try:
        pipeline.run(source)
    except Exception as error:  # what matters is the failure itself
        logger.info(f"The failed sync is not in sync_log: {type(error).__name__}")
        pipeline.abort_packages()


def _name_of_cause(failure: BaseException) -> str:
    # the text of a defect can quote a document
    while (cause := getattr(failure, "exception", None) or failure.__cause__) is not None:
        failure = cause
    return f"{type(failure).__name__}, which is not an error of the API: see the output of the sync"


def _refuse_too_many_errors(progress: SyncProgress, settings: ExtendSettings) -> None:
    failed = progress.failed - progress.failed_again
    tried = progress.fetched + failed
    if tried < MIN_RUNS_FOR_SHARE or failed <= tried * settings.max_error_share:
        return
    first = next(iter(progress.errors.values()), "")
    raise TooManyErrors(f"{failed:,} of {tried:,} runs could not be loaded, the first one as: {first}")


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
        **others,
    )
