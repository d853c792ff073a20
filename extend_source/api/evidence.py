"""Whether a bad answer concerns one object or all of them: something that should work is asked for, and that decides.

A status says little: 403 may be one run that a rule protects, or a key that has lost its rights; 410 one deleted run,
or an endpoint that is gone; 404 with a page of HTML one id that a proxy stumbles over, or the wrong host. So after such
an answer nobody sends until it is known what it means. Asked for are, in this order and until one of them tells:

1. an object of the same endpoint that was answered well before,
2. the listing; it also names some objects that exist,
3. other objects, from all over what is to be fetched, as the first ones may all be odd.
"""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from extend_source.error_codes import ErrorCode
from extend_source.errors import ApiUnreachable, ExtendError, ExtendTransientError

OUTAGE_AFTER = 25
"""Requests in a row that fail after all their attempts: from that number on it may be an outage."""

MAX_OTHERS = 20
"""Most other objects that are asked for before an endpoint is held to refuse everything."""

_NO_PERMISSION = 403


@dataclass(frozen=True)
class Call:
    """What a GET asks for.

    Attributes:
        endpoint: its name in the request statistics, such as ``get_run``.
        path: the path below the base URL, percent-encoded.
        parameters: the query, not yet percent-encoded.
    """

    endpoint: str
    path: str
    parameters: Mapping[str, str] = field(default_factory=dict)


Ask = Callable[[Call], Awaitable["ExtendError | None"]]
"""Sends a call, with few attempts; returns what is wrong with the answer, None: nothing is."""


class Evidence:
    """Remembers what was answered well, and decides what a bad answer means."""

    def __init__(
        self, ask: Ask, listing: Call, others: Callable[[Call], Iterable[Call]], beside: Collection[str] = ()
    ) -> None:
        """Begin with no evidence.

        Args:
            ask: sends a call while nobody else sends.
            listing: a short listing.
            others: names calls like a given one that should work as well, or no worse.
            beside: the names of endpoints without which the rest is loaded all the same: as long as the listing works,
                a refusal of all their objects is one of each object.
        """
        self._ask, self._listing, self._others = ask, listing, others
        self._beside, self._closed = beside, set[str]()
        self._known: dict[str, tuple[int, Call]] = {}
        self._failures_in_a_row = 0
        self._proven_at: dict[str, float] = {}
        self.lock = asyncio.Lock()

    def answered_well(self, call: Call, size: int, sent_at: float) -> None:
        """Note a good answer; the shortest one is asked for again in case of doubt.

        Args:
            call: what was asked for.
            size: bytes of the body.
            sent_at: when, by a clock that never goes back.
        """
        self._failures_in_a_row = 0
        self._proven_at[call.endpoint] = max(sent_at, self._proven_at.get(call.endpoint, sent_at))
        known = self._known.get(call.endpoint)
        if known is None or size < known[0]:
            self._known[call.endpoint] = size, call

    def needs_judging(self, problem: ExtendError) -> bool:
        """Tell whether a failure may concern more than its object; counts failures in a row."""
        if not isinstance(problem, ExtendTransientError):
            if not problem.refuses_everything:
                self._failures_in_a_row = 0
            return problem.refuses_everything
        self._failures_in_a_row += 1
        return problem.refuses_everything or self._failures_in_a_row >= OUTAGE_AFTER

    async def judged(self, call: Call, problem: ExtendError, answered_at: float) -> ExtendError:
        """Say what a failure means; the caller sees to it that nobody else sends.

        Args:
            call: what was asked for.
            problem: how it failed.
            answered_at: when it did.

        Returns:
            The error to raise: one that refuses everything, or one of this object alone.
        """
        if self._proven_at.get(call.endpoint, answered_at) > answered_at:
            return problem.of_one_object()
        if isinstance(problem, ExtendTransientError):
            return await self._judged_outage(call, problem)
        if call.endpoint in self._closed and problem.status_code == _NO_PERMISSION:
            return problem.of_one_object()
        return await self._judged_refusal(call, problem)

    async def _judged_outage(self, call: Call, problem: ExtendError) -> ExtendError:
        known = self._known.get(call.endpoint)
        # where no object was ever answered well, a listing that works proves the connection alone
        witness = known[1] if known else self._listing if isinstance(problem, ApiUnreachable) else None
        if witness is not None and await self._ask(witness) is None:
            self._failures_in_a_row = 0
            return problem.of_one_object()
        if isinstance(problem, ApiUnreachable):
            return problem
        return ApiUnreachable(
            f"{self._failures_in_a_row} requests in a row failed for good; the last: {problem.what}",
            status_code=problem.status_code,
            code=problem.code,
            request_id=problem.request_id,
            attempts=problem.attempts,
            error_code=ErrorCode.OUTAGE,
        )

    async def _judged_refusal(self, call: Call, problem: ExtendError) -> ExtendError:
        asked = {call.path}
        known = self._known.get(call.endpoint)
        if known is not None and known[1].path not in asked:
            asked.add(known[1].path)
            answer = await self._ask(known[1])
            if answer is None:
                return problem.of_one_object()
            if answer.refuses_everything and call.endpoint not in self._beside:
                return _said_of_all(problem, answer)
        answer = listed = await self._ask(self._listing)
        if answer is not None and answer.refuses_everything:
            return _said_of_all(problem, answer)
        is_refused_elsewhere = False
        for other in itertools.islice(self._witnesses(call, asked), MAX_OTHERS):
            answer = await self._ask(other)
            if answer is None:
                return problem.of_one_object()
            is_refused_elsewhere |= answer.refuses_everything
        if call.endpoint in self._beside and problem.status_code == _NO_PERMISSION and listed is None:
            if is_refused_elsewhere:  # asking so many others each time would cost more than they are worth
                self._closed.add(call.endpoint)
            return problem.of_one_object()
        return problem if is_refused_elsewhere else problem.of_one_object()

    def _witnesses(self, call: Call, asked: set[str]) -> Iterator[Call]:
        """Objects to ask for; first of all one that is answered well while others are asked for."""
        for other in self._others(call):
            known = self._known.get(call.endpoint)
            for witness in (known[1], other) if known is not None else (other,):
                if witness.path not in asked:
                    asked.add(witness.path)
                    yield witness


def _said_of_all(problem: ExtendError, answer: ExtendError) -> ExtendError:
    """The error to end with: what was said of the object, unless meanwhile nothing is said at all."""
    return answer if isinstance(answer, ApiUnreachable) else problem
