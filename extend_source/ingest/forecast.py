"""How long a first sync takes, and which parts of it are done within an hour."""

from __future__ import annotations

import bisect
import math
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone

from extend_source.api.pages import MAX_PAGE_SIZE
from extend_source.config.settings import ExtendSettings

LONG_MINUTES = 60.0
"""From here on, a part of a first sync is offered."""

_ROUND = (5, 2, 1)


@dataclass(frozen=True)
class SyncPart:
    """A part of a first sync, to begin with.

    Attributes:
        setting: what chooses it: max_runs or start_date.
        value: the value of the setting.
        runs: how many runs it has.
        minutes: how long it takes at least.
    """

    setting: str
    value: int | date
    runs: int
    minutes: float

    @property
    def option(self) -> str:
        """What to add to a command."""
        return f"--{self.setting.replace('_', '-')} {self.value}"


@dataclass(frozen=True)
class SyncForecast:
    """What a long first sync takes.

    Attributes:
        runs: the runs to fetch.
        minutes: how long it takes at least.
        parts: parts that take less than an hour.
    """

    runs: int
    minutes: float
    parts: list[SyncPart] = field(default_factory=list)


def forecast_of(settings: ExtendSettings, times: Collection[datetime | None], requests: int) -> SyncForecast | None:
    """Say how long a first sync takes, and what to begin with.

    Args:
        settings: the settings; where they limit the sync already, nothing is offered.
        times: when each run to fetch changed last.
        requests: the requests that the sync will send after the listing.

    Returns:
        The forecast; None: it takes less than an hour, there is no request budget, or it is limited.
    """
    rate = settings.requests_per_second
    limits = (settings.max_runs, settings.max_requests, settings.max_seconds, settings.start_date)
    if not rate or not times or any(limit is not None for limit in limits):
        return None
    minutes = requests / rate / 60
    if minutes <= LONG_MINUTES:
        return None
    requests_of_each = requests / len(times)

    def minutes_of(runs: int) -> float:
        return round((runs * requests_of_each + math.ceil(runs / MAX_PAGE_SIZE)) / rate / 60, 3)

    most = int(LONG_MINUTES * 60 * rate / (requests_of_each + 1 / MAX_PAGE_SIZE))
    parts = []
    if newest := _round_number(most):
        parts.append(SyncPart("max_runs", newest, newest, minutes_of(newest)))
    ordered = sorted((time for time in times if time is not None), reverse=True)
    if most < len(ordered):
        since = ordered[most].astimezone(timezone.utc).date() + timedelta(days=1)
        midnight = datetime(since.year, since.month, since.day, tzinfo=timezone.utc)
        if runs := bisect.bisect_right(ordered, -midnight.timestamp(), key=lambda time: -time.timestamp()):
            parts.append(SyncPart("start_date", since, runs, minutes_of(runs)))
    return SyncForecast(len(times), round(minutes, 3), parts)


def _round_number(most: int) -> int:
    """Return the greatest of 1, 2, 5, 10, 20, 50, ... that is not greater; 0 if there is none."""
    if most < 1:
        return 0
    power: int = 10 ** (len(str(most)) - 1)
    return next(factor * power for factor in _ROUND if factor * power <= most)
