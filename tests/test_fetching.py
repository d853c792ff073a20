"""Fetching many objects at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from extend_source import fetching
from extend_source.api import AccessRefused, NotFound, Withdrawn
from extend_source.fetching import Fetched, fetch_all


class Api:
    """Answers ids; some are missing, one may be refused."""

    def __init__(self, missing: set[int] = frozenset(), refused: int | None = None) -> None:  # type: ignore[assignment]
        self.missing = missing
        self.refused = refused
        self.asked: list[int] = []
        self.under_way = 0
        self.most_under_way = 0

    async def get(self, number: int) -> dict[str, Any]:
        self.asked.append(number)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        if number == self.refused:
            raise AccessRefused("no")
        if number in self.missing:
            raise NotFound("gone")
        return {"id": number}


def fetched(api: Api, count: int, *, workers: int = 4, batch_size: int = 10) -> list[list[Fetched]]:
    async def collect() -> list[list[Fetched]]:
        return [batch async for batch in fetch_all(range(count), api.get, workers=workers, batch_size=batch_size)]

    return asyncio.run(collect())


def test_everything_comes_exactly_once_in_full_batches() -> None:
    batches = fetched(Api(), 25)

    assert [len(batch) for batch in batches] == [10, 10, 5]
    assert sorted(answer.wanted for batch in batches for answer in batch) == list(range(25))
    assert all(answer.payload == {"id": answer.wanted} for batch in batches for answer in batch)


def test_no_more_than_the_workers_are_under_way() -> None:
    api = Api()

    fetched(api, 50, workers=7)

    assert api.most_under_way == 7


def test_a_missing_object_is_an_answer_and_not_the_end() -> None:
    (batch,) = fetched(Api(missing={2}), 4)

    assert {answer.wanted: type(answer.error) for answer in batch} == {
        0: type(None), 1: type(None), 2: NotFound, 3: type(None),
    }  # fmt: skip


def test_a_refusal_ends_it_at_once() -> None:
    api = Api(refused=5)

    with pytest.raises(AccessRefused):
        fetched(api, 1000, batch_size=3)

    assert len(api.asked) < 25


def test_a_slow_caller_slows_the_fetching_down() -> None:
    api = Api()

    async def read_one_batch() -> None:
        batches = fetch_all(range(1000), api.get, workers=4, batch_size=10)
        await batches.__anext__()
        for _ in range(100):
            await asyncio.sleep(0)
        await batches.aclose()  # type: ignore[attr-defined]

    asyncio.run(read_one_batch())

    assert len(api.asked) <= 10 + 10 + 4


def test_nothing_to_fetch_is_no_batch() -> None:
    assert fetched(Api(), 0) == []


def test_a_defect_reaches_the_caller() -> None:
    async def broken(number: int) -> dict[str, Any]:
        raise ZeroDivisionError

    async def collect() -> None:
        async for _ in fetch_all([1, 2], broken, workers=2, batch_size=1):
            pass

    with pytest.raises(ZeroDivisionError):
        asyncio.run(collect())


def test_a_stop_ends_it_with_what_has_come() -> None:
    api = Api()

    async def collect() -> list[int]:
        batches = fetch_all(range(1000), api.get, workers=4, batch_size=10, should_stop=lambda: len(api.asked) >= 50)
        return [len(batch) async for batch in batches]

    assert sum(asyncio.run(collect())) == len(api.asked) <= 54


def test_after_a_stop_requests_that_hang_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "STOP_GRACE_SECONDS", 0.0)

    async def hang(number: int) -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {}

    async def collect() -> list[Any]:
        return [batch async for batch in fetch_all([1], hang, workers=1, batch_size=1, should_stop=lambda: True)]

    async def started() -> list[Any]:
        stop = False
        batches = fetch_all([1], hang, workers=1, batch_size=1, should_stop=lambda: stop)
        waiting = asyncio.ensure_future(batches.__anext__())
        await asyncio.sleep(0.01)
        stop = True
        with pytest.raises(StopAsyncIteration):
            await waiting
        return []

    assert asyncio.run(collect()) == []
    assert asyncio.run(started()) == []


def test_what_is_withdrawn_is_no_answer() -> None:
    async def get(number: int) -> dict[str, Any]:
        if number >= 3:
            raise Withdrawn
        return {"id": number}

    async def collect() -> list[list[Fetched]]:
        return [batch async for batch in fetch_all(range(100), get, workers=2, batch_size=10)]

    (batch,) = asyncio.run(collect())
    assert [(answer.wanted, answer.error) for answer in batch] == [(0, None), (1, None), (2, None)]
