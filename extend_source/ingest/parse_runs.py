"""Which parse runs to fetch: those that their list shows anew, those that runs name, and what was left before."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime, timedelta
from typing import Any

from extend_source.ingest.context import SyncContext
from extend_source.ingest.fetching import Fetched
from extend_source.ingest.listings import is_filtered
from extend_source.ingest.summaries import SummaryPage
from extend_source.ingest.times import is_before, time_of
from extend_source.ingest.worklist import Reason, Wanted, Worklist
from extend_source.pipeline.landed import has_ended
from extend_source.pipeline.landed_parse_runs import (
    LandedParseRun,
    erased_parse_runs,
    landed_parse_runs,
    missing_parse_runs,
    moving_parse_runs,
    unlisted_parse_runs,
)
from extend_source.tables import PARSED_TABLES
from extend_source.tables.kinds import to_credits

Times = tuple[datetime | None, datetime | None]
"""When an object was created and changed last."""


class ParseRuns:
    """The parse runs that a sync is to fetch.

    One that has not ended is left until it has: it has no output, and the list says all the rest. Where filters choose
    some runs of a workspace, only the parse runs that these name are fetched.
    """

    object_type = "parse_run"

    def __init__(self, context: SyncContext) -> None:
        """Begin with none; `context` is what the load goes by."""
        self._landed, self._settings = context.landed, context.settings
        self._tables = PARSED_TABLES.intersection(context.selected)
        self._is_filtered = is_filtered(context.settings)
        self._named: dict[str, None] = {}
        self._listed: dict[str, dict[str, Any]] = {}
        self._moving: set[str] = set()

    def listed(self, page: SummaryPage, worklist: Worklist) -> list[Wanted]:
        """Say which parse runs to fetch, of those that the list shows to be new or changed.

        Args:
            page: what it says of them.
            worklist: what will be fetched anyway.
        """
        summaries = page.shown if self._settings.refresh else page.fresh
        self._moving.update(each["id"] for each in summaries if not has_ended(each.get("status")))
        if self._is_filtered:  # what is known of them is needed once a run names them
            self._listed.update((each["id"], each) for each in summaries)
            return []
        watermark = None if self._landed.is_readable else worklist.before.watermark
        # where nothing can be compared, the sync before has fetched what is older
        floor = None if watermark is None else watermark - timedelta(seconds=self._settings.lookback)
        ended = {each["id"]: each for each in summaries if has_ended(each.get("status")) and not is_before(each, floor)}
        with self._landed.connected():
            erased = erased_parse_runs(self._landed)
            known = {} if self._settings.refresh else landed_parse_runs(self._landed, ended)
        differing = [
            parse_run_id
            for parse_run_id, summary in ended.items()
            if parse_run_id not in erased and self._differs(summary, known.get(parse_run_id))
        ]
        times = {parse_run_id: _times_of(ended[parse_run_id]) for parse_run_id in differing}
        return list(self._wanted(worklist.not_asked(differing), "listed", times))

    def note(self, answer: Fetched[Wanted]) -> None:
        """Note the parse run that a run names."""
        if answer.payload is not None and answer.wanted.object_type == "processor_run":
            name = answer.payload.get("parseRunId")
            if isinstance(name, str) and name:
                self._named[name] = None

    def fresh(self, worklist: Worklist) -> list[Wanted]:
        """Say which parse runs to fetch, of those that runs have named since the last call."""
        named, self._named = self._named, {}
        if not named:
            return []
        known = {} if self._settings.refresh else landed_parse_runs(self._landed, named)
        left_out = self._moving | moving_parse_runs(self._landed, named) | erased_parse_runs(self._landed)
        ids = []
        for parse_run_id in named:
            summary, landed = self._listed.get(parse_run_id), known.get(parse_run_id)
            if summary is not None:
                wanted = has_ended(summary.get("status")) and self._differs(summary, landed)
            else:
                wanted = parse_run_id not in left_out and (landed is None or not self._is_complete(landed))
            ids += [parse_run_id] if wanted else []
        return self._with_times(worklist.not_asked(ids), "referenced")

    def backlog(self, worklist: Worklist) -> list[Wanted]:
        """Say which parse runs are known and have not landed as they are now."""
        missing = missing_parse_runs(self._landed, self._settings, self._tables, of_list=not self._is_filtered)
        missing = [parse_run_id for parse_run_id in missing if parse_run_id not in self._moving]
        return self._with_times(worklist.not_asked(missing), "backlog")

    def vanished(self, seen: Collection[str], worklist: Worklist) -> list[Wanted]:
        """Say which parse runs to ask for, as a whole listing has not shown them.

        Args:
            seen: what it has shown.
            worklist: what will be fetched anyway.
        """
        unlisted = unlisted_parse_runs(self._landed, self._settings, seen)
        return self._with_times(worklist.not_asked(unlisted), "vanished")

    def _differs(self, summary: dict[str, Any], landed: LandedParseRun | None) -> bool:
        """Tell whether a parse run must be fetched, going by what the list says anew."""
        if landed is None or not self._is_complete(landed) or summary.get("status") != landed.status:
            return True
        changed_at = time_of(summary)
        if landed.updated_at is None:  # fetched without the list, which alone has times
            if changed_at is not None and landed.fetched_at is not None and changed_at > landed.fetched_at:
                return True
        elif changed_at != landed.updated_at:
            return True
        usage = summary.get("usage")
        credits = usage.get("credits") if isinstance(usage, dict) else None
        try:
            return credits is not None and to_credits(credits) != landed.credits
        except ValueError:
            return False  # no figure to compare

    def _is_complete(self, landed: LandedParseRun) -> bool:
        return has_ended(landed.status) and self._tables <= landed.tables

    def _with_times(self, ids: list[str], reason: Reason) -> list[Wanted]:
        times = self._landed.listed_times(ids, self.object_type)
        times.update((each, _times_of(self._listed[each])) for each in ids if each in self._listed)
        return list(self._wanted(ids, reason, times))

    def _wanted(self, ids: list[str], reason: Reason, times: dict[str, Times]) -> Iterator[Wanted]:
        for parse_run_id in ids:
            yield Wanted(parse_run_id, reason, *times.get(parse_run_id, (None, None)), object_type=self.object_type)


def _times_of(summary: dict[str, Any]) -> Times:
    return time_of(summary, "createdAt"), time_of(summary)
