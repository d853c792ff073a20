from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extend_source.api import RequestBudget
from extend_source.api.concurrency import Gate
from extend_source.sandbox.limits import RateLimit, RateLimiter

from .simulated_time import simulate, simulated_budget


async def send_many(budget, count, latency):
    """Send requests as fast as the budget lets them; returns the times at which they left."""
    now = asyncio.get_running_loop().time
    left = []

    async def one():
        async with budget.slot():
            started = now()
            left.append(started)
            await asyncio.sleep(latency())
            budget.succeeded(now() - started)

    await asyncio.gather(*(one() for _ in range(count)))
    return left


def most_in_a_window(times, window):
    times = sorted(times)
    return max(sum(1 for t in times[i:] if t < start + window) for i, start in enumerate(times))


@pytest.mark.parametrize("rate", [10, 25, 75])
@pytest.mark.parametrize("latency", [0.05, 0.2, 0.5])
def test_at_least_97_percent_of_the_rate_is_used_and_never_more_than_all_of_it(rate, latency):
    async def scenario():
        wobble = random.Random(1)
        budget = simulated_budget(rate)
        return await send_many(budget, rate * 60, lambda: latency * wobble.uniform(0.5, 1.5))

    left = simulate(scenario)
    assert len(left) / (left[-1] - left[0]) >= 0.97 * rate
    assert most_in_a_window(left, 1.0) <= rate
    fixed_windows = [int(t) for t in left]
    assert max(fixed_windows.count(second) for second in set(fixed_windows)) <= rate


@settings(max_examples=40, deadline=None)
@given(
    rate=st.sampled_from([0.5, 1, 2.5, 10, 75]),
    gaps=st.lists(st.floats(0, 3), min_size=1, max_size=60),
    latency=st.floats(0, 3),
)
def test_whenever_requests_come_no_window_holds_more_than_its_share(rate, gaps, latency):
    async def scenario():
        budget = simulated_budget(rate)
        left, tasks = [], []

        async def one():
            async with budget.slot():
                left.append(asyncio.get_running_loop().time())
                await asyncio.sleep(latency)

        for gap in gaps:
            tasks += [asyncio.ensure_future(one()), asyncio.ensure_future(one())]
            await asyncio.sleep(gap / rate)
        await asyncio.gather(*tasks)
        return left

    left = simulate(scenario)
    share = max(1, int(rate))
    assert len(left) == 2 * len(gaps)
    assert most_in_a_window(left, share / rate) <= share


def test_requests_that_leave_late_count_from_when_they_leave():
    async def scenario():
        budget, now = simulated_budget(10), asyncio.get_running_loop().time
        left = []

        async def one(handshake):
            async with budget.slot() as turn:
                await asyncio.sleep(handshake)
                budget.left(turn)
                left.append(now())

        # the first ten open connections, the others find them open
        await asyncio.gather(*(one(0.3 if i < 10 else 0.0) for i in range(60)))
        return left

    assert most_in_a_window(simulate(scenario), 1.0) <= 10


def test_after_a_stall_of_the_event_loop_only_a_tenth_of_a_second_is_made_up_for():
    async def scenario():
        budget = simulated_budget(75)
        await send_many(budget, 10, lambda: 0.0)
        await asyncio.sleep(30)
        return await send_many(budget, 75, lambda: 0.0)

    left = simulate(scenario)
    assert most_in_a_window(left, 0.001) <= 9


def test_without_a_rate_only_the_concurrency_limits():
    async def scenario():
        budget = simulated_budget(None, max_concurrency=4)
        return await send_many(budget, 8, lambda: 1.0)

    assert simulate(scenario) == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_throttled_answer_stops_everybody_for_as_long_as_asked():
    async def scenario():
        budget = simulated_budget(10)
        await send_many(budget, 1, lambda: 0.0)
        start = asyncio.get_running_loop().time()
        budget.throttled(7.5)
        budget.throttled(2.0)  # a shorter wish does not shorten the pause
        left = await send_many(budget, 3, lambda: 0.0)
        return left[0] - start, budget.seconds_waited

    first, waited = simulate(scenario)
    assert first == pytest.approx(7.5)
    assert waited == pytest.approx(7.5 + 0.1, abs=0.2)


def test_a_pause_that_begins_while_one_waits_for_its_turn_holds_that_one_too():
    async def scenario():
        budget = simulated_budget(0.5)
        await send_many(budget, 1, lambda: 0.0)
        waiting = asyncio.ensure_future(send_many(budget, 1, lambda: 0.0))
        await asyncio.sleep(1)
        budget.throttled(20)
        return await waiting

    assert simulate(scenario) == [pytest.approx(21.0)]


def test_concurrency_follows_latency():
    async def scenario():
        budget = simulated_budget(10)
        await send_many(budget, 200, lambda: 0.05)
        quick = budget.concurrency
        await send_many(budget, 200, lambda: 2.0)
        return quick, budget.concurrency

    quick, slow = simulate(scenario)
    assert quick == 3
    assert slow == 42


def test_concurrency_never_exceeds_its_maximum_nor_falls_below_one():
    async def scenario():
        budget = simulated_budget(75, max_concurrency=5)
        inside, most = 0, 0

        async def one():
            nonlocal inside, most
            async with budget.slot():
                inside += 1
                most = max(most, inside)
                await asyncio.sleep(3)
                inside -= 1

        await asyncio.gather(*(one() for _ in range(40)))
        for _ in range(100):
            budget.failed()
            await asyncio.sleep(1)
        return most, budget.concurrency

    assert simulate(scenario) == (5, 1)


def test_failures_slow_down_and_successes_recover_within_seconds():
    async def scenario():
        budget = simulated_budget(10)
        await send_many(budget, 50, lambda: 0.5)
        before = budget.concurrency
        for _ in range(10):
            budget.failed()
            await asyncio.sleep(1)
        slowed = budget.concurrency
        start = asyncio.get_running_loop().time()
        left = await send_many(budget, 200, lambda: 0.5)
        last_second = [t for t in left if t > left[-1] - 1]
        return before, slowed, budget.concurrency, len(last_second), left[-1] - start

    before, slowed, after, last_second, seconds = simulate(scenario)
    assert (before, slowed, after) == (12, 4, 12)
    assert last_second == 10
    assert seconds < 20 + 6


@pytest.mark.parametrize("rate", [10, 75])
@pytest.mark.parametrize("algorithm", ["fixed_window", "sliding_window", "token_bucket"])
def test_a_limit_of_which_another_client_takes_half_is_found_and_used_and_seldom_overrun(rate, algorithm):
    """The first minutes find the limit; after that hardly a request is refused, and next to nothing is left unused."""
    seconds = 600

    async def scenario():
        now, wobble = asyncio.get_running_loop().time, random.Random(1)
        budget, limiter = simulated_budget(rate), RateLimiter(RateLimit(rate, algorithm), clock=now)
        served, refused = [], []

        async def other():
            while now() < seconds:
                limiter.admit()
                await asyncio.sleep(2 / rate)

        async def work():
            while now() < seconds:
                async with budget.slot() as turn:
                    budget.left(turn)
                    wait = limiter.admit()
                    latency = 0.02 if wait else 0.2 * wobble.uniform(0.5, 1.5)
                    await asyncio.sleep(latency)
                    (refused if wait else served).append(now())
                    if wait:
                        budget.throttled(max(1.0, wait))
                    else:
                        budget.succeeded(latency)

        await asyncio.gather(other(), *(work() for _ in range(64)))
        return [sum(time > seconds / 2 for time in times) for times in (served, refused)]

    served, refused = simulate(scenario)
    assert served >= 0.95 * (seconds / 2) * rate / 2
    assert refused <= served / 100


def test_after_a_pause_the_requests_that_it_held_back_are_not_made_up_for():
    async def scenario():
        budget, now = simulated_budget(75), asyncio.get_running_loop().time
        await send_many(budget, 150, lambda: 0.05)
        budget.throttled(1.0)
        resumed = now() + 1.0
        left = await send_many(budget, 75, lambda: 0.05)
        return [time - resumed for time in left]

    left = simulate(scenario)
    assert left[0] == pytest.approx(0.0, abs=1e-6)
    assert sum(time < 0.1 for time in left) <= 0.1 * 75


def test_failures_of_one_moment_count_as_one_incident():
    async def scenario():
        budget = simulated_budget(None, max_concurrency=100)
        for _ in range(30):
            budget.throttled(0)
        return budget.concurrency

    assert simulate(scenario) == 75


def test_a_retry_goes_ahead_of_first_attempts():
    async def scenario():
        budget = simulated_budget(1)
        order = []

        async def one(name, *, is_retry=False):
            async with budget.slot(is_retry=is_retry):
                order.append(name)
                await asyncio.sleep(0)

        tasks = [asyncio.ensure_future(one(f"first {i}")) for i in range(10)]
        await asyncio.sleep(1.5)
        tasks.append(asyncio.ensure_future(one("retry", is_retry=True)))
        await asyncio.gather(*tasks)
        return order.index("retry")

    # those who have a place in flight already (4 at 1 request/s) keep it
    assert simulate(scenario) <= 6


def test_a_cancelled_request_leaves_its_place_to_others():
    async def scenario():
        budget = simulated_budget(None, max_concurrency=1)

        async def hold(seconds):
            async with budget.slot():
                await asyncio.sleep(seconds)

        holder = asyncio.ensure_future(hold(5))
        waiting = [asyncio.ensure_future(hold(0)) for _ in range(3)]
        await asyncio.sleep(1)
        waiting[0].cancel()
        holder.cancel()
        waiting[1].cancel()
        await asyncio.wait_for(waiting[2], timeout=1)
        async with budget.slot():
            return asyncio.get_running_loop().time()

    assert simulate(scenario) == 1.0


def test_a_request_cancelled_in_the_moment_it_is_let_in_gives_the_place_back():
    async def scenario():
        gate = Gate(1)
        await gate.enter()
        unlucky = asyncio.ensure_future(gate.enter())
        await asyncio.sleep(0)
        gate.leave()
        unlucky.cancel()
        with pytest.raises(asyncio.CancelledError):
            await unlucky
        await asyncio.wait_for(gate.enter(), timeout=1)

    simulate(scenario)


def test_a_budget_follows_into_the_next_event_loop():
    budget = RequestBudget(None, max_concurrency=1)

    async def scenario():
        async def one():
            async with budget.slot():
                await asyncio.sleep(0)

        await asyncio.gather(*(one() for _ in range(5)))

    asyncio.run(scenario())
    asyncio.run(scenario())


@pytest.mark.parametrize(
    "wrong", [{"requests_per_second": -1}, {"requests_per_second": float("inf")}, {"max_concurrency": 0}]
)
def test_a_budget_that_makes_no_sense_is_refused(wrong):
    with pytest.raises(ValueError, match="must be"):
        RequestBudget(**wrong)
