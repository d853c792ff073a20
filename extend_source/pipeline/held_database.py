"""Keeping a DuckDB file open while dlt works on it: dlt opens and closes it anew for each of its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import dlt

from extend_source.pipeline.connections import MAX_WAIT_SECONDS, open_when_free

PATIENCE_SECONDS = 1.0
"""The longest time that a sync keeps the file while it waits for the network; most syncs end before."""


class HeldDatabase:
    """One more connection to a pipeline's DuckDB file, which keeps the file open; nothing for other destinations.

    Opening and closing the file takes longer than most of what a sync does with it.
    """

    def __init__(self, pipeline: dlt.Pipeline | None = None) -> None:
        """Open nothing yet.

        Args:
            pipeline: the pipeline; None: there is nothing to hold.
        """
        self._pipeline = pipeline
        self._held = ExitStack()
        self._is_held = False

    def hold(self, patience: float = 0.0) -> None:
        """Open the file, unless it is held. Where that fails, dlt will meet the same and say so.

        Args:
            patience: the most seconds to wait for another process to close it.
        """
        if self._pipeline is None or self._is_held:
            return
        with suppress(Exception):
            if database_file(self._pipeline) is not None:
                open_when_free(self._pipeline.sql_client(), self._held, patience)
                self._is_held = True

    def release(self) -> None:
        """Close the file, unless dlt has it open. DuckDB then writes what it has kept beside the file into it."""
        self._is_held = False
        self._held.close()

    def renew(self) -> None:
        """Close the file and open it again."""
        self.release()
        self.hold()

    def end(self) -> None:
        """Close the file for good, also for a block that is left late."""
        self._pipeline = None
        self.release()

    @asynccontextmanager
    async def lent(self) -> AsyncIterator[None]:
        """Let other processes have the file if the block, which waits for the network, takes long."""
        timer = asyncio.get_running_loop().call_later(PATIENCE_SECONDS, self.release)
        try:
            yield
        finally:
            timer.cancel()
            self.hold(MAX_WAIT_SECONDS)


@contextmanager
def held_database(pipeline: dlt.Pipeline) -> Iterator[HeldDatabase]:
    """Keep the pipeline's DuckDB file open for the length of the block."""
    database = HeldDatabase(pipeline)
    database.hold()
    try:
        yield database
    finally:
        database.end()


def database_file(pipeline: dlt.Pipeline) -> Path | None:
    """Return the file that a pipeline's DuckDB database is in, or would be; None for any other destination."""
    config: Any = pipeline.destination_client().config
    if config.destination_type != "duckdb" or not config.credentials.database:
        return None
    database = str(config.credentials.database)
    return None if database.startswith(":") else Path(database)
