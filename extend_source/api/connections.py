"""One httpx client a connection: httpx's own pool takes ever longer for a request the more of them are under way.

Measured over loopback with 1,000 bodies of 79 KB: 1.9 s of processor time at 8 connections and 4.6 s at 32 with one
client, 1.4 s at either with these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx


class Connections:
    """As many connections as are used at once, the one used last first, so that those that are not needed stay idle."""

    def __init__(self, make: Callable[[httpx.Limits], httpx.AsyncClient]) -> None:
        """Open nothing yet.

        Args:
            make: makes a client with the limits it is given.
        """
        self._make = make
        self._all: list[httpx.AsyncClient] = []
        self._idle: list[httpx.AsyncClient] = []

    @contextmanager
    def one(self) -> Iterator[httpx.AsyncClient]:
        """Lend a client that nobody else is using."""
        if not self._idle:
            client = self._make(httpx.Limits(max_connections=1, max_keepalive_connections=1))
            self._all.append(client)
            self._idle.append(client)
        client = self._idle.pop()
        try:
            yield client
        finally:
            self._idle.append(client)

    async def aclose(self) -> None:
        """Close all connections."""
        clients, self._all, self._idle = self._all, [], []
        await asyncio.gather(*(client.aclose() for client in clients), return_exceptions=True)
