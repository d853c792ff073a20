"""The stand-in's own time: it stands still until it is advanced."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

DEFAULT_NOW = datetime(2026, 2, 2, 9, 0, 0, tzinfo=timezone.utc)
"""Where the clock of a new workspace stands."""

USAGE_SINCE = datetime(2025, 10, 7, tzinfo=timezone.utc)
"""Runs and files made before this instant carry no ``usage`` (docs "How credits work")."""


def rfc3339(moment: datetime) -> str:
    """Return a UTC time as the API writes it: ``Z`` at the end, milliseconds only where there are any."""
    moment = moment.astimezone(timezone.utc)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = moment.microsecond // 1000
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


class Clock:
    """A UTC clock that moves only when it is told to.

    Attributes:
        now: The present instant, timezone-aware.
    """

    def __init__(self, now: datetime = DEFAULT_NOW) -> None:
        if now.tzinfo is None:
            raise ValueError("the clock needs a timezone-aware datetime")
        self.now = now.astimezone(timezone.utc)

    def advance(self, seconds: float) -> datetime:
        """Move forward and return the new instant.

        Args:
            seconds: How far; never negative, time does not run backwards.
        """
        if seconds < 0:
            raise ValueError(f"the clock cannot go back by {-seconds} seconds")
        self.now += timedelta(seconds=seconds)
        return self.now
