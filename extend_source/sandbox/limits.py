"""The rate limit of an organization, in the three usual algorithms, and what a refusal says about waiting."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Literal

RetryAfter = Literal["seconds", "date", "zero", "past", "absurd", "absent"]
Algorithm = Literal["fixed_window", "sliding_window", "token_bucket"]

_WINDOW = 1.0
_ABSURD_SECONDS = 86_400 * 365


@dataclass(frozen=True)
class RateLimit:
    """How many requests an organization may make.

    Attributes:
        requests_per_second: The budget; PAYG has 10.
        algorithm: ``fixed_window`` counts in whole seconds, ``sliding_window`` in the second before each
            request, ``token_bucket`` refills steadily and allows a burst of one second's budget.
        retry_after: What the ``Retry-After`` header of a 429 says.
    """

    requests_per_second: int = 10
    algorithm: Algorithm = "fixed_window"
    retry_after: RetryAfter = "seconds"

    def __post_init__(self) -> None:
        if self.requests_per_second < 1:
            raise ValueError("requests_per_second must be at least 1")


def retry_after_headers(style: RetryAfter, wait: float = 1.0) -> dict[str, str]:
    """Return the headers of a 429.

    Args:
        style: What kind of value to send.
        wait: Seconds until a request would be admitted.
    """
    whole = max(1, math.ceil(wait))
    if style == "absent":
        return {}
    if style in ("date", "past"):
        offset = timedelta(seconds=whole if style == "date" else -3600)
        return {"retry-after": format_datetime(datetime.now(timezone.utc) + offset, usegmt=True)}
    return {"retry-after": str({"seconds": whole, "zero": 0, "absurd": _ABSURD_SECONDS}[style])}


class RateLimiter:
    """Admits or refuses requests of one organization; safe to use from several threads.

    Args:
        limit: The budget, or None for no limit.
        clock: Seconds that never go back; replaced in tests.
    """

    def __init__(self, limit: RateLimit | None, clock: Callable[[], float] = time.monotonic) -> None:
        self.limit = limit
        self._clock = clock
        self._lock = threading.Lock()
        self._window = -1.0
        self._used = 0
        self._admitted: deque[float] = deque()
        self._tokens = float(limit.requests_per_second) if limit else 0.0
        self._refilled_at = clock()

    def admit(self) -> float:
        """Count one request.

        Returns:
            0 when it is admitted, otherwise the seconds after which one would be.
        """
        if self.limit is None:
            return 0.0
        with self._lock:
            now, budget = self._clock(), self.limit.requests_per_second
            if self.limit.algorithm == "fixed_window":
                return self._fixed(now, budget)
            if self.limit.algorithm == "sliding_window":
                return self._sliding(now, budget)
            return self._bucket(now, budget)

    def _fixed(self, now: float, budget: int) -> float:
        window = math.floor(now / _WINDOW) * _WINDOW
        if window != self._window:
            self._window, self._used = window, 0
        if self._used >= budget:
            return window + _WINDOW - now
        self._used += 1
        return 0.0

    def _sliding(self, now: float, budget: int) -> float:
        while self._admitted and self._admitted[0] <= now - _WINDOW:
            self._admitted.popleft()
        if len(self._admitted) >= budget:
            return self._admitted[0] + _WINDOW - now
        self._admitted.append(now)
        return 0.0

    def _bucket(self, now: float, budget: int) -> float:
        self._tokens = min(float(budget), self._tokens + (now - self._refilled_at) * budget)
        self._refilled_at = now
        if self._tokens < 1:
            return (1 - self._tokens) / budget
        self._tokens -= 1
        return 0.0
