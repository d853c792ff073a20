"""Keeping a DuckDB file open while dlt works on it: dlt opens and closes it anew for each of its jobs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

import dlt

from extend_source.pipeline.connections import MAX_WAIT_SECONDS, open_when_free
from extend_source.pipeline.duckdb_layout import (
    LARGE_ROWS_IN_GROUP,
    MUCH_BYTES,
    ROWS_IN_GROUP,
    attach_with_groups,
    hold_little,
    make_file,
)

PATIENCE_SECONDS = 1.0
"""The longest time that a sync keeps the file while it waits for the network; most syncs end before."""

_MOST_JOBS = "max_parallel_load_jobs"
"""What dlt calls the number of tables that it loads at once, among a destination's capabilities."""


class HeldDatabase:
    """One more connection to a pipeline's DuckDB file, which keeps the file open; nothing for other destinations.

    Opening and closing the file takes longer than most of what a sync does with it.

    Attributes:
        rows_in_group: a load of many megabytes is to come: when the file is opened the next time, these are the rows of
            each new row group, and one table is loaded at a time, with little memory; None: a load like most.
    """

    def __init__(self, pipeline: dlt.Pipeline | None = None, *, usual_rows: int | None = None) -> None:
        """Open nothing yet.

        Args:
            pipeline: the pipeline; None: there is nothing to hold.
            usual_rows: the rows of each new row group in a file of some size; None: nothing is to be written, so that
                all is as DuckDB likes it, and no file is made.
        """
        self._pipeline = pipeline
        self._usual_rows = usual_rows
        self._held = ExitStack()
        self._is_held = False
        self.rows_in_group: int | None = None

    def hold(self, patience: float = 0.0) -> None:
        """Open the file, unless it is held. Where that fails, dlt will meet the same and say so.

        Args:
            patience: the most seconds to wait for another process to close it.
        """
        if self._pipeline is None or self._is_held:
            return
        with suppress(Exception):
            file = database_file(self._pipeline)
            if file is None or (self._usual_rows is None and not file.exists()):
                return
            make_file(file)
            self._open(self._pipeline, file, patience)

    def _open(self, pipeline: dlt.Pipeline, file: Path, patience: float) -> None:
        import duckdb  # a pipeline with another destination has no use for it

        rows = self.rows_in_group or (self._usual_rows if file.stat().st_size >= MUCH_BYTES else None)
        client = open_when_free(pipeline.sql_client(), self._held, patience)
        self._is_held = True
        if rows is not None:
            try:
                attach_with_groups(client.native_connection, file, rows)
            except duckdb.Error:  # as it is, then
                self.release()
                client = open_when_free(pipeline.sql_client(), self._held, patience)
                self._is_held = True
        if self.rows_in_group is not None:
            self._load_one_table_at_a_time(pipeline)
            hold_little(client.native_connection)

    def _load_one_table_at_a_time(self, pipeline: dlt.Pipeline) -> None:
        """Hold for as long as the file is held, unless the user has said otherwise."""
        chosen = pipeline.destination.caps_params
        if _MOST_JOBS not in chosen:
            chosen[_MOST_JOBS] = 1
            self._held.callback(chosen.pop, _MOST_JOBS)

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
        rows_before = self.rows_in_group
        try:
            yield
        finally:
            timer.cancel()
            if self.rows_in_group != rows_before:
                self.release()
            self.hold(MAX_WAIT_SECONDS)


@contextmanager
def held_database(pipeline: dlt.Pipeline, *, has_large_rows: bool = False) -> Iterator[HeldDatabase]:
    """Keep the pipeline's DuckDB file open for the length of the block.

    Args:
        pipeline: the pipeline.
        has_large_rows: the rows of some tables are large, whatever is loaded.
    """
    database = HeldDatabase(pipeline, usual_rows=LARGE_ROWS_IN_GROUP if has_large_rows else ROWS_IN_GROUP)
    database.hold()
    try:
        yield database
    finally:
        database.end()


@contextmanager
def held_if_there(pipeline: dlt.Pipeline) -> Iterator[None]:
    """Keep the pipeline's DuckDB file open while it is looked at; one that is not there is not made."""
    database = HeldDatabase(pipeline)
    database.hold()
    try:
        yield
    finally:
        database.end()


def database_file(pipeline: dlt.Pipeline) -> Path | None:
    """Return the file that a pipeline's DuckDB database is in, or would be; None for any other destination."""
    config: Any = pipeline.destination_client().config
    if config.destination_type != "duckdb" or not config.credentials.database:
        return None
    database = str(config.credentials.database)
    return None if database.startswith(":") else Path(database)
