"""Ids in, payloads out: many requests at once, one object's failure a row and not the end."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any, TypeVar

from extend_source.api import ExtendError

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
    wanted: Sequence[W], fetch: Fetch[W], *, workers: int, batch_size: int
) -> AsyncIterator[list[Fetched]]:
    """Fetch many objects at once, in batches as they come in.

    The queue between the workers and the caller is bounded: a slow destination slows the fetching down, and memory
    stays flat. Closing the iterator ends the workers.

    Args:
        wanted: what to fetch.
        fetch: fetches one of them.
        workers: the most that are under way at once.
        batch_size: the most objects in a batch.

    Yields:
        Batches of answers in order of arrival, failures among them.

    Raises:
        ExtendError: one that every other request would meet too, such as a refused key.
    """
    pending = iter(wanted)
    answers: asyncio.Queue[Fetched | Exception] = asyncio.Queue(maxsize=batch_size)
    tasks = [asyncio.create_task(_work(pending, fetch, answers)) for _ in range(min(workers, max(len(wanted), 1)))]
    try:
        batch: list[Fetched] = []
        for _ in range(len(wanted)):
            answer = await answers.get()
            if isinstance(answer, Exception):
                raise answer
            batch.append(answer)
            if len(batch) >= batch_size:
                yield batch
                batch = []
        if batch:
            yield batch
    finally:
        for task in tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks, return_exceptions=True)


async def _work(pending: Iterator[W], fetch: Fetch[W], answers: asyncio.Queue[Fetched | Exception]) -> None:
    for wanted in pending:
        answer: Fetched | Exception
        try:
            payload = await fetch(wanted)
            answer = Fetched(wanted, payload, None, _now())
        except ExtendError as error:
            answer = error if error.refuses_everything else Fetched(wanted, None, error, _now())
        except Exception as error:  # a defect of ours: the caller waits for an answer and raises it
            answer = error
        await answers.put(answer)


def _now() -> datetime:
    return datetime.now(timezone.utc)
