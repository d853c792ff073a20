"""Ids in, payloads out: many requests at once, one object's failure a row and not the end."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from extend_source.api import ExtendError, Withdrawn

STOP_GRACE_SECONDS = 5.0
"""How long requests under way may go on after a stop."""

_STOP_POLL_SECONDS = 0.2

_QUEUE = 16
"""So many answers may wait: enough for the network to go on while a batch is put together."""

_NOTHING: Any = object()

W = TypeVar("W")
Fetch = Callable[[W], Awaitable["dict[str, Any]"]]


@dataclass(frozen=True)
class Fetched:
    """One object's answer.

    Attributes:
        wanted: what was asked for.
        payload: the API's object; None when it could not be had.
        error: why not; None with a payload.
        fetched_at: when the answer came, UTC.
    """

    wanted: Any
    payload: dict[str, Any] | None
    error: ExtendError | None
    fetched_at: datetime


async def fetch_all(
    wanted: Iterable[W],
    fetch: Fetch[W],
    *,
    workers: int,
    should_stop: Callable[[], bool] = lambda: False,
    in_a_hurry: Callable[[], bool] | None = None,
    on_answer: Callable[[], None] = lambda: None,
) -> AsyncIterator[Fetched]:
    """Fetch many objects at once.

    What has come waits for the caller in a short queue: a slow destination slows the fetching down, and memory stays
    flat. Closing the iterator ends the workers.

    Args:
        wanted: what to fetch; one is taken when a worker is free for it.
        fetch: fetches one of them.
        workers: the most that are under way at once.
        should_stop: tells whether to fetch no more.
        in_a_hurry: tells whether what is under way then has only a few seconds to end; by default as `should_stop`.
        on_answer: called with each answer as it comes.

    Yields:
        Answers in order of arrival, failures among them.

    Raises:
        ExtendError: one that every other request would meet too, such as a refused key.
    """
    pending = iter(wanted)
    answers: asyncio.Queue[Fetched | Exception | None] = asyncio.Queue(maxsize=_QUEUE)

    async def put(answer: Fetched | Exception) -> None:
        on_answer()
        await answers.put(answer)

    tasks = [asyncio.create_task(_work(pending, fetch, put, should_stop)) for _ in range(workers)]
    closer = asyncio.create_task(_close(tasks, answers, in_a_hurry or should_stop))
    try:
        while (answer := await answers.get()) is not None:
            if isinstance(answer, Exception):
                raise answer
            yield answer
            answer = None  # a payload of megabytes need not wait for the next one
    finally:
        for task in (closer, *tasks):
            task.cancel()
        await asyncio.gather(closer, *tasks, return_exceptions=True)


async def _work(
    pending: Iterator[W],
    fetch: Fetch[W],
    put: Callable[[Fetched | Exception], Awaitable[None]],
    should_stop: Callable[[], bool],
) -> None:
    while not should_stop() and (wanted := next(pending, _NOTHING)) is not _NOTHING:
        answer: Fetched | Exception
        try:
            payload = await fetch(wanted)
            answer = Fetched(wanted, payload, None, _now())
        except Withdrawn:
            return
        except ExtendError as error:
            answer = error if error.refuses_everything else Fetched(wanted, None, error, _now())
        except Exception as error:  # a defect of ours: the caller waits for an answer and raises it
            answer = error
        await put(answer)


async def _close(
    tasks: Sequence[asyncio.Task[None]], answers: asyncio.Queue[Any], in_a_hurry: Callable[[], bool]
) -> None:
    """Say when all workers have ended; in a hurry, end those that take too long."""
    under_way = set(tasks)
    grace = STOP_GRACE_SECONDS
    while under_way:
        _, under_way = await asyncio.wait(under_way, timeout=_STOP_POLL_SECONDS)
        if in_a_hurry():
            grace -= _STOP_POLL_SECONDS
            if grace <= 0:
                for task in under_way:
                    task.cancel()
    await answers.put(None)


def _now() -> datetime:
    return datetime.now(timezone.utc)
