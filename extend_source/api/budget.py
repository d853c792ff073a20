"""The request budget: one rate and one concurrency that all requests of a sync share.

Extend limits requests per second and organisation (docs "Rate limits": 10 on the smallest plan, shared with
the customer's own reads). So requests leave evenly spaced, a trifle below the allowed rate; a 429 stops all
of them for as long as the server asks; 429 and 5xx slow the whole sync down for some seconds.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from extend_source.api.concurrency import Gate

_UTILISATION = 0.98
"""The part of the allowed rate that is used: the rest absorbs network jitter at the server's window edges."""
_CATCH_UP = 0.1
"""Seconds of the schedule that may be made up for after the event loop was late."""
_HEADROOM = 2.0
"""Requests allowed in flight, as a multiple of rate x latency (Little's law)."""
_SPARE = 2
"""Requests allowed in flight beyond that: one waits for its turn, one may be an outlier."""
_FIRST_LATENCY = 1.0
"""Seconds; what is assumed before the first answer."""
_SLOWEST = 0.1
"""The smallest part of the rate and the concurrency that is left after failures."""
_RECOVERY = 0.1
"""The part that comes back per second in which requests succeed."""
_JUST_BELOW = 0.95
"""Where, as a part of the throttled speed, recovery ends for a while: others may be using the limit too."""
_PROBING = 0.001
"""The part that comes back per second from there on, for each second of probing: slow first, then ever faster."""
_FIRST_PATIENCE, _MAX_PATIENCE = 5.0, 160.0
"""Seconds without a 429 until probing begins; doubled each time that probing meets the same limit again."""
_SAME_LIMIT = 0.1
"""How far, as a part of it, a speed that is throttled may be from the one throttled before to mean the same limit."""
_AFTER_THROTTLING, _AFTER_FAILURE = 0.75, 0.9
"""The part that is left after a 429 and after a 5xx or a dropped connection."""
_ONE_INCIDENT = 0.5
"""Seconds; failures closer together than this are one incident that hit requests sent together."""


@dataclass
class Turn:
    """The right to send one request.

    Attributes:
        waited: seconds the budget held the request back, not counting the wait for requests before it.
        left_at: when the request left, by the budget's clock.
    """

    waited: float
    left_at: float


class RequestBudget:
    """Shares one request rate and one concurrency among all who send requests.

    In any window of ``n / rate`` seconds, ``n`` being the whole requests of one second, at most ``n`` leave; after
    failures the same holds of the rate that is left.
    A budget belongs to one event loop at a time and follows into a new one (dlt makes a loop per extract).

    Attributes:
        requests_per_second: the allowed rate; None for no limit.
        max_concurrency: the most requests in flight at once.
        seconds_waited: seconds in which a request was ready and the budget held it back.
    """

    def __init__(
        self,
        requests_per_second: float | None = 10.0,
        max_concurrency: int = 64,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """Set up a budget.

        Args:
            requests_per_second: the allowed rate; None or 0 for no limit.
            max_concurrency: the most requests in flight at once; 75 requests/s at 0.5 s latency need 40.
            now: a clock in seconds that never goes back.
            sleep: waits for some seconds.

        Raises:
            ValueError: a negative or non-finite rate, or a concurrency below 1.
        """
        if requests_per_second is not None and not 0 <= requests_per_second < math.inf:
            raise ValueError(f"requests_per_second must be 0 (no limit) or more, not {requests_per_second}")
        if max_concurrency < 1:
            raise ValueError(f"max_concurrency must be 1 or more, not {max_concurrency}")
        self.requests_per_second = requests_per_second or None
        self.max_concurrency = max_concurrency
        self.seconds_waited = 0.0
        self._now = now
        self._sleep = sleep
        self._speed = self._ceiling = 1.0
        self._latency = _FIRST_LATENCY
        self._patience, self._limit_is_known = _FIRST_PATIENCE, False
        self._last_signal = self._last_incident = self._throttled_at = -math.inf
        self._paused_until = self._schedule = -math.inf
        self._turns: deque[Turn] = deque(maxlen=2 * max(1, int(self.requests_per_second or 1)))
        self._loop: asyncio.AbstractEventLoop | None = None
        self._gate = Gate(self.concurrency)
        self._turnstile = asyncio.Lock()
        self._shared = asyncio.Event()
        self._shared.set()

    def __repr__(self) -> str:
        rate = self.requests_per_second or "unlimited"
        return f"RequestBudget(requests_per_second={rate}, max_concurrency={self.max_concurrency})"

    @property
    def concurrency(self) -> int:
        """Requests that may be in flight now: rate x recent latency with headroom, less after failures."""
        if self.requests_per_second is None:
            wanted = float(self.max_concurrency)
        else:
            wanted = self.requests_per_second * self._latency * _HEADROOM + _SPARE
        return max(1, min(self.max_concurrency, int(min(wanted, self.max_concurrency) * self._speed)))

    @asynccontextmanager
    async def reserved(self) -> AsyncIterator[None]:
        """Let nobody send but those who say that they are `alone`; what is under way goes on."""
        self._bind()
        shared = self._shared
        shared.clear()
        try:
            yield
        finally:
            shared.set()

    @asynccontextmanager
    async def slot(self, *, is_retry: bool = False, alone: bool = False) -> AsyncIterator[Turn]:
        """Wait for the right to send one request, and hold it until the answer is read.

        Args:
            is_retry: go ahead of those who wait for their first attempt, as retries have limited time.
            alone: the caller is within `reserved`.

        Yields:
            The turn; tell `left` when the request is really on its way.
        """
        gate, turnstile = self._bind()
        if alone:
            yield await self._wait_for_turn(alone=True)
            return
        await gate.enter(first=is_retry)
        try:
            async with turnstile:
                turn = await self._wait_for_turn()
            yield turn
        finally:
            gate.leave()

    def left(self, turn: Turn) -> None:
        """Report that a request is written: only now, as a new connection with its handshake takes a while.

        Counted from its turn, a late first request and a prompt tenth one would reach the server too close together.

        Args:
            turn: what `slot` has given.
        """
        turn.left_at = self._now()

    def succeeded(self, latency: float) -> None:
        """Report an answer: the concurrency follows its latency, and lost speed comes back.

        Args:
            latency: seconds from sending to the end of the body.
        """
        # quick to rise, slow to fall: too few in flight costs throughput, too many cost little
        weight = 0.5 if latency > self._latency else 0.1
        self._latency += weight * (latency - self._latency)
        now = self._now()
        if self._speed < 1.0:
            probing = _PROBING * max(0.0, now - self._throttled_at - self._patience)
            elapsed = min(1.0, now - self._last_signal)
            if self._speed < self._ceiling:
                self._speed = min(self._ceiling, self._speed + _RECOVERY * elapsed)
            else:
                self._speed = min(1.0, self._speed + min(_RECOVERY, probing) * elapsed)
        self._last_signal = now
        self._adjust()

    def throttled(self, wait_seconds: float) -> None:
        """Report a 429: nobody sends for a while, and then more slowly.

        Args:
            wait_seconds: seconds from now in which nothing is sent.
        """
        now, speed = self._now(), self._speed
        self._paused_until = max(self._paused_until, now + wait_seconds)
        self._schedule = max(self._schedule, self._paused_until)  # a pause is not made up for
        since = now - self._throttled_at
        near = self._limit_is_known and abs(speed * _JUST_BELOW - self._ceiling) <= _SAME_LIMIT * self._ceiling
        if not self._slow_down(_JUST_BELOW**2 if near else _AFTER_THROTTLING):
            return
        self._throttled_at = now
        too_soon = since <= self._patience
        if near:  # the limit that probing has met before: stay just below it, and try for more later still
            self._ceiling = speed * _JUST_BELOW
            self._limit_is_known = not too_soon
            if not too_soon:
                self._patience = min(2 * self._patience, _MAX_PATIENCE)
            return
        self._patience = _FIRST_PATIENCE
        # throttled again before it probed, it was far above the limit: what is left is where it stays for now
        self._ceiling = self._speed if too_soon else speed * _JUST_BELOW
        self._limit_is_known = not too_soon and since < math.inf

    def failed(self) -> None:
        """Report a 5xx, a timeout or a dropped connection: everything slows down."""
        self._slow_down(_AFTER_FAILURE)

    def _slow_down(self, factor: float) -> bool:
        """Take speed away, unless this belongs to the incident that took some already; True if it did."""
        now = self._now()
        self._last_signal = now
        if now - self._last_incident < _ONE_INCIDENT:
            return False
        self._last_incident = now
        self._speed = max(_SLOWEST, self._speed * factor)
        self._adjust()
        return True

    def _adjust(self) -> None:
        self._gate.limit = self.concurrency

    def _bind(self) -> tuple[Gate, asyncio.Lock]:
        """Give the gate and the turnstile of the running loop; those of an earlier loop died with it."""
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._loop, self._gate, self._turnstile = loop, Gate(self.concurrency), asyncio.Lock()
            self._shared = asyncio.Event()
            self._shared.set()
        return self._gate, self._turnstile

    async def _wait_for_turn(self, *, alone: bool = False) -> Turn:
        """Wait, alone in the turnstile, until a request may leave."""
        arrived = self._now()
        while True:
            if not alone:
                await self._shared.wait()
            if (delay := self._next_turn() - self._now()) <= 0:
                break
            await self._sleep(delay)
        now = self._now()
        turn = Turn(waited=now - arrived, left_at=now)
        self._turns.append(turn)
        if self.requests_per_second is not None:
            spacing = 1.0 / (self.requests_per_second * _UTILISATION * self._speed)
            self._schedule = max(now - _CATCH_UP, self._schedule) + spacing
        self.seconds_waited += turn.waited
        return turn

    def _next_turn(self) -> float:
        """Say when the next request may leave: after any pause, on schedule, never too many in a window."""
        if self.requests_per_second is None:
            return self._paused_until
        earliest = max(self._paused_until, self._schedule)
        speed = self.requests_per_second * self._speed
        per_window = max(1, int(speed))
        if len(self._turns) >= per_window:
            window = per_window / (speed * _UTILISATION)
            times = sorted(turn.left_at for turn in self._turns)
            earliest = max(earliest, times[-per_window] + window)
        return earliest
