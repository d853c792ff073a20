"""The stand-in's own time: it stands still until it is advanced."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

USAGE_SINCE = datetime(2025, 10, 7, tzinfo=timezone.utc)
"""Runs and files made before this instant carry no ``usage`` (docs "How credits work")."""


def present() -> datetime:
    """Return where the clock of a new workspace stands by default: the present minute."""
    return datetime.now(timezone.utc).replace(second=0, microsecond=0)


def rfc3339(moment: datetime) -> str:
    """Return a UTC time as the API writes it: ``Z`` at the end, milliseconds only where there are any."""
    moment = moment.astimezone(timezone.utc)
    text = moment.strftime("%Y-%m-%dT%H:%M:%S")
    milliseconds = moment.microsecond // 1000
    return f"{text}.{milliseconds:03d}Z" if milliseconds else f"{text}Z"


class Clock:
    """A UTC clock that moves only when it is told to.

    Args:
        now: Where it starts; None: at the present minute.

    Attributes:
        now: The present instant, timezone-aware.
    """

    def __init__(self, now: datetime | None = None) -> None:
        now = present() if now is None else now
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
