"""Whether the syncs of a pipeline do what they should, judged from the rows of ``sync_log``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from typing import Any, Literal

from extend_source.error_codes import ErrorCode
from extend_source.text.wording import counted, moment

State = Literal["new", "running", "healthy", "behind", "late", "failing", "unknown"]

_LISTING = frozenset({"full", "incremental", "reconcile", "quiet"})
_NO_SYNC = frozenset({"rebuild"})


@dataclass(frozen=True)
class Health:
    """Whether a pipeline needs someone.

    A sync counts as good if it has done all that it found to do. Runs in ``fetch_errors`` do not speak against it,
    as later syncs try them again by themselves; that it was stopped early does, as what it has left is not loaded.
    Syncs by id count only where a pipeline has no other ones: they say nothing of what is new.

    Attributes:
        state: ``new``: it has never run. ``running``: a sync holds the DuckDB file, so that nothing else can be told.
            ``healthy``: the last sync was good. ``behind``: it was stopped early. ``late``: no sync was good within
            the age that was asked for. ``failing``: the last sync failed. ``unknown``: ``sync_log`` has no rows.
        since: of what is failing, when the first sync failed after the last one that did not; of what is late, since
            when it is. None: it cannot be told, or nothing is wrong.
        reason: why, in one line.
        code: the code of the reason, which has an entry in the page of troubleshooting.
        synced_at: when the last good sync ended, UTC.
        failures: how many syncs have failed since.
        max_age: the age that was asked for.
    """

    state: State
    since: datetime | None = None
    reason: str | None = None
    code: str | None = None
    synced_at: datetime | None = None
    failures: int = 0
    max_age: timedelta | None = None


def health(
    log: Iterable[Mapping[str, Any]],
    now: datetime,
    *,
    max_age: timedelta | None,
    pending_loads: int,
    has_run: bool,
    is_under_way: bool,
    quiet_at: datetime | None = None,
) -> Health:
    """Judge a pipeline.

    Args:
        log: the rows of ``sync_log``, oldest first.
        now: the time.
        max_age: how long ago the last good sync may have been; None: that makes no difference.
        pending_loads: loads that wait for the next sync.
        has_run: anything has landed, or waits.
        is_under_way: a sync is running.
        quiet_at: when a sync last ended well without a row; None: the last one has left a row.

    Returns:
        The judgement.
    """
    syncs = _syncs(log)
    good = next((sync for sync in reversed(syncs) if _is_good(sync)), None)
    failed = list(takewhile(lambda sync: sync["error"] is not None, reversed(syncs)))
    synced_at = max((time for time in (good and good["fetched_at"], quiet_at) if time is not None), default=None)

    def judged(
        state: State, reason: str | None = None, code: str | None = None, since: datetime | None = None
    ) -> Health:
        return Health(state, since, reason, code, synced_at, len(failed), max_age)

    failing_since = failed[-1]["fetched_at"] if failed else None
    if pending_loads and not is_under_way:
        left = f"A sync was cut off and has left {counted(pending_loads, 'load')} behind"
        left += ". Run the sync again: it finishes what waits first."
        return judged("failing", left, ErrorCode.LOAD_LEFT_BEHIND.value, failing_since)
    if failed:
        return judged("failing", failed[0]["error"], failed[0]["error_code"], failing_since)
    if not syncs:
        reason = "The table sync_log has no sync. Load it with the other tables." if has_run else None
        return judged("unknown" if has_run else "running" if is_under_way else "new", reason)
    unfinished = _unfinished(syncs[-1])
    if max_age is not None and (synced_at is None or now - synced_at > max_age):
        reason = unfinished or "No sync has ended since. See that the schedule runs, and read its output."
        return judged("late", reason, ErrorCode.LATE.value, None if synced_at is None else synced_at + max_age)
    return judged("healthy" if unfinished is None else "behind", unfinished)


def running(started_at: datetime, now: datetime, max_age: timedelta | None) -> Health:
    """Judge a pipeline of which nothing else is known than that a sync is running.

    Args:
        started_at: when it began: the last good sync had ended by then.
        now: the time.
        max_age: how long ago the last good sync may have been.

    Returns:
        The judgement.
    """
    if max_age is None or now - started_at <= max_age:
        return Health("running", max_age=max_age)
    reason = f"The sync that is running began {moment(started_at)}. See in its output what it does."
    return Health("late", started_at + max_age, reason, ErrorCode.LATE.value, max_age=max_age)


def _syncs(log: Iterable[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    """The last row of each sync that tells how things are, in the order in which they ended."""
    last: dict[str, Mapping[str, Any]] = {}
    for row in log:
        sync_id = row["sync_id"] or row["load_id"]
        last.pop(sync_id, None)
        last[sync_id] = row
    rows = [row for row in last.values() if row["mode"] not in _NO_SYNC]
    return [row for row in rows if row["mode"] in _LISTING] or rows


def _is_good(sync: Mapping[str, Any]) -> bool:
    return sync["error"] is None and _unfinished(sync) is None


def _unfinished(sync: Mapping[str, Any]) -> str | None:
    """Say what a sync has left; None: nothing."""
    left, stopped_by = sync["runs_pending"], sync["stopped_by"]
    if not left and stopped_by is None:
        return None
    how = "was cut off" if stopped_by is None else "stopped as asked" if stopped_by == "request" else "stopped early"
    limit = f" ({stopped_by})" if stopped_by not in (None, "request") else ""
    more = f": {counted(left, 'run')} left" if left else ": its listing was not read to the end"
    return f"The sync of {moment(sync['fetched_at'])} {how}{limit}{more}. The next sync goes on from there."
