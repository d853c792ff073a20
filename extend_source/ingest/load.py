"""One load, from what is wanted to batches of Arrow tables: discover, fetch, flatten, fill in what is known."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timezone
from functools import partial
from typing import Any

from extend_source.api import Arrival, Endpoint, ExtendClient
from extend_source.config.settings import ExtendSettings, parse_start_date, resolved_privacy
from extend_source.error_codes import ErrorCode
from extend_source.errors import AnotherWorkspace, ExtendError, InvalidSetting
from extend_source.ingest.carried import CarriedObjects
from extend_source.ingest.client import budget_of, client_for
from extend_source.ingest.context import SyncContext
from extend_source.ingest.definitions import is_listed_whole, listed_whole, lost_with
from extend_source.ingest.discovery import Discovery
from extend_source.ingest.fetching import Fetched, fetch_all
from extend_source.ingest.finding import find_wanted
from extend_source.ingest.garbage import fewer_collections
from extend_source.ingest.limits import Limits
from extend_source.ingest.listed_objects import ListedObjects, listed_objects
from extend_source.ingest.named_objects import NamedFiles, NamedObjects, fetches_texts
from extend_source.ingest.named_runs import find, is_left_out, wanted_by_id
from extend_source.ingest.recorder import NOT_LISTED, Recorder
from extend_source.ingest.session import SyncSession
from extend_source.ingest.state import Position, Scope, SyncState, scope_of
from extend_source.ingest.stored_payloads import KeptPayloads, LandedOrigin, origin_of
from extend_source.ingest.sync_log import LoadLog
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.pipeline.landed import LandedData
from extend_source.privacy import report_unmatched
from extend_source.privacy.templates import Keys, parse_path
from extend_source.tables import Origin, Tables, selection_text, tables_to_fetch
from extend_source.tables.bookkeeping import ERASURES, FETCH_ERRORS, SCHEMA_DRIFT
from extend_source.tables.edit_runs import EDIT_RUN_VALUES
from extend_source.tables.objects import OBJECT_TYPES
from extend_source.tables.schemas import PROCESSOR_RUNS, RUN_CONFIG_FIELDS
from extend_source.text.json_codec import decode_json

_MAX_OTHERS = 15
"""Most objects, from all over the list, that help to tell whether a refusal concerns one or all."""

BATCH_RUNS = 500
BATCH_BYTES = 16_000_000
"""Runs, and bytes of JSON, per batch: enough to fill Arrow columns, few enough to keep memory flat."""


class Load:
    """Fetches and flattens the runs of one load."""

    def __init__(
        self,
        settings: ExtendSettings,
        landed: LandedData,
        session: SyncSession,
        state: SyncState,
        load_id: str | None,
        tables: frozenset[str],
        lacking: frozenset[str] = frozenset(),
    ) -> None:
        """Prepare a load.

        Args:
            settings: the settings of the source.
            landed: what the destination holds.
            session: what the loads of the sync share.
            state: where the watermark is kept.
            load_id: dlt's id of the load; None outside of a pipeline.
            tables: the tables that will be loaded.
            lacking: the tables that hold nothing, or not all, of what was written to them.
        """
        self._lacking = lacking
        self._settings, self._landed, self._session, self._state = settings, landed, session, state
        self._progress, self._selected = session.progress, tables
        self._tables = tables_to_fetch(tables, details=settings.details)
        self._scope: Scope = scope_of(settings, selection_text(tables))
        self._limits = Limits(settings, session.progress, bounded=session.bounded)
        self._recorder = Recorder(settings, landed, session.progress, load_id, tables)
        self._load_id = load_id or ""
        session.sync_id = session.sync_id or self._load_id
        session.progress.packages += 1
        now = datetime.now(timezone.utc)
        shared = (self._limits, self._scope, self._tables, now, tables, session.seen, session.ahead.began_at)
        self._context = SyncContext(settings, landed, session.progress, *shared, told_at=session.told_at)
        self._listed: dict[str, ListedObjects] = {each.object_type: each for each in listed_objects(self._context)}
        self._named: list[NamedObjects] = [*self._listed.values()]
        if session.erased is None and landed.is_readable:
            session.erased = self._recorder.erased
        self._carried = CarriedObjects(tables, self._recorder.erased, session.progress)
        if fetches_texts(settings, tables):
            self._named.append(NamedFiles(settings, landed, self._recorder.erased_files))
        self._found_as: dict[str, str] = {}
        self._kept_origins: dict[str, Origin] = {}
        self._batch_began_at = 0
        self._log = LoadLog(session.progress, self._load_id, session.sync_id)

    def check_rules(self) -> None:
        """Say which privacy rules have matched no field, once the load has fetched all that it will.

        Raises:
            ConfigurationValueError: there are some, and the settings make that an error.
        """
        session = self._session
        session.rule_usage.add(self._recorder.rule_usage)
        report_unmatched(
            session.rule_usage,
            self._landed_paths,
            is_error=resolved_privacy(self._settings.privacy).on_unmatched == "error",
            is_over=session.is_over or not session.bounded,
        )

    def _landed_paths(self) -> Iterator[Keys]:
        """Yield the fields that configs declare, and those that edit runs have filled in."""
        for table, column in ((RUN_CONFIG_FIELDS, "path"), (EDIT_RUN_VALUES, "path_template")):
            yield from (parse_path(path) for (path,) in self._landed.rows(table, (column,), distinct=True))

    async def batches(self, run_ids: Iterable[str] | None) -> AsyncIterator[Tables]:
        """Fetch what is wanted, as far as the limits allow, and yield it as tables.

        Args:
            run_ids: the runs to load; None to find them by listing.

        Yields:
            Every table by name, a batch of runs at a time; at least one batch, so that every table exists after the
            first load.

        Raises:
            AnotherWorkspace: the listing is not of the runs that have landed, so nothing of it must be loaded. Every
                other error of the API is left in the session, as what came before it is to be loaded.
        """
        with self._landed.connected():
            self._landed.probe()
            if self._session.failure is None:
                self._keep_erasures()
        discovery = self._discovery(run_ids) if self._session.worklist is None else None
        worklist = self._session.worklist
        assert worklist is not None
        if self._session.failure is None:
            async with self._session.database.lent():
                async for tables in self._work(discovery, worklist):
                    yield tables
                self._session.database.rows_in_group = self._limits.rows_in_group
        self._finish(worklist)
        yield self._taken()

    async def _work(self, discovery: Discovery | None, worklist: Worklist) -> AsyncIterator[Tables]:
        try:
            async with self._client() as client:
                if discovery is not None:
                    with fewer_collections():  # summaries go page by page, and have no cycles
                        async for tables in self._discover(client, discovery):
                            yield tables
                self._progress.end_listing(lambda: worklist.forecast(self._settings, len(worklist)))
                async for tables in self._fetch(client, worklist):
                    yield tables
        except AnotherWorkspace:
            raise
        except ExtendError as error:
            self._end_with(error)

    def _end_with(self, error: ExtendError) -> None:
        """End the sync with an error once this load has landed."""
        self._session.error = self._session.error or error

    def _discovery(self, run_ids: Iterable[str] | None) -> Discovery | None:
        """Make the worklist; return what fills it, None: that is done."""
        session, settings, context = self._session, self._settings, self._context
        if run_ids is not None:
            session.worklist = wanted_by_id(run_ids, context)
            return None
        start = None if settings.start_date is None else parse_start_date(settings.start_date)
        discovery = Discovery(
            context,
            position=Position() if session.compare_all else self._state.position(self._scope, start, context.now),
            reconcile=session.reconcile,
            drift_rows=self._state.rows("schema_drift"),
        )
        session.worklist = discovery.worklist
        return discovery

    async def _discover(self, client: ExtendClient, discovery: Discovery) -> AsyncIterator[Tables]:
        """Find what is to be fetched; yield what the lists say of it."""
        flattener, workspace_id = self._recorder.flattener, self._settings.workspace_id
        async for object_type, page in find_wanted(client, discovery, self._listed):
            now = datetime.now(timezone.utc)
            for summary in page.fresh:
                flattener.add_summary(object_type, summary, workspace_id, now)
            for object_id in page.returned:
                flattener.remove_tombstone(object_id)
            for object_id in page.gone:
                flattener.add_tombstone(object_type, object_id, workspace_id, now, NOT_LISTED)
            if page.fresh or page.gone:
                yield self._taken()

    def _keep_erasures(self) -> None:
        """Write the erasures again where the load drops them, and refuse to load where they are gone.

        Raises:
            InvalidSetting: what was erased on request would come back.
        """
        erasures = self._landed.erasures()
        lost = self._state.rows("erasures") - len(erasures)
        if lost > 0:
            raise InvalidSetting(
                f"The table {ERASURES.name} has lost {lost:,} rows: runs or files that were erased would come back",
                "Restore its rows from a backup, or name the ids again with extend-source erase",
                error_code=ErrorCode.ERASED_WOULD_RETURN,
            )
        self._state.remember_rows("erasures", len(erasures))
        if ERASURES.name in self._lacking and erasures:
            if ERASURES.name not in self._selected:
                raise InvalidSetting(
                    f"refresh would drop the table {ERASURES.name}, and runs or files that were erased would come back",
                    f"Select {ERASURES.name}, too, or all tables",
                    error_code=ErrorCode.ERASED_WOULD_RETURN,
                )
            for erasure in erasures:
                self._recorder.flattener.add_erasure(*erasure)

    async def _fetch(self, client: ExtendClient, worklist: Worklist) -> AsyncIterator[Tables]:
        """Fetch what is on the worklist, and what it names: parse runs, and the text of files, where that is wanted."""
        self._begin_batch()
        kept = KeptPayloads(worklist.ids("incomplete"), self._landed)
        has_news = True
        while has_news:
            async for tables in self._fetch_listed(client, kept, worklist):
                yield tables
            has_news = self._settle(worklist) or self._has_another_turn(worklist) or self._add_backlog(worklist)
        yield self._taken()

    def _has_another_turn(self, worklist: Worklist) -> bool:
        """Tell whether more may be fetched by this load, now that a turn is over."""
        return worklist.has_next(self._limits.runs) and not self._must_not_fetch()

    async def _fetch_listed(
        self, client: ExtendClient, kept: KeptPayloads, worklist: Worklist
    ) -> AsyncIterator[Tables]:
        try:
            async for answer in fetch_all(
                worklist.take(self._limits.runs),
                partial(self._get, client, kept),
                workers=min(self._settings.max_concurrency, len(worklist)),
                max_bytes=self._settings.max_waiting_megabytes * 1e6,
                should_stop=self._must_not_fetch,
                must_end_soon=self._must_end_soon,
                on_answer=self._count,
            ):
                if found_as := self._found_as.pop(answer.wanted.id, None):
                    answer = replace(answer, wanted=answer.wanted._replace(object_type=found_as))
                lost = lost_with(answer, self._context)
                self._progress.found_each(lost)
                worklist.add(lost)
                for one in (answer, *self._carried.of(answer, worklist)):
                    self._record(one, worklist)
                # what a run says of its files, and their text, come in one batch, if that is not too much
                if self._is_batch_full() and (not self._settle(worklist) or self._is_large()):
                    yield self._taken()
                    self._begin_batch()
        except ExtendError as error:
            self._end_with(error)
        finally:
            worklist.put_back()

    def _record(self, answer: Fetched[Wanted], worklist: Worklist) -> None:
        """Record an answer, and note what it names; what has lost a part waits for the next sync."""
        if self._session.events and is_left_out(answer.wanted, answer.payload, self._settings):
            worklist.done(answer.wanted)
            self._session.left_out += 1
            return
        self._session.seen.note_answer(answer)
        self._recorder.add(answer, worklist, self._kept_origins.pop(answer.wanted.id, None))
        for named in self._named:
            named.note(answer)
        if answer.payload is None and answer.wanted.parent and answer.wanted.reason != "vanished":
            owner = worklist.strike(answer.wanted.parent)
            if owner is not None:
                self._progress.of[owner.object_type].wanted -= 1

    def _settle(self, worklist: Worklist) -> bool:
        """Complete what has come since the last batch; tell whether it names what is wanted as well."""
        with self._landed.connected():
            self._recorder.settle(worklist)
            wanted = [(named.object_type, named.fresh(worklist)) for named in self._named]
        for object_type, some in wanted:
            self._progress.found(object_type, wanted=len(some))
            worklist.add_first(some)
        return any(some for _, some in wanted)

    def _add_backlog(self, worklist: Worklist) -> bool:
        """Once all runs are done, add what earlier syncs have left: parse runs, and files without text."""
        is_readable = self._landed.is_readable
        if self._session.has_backlog or len(worklist) or worklist.mode == "by_id" or not is_readable:
            return False
        self._session.has_backlog = True
        for named in (each for each in self._named if not OBJECT_TYPES[each.object_type].carries):
            fresh = named.backlog(worklist)
            self._progress.found(named.object_type, wanted=len(fresh))
            worklist.add(fresh)
        return bool(len(worklist))

    def _begin_batch(self) -> None:
        self._batch_began_at = self._progress.requests.bytes_decoded

    def _is_batch_full(self) -> bool:
        return self._recorder.waiting >= BATCH_RUNS or self._is_large()

    def _is_large(self) -> bool:
        return self._progress.requests.bytes_decoded - self._batch_began_at >= BATCH_BYTES

    def _taken(self) -> Tables:
        with self._landed.connected():
            return self._log.count_rows(self._recorder.take(), self._selected)

    def _finish(self, worklist: Worklist) -> None:
        """Move the watermark if all is done, and write the log."""
        session = self._session
        if self._limits.stopped_by is not None:
            # rechecks are made with what the budget leaves; the next reconcile goes on with those left longest
            self._progress.wanted -= worklist.drop_rechecks()
        session.stopped_by = self._limits.stopped_by if len(worklist) else worklist.listing_stopped_by
        if SCHEMA_DRIFT.name in self._selected:
            rows = self._recorder.flattener.drift_rows
            # rows that someone has deleted are missed by the next whole scan
            if worklist.mode in ("incremental", "by_id"):
                rows = max(rows, self._state.rows("schema_drift"))
            self._state.remember_rows("schema_drift", rows)
        if ERASURES.name in self._selected:
            noted = self._recorder.flattener.erased_with_files
            self._state.remember_rows("erasures", self._state.rows("erasures") + noted)
        reached = self._reached(worklist)
        if reached != worklist.before and worklist.mode != "by_id":
            if reached.watermark != worklist.before.watermark:
                reached = replace(reached, load_id=self._load_id)
            self._state.advance(self._scope, reached)
        failure = session.logged_failure
        self._recorder.add_events(session.events if session.stopped_by is None and session.error is None else ())
        entry = self._log.entry(self._settings, worklist, reached.watermark, session.stopped_by, failure)
        self._recorder.flattener.add_log(entry, self._log.objects())

    def _reached(self, worklist: Worklist) -> Position:
        """Say how far the sync has come with this load."""
        left = worklist.runs_left > 0
        if not worklist.complete or (left and self._landed.is_readable):
            return worklist.before
        # unread, runs are fetched oldest first: all before the oldest one left is done
        oldest_left = worklist.oldest_change if left else None
        if left and oldest_left is None:
            return worklist.before
        # a failure that fetch_errors cannot bring up again is left for the next scan to find
        failed = None if self._remembers_failures else worklist.held_back
        open_since = [time for time in (oldest_left, failed) if time is not None]
        return replace(worklist.after, watermark=min(open_since)) if open_since else worklist.after

    @property
    def _remembers_failures(self) -> bool:
        return self._landed.is_readable and FETCH_ERRORS.name in self._selected

    def _may_send(self) -> bool:
        return self._limits.used_up is None and self._session.error is None

    def _must_not_fetch(self) -> bool:
        return self._session.error is not None or self._limits.stop_fetching()

    def _must_end_soon(self) -> bool:
        return self._limits.must_end_soon

    def _client(self) -> ExtendClient:
        session = self._session
        session.budget = session.budget or budget_of(self._settings)
        counts, ahead, budget, others = self._progress.requests, session.ahead, session.budget, self._others
        return client_for(self._settings, counts, budget, may_send=self._may_send, others=others, ahead=ahead)

    def _others(self, endpoint: Endpoint) -> list[str]:
        """Objects that are still to be fetched."""
        worklist = self._session.worklist
        return [] if worklist is None else worklist.sample(endpoint.object_type, endpoint.run_type, _MAX_OTHERS)

    async def _get(self, client: ExtendClient, kept: KeptPayloads, wanted: Wanted, arrival: Arrival) -> dict[str, Any]:
        """Return an object's payload: the one that was kept, if rows of it are gone, else the API's."""
        raw = kept.take(wanted.id) if wanted.reason == "incomplete" else None
        payload = None if raw is None else decode_json(raw.payload.encode())
        if is_listed_whole(wanted, self._settings):
            return await listed_whole(client, wanted, self._settings)
        if raw is None or not isinstance(payload, dict):
            found_as, payload = await find(client, wanted, arrival, self._selected)
            if found_as != wanted.object_type:
                self._found_as[wanted.id] = found_as
            return payload
        known = next(self._landed.lookup(PROCESSOR_RUNS, LandedOrigin._fields, [wanted.id], complete=True), None)
        self._kept_origins[wanted.id] = origin_of(raw, LandedOrigin(*known) if known else None, self._tables)
        return payload

    def _count(self, wanted: Wanted) -> None:
        self._progress.of[wanted.object_type].done += 1
        self._progress.counted += wanted.counts
