"""When to try again: how long to wait, what the server asked for, and when to give up."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timezone
from email.utils import parsedate_to_datetime

_NUMBER = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]*)?")
_DAY = 86_400.0
"""Seconds; a time further away than this is a mistake of the server and asks for nothing."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often and how patiently a request is repeated. All times are seconds.

    Attributes:
        max_attempts: requests sent for one object, the first included.
        base: the wait after the first failure; it doubles with each further one.
        floor: the shortest wait, also when the server asks for 0.
        cap: the longest wait, also when the server asks for more.
        jitter: the largest part added to a wait at random, so that clients do not return in step.
        max_elapsed: no attempt begins or continues later than this after the first one was sent.
    """

    max_attempts: int = 6
    base: float = 0.5
    floor: float = 0.25
    cap: float = 60.0
    jitter: float = 0.2
    max_elapsed: float = 300.0

    def __post_init__(self) -> None:
        if self.max_attempts < 1 or not 0 <= self.floor <= self.cap or min(self.base, self.jitter) < 0:
            raise ValueError("max_attempts must be 1 or more, and 0 <= floor <= cap, base >= 0, jitter >= 0")

    def wait(self, attempt: int, asked: float | None = None) -> float:
        """Say how long to wait before the next attempt.

        Jitter only ever adds, so that one never comes back earlier than asked (unless the cap cuts it).

        Args:
            attempt: attempts made so far, 1 or more.
            asked: seconds the server asked for, or None.

        Returns:
            Seconds, from ``floor`` to ``cap``.
        """
        wished = self.base * 2.0 ** min(attempt - 1, 60) if asked is None else asked
        spread = 1.0 + self.jitter * random.random()  # noqa: S311 - no secret depends on it
        return min(self.cap, max(self.floor, wished) * spread)


def parse_retry_after(value: str | None, now: float) -> float | None:
    """Read a ``Retry-After`` header (RFC 9110, 10.2.3), also when it is not quite one.

    Args:
        value: the header: seconds with or without a fraction, or an HTTP date; None when absent.
        now: the current unix time in seconds.

    Returns:
        Seconds to wait, 0 for a time in the past; None when absent, unreadable or absurd (over a day).
    """
    text = (value or "").strip()
    seconds = _number(text)
    if seconds is None and (date := _unix_time(text)) is not None:
        seconds = date - now
    return None if seconds is None or seconds > _DAY else max(0.0, seconds)


def requested_wait(headers: Mapping[str, str], now: float) -> float | None:
    """Find out how long a 429 or 503 answer asks to wait.

    No header is promised (docs "Rate limits"); the vendor's SDKs read ``retry-after-ms``, ``Retry-After`` and
    ``x-ratelimit-reset`` (unix seconds), in this order.

    Args:
        headers: the response headers, matched without regard to case.
        now: this machine's unix time in seconds. The server's own ``Date`` is preferred, as clocks differ.

    Returns:
        Seconds to wait; None when nothing usable was sent.
    """
    milliseconds = _number(headers.get("retry-after-ms", "").strip())
    if milliseconds is not None and milliseconds <= _DAY * 1000:
        return max(0.0, milliseconds / 1000)
    server_now = _unix_time(headers.get("date", "")) or now
    seconds = parse_retry_after(headers.get("retry-after"), server_now)
    if seconds is not None:
        return seconds
    reset = _number(headers.get("x-ratelimit-reset", "").strip())
    if reset is None or abs(reset - server_now) > _DAY:
        return None
    return max(0.0, reset - server_now)


def _unix_time(http_date: str) -> float | None:
    try:
        date = parsedate_to_datetime(http_date)
        # "-0000" gives a naive time: UTC by RFC 5322
        return (date if date.tzinfo else date.replace(tzinfo=timezone.utc)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _number(text: str) -> float | None:
    # stricter than float(), which takes "nan", "inf" and "1_0"
    number = float(text) if _NUMBER.fullmatch(text) else math.nan
    return number if math.isfinite(number) else None
