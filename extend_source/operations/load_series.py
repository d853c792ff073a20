"""The loads of one sync: what an earlier one left pending first, then load after load until nothing is left."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

import dlt
from dlt.common import logger

from extend_source.api import PagesAhead
from extend_source.config.settings import SECTION, ExtendSettings
from extend_source.errors import ExtendError, TooManyErrors, extend_error_in
from extend_source.ingest.beacon import told
from extend_source.ingest.garbage import earlier_objects_left_alone, give_back
from extend_source.ingest.named_runs import checked_run_ids, refuse_ids_without_details
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.remembered_scan import remember_scan, scan_before
from extend_source.ingest.session import SyncSession
from extend_source.ingest.sync_log import Failure
from extend_source.pipeline.comments import keep_comments
from extend_source.pipeline.erased_rows import delete_rows_of
from extend_source.pipeline.failures import error_code_of
from extend_source.pipeline.held_database import held_database
from extend_source.pipeline.indexes import keep_indexes
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.loads import dropped_a_load, forget_dropped_load, run_load
from extend_source.pipeline.lock import exclusive
from extend_source.pipeline.pending import settle
from extend_source.pipeline.read_only import location
from extend_source.pipeline.staging import begin_filling
from extend_source.privacy import privacy_rules
from extend_source.source import extend_source
from extend_source.tables.bookkeeping import ERASURES
from extend_source.tables.contract import LOAD_ID
from extend_source.telemetry.observation import Observation
from extend_source.text.wording import counted

MIN_RUNS_FOR_SHARE = 20
"""A share of failures means nothing of fewer runs than these."""


class LoadSeries:
    """The loads of one sync.

    Attributes:
        session: what they share.
        place: where the rows are.
        load_ids: dlt's ids of them, the pending ones finished first among them.
    """

    def __init__(
        self,
        pipeline: dlt.Pipeline,
        settings: ExtendSettings,
        progress: SyncProgress,
        ahead: PagesAhead,
        arguments: dict[str, Any],
        observation: Observation,
    ) -> None:
        """Begin none yet.

        Args:
            pipeline: the pipeline.
            settings: the settings of the source.
            progress: filled while the loads run.
            ahead: pages of lists that were read already.
            arguments: as for `extend_source`.
            observation: is told of each load.

        Raises:
            ConfigurationValueError: a privacy rule cannot be kept.
        """
        privacy_rules(settings)
        self._pipeline, self._settings, self._arguments = pipeline, settings, arguments
        self._observation = observation
        self.session = SyncSession(progress, bounded=True, raises=True, ahead=ahead)
        self.load_ids: list[str] = []
        self.place = ""

    def run(self, run_ids: Iterable[str] | None, *, reconcile: bool) -> None:
        """Run them; for arguments and errors see `sync`."""
        self.session.reconcile = reconcile
        ids = None if run_ids is None else checked_run_ids(run_ids)
        refuse_ids_without_details(ids, self._settings)
        pipeline, self.place = self._pipeline, location(self._pipeline)
        refresh, before = pipeline.refresh, scan_before(pipeline, self._settings)
        with exclusive(pipeline):
            self._run(ids)
            if self.load_ids and ids is None and refresh is None:
                remember_scan(pipeline, self._settings, self.session, self.place, self.load_ids[-1], before)

    def _run(self, ids: list[str] | None) -> None:
        pipeline, settings, session, given = self._pipeline, self._settings, self.session, self._arguments
        refresh = pipeline.refresh
        watched = told(pipeline, session.progress)
        held = held_database(pipeline, has_large_rows=settings.keep_raw)
        with earlier_objects_left_alone(), watched, held as session.database:
            try:
                self.load_ids += settle(pipeline, settings.package_attempts)
                session.compare_all = dropped_a_load(pipeline)
                while not session.is_over:
                    if self.load_ids:
                        session.database.renew()
                    if session.progress.has_large_answers:
                        give_back()
                    if session.progress.packages:
                        pipeline.refresh = None  # a further load must not drop what the first one has brought
                    source = extend_source(ids, session=session, **given)
                    with self._observation.load():
                        self.load_ids += run_load(pipeline, settings.package_attempts, source, self._before_loading)
                    if settings.indexes:
                        keep_indexes(pipeline, self.place)
                    if session.error is None:
                        _refuse_too_many_errors(session.progress, settings)
                self._erase_what_was_meanwhile()
                keep_comments(pipeline, self.place)
                if session.final_error is not None:
                    raise session.final_error
                if session.compare_all and session.has_compared_all:
                    forget_dropped_load(pipeline)
            except Exception as failure:
                with suppress(Exception):
                    self._erase_what_was_meanwhile()
                error = extend_error_in(failure)
                pipeline.refresh = None
                _log_failure(pipeline, session, error or failure, extend_source(ids, session=session, **given))
                if error is None or error is failure:
                    raise
                raise error from None
            finally:
                pipeline.refresh = refresh

    def _before_loading(self) -> None:
        """Give back what fetching has taken, where the destination is to take much."""
        if self.session.database.rows_in_group is not None:
            give_back()

    def _erase_what_was_meanwhile(self) -> None:
        """Erase again what another machine has erased while this sync was under way, and may have brought back."""
        known = self.session.erased
        if known is None:
            return
        landed = LandedData(self._pipeline, SECTION)
        noted = landed.rows(ERASURES, ("id", "resource_type", LOAD_ID))
        late = defaultdict[str, list[str]](list)
        for object_id, kind, load_id in noted:
            if object_id not in known and load_id not in self.load_ids:
                late[kind].append(object_id)
        if late:
            found = sum(map(len, late.values()))
            logger.warning(
                f"{counted(found, 'object')} erased elsewhere meanwhile: rows of this sync are deleted again."
            )
            delete_rows_of(self._pipeline, landed, late)


def _log_failure(pipeline: dlt.Pipeline, session: SyncSession, failure: BaseException, source: Any) -> None:
    """Leave a row in ``sync_log`` that says what a sync failed with, unless its last load has.

    It takes a load of its own. Where a load is pending, that comes first, and `status` tells of it.
    """
    if failure is session.final_error or pipeline.has_pending_data:
        return
    text = str(failure) if isinstance(failure, ExtendError) else _name_of_cause(failure)
    session.failure = Failure(error_code_of(failure).value, text)
    session.worklist = None
    begin_filling(pipeline)
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
