"""Fetching many objects at once."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

import pytest

from extend_source.api import Arrival
from extend_source.errors import AccessRefused, NotFound, ServerError, Withdrawn
from extend_source.ingest import fetching
from extend_source.ingest.fetching import Fetched, fetch_all
from extend_source.ingest.room import Room


class Api:
    """Answers ids; some are missing, one may be refused."""

    def __init__(self, missing: set[int] = frozenset(), refused: int | None = None) -> None:  # type: ignore[assignment]
        self.missing = missing
        self.refused = refused
        self.asked: list[int] = []
        self.under_way = 0
        self.most_under_way = 0

    async def get(self, number: int, arrival: Arrival) -> dict[str, Any]:
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


def fetched(api: Api, count: int, *, workers: int = 4) -> list[Fetched]:
    async def collect() -> list[Fetched]:
        return [answer async for answer in fetch_all(range(count), api.get, workers=workers)]

    return asyncio.run(collect())


def test_everything_comes_exactly_once() -> None:
    answers = fetched(Api(), 25)

    assert sorted(answer.wanted for answer in answers) == list(range(25))
    assert all(answer.payload == {"id": answer.wanted} for answer in answers)


def test_a_defect_in_what_is_called_for_each_answer_is_raised() -> None:
    def count(wanted: int) -> None:
        raise ZeroDivisionError

    async def collect() -> list[Fetched]:
        return [answer async for answer in fetch_all(range(3), Api().get, workers=2, on_answer=count)]

    with pytest.raises(ZeroDivisionError):
        asyncio.run(collect())


def test_no_more_than_the_workers_are_under_way() -> None:
    api = Api()

    fetched(api, 50, workers=7)

    assert api.most_under_way == 7


def test_a_missing_object_is_an_answer_and_not_the_end() -> None:
    answers = fetched(Api(missing={2}), 4)

    assert {answer.wanted: type(answer.error) for answer in answers} == {
        0: type(None), 1: type(None), 2: NotFound, 3: type(None),
    }  # fmt: skip


def test_a_refusal_ends_it_at_once() -> None:
    api = Api(refused=5)

    with pytest.raises(AccessRefused):
        fetched(api, 1000)

    assert len(api.asked) < 30


def test_a_slow_caller_slows_the_fetching_down() -> None:
    api = Api()

    async def read_one() -> None:
        answers = fetch_all(range(1000), api.get, workers=4)
        await answers.__anext__()
        for _ in range(100):
            await asyncio.sleep(0)
        await answers.aclose()  # type: ignore[attr-defined]

    asyncio.run(read_one())

    assert len(api.asked) <= 1 + 16 + 4


def test_times_rise_in_the_order_of_the_answers_however_slow_the_caller_is() -> None:
    async def get(number: int, arrival: Arrival) -> dict[str, Any]:
        await asyncio.sleep(0.001 * (number % 3))
        return {"id": number}

    async def collect() -> list[Fetched]:
        answers = []
        async for answer in fetch_all(range(200), get, workers=32):
            answers.append(answer)
            await asyncio.sleep(0.002 if len(answers) % 7 == 0 else 0)
        return answers

    times = [answer.fetched_at for answer in asyncio.run(collect())]
    assert len(times) == 200
    assert all(earlier < later for earlier, later in itertools.pairwise(times))


def test_nothing_to_fetch_is_no_answer() -> None:
    assert fetched(Api(), 0) == []


def test_a_defect_reaches_the_caller() -> None:
    async def broken(number: int, arrival: Arrival) -> dict[str, Any]:
        raise ZeroDivisionError

    async def collect() -> None:
        async for _ in fetch_all([1, 2], broken, workers=2):
            pass

    with pytest.raises(ZeroDivisionError):
        asyncio.run(collect())


def test_a_stop_ends_it_with_what_has_come() -> None:
    api = Api()

    async def collect() -> list[Fetched]:
        answers = fetch_all(range(1000), api.get, workers=4, should_stop=lambda: len(api.asked) >= 50)
        return [answer async for answer in answers]

    assert len(asyncio.run(collect())) == len(api.asked) <= 54


def test_after_a_stop_requests_that_hang_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "STOP_GRACE_SECONDS", 0.0)

    async def hang(number: int, arrival: Arrival) -> dict[str, Any]:
        await asyncio.sleep(3600)
        return {}

    async def collect() -> list[Any]:
        return [answer async for answer in fetch_all([1], hang, workers=1, should_stop=lambda: True)]

    async def started() -> list[Any]:
        stop = False
        answers = fetch_all([1], hang, workers=1, should_stop=lambda: stop)
        waiting = asyncio.ensure_future(answers.__anext__())
        await asyncio.sleep(0.01)
        stop = True
        with pytest.raises(StopAsyncIteration):
            await waiting
        return []

    assert asyncio.run(collect()) == []
    assert asyncio.run(started()) == []


def test_what_is_withdrawn_is_no_answer() -> None:
    async def get(number: int, arrival: Arrival) -> dict[str, Any]:
        if number >= 3:
            raise Withdrawn
        return {"id": number}

    async def collect() -> list[Fetched]:
        return [answer async for answer in fetch_all(range(100), get, workers=2)]

    assert [(answer.wanted, answer.error) for answer in asyncio.run(collect())] == [(0, None), (1, None), (2, None)]


def test_what_was_fetched_before_a_refusal_comes_first_and_failures_just_before_it_do_not_count() -> None:
    async def get(number: int, arrival: Arrival) -> dict[str, Any]:
        await asyncio.sleep(0)
        if number in (3, 7, 8):
            raise ServerError("no")
        if number >= 9:
            raise AccessRefused("no")
        return {"id": number}

    async def collect() -> list[tuple[int, bool]]:
        answers: list[tuple[int, bool]] = []
        try:
            async for answer in fetch_all(range(100), get, workers=1):
                answers.append((answer.wanted, answer.error is None))
        except AccessRefused:
            return answers
        raise AssertionError("nothing was raised")

    assert asyncio.run(collect()) == [(0, True), (1, True), (2, True), (3, False), (4, True), (5, True), (6, True)]


@pytest.mark.case("2.5")
def test_answers_that_arrive_or_wait_are_bounded_by_their_bytes() -> None:
    held = most = 0

    async def get(number: int, arrival: Arrival) -> dict[str, Any]:
        nonlocal held, most
        arrival.begin()
        for _ in range(10):
            await arrival.take(100)
            held += 100
            most = max(most, held)
            await asyncio.sleep(0)
        return {"id": number}

    async def collect() -> list[int]:
        nonlocal held
        numbers = []
        async for answer in fetch_all(range(200), get, workers=32, max_bytes=3500):
            await asyncio.sleep(0)
            numbers.append(answer.wanted)
            held -= 1000
        return numbers

    assert sorted(asyncio.run(collect())) == list(range(200))
    assert 2500 <= most <= 3500 + 1000  # one more goes on, so that none waits for ever


@pytest.mark.case("2.5")
def test_an_answer_larger_than_the_room_comes_and_one_kept_waiting_too_long_too() -> None:
    async def get(number: int, arrival: Arrival) -> dict[str, Any]:
        await arrival.take(10)
        await arrival.take(10)
        return {"id": number}

    async def collect() -> list[int]:
        return [answer.wanted async for answer in fetch_all(range(20), get, workers=4, max_bytes=5)]

    async def keep_waiting() -> float:
        room, started = Room(5, patience=0.05), asyncio.get_running_loop().time()
        first, second = room.place(), room.place()
        await first.take(10)
        await second.take(10)
        return asyncio.get_running_loop().time() - started

    assert sorted(asyncio.run(collect())) == list(range(20))
    assert 0.05 <= asyncio.run(keep_waiting()) < 2
