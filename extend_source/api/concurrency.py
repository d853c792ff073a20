"""A limit on how many may be inside at once, which may change while they are."""

from __future__ import annotations

import asyncio
from collections import deque


class Gate:
    """Lets in at most `limit` at once, in the order they came; the limit may change at any time.

    Belongs to one event loop. `asyncio.Semaphore` has neither a changing limit nor a fast lane.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._inside = 0
        self._waiting: deque[asyncio.Future[None]] = deque()

    @property
    def limit(self) -> int:
        """How many may be inside at once."""
        return self._limit

    @limit.setter
    def limit(self, limit: int) -> None:
        self._limit = limit
        self._admit()

    async def enter(self, *, first: bool = False) -> None:
        """Wait until there is room, and take it.

        Args:
            first: go ahead of all who wait already.
        """
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if first:
            self._waiting.appendleft(turn)
        else:
            self._waiting.append(turn)
        self._admit()
        try:
            await turn
        except asyncio.CancelledError:
            if not turn.cancelled():  # let in and cancelled in the same moment: give the room back
                self.leave()
            raise

    def leave(self) -> None:
        """Give the room back."""
        self._inside -= 1
        self._admit()

    def _admit(self) -> None:
        while self._waiting and self._inside < self._limit:
            turn = self._waiting.popleft()
            if not turn.done():  # else it was cancelled while it waited
                self._inside += 1
                turn.set_result(None)
