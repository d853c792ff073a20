"""Lines of log: each says in fields what has happened, for machines."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from extend_source.ingest.progress import SyncProgress
from extend_source.telemetry.facts import Ending, SyncFacts, counts_of

LOGGER = logging.getLogger("extend_source")

FIELDS = "extend"
"""The attribute of a record that holds its fields."""


class JsonLines(logging.Formatter):
    """Writes a record as one line of JSON: ``time``, ``level``, ``event`` and the fields of the event."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a record."""
        moment = _written(datetime.fromtimestamp(record.created, timezone.utc))
        line = {"time": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        return json.dumps(line | getattr(record, FIELDS, {}), default=str)


class _StandardError(logging.StreamHandler[Any]):
    """Writes to standard error as it is now, not as it was when this was made."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def write_json_lines() -> None:
    """Have the logger write JSON on standard error, and hand its records to nobody else; calls repeat freely."""
    if not any(isinstance(handler, _StandardError) for handler in LOGGER.handlers):
        handler = _StandardError()
        handler.setFormatter(JsonLines())
        LOGGER.addHandler(handler)
    LOGGER.propagate = False
    LOGGER.setLevel(logging.INFO)


def note(event: str, fields: Mapping[str, Any], level: int = logging.INFO) -> None:
    """Log an event with its fields; those that are None are left out."""
    LOGGER.log(level, event, extra={FIELDS: {name: value for name, value in fields.items() if value is not None}})


class Observer:
    """Logs a sync: its beginning, its loads, a heartbeat, its end."""

    def __init__(self, log_format: str) -> None:
        """Begin to log.

        Args:
            log_format: ``json`` or ``records``.
        """
        if log_format == "json":
            write_json_lines()
        elif LOGGER.level == logging.NOTSET:
            LOGGER.setLevel(logging.INFO)
        self._labels: dict[str, str] = {}
        self._began_at = 0.0

    def begin(self, facts: SyncFacts) -> None:
        """Log that it begins."""
        self._labels = facts.labels()
        note("sync.began", self._labels)

    def beat(self, progress: SyncProgress) -> None:
        """Log that it is alive, and how far it is."""
        sent = progress.requests
        facts = {
            "mode": progress.mode or None,
            "seconds": round(progress.seconds, 3),
            "loads": progress.packages,
            "objects": counts_of(progress),
            "requests": sent.requests,
            "throttled": sent.throttled,
        }
        note("sync.running", self._labels | facts)

    def begin_load(self) -> None:
        """Note when a load begins."""
        self._began_at = time.monotonic()

    def end_load(self, error_code: str | None) -> None:
        """Log that a load has ended."""
        seconds = round(time.monotonic() - self._began_at, 3)
        level = logging.INFO if error_code is None else logging.ERROR
        note("load.ended", {**self._labels, "seconds": seconds, "error_code": error_code}, level)

    def end(self, ending: Ending) -> None:
        """Log that it has ended."""
        facts = {name: getattr(ending, name) for name in Ending.__dataclass_fields__ if name != "ended_at"}
        facts["watermark"] = None if ending.watermark is None else _written(ending.watermark)
        note("sync.ended", self._labels | facts, logging.ERROR if ending.outcome == "failed" else logging.INFO)


def _written(moment: datetime) -> str:
    return moment.astimezone(timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")
