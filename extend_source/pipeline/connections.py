"""Opening connections to a destination; a DuckDB file may be open in one process at a time."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from pathlib import PurePath
from typing import Any

import dlt
from dlt.common import logger
from dlt.destinations.exceptions import DestinationConnectionError

from extend_source.error_codes import ErrorCode
from extend_source.text.redaction import redact

MAX_WAIT_SECONDS = 60.0
"""The longest time that a sync which is under way waits for a reader to close the file."""

_POLL_SECONDS = 0.1

_HELD = "Could not set lock"
_HOLDER = re.compile(r"held in (?P<program>.+?)(?: \(PID (?P<pid>\d+)\))")
_FILE = re.compile(r'(?:on|The) file "(?P<file>[^"]+)"')

_DAMAGE = re.compile(
    r"not a valid DuckDB|corrupt|checksum|Serialization Error|INTERNAL Error|metadata pointer|enough bytes",
    re.IGNORECASE,
)


class Connections:
    """Connections to the destination of a pipeline: one for each query, or one for all of a block."""

    def __init__(self, schema_name: str | None) -> None:
        """Take the dlt schema of the source, None for the pipeline's default; no connection is made yet."""
        self._schema_name: Any = schema_name
        self._idle: list[Any] = []
        self._has_connected = False
        self._kept: ExitStack | None = None
        self._connection: Any = None

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Have all that the block asks for the same connection, which takes longer to open than most queries take."""
        if self._kept is not None:
            yield
            return
        with ExitStack() as self._kept:
            try:
                yield
            finally:
                self._kept = self._connection = None

    def to(self, pipeline: dlt.Pipeline) -> AbstractContextManager[Any]:
        """Give dlt's SQL client with an open connection: that of the block that is under way, or a new one."""
        if self._kept is None:
            return self._borrowed(pipeline)
        if self._connection is None:
            self._connection = self._kept.enter_context(self._borrowed(pipeline))
        return nullcontext(self._connection)

    @contextmanager
    def _borrowed(self, pipeline: dlt.Pipeline) -> Iterator[Any]:
        """Connect, with a client that was used before if one is idle: dlt takes long to make one.

        What has been fetched already is not given up because a reader has the file open just then.
        """
        client = self._idle.pop() if self._idle else pipeline.sql_client(self._schema_name)
        try:
            with ExitStack() as connections:
                open_when_free(client, connections, MAX_WAIT_SECONDS if self._has_connected else 0.0)
                self._has_connected = True
                yield client
        finally:
            self._idle.append(client)


def open_when_free(client: Any, connections: ExitStack, patience: float = 0.0) -> Any:
    """Open a connection; where another process has the DuckDB file open, try again until it is closed.

    Args:
        client: dlt's SQL client.
        connections: what closes the connection.
        patience: the most seconds to wait; 0: do not try again.

    Returns:
        The client.

    Raises:
        DestinationConnectionError: the destination cannot be reached, or the file was not closed.
    """
    give_up = time.monotonic() + patience
    is_said = False
    while True:
        try:
            return connections.enter_context(client)
        except DestinationConnectionError as error:
            reason = str(error.inner_exc)
            if _HELD not in reason or time.monotonic() >= give_up:
                raise
        if not is_said:
            logger.warning(ErrorCode.FILE_IN_USE.line(f"{_holder(reason)}; the sync waits until it is closed."))
            is_said = True
        time.sleep(_POLL_SECONDS)


def connection_failure(error: DestinationConnectionError) -> tuple[ErrorCode, str]:
    """Say why a destination could not be opened, the reason first.

    Args:
        error: what dlt raised.

    Returns:
        The code, and one line: who holds a DuckDB file, that it is damaged, or what the database said.
    """
    reason = redact(" ".join(str(error.inner_exc).split()))
    if _HELD in reason:
        return ErrorCode.FILE_IN_USE, f"{_holder(reason)}. Close it there, or wait, then run the command again."
    if _DAMAGE.search(reason):
        line = f"{reason.rstrip('.!')}. Put a sound copy in its place, or move it away and sync anew."
        return ErrorCode.DAMAGED_FILE, line
    if "version number" in reason:
        line = f"{reason.rstrip('.')}. Open it with the DuckDB that has written it, or a newer one."
        return ErrorCode.DAMAGED_FILE, line
    line = f"{reason.rstrip('.')}. So there is no connection to the destination: check its address and credentials."
    return ErrorCode.DESTINATION_UNREACHABLE, line


def _holder(reason: str) -> str:
    """Name the process that has a DuckDB file open, as far as DuckDB says."""
    file, holder = _FILE.search(reason), _HOLDER.search(reason)
    name = f" {file['file']}" if file else ""
    who = f"Process {holder['pid']} ({PurePath(holder['program']).name})" if holder else "Another process"
    return f"{who} has the DuckDB file{name} open"
