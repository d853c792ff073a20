"""Opening connections to a destination; a DuckDB file may be open in one process at a time."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import Any

from dlt.common import logger
from dlt.destinations.exceptions import DestinationConnectionError

LONGEST_WAIT_SECONDS = 60.0
"""So long a sync that is under way waits for a reader to close the file."""

_POLL_SECONDS = 0.1


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
            if "Could not set lock" not in str(error) or time.monotonic() >= give_up:
                raise
        if not is_said:
            logger.warning("Another process has the DuckDB file open; the sync waits until it is closed.")
            is_said = True
        time.sleep(_POLL_SECONDS)
