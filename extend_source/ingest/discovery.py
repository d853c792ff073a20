"""Which runs need fetching: named by id, or found by comparing the listing with what has landed."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from dlt.common import logger

from extend_source.api import ExtendClient, RunPage, lists_of
from extend_source.config.settings import parse_start_date
from extend_source.errors import AnotherWorkspace, ExtendError, Withdrawn
from extend_source.ingest.context import SyncContext
from extend_source.ingest.gone import first_not_gone, obtainable, unless_gone
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.listings import floor_of, is_filtered, listings
from extend_source.ingest.processors import check_processor_ids
from extend_source.ingest.state import Position
from extend_source.ingest.summaries import SummaryPage, not_in_the_ledger, summary_sums
from extend_source.ingest.times import is_before, time_of
from extend_source.ingest.worklist import Mode, Reason, Wanted, Worklist
from extend_source.pipeline.completeness import shortfall
from extend_source.pipeline.landed import MAX_ATTEMPTS, LandedRun
from extend_source.pipeline.pending import CLOCK_SKEW
from extend_source.privacy import privacy_rules
from extend_source.tables import lists_runs
from extend_source.tables.kinds import to_credits


class Discovery:
    """Lists the runs and fills a worklist with those that the destination does not hold as they are now.

    The listing goes from the newest change to the oldest: a run that changes meanwhile moves to the front, so rows can
    repeat, but none is skipped. It is read before anything is fetched, so page tokens stay young.

    Attributes:
        context: what the load goes by.
        worklist: the runs found; final when `pages` has come to its end.
        has_met_workspace: the list shows runs, or processors, that have landed.
    """

    def __init__(
        self, context: SyncContext, *, position: Position, reconcile: bool = False, drift_rows: int = 0
    ) -> None:
        """Decide how to look for runs; nothing is sent yet.

        Args:
            context: what the load goes by.
            position: how far earlier syncs say they have come.
            reconcile: compare the whole listing in any case, and recheck.
            drift_rows: the rows that ``schema_drift`` had at the end of the last load.
        """
        self.context = context
        settings, landed, progress = context.settings, context.landed, context.progress
        self._settings, self._landed, self._progress, self._limits = settings, landed, progress, context.limits
        self._tables = context.tables
        self._lists_runs = lists_runs(context.selected)
        self._compares = bool(context.tables) or not settings.details
        self._now = context.now
        self._drift_rows = drift_rows
        self._start = None if settings.start_date is None else parse_start_date(settings.start_date)
        if landed.is_readable and position.load_id is not None and not landed.has_load(position.load_id):
            position = Position()  # of another destination, or of one that was set back
            self._drift_rows = 0
        mode = self._mode(position, reconcile)
        self._floor = floor_of(settings, position.watermark if mode == "incremental" else None)
        progress.mode = mode
        landed.expect(all_keys=mode != "incremental")
        self.worklist = Worklist(mode, context.scope, position, position)
        self._privacy = privacy_rules(settings)
        self._has_several_lists = len(lists_of(settings.api_version, "processor_run")) > 1
        self._seen: set[str] = set()
        self._wanted: list[Wanted] = []
        self._failed_before: set[str] = set()
        self._promising = 0  # of the runs to fetch those that have not failed before
        self._newest: datetime | None = None
        self._processors: set[str] = set()
        self._has_seen_some_before = self._has_listed = self.has_met_workspace = False
        self._erased = landed.erased("processor_run")

    def _mode(self, position: Position, reconcile: bool) -> Mode:
        if not self._landed.is_readable:
            # without a comparison, a full listing would fetch everything again
            return "full" if position.watermark is None or reconcile or self._settings.refresh else "incremental"
        if reconcile:
            return "reconcile"
        if position.watermark is None or self._settings.refresh:
            return "full"
        hours, last = self._settings.reconcile_hours, position.reconciled_at
        due = hours > 0 and (last is None or self._now - last >= timedelta(hours=hours))
        return "reconcile" if due else "incremental"

    @property
    def has_news(self) -> bool:
        """Tell whether something is to be fetched that no sync has tried in vain before, as far as that is known."""
        others = (one for one in self.worklist.left() if one.object_type != "processor_run")
        return self._promising > 0 or any(one.reason == "listed" for one in others)

    async def pages(self, client: ExtendClient) -> AsyncIterator[SummaryPage]:
        """List, compare, and fill the worklist.

        Args:
            client: the API.

        Yields:
            What each page says anew.

        Raises:
            AnotherWorkspace: the listing has nothing of what has landed.
            ExtendError: the API refused everything, or listed nothing. An error of the listing alone that comes later
                is left in the worklist, as what was found so far can be fetched.
        """
        if not self._lists_runs:
            self._newest = self._now  # there is no change of a run to go by
            self._finish(None, None)
            return
        started = self.context.began_at or time.monotonic()
        stopped_by: StoppedBy | None = None
        error: ExtendError | None = None
        for number, listing in enumerate(listings(self._settings)):
            if number and (cut_by := self._stopped_by):
                stopped_by = cut_by
                break
            found_before = self._promising
            try:
                async for page in client.pages(*listing, sort_by="updatedAt", sort_dir="desc"):
                    self._has_listed |= bool(page.summaries)
                    if page.number == 1:
                        self._note_newest(page, time.monotonic() - started if number else 0.0)
                    self._processors.update(str(summary.get("processorId")) for summary in page.summaries)
                    recent = [summary for summary in page.summaries if not is_before(summary, self._start)]
                    self.context.seen.note(listing, page, recent, self._erased, floor=self._next_floor)
                    yield self._compare([summary for summary in recent if self._is_new(summary)])
                    if page.is_last or any(is_before(summary, self._floor) for summary in page.summaries):
                        break
                    if cut_by := self._stopped_by:
                        stopped_by = cut_by
                        break
                    if self._limits.found_enough(self._promising - found_before):
                        stopped_by = "max_runs"
                        break
            except Withdrawn:
                stopped_by = self._limits.stopped_by
                break
            except ExtendError as problem:
                if problem.refuses_everything or not self._seen:
                    raise
                error = problem
                break
        self._refuse_another_workspace()
        if stopped_by is None and error is None:
            await self._refuse_an_empty_workspace(client)
            await check_processor_ids(client, self._settings, self._landed, self._processors)
        self._finish(stopped_by, error)

    @property
    def _next_floor(self) -> datetime | None:
        """How far back the next scan will read, if nothing changes; None: to the end, or to the start date."""
        known = (time for time in (self.worklist.before.watermark, self._newest) if time is not None)
        return floor_of(self._settings, max(known, default=None))

    @property
    def _stopped_by(self) -> StoppedBy | None:
        """Why no more must be listed; with nothing to fetch so far, no budget need be left for fetching."""
        return self._limits.listing_stopped_by if self._wanted else self._limits.stopped_by

    def _note_newest(self, page: RunPage, behind: float) -> None:
        """Note the newest change that the first page of a listing shows.

        Each filter has a listing of its own, begun later than the first one, which has not seen the changes since.
        Taking the time between off, the watermark stays behind all of them.

        Args:
            page: the first page.
            behind: seconds since the first listing began.
        """
        times = [moment for moment in map(time_of, page.summaries) if moment is not None]
        believed = [moment for moment in times if moment <= self._now + CLOCK_SKEW]
        if believed:
            newest = max(believed) - timedelta(seconds=behind)
            self._newest = newest if self._newest is None else max(self._newest, newest)

    def _is_new(self, summary: dict[str, Any]) -> bool:
        run_id = summary.get("id")
        if not isinstance(run_id, str):
            logger.warning("The listing has a run without an id, which cannot be fetched.")
            return False
        if run_id in self._seen:
            return False
        self._seen.add(run_id)
        return run_id not in self._erased

    def _compare(self, summaries: list[dict[str, Any]]) -> SummaryPage:
        """Note which runs of a page differ from what has landed."""
        with self._landed.connected():
            return self._compared(summaries)

    def _compared(self, summaries: list[dict[str, Any]]) -> SummaryPage:
        ids = [summary["id"] for summary in summaries]
        compared = bool(self._tables) and not self._settings.refresh
        known = self._landed.runs(ids, incomplete=True) if compared else {}
        incomplete = self._landed.incomplete_among(ids).intersection(known)
        sums = summary_sums("processor_run", summaries, self._privacy)
        listed_before = self._landed.summaries("processor_run", ids)
        self._has_seen_some_before |= bool(listed_before)
        said_before = {
            run_id: landed.listed_at for run_id, landed in listed_before.items() if landed.sha256 == sums[run_id]
        }
        fresh = [summary for summary in summaries if summary["id"] not in said_before]
        if not self._settings.details:
            return self._listed(summaries, fresh)
        differing = {
            summary["id"]
            for summary in summaries
            if self._differs(summary, known.get(summary["id"]), said_before.get(summary["id"]))
        }
        changed = [summary for summary in summaries if summary["id"] in differing | incomplete]
        errors = self._landed.errors(summary["id"] for summary in changed)
        self._failed_before.update(errors)
        if self.worklist.mode == "incremental":  # only a reconcile tries again what has failed often and not changed
            news = {summary["id"] for summary in fresh}
            given_up = {run_id for run_id, error in errors.items() if error.attempts >= MAX_ATTEMPTS} - news
            changed = [summary for summary in changed if summary["id"] not in given_up]
        self._promising += sum(summary["id"] not in errors for summary in changed)
        self._wanted += (
            Wanted(
                summary["id"],
                "listed" if summary["id"] in differing else "incomplete",
                time_of(summary, "createdAt"),
                time_of(summary),
                run_type=summary.get("type"),
            )
            for summary in changed
        )
        self._progress.found("processor_run", listed=len(ids), known=len(ids) - len(changed), wanted=len(changed))
        return SummaryPage(summaries, fresh, list(self._landed.tombstones(ids)))

    def _listed(self, summaries: list[dict[str, Any]], fresh: list[dict[str, Any]]) -> SummaryPage:
        """Say what a page has that is new to the summaries and to the ledger, which are all that is loaded."""
        if self.worklist.mode != "incremental":
            unpaid = not_in_the_ledger(summaries, self.context) | {summary["id"] for summary in fresh}
            fresh = [summary for summary in summaries if summary["id"] in unpaid]
        self._progress.found("processor_run", listed=len(summaries), known=len(summaries) - len(fresh))
        return SummaryPage(summaries, fresh, list(self._landed.tombstones(summary["id"] for summary in summaries)))

    def _differs(self, summary: dict[str, Any], landed: LandedRun | None, listed_at: datetime | None) -> bool:
        """Tell whether a run must be fetched; a figure that the listing leaves out tells nothing.

        Args:
            summary: what the listing says now.
            landed: what has landed.
            listed_at: since when the listing says just this; None: it says something new.
        """
        if not self._tables:
            return False
        if not self._landed.is_readable:
            return not is_before(summary, self._floor)
        if (
            landed is None
            or not self._tables <= landed.tables
            or summary.get("status") != landed.status
            or time_of(summary) != landed.updated_at
        ):
            return True
        if landed.fetched_at is not None and listed_at is not None and landed.fetched_at >= listed_at:
            return False  # fetched since: what differs, the payload does not say
        if any(
            said != getattr(landed, key) for key in ("reviewed", "edited") if (said := summary.get(key)) is not None
        ):
            return True
        usage = summary.get("usage")
        figures = usage if isinstance(usage, dict) else {}
        listed = ((figures.get("credits"), landed.credits), (figures.get("totalCredits"), landed.total_credits))
        try:
            return any(value is not None and to_credits(value) != known for value, known in listed)
        except ValueError:
            return False  # no figure to compare

    def _refuse_another_workspace(self) -> None:
        """Refuse a listing that has nothing in common with what has landed.

        Its runs would be taken for the same workspace's, and those that have landed for deleted ones.
        """
        settings, progress = self._settings, self._progress
        self.has_met_workspace = bool(progress.known) or self._has_seen_some_before
        if not self._seen or self.has_met_workspace or settings.refresh:
            return
        landed = self._landed.processor_ids(settings)
        self.has_met_workspace = bool(landed & self._processors)
        if not landed or self.has_met_workspace or self._start or not self._compares or is_filtered(settings):
            return
        raise AnotherWorkspace(
            f"None of the {len(self._seen):,} runs listed, nor any of their processors, has landed in this dataset, "
            "which holds others: the key seems to be of another workspace, or base_url of another deployment",
            "Load it into a dataset of its own, or set workspace_id for each workspace. If all is as it should be, "
            "sync once with refresh",
        )

    async def _refuse_an_empty_workspace(self, client: ExtendClient) -> None:
        """Refuse a listing without any run where runs have landed that are not known to be gone."""
        settings = self._settings
        if (
            self._has_listed
            or settings.refresh
            or not self._compares
            or not self._landed.is_readable
            or self._is_by_origin
        ):
            return
        with self._landed.connected():
            landed = first_not_gone(self._landed, self._landed.runs_of_scope(settings), 1)
        if not landed:
            return
        if is_filtered(settings):  # no run passes the filters: does any without?
            for endpoint in lists_of(settings.api_version, "processor_run"):
                async for page in client.pages(endpoint, page_size=1):
                    if page.summaries:
                        return
                    break
        raise AnotherWorkspace(
            "The listing has no run at all, but runs of it have landed in this dataset: the key seems to be of another "
            "workspace, which is empty, or base_url of another deployment",
            "Check both, and workspace_id. If all runs are really gone, sync once with refresh",
        )

    def _finish(self, stopped_by: StoppedBy | None, error: ExtendError | None) -> None:
        """Put the runs in order and, after a listing that was read as far as needed, add those it cannot show."""
        worklist, before = self.worklist, self.worklist.before
        readable = self._landed.is_readable
        # newest first; without a comparison oldest first, so that the watermark can follow load by load
        self._wanted.sort(key=lambda run: run.updated_at or self._now, reverse=readable)
        if readable:  # what has failed before must not use up a budget each time
            self._wanted.sort(key=lambda run: run.id in self._failed_before)
        worklist.add(self._wanted)
        worklist.listing_stopped_by, worklist.listing_error = stopped_by, error
        if stopped_by is not None or error is not None:
            return
        whole = worklist.mode != "incremental"
        watermark = max((time for time in (before.watermark, self._newest) if time is not None), default=None)
        start = before.start if before.watermark is not None else self._start
        reconciled_at = self._now if whole else before.reconciled_at
        worklist.after = replace(before, watermark=watermark, start=start, reconciled_at=reconciled_at)
        worklist.complete = True
        if whole and readable and self._settings.details:
            self._landed.note_incomplete(shortfall(self._landed, self._drift_rows).by_type)
        if not self._tables or not readable:
            return
        taken = {run.id for run in self._wanted}
        for reason, ids in self._not_listed(whole, taken):
            # a run that has never landed has no times yet, and a GET has none
            times = self._landed.listed_times(ids) if reason in ("failed", "incomplete") else {}
            types = self._landed.run_types(ids) if self._has_several_lists else {}
            worklist.add(
                Wanted(run_id, reason, *times.get(run_id, (None, None)), run_type=types.get(run_id)) for run_id in ids
            )
            taken.update(ids)
            self._progress.found("processor_run", wanted=len(ids))

    def _not_listed(self, whole: bool, taken: set[str]) -> Iterator[tuple[Reason, list[str]]]:
        """Name the known runs that need a look although the listing does not say so.

        Args:
            whole: the listing was read to its end.
            taken: the runs that will be fetched anyway; the caller adds to it.
        """
        settings, landed = self._settings, self._landed

        def unseen(run_ids: Iterable[str]) -> list[str]:
            return unless_gone(landed, (run for run in run_ids if run not in self._seen and run not in taken))

        yield "incomplete", obtainable(landed, (run for run in landed.incomplete_runs(settings) if run not in taken))
        yield "in_flight", unseen(landed.runs_in_flight(settings))
        yield "failed", [run for run in landed.failed_runs(settings.workspace_id) if run not in taken]
        if whole and not self._is_by_origin:
            yield "vanished", unseen(landed.runs_of_scope(settings))
        if self.worklist.mode == "reconcile" and settings.review_window_days and settings.max_rechecks:
            since = self._now - timedelta(days=settings.review_window_days)
            candidates = (run for run in landed.runs_to_recheck(settings, since) if run not in taken)
            yield "recheck", first_not_gone(landed, candidates, settings.max_rechecks)

    @property
    def _is_by_origin(self) -> bool:
        """Runs are chosen by what a landed run does not say: where it came from."""
        settings = self._settings
        return bool(settings.run_sources or settings.run_source_ids or settings.file_name_contains)
