"""An event loop whose clock jumps to the next timer, so that minutes of waiting pass at once and exactly."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from extend_source.api import RequestBudget

T = TypeVar("T")


class _JumpingSelector(selectors.SelectSelector):
    def __init__(self) -> None:
        super().__init__()
        self.clock = 0.0

    def select(self, timeout: float | None = None) -> list[Any]:
        if timeout is None:
            raise AssertionError("everybody waits and no timer is set")
        self.clock += max(0.0, timeout)
        return []


class _SimulatedLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.clock


def simulate(scenario: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a coroutine in simulated time."""
    loop = _SimulatedLoop()
    try:
        return loop.run_until_complete(scenario())
    finally:
        loop.close()


def simulated_budget(requests_per_second: float | None, max_concurrency: int = 64) -> RequestBudget:
    """Make a budget that lives in the time of the running simulated loop."""
    return RequestBudget(requests_per_second, max_concurrency, now=asyncio.get_running_loop().time)
