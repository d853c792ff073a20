"""Keeping a DuckDB file open while dlt works on it: dlt opens and closes it anew for each of its jobs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import dlt


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

    def hold(self) -> None:
        """Open the file. Where that fails, dlt will meet the same and say so."""
        if self._pipeline is not None and database_file(self._pipeline) is not None:
            with suppress(Exception):
                client: Any = self._pipeline.sql_client()
                self._held.enter_context(client)

    def release(self) -> None:
        """Close the file, unless dlt has it open."""
        self._held.close()

    @contextmanager
    def released(self) -> Iterator[None]:
        """Let other processes have the file while nothing is done with it."""
        self.release()
        try:
            yield
        finally:
            self.hold()


@contextmanager
def held_database(pipeline: dlt.Pipeline) -> Iterator[HeldDatabase]:
    """Keep the pipeline's DuckDB file open for the length of the block."""
    database = HeldDatabase(pipeline)
    database.hold()
    try:
        yield database
    finally:
        database.release()


def database_file(pipeline: dlt.Pipeline) -> Path | None:
    """Return the file that a pipeline's DuckDB database is in, or would be; None for any other destination."""
    config: Any = pipeline.destination_client().config
    if config.destination_type != "duckdb" or not config.credentials.database:
        return None
    database = str(config.credentials.database)
    return None if database.startswith(":") else Path(database)
