"""How many bytes of answers are in memory at once: those that arrive, and those that wait to be worked on."""

from __future__ import annotations

import asyncio

from extend_source.api import Arrival

_FIRST_AT_ONCE = 8
"""Most answers that are asked for at once until the first have come."""

PATIENCE_SECONDS = 20.0
"""The longest time that a body is kept waiting while it arrives: servers close connections that stand still."""


class Room:
    """Room for a number of bytes; a single answer may be larger.

    Belongs to one event loop. Bodies that arrive stop in their middle when there is no more room, until answers have
    been worked on. So that one of them comes to its end, the oldest one goes on where no answer waits.

    How large an answer will be is not known when it is asked for. It is held to be as large as those before, and the
    first ones to be large, so that few are asked for until the first have come.
    """

    def __init__(self, most: float, patience: float = PATIENCE_SECONDS) -> None:
        """Begin empty.

        Args:
            most: bytes.
            patience: seconds that a body may be kept waiting; then it goes on whatever there is.
        """
        self._most, self._patience = most, patience
        self._held = 0.0
        self._expected = most / _FIRST_AT_ONCE
        self._arriving: dict[Place, None] = {}
        self._waiting = 0
        self._changed = asyncio.Event()

    async def vacancy(self) -> None:
        """Wait until there is room for another answer, whatever its size."""
        while self._held + self._expected > self._most and (self._arriving or self._waiting):
            await self._change()

    def place(self) -> Place:
        """Give a place to an answer that is asked for."""
        place = Place(self, self._expected)
        self._arriving[place] = None
        return place

    def learn(self, size: float) -> None:
        """Note how large an answer was: quick to expect larger ones, slower to expect smaller ones."""
        self._expected += (0.5 if size > self._expected else 0.25) * (size - self._expected)

    def _may_take(self, place: Place, size: int) -> bool:
        if place.fits(size) or self._held + size <= self._most:
            return True
        return not self._waiting and next(iter(self._arriving), None) is place

    async def _change(self) -> None:
        self._changed.clear()
        await self._changed.wait()


class Place(Arrival):
    """What one answer takes of the room."""

    def __init__(self, room: Room, expected: float) -> None:
        self._room = room
        self._expected = expected if expected < float("inf") else 0.0
        self._size = 0
        self._takes = 0.0
        self._waits = False
        self._resize(0)

    def fits(self, size: int) -> bool:
        """Tell whether that many bytes more are within what was expected."""
        return self._size + size <= self._expected

    def begin(self) -> None:
        """Give back what an earlier attempt took."""
        self._resize(0)

    async def take(self, size: int) -> None:
        """Take room for some bytes more, once there is some."""
        if self._room._may_take(self, size):
            self._resize(self._size + size)
            return
        try:
            await asyncio.wait_for(self._take_in_turn(size), self._room._patience)
        except asyncio.TimeoutError:
            self._resize(self._size + size)

    async def _take_in_turn(self, size: int) -> None:
        while not self._room._may_take(self, size):
            await self._room._change()
        self._resize(self._size + size)  # at once: others wait for the same room

    def arrived(self) -> None:
        """Note that the answer waits to be worked on."""
        if self._room._arriving.pop(self, self) is None:
            self._waits = True
            self._room._waiting += 1
            self._room.learn(self._size)
            self._expected = 0.0
            self._resize(self._size)

    def leave(self) -> None:
        """Give all of it back."""
        self._room._arriving.pop(self, None)
        self._room._waiting -= self._waits
        self._waits = False
        self._expected = 0.0
        self._resize(0)

    def _resize(self, size: int) -> None:
        takes = max(float(size), self._expected)
        self._room._held += takes - self._takes
        self._size, self._takes = size, takes
        self._room._changed.set()
