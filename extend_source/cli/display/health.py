"""The first line of a status: what someone can act on."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from extend_source.text.wording import counted, duration, moment

if TYPE_CHECKING:
    from extend_source.ingest.health import Health
    from extend_source.operations.status import StatusResult

_STYLES = {"healthy": "green", "running": "green", "new": "", "behind": "yellow"}
_ATTENTION = "bold yellow"


def headline(status: StatusResult) -> str:
    """Say in one line how a pipeline is, since when, why, and what to do."""
    text = _text(status, status.health)
    is_told = status.under_way is None or status.health.state == "running"
    return text if is_told else f"{text.rstrip('.')}; a sync is running now."


def style(status: StatusResult) -> str:
    """Return how the line is shown."""
    return _STYLES.get(status.health.state, _ATTENTION)


def _text(status: StatusResult, health: Health) -> str:
    code = f"{health.code}: " if health.code else ""
    if health.state == "new":
        place = f"{status.destination}, dataset {status.dataset}"
        return f"Pipeline {status.pipeline} has never run: nothing has landed in {place}."
    if health.state == "running":
        return "running: a sync is under way, and no other is known to have failed."
    if health.state == "healthy":
        failed = sum(error.count for error in status.errors)
        landed = f"{counted(sum(status.runs.values()), 'run')} landed"
        return f"healthy: last sync {_ago(health.synced_at, status.at)}, {landed}, {failed:,} in fetch_errors."
    if health.state == "late":
        return f"late{_by(health, status.at)}: {code}{_last_good(health, status.at)}. {health.reason}"
    if health.state == "failing":
        since = f" since {_dated(health.since, status.at)}" if health.since is not None else ""
        syncs = f" ({counted(health.failures, 'sync')})" if health.failures > 1 else ""
        return f"failing{since}{syncs}: {code}{health.reason}"
    return f"{health.state}: {health.reason}"


def _by(health: Health, now: datetime) -> str:
    return "" if health.since is None else f" by {duration((now - health.since).total_seconds())}"


def _last_good(health: Health, now: datetime) -> str:
    expected = f"expected every {duration((health.max_age or timedelta()).total_seconds())}"
    if health.synced_at is None:
        return f"no good sync is known, {expected}"
    return f"last good sync {_dated(health.synced_at, now)}, {expected}"


def _dated(time: datetime, now: datetime) -> str:
    return f"{moment(time)}, {_ago(time, now)}"


def _ago(time: datetime | None, now: datetime) -> str:
    seconds = 0.0 if time is None else (now - time).total_seconds()
    return f"{duration(max(0.0, seconds))} ago"
