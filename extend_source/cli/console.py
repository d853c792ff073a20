"""What commands share: consoles, JSON, and stopping on a signal."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from types import FrameType
from typing import TYPE_CHECKING, Any

import typer
from rich.console import Console

if TYPE_CHECKING:
    from extend_source.ingest.progress import SyncProgress


def consoles(as_json: bool) -> tuple[Console, Console]:
    """Return the consoles for results and for progress; with --json stdout is left to the JSON."""
    plain: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    return Console(stderr=as_json, **plain), Console(stderr=True, **plain)


def print_json(value: dict[str, Any], *, on_one_line: bool = False) -> None:
    """Print a result for machines: times in ISO 8601, decimals as text."""
    typer.echo(json.dumps(value, default=as_text, indent=None if on_one_line else 2))


def as_text(value: Any) -> str:
    """Write a value for machines: a time in ISO 8601, a decimal with all of its digits."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@contextmanager
def stoppable(progress: SyncProgress) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end a sync with what it has; the second one ends it at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        if progress.stop_requested:
            signal.default_int_handler(signal.SIGINT, frame)
        progress.stop_requested = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
