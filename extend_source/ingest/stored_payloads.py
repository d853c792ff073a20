"""The payloads that have landed with `keep_raw`, and what the tables say of their runs."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from extend_source.api import GROUP_OF, OF_ANY_GROUP
from extend_source.config.settings import ExtendSettings
from extend_source.pipeline.conditions import between, equals
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.reader import KEYS_PER_QUERY
from extend_source.privacy import privacy_rules
from extend_source.tables import FILLED_TABLES, Origin, selected_by, selection_text
from extend_source.tables.bookkeeping import RAW_PAYLOADS
from extend_source.tables.contract import LOAD_ID
from extend_source.tables.objects import OBJECT_TYPES

LONG_AGO = datetime.fromtimestamp(0, timezone.utc)
"""The time of what was fetched at a time that is not known."""


UNREADABLE = "unreadable_raw_payload"
"""The code of ``fetch_errors`` rows of payloads that have landed and cannot be read."""

_PAYLOADS_OF_FIRST_READ = 250
"""How many payloads are read at first, before their size is known."""

_KEPT_AT_ONCE = 100
_MAX_BATCH_PAYLOADS = 250
_MAX_BATCH_CHARACTERS = 20_000_000
"""Most payloads, and about the most characters of them, in a batch."""


class StoredPayload(NamedTuple):
    """A payload that has landed. They sort as they were fetched, runs before their files.

    Attributes:
        fetched_at: when it was fetched, UTC.
        is_file: it is a file's; else a run's, or a parse run's.
        id: the object's id.
        load_id: the load that brought it.
        object_type: what the object is.
    """

    fetched_at: datetime
    is_file: bool
    id: str
    load_id: str
    object_type: str


class RawPayload(NamedTuple):
    """A row of ``raw_payloads``."""

    id: str
    payload: str
    resource_type: str
    api_version: str
    workspace_id: str | None
    fetched_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    payload_sha256: str | None
    is_final: bool | None

    @property
    def is_file(self) -> bool:
        """It is a file's; else a run's, or a parse run's."""
        return self.resource_type == "file"


ReadPayload = tuple[StoredPayload, RawPayload | None]
"""A payload and what is in it; None: it is gone."""


class PayloadReader:
    """Reads payloads, many at once: DuckDB reads some two thousand of a table to find one, however few are wanted."""

    def __init__(self, max_characters: float) -> None:
        """Begin.

        Args:
            max_characters: about the most characters of payloads that are read at once, going by the size of those
                before.
        """
        self._max_characters = max_characters
        self._next_read = _PAYLOADS_OF_FIRST_READ

    def read(self, stored: Sequence[StoredPayload], landed: LandedData) -> Iterator[ReadPayload]:
        """Read payloads.

        Args:
            stored: the payloads, in an order that keeps those of a load together.
            landed: what the destination holds.

        Yields:
            Each of them, in this order.
        """
        start = 0
        while wanted := stored[start : start + self._next_read]:
            rows = _raw_rows(wanted, landed)
            start += len(wanted)
            self._learn([len(row.payload) for row in rows.values()])
            for one in wanted:
                yield one, rows.pop(one.id, None)

    def _learn(self, sizes: Sequence[int]) -> None:
        """Choose how many payloads are read next: at most three times as many as before, as they may be larger."""
        most: float = min(KEYS_PER_QUERY, 3 * self._next_read)
        if sizes:
            most = min(most, self._max_characters * len(sizes) / max(1, sum(sizes)))
        self._next_read = max(1, int(most))


class KeptPayloads:
    """The payloads of runs that lack rows, where they were kept and are those that the rows came from."""

    def __init__(self, run_ids: Sequence[str], landed: LandedData) -> None:
        """Begin; nothing is read yet.

        Args:
            run_ids: the runs, in the order in which they will be asked for.
            landed: what the destination holds.
        """
        self._pending = deque(run_ids)
        self._landed = landed
        self._read: dict[str, RawPayload] = {}

    def take(self, run_id: str) -> RawPayload | None:
        """Return the payload of a run; None where there is none."""
        while run_id not in self._read and run_id in self._pending:
            self._read_some()
        return self._read.pop(run_id, None)

    def _read_some(self) -> None:
        some = [self._pending.popleft() for _ in range(min(len(self._pending), _KEPT_AT_ONCE))]
        sums = self._landed.payload_sums(some)
        for row in self._landed.lookup(RAW_PAYLOADS, RawPayload._fields, some):
            raw = RawPayload(*row)
            if raw.payload_sha256 == sums.get(raw.id):
                self._read[raw.id] = raw


def in_batches(payloads: Iterable[ReadPayload]) -> Generator[list[ReadPayload], None, None]:
    """Take payloads some at a time; whoever clears a batch lets go of it before the next one is made."""
    batch: list[ReadPayload] = []
    size = 0
    for stored, raw in payloads:
        batch.append((stored, raw))
        size += len(raw.payload) if raw else 0
        if len(batch) >= _MAX_BATCH_PAYLOADS or size >= _MAX_BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _raw_rows(stored: Sequence[StoredPayload], landed: LandedData) -> dict[str, RawPayload]:
    """Look up payloads by id."""
    load_ids = [one.load_id for one in stored]
    # tells columnar destinations which part of the payloads to read; where they do not sort as here, it finds less
    of_these_loads = between(LOAD_ID, min(load_ids), max(load_ids))
    found = landed.lookup(RAW_PAYLOADS, RawPayload._fields, [one.id for one in stored], of_these_loads)
    rows = {row[0]: RawPayload(*row) for row in found}
    missing = [one.id for one in stored if one.id not in rows]
    rows.update({row[0]: RawPayload(*row) for row in landed.lookup(RAW_PAYLOADS, RawPayload._fields, missing)})
    return rows


class LandedOrigin(NamedTuple):
    """What ``processor_runs`` says of the load of a run, ``parse_runs`` of that of a parse run, and so on."""

    id: str
    fetched_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    payload_sha256: str | None
    loaded_tables: str | None


def stored_payloads(resource_type: str, landed: LandedData) -> Iterator[StoredPayload]:
    """List the payloads of a type of objects, without the payloads themselves."""
    columns = ("id", "fetched_at", LOAD_ID)
    for key, fetched_at, load_id in landed.rows(RAW_PAYLOADS, columns, equals("resource_type", resource_type)):
        yield StoredPayload(fetched_at or LONG_AGO, resource_type == "file", key, load_id or "", resource_type)


def is_read_again(object_type: str, settings: ExtendSettings) -> bool:
    """Tell whether settings choose that payloads of a type, files' apart, become rows."""
    if object_type == "parse_run" and settings.parse_output == "none":
        return False
    return object_type in OF_ANY_GROUP or GROUP_OF[object_type] in settings.groups


def contents_of_stored(settings: ExtendSettings, *, with_fetched_files: bool) -> str:
    """Say where the text of files comes from where payloads are read again: a value of `file_contents`.

    Args:
        settings: what the user has chosen.
        with_fetched_files: there are payloads of ``GET /files/{id}``: where runs carry no text, it means nothing.
    """
    if privacy_rules(settings).hides_fields:
        return "none"  # the text would show what is hidden
    return "fetch" if with_fetched_files and settings.file_contents != "none" else settings.file_contents


def runs_to_leave_alone(
    object_type: str, stored: Iterable[StoredPayload], landed: LandedData
) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Name the runs whose rows the payloads cannot give back.

    Args:
        object_type: one of `SUMMED_TYPES`.
        stored: their payloads.
        landed: what the destination holds.

    Returns:
        The runs without a payload, and those that have landed from a later and different one; with their `fetched_at`.
    """
    raw = {run.id: run.fetched_at for run in stored}
    without_payload: dict[str, datetime] = {}
    later: dict[str, datetime] = {}
    table = OBJECT_TYPES[object_type].table
    for run_id, time, total in landed.rows(table, ("id", "fetched_at", "payload_sha256"), complete=True):
        if total is None and object_type not in ("processor_run", "parse_run"):
            continue  # known from others alone
        fetched_at = time or LONG_AGO
        if run_id not in raw:
            without_payload[run_id] = fetched_at
        elif fetched_at > raw[run_id]:
            later[run_id] = fetched_at
    sums = landed.payload_sums(later, object_type)
    for run_id, sha256 in landed.lookup(RAW_PAYLOADS, ("id", "payload_sha256"), list(later)):
        if sums[run_id] == sha256:  # fetched again since, and not changed
            del later[run_id]
    return without_payload, later


def origin_of(raw: RawPayload, known: LandedOrigin | None, written: frozenset[str]) -> Origin:
    """Say of a payload what the load that fetched it said."""
    times: RawPayload | LandedOrigin = raw
    if known is not None and (known.fetched_at or LONG_AGO) > (raw.fetched_at or LONG_AGO):
        times = known  # fetched again since, and not changed
    filled = FILLED_TABLES[raw.resource_type]
    tables = filled if known is None else selected_by(known.loaded_tables, filled).union(written)
    return Origin(
        api_version=raw.api_version,
        workspace_id=raw.workspace_id,
        fetched_at=times.fetched_at or LONG_AGO,
        created_at=times.created_at,
        updated_at=times.updated_at,
        loaded_tables=selection_text(tables, filled),
        payload_sha256=raw.payload_sha256,
    )
