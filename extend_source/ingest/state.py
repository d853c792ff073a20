"""What the source remembers from one sync to the next: a watermark and a few times, never ids.

The destination says what has landed; this only shortens the listing. So it may be lost, damaged or wrong: what does not
make sense is not used, and the whole listing is read instead.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from extend_source.config.settings import ExtendSettings
from extend_source.pipeline.pending import CLOCK_SKEW
from extend_source.tables.kinds import to_timestamp

MAX_POSITIONS = 8
"""Most choices of filters and tables that are remembered; the one used longest ago is forgotten first."""

_KEY = "positions"
_ROWS = "rows"

Book = Literal["erasures", "schema_drift"]
"""The tables whose number of rows is remembered."""


@dataclass(frozen=True)
class Position:
    """How far the syncs of one scope have come.

    Attributes:
        watermark: all changes up to here have been loaded, UTC; None: nothing is known.
        load_id: the load that brought the watermark to where it is.
        start: the start date of the first scan; what changed last before it was left out. None: nothing was.
        reconciled_at: when the whole listing was last compared with what has landed, UTC.
        lists_read: when the lists of processors and workflows were read last, UTC, by their paths.
    """

    watermark: datetime | None = None
    load_id: str | None = None
    start: datetime | None = None
    reconciled_at: datetime | None = None
    lists_read: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """What a watermark holds for: the deployment, the filters and the tables.

    Attributes:
        description: all of it, by name; only what is set.
    """

    description: dict[str, Any]

    @property
    def key(self) -> str:
        """A short name for it, the same on every machine."""
        return hashlib.sha256(json.dumps(self.description, sort_keys=True).encode()).hexdigest()[:16]


def scope_of(settings: ExtendSettings, tables: str | None) -> Scope:
    """Say what a watermark of these settings holds for.

    Args:
        settings: the settings of the source.
        tables: the tables that are loaded, as `selection_text` names them.

    Returns:
        The scope: syncs of equal scope share a watermark, others do not.

    Raises:
        InvalidSetting: base_url is no address of an API, or has a secret in it.
    """
    from extend_source.api.settings import checked_base_url  # which needs httpx

    checked_base_url(settings.base_url)
    description = {
        "base_url": settings.base_url.rstrip("/"),
        "api_version": settings.api_version,
        "workspace_id": settings.workspace_id,
        "processor_ids": _sorted(settings.processor_ids),
        "processor_types": _sorted(settings.processor_types),
        "statuses": _sorted(settings.statuses),
        "run_sources": _sorted(settings.run_sources),
        "run_source_ids": _sorted(settings.run_source_ids),
        "file_name_contains": settings.file_name_contains,
        "details": None if settings.details else False,
        "tables": tables if settings.details else None,
    }
    return Scope({name: value for name, value in description.items() if value is not None})


class SyncState:
    """Reads and writes positions in dlt's state of the source."""

    def __init__(self, values: MutableMapping[str, Any]) -> None:
        """Use a state.

        Args:
            values: dlt's state of the source; it is changed in place.
        """
        self._values = values

    def position(self, scope: Scope, start: datetime | None, now: datetime) -> Position:
        """Say how far the syncs of a scope have come.

        Args:
            scope: the scope.
            start: the start date asked for; a watermark that left out what is asked for now is not used.
            now: the time, UTC; a later watermark is not believed.

        Returns:
            The position; an empty one where there is none, or none that makes sense.
        """
        entry = self._positions().get(scope.key)
        if not isinstance(entry, dict):
            return Position()
        names = ("watermark", "reconciled_at", "start")
        watermark, reconciled_at, covered_from = (_time(entry.get(name), now) for name in names)
        load_id = entry.get("load_id")
        damaged = watermark is None or not isinstance(load_id, str) or (covered_from is None and "start" in entry)
        if damaged or (covered_from is not None and (start is None or start < covered_from)):
            return Position()
        read = entry.get("lists_read")
        times = {path: _time(text, now) for path, text in read.items()} if isinstance(read, dict) else {}
        lists_read = {path: time for path, time in times.items() if time is not None}
        return Position(watermark, load_id, covered_from, reconciled_at, lists_read)

    def advance(self, scope: Scope, position: Position) -> None:
        """Remember how far the syncs of a scope have come."""
        positions = self._positions()
        entry = {
            "watermark": _text(position.watermark),
            "load_id": position.load_id,
            "start": _text(position.start),
            "reconciled_at": _text(position.reconciled_at),
            "lists_read": {path: _text(time) for path, time in position.lists_read.items()} or None,
        }
        positions.pop(scope.key, None)
        positions[scope.key] = {name: value for name, value in entry.items() if value is not None}
        for key in list(positions)[:-MAX_POSITIONS]:
            del positions[key]
        self._values[_KEY] = positions

    def forget_positions(self) -> None:
        """Forget how far the syncs of all scopes have come."""
        self._values.pop(_KEY, None)

    def rows(self, book: Book) -> int:
        """Say how many rows a table had at the end of the last load."""
        rows = self._values.get(_ROWS)
        number = rows.get(book) if isinstance(rows, dict) else None
        return number if isinstance(number, int) else 0

    def remember_rows(self, book: Book, number: int) -> None:
        """Remember how many rows a table has."""
        if number != self.rows(book):
            rows = self._values.get(_ROWS)
            self._values[_ROWS] = {**(rows if isinstance(rows, dict) else {}), book: number}

    def _positions(self) -> dict[str, Any]:
        positions = self._values.get(_KEY)
        return dict(positions) if isinstance(positions, dict) else {}


def _sorted(values: list[str] | None) -> list[str] | None:
    return sorted(set(values)) if values else None


def _text(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")


def _time(text: Any, now: datetime) -> datetime | None:
    try:
        moment = to_timestamp(text)
    except (ValueError, TypeError):
        return None
    return moment if moment <= now + CLOCK_SKEW else None
