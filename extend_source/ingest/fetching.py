"""Ids in, payloads out: many requests at once, one object's failure a row and not the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Generic, TypeVar

from extend_source.api import Arrival
from extend_source.errors import ExtendError, ExtendTransientError, Withdrawn
from extend_source.ingest.room import Place, Room

STOP_GRACE_SECONDS = 5.0
"""How long requests under way may go on after a stop."""

_STOP_POLL_SECONDS = 0.2

_WAITING = 16
"""Most answers that wait: enough for the network to go on while a batch is put together."""

_TICK = timedelta(microseconds=1)

_NOTHING: Any = object()

W = TypeVar("W")
Fetch = Callable[[W, Arrival], Awaitable["dict[str, Any]"]]


@dataclass(frozen=True)
class Fetched(Generic[W]):
    """One object's answer.

    Attributes:
        wanted: what was asked for.
        payload: the API's object; None when it could not be had.
        error: why not; None with a payload.
        fetched_at: when the answer came, UTC; later than that of the answer before, so that payloads can be put in the
            order again in which they were recorded.
    """

    wanted: W
    payload: dict[str, Any] | None
    error: ExtendError | None
    fetched_at: datetime


async def fetch_all(
    wanted: Iterable[W],
    fetch: Fetch[W],
    *,
    workers: int,
    max_bytes: float = float("inf"),
    should_stop: Callable[[], bool] = lambda: False,
    must_end_soon: Callable[[], bool] | None = None,
    on_answer: Callable[[W], None] = lambda wanted: None,
) -> AsyncIterator[Fetched[W]]:
    """Fetch many objects at once.

    A request is sent only when there is room for its answer: a slow destination slows the fetching down, and memory
    stays flat. Closing the iterator ends the workers.

    Where every request is refused, or fails, what has come is given out first, and what is under way has a few seconds
    to come. Those that failed in a row just before are no answers then: it was not about them.

    Args:
        wanted: what to fetch; one is taken when a worker is free for it.
        fetch: fetches one of them; its bytes come to the place it is given.
        workers: the most that are under way at once.
        max_bytes: the most bytes that arrive, or wait to be worked on, at once; one answer may have more.
        should_stop: tells whether to fetch no more.
        must_end_soon: tells whether what is under way then has only a few seconds to end; by default as `should_stop`.
        on_answer: called with what was asked for, as each answer comes that is about it.

    Yields:
        Answers in order of arrival, failures among them.

    Raises:
        ExtendError: one that every other request would meet too, such as a refused key, after all answers.
    """
    pending = iter(wanted)
    answers: asyncio.Queue[tuple[Fetched[W] | Exception, Place] | None] = asyncio.Queue()
    places = asyncio.Semaphore(workers + _WAITING)
    room = Room(max_bytes)
    last = datetime.min.replace(tzinfo=timezone.utc)
    refusal: ExtendError | None = None
    in_a_row: list[Fetched[W]] = []

    def must_end() -> bool:
        return refusal is not None or should_stop()

    def grace_runs() -> bool:
        return refusal is not None or (must_end_soon or should_stop)()

    async def work() -> None:
        nonlocal last
        while True:
            await places.acquire()
            await room.vacancy()
            if must_end() or (one := next(pending, _NOTHING)) is _NOTHING:
                places.release()
                return
            place = room.place()
            try:
                payload, error = await fetch(one, place), None
            except Withdrawn:
                place.leave()
                return
            except Exception as raised:
                payload, error = None, raised
                place.begin()
            last = max(datetime.now(timezone.utc), last + _TICK)
            place.arrived()
            answer = _answer(one, payload, error, last)
            if isinstance(answer, Fetched):
                on_answer(one)
            answers.put_nowait((answer, place))
            payload = None
            del answer

    tasks = [asyncio.create_task(work()) for _ in range(workers)]
    closer = asyncio.create_task(_close(tasks, answers, grace_runs))
    try:
        while True:
            next_one = await answers.get()
            if next_one is None:
                break
            answer, place = next_one
            if isinstance(answer, ExtendError):
                refusal = refusal or answer
            elif isinstance(answer, Exception):
                raise answer
            elif isinstance(answer.error, ExtendTransientError):
                in_a_row.append(answer)
            else:
                for failure in in_a_row:
                    yield failure
                in_a_row.clear()
                yield answer
            del answer, next_one  # a payload of megabytes need not wait for the next one
            place.leave()
            places.release()
        if refusal is not None:
            raise refusal
        for failure in in_a_row:
            yield failure
        for task in tasks:
            if not task.cancelled():
                task.result()  # a defect of what the caller has given
    finally:
        for task in (closer, *tasks):
            task.cancel()
        await asyncio.gather(closer, *tasks, return_exceptions=True)


def _answer(
    wanted: W, payload: dict[str, Any] | None, error: Exception | None, now: datetime
) -> Fetched[W] | Exception:
    if error is None or (isinstance(error, ExtendError) and not error.refuses_everything):
        return Fetched(wanted, payload, error, now)
    return error  # every request would meet it, or it is a defect of ours: the caller raises it


async def _close(
    tasks: Sequence[asyncio.Task[None]], answers: asyncio.Queue[Any], grace_runs: Callable[[], bool]
) -> None:
    """Say when all workers have ended; once the time of grace runs, end those that take longer."""
    under_way = set(tasks)
    grace = STOP_GRACE_SECONDS
    while under_way:
        _, under_way = await asyncio.wait(under_way, timeout=_STOP_POLL_SECONDS)
        if grace_runs():
            grace -= _STOP_POLL_SECONDS
            if grace <= 0:
                for task in under_way:
                    task.cancel()
    await answers.put(None)
