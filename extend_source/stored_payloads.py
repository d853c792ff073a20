"""The payloads that have landed with `keep_raw`, and what the tables say of their runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timezone
from typing import NamedTuple

from extend_source.landed import LandedData
from extend_source.tables import FETCHED_TABLES, Origin, TableSchema, selected_by, selection_text
from extend_source.tables.bookkeeping import RAW_FILES, RAW_PROCESSOR_RUNS
from extend_source.tables.contract import LOAD_ID
from extend_source.tables.schemas import PROCESSOR_RUNS

NEVER = datetime.fromtimestamp(0, timezone.utc)
"""The time of what was fetched at a time that is not known."""


class StoredPayload(NamedTuple):
    """A payload that has landed. They sort as they were fetched, runs before their files.

    Attributes:
        fetched_at: when it was fetched, UTC.
        is_file: it is a file's; else a run's.
        id: the file's or run's id.
        load_id: the load that brought it.
    """

    fetched_at: datetime
    is_file: bool
    id: str
    load_id: str

    @property
    def table(self) -> TableSchema:
        """Where it is."""
        return RAW_FILES if self.is_file else RAW_PROCESSOR_RUNS


class RawRun(NamedTuple):
    """A row of ``raw_processor_runs``."""

    id: str
    payload: str
    api_version: str
    workspace_id: str | None
    fetched_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    payload_sha256: str | None


class RawFile(NamedTuple):
    """A row of ``raw_files``."""

    id: str
    payload: str
    is_final: bool | None


class LandedRun(NamedTuple):
    """What ``processor_runs`` says of the load of a run."""

    id: str
    fetched_at: datetime | None
    created_at: datetime | None
    updated_at: datetime | None
    payload_sha256: str | None
    loaded_tables: str | None


def stored_payloads(table: TableSchema, landed: LandedData) -> Iterator[StoredPayload]:
    """List the payloads of one of the two raw tables, without the payloads themselves."""
    for key, fetched_at, load_id in landed.rows(table, ("id", "fetched_at", LOAD_ID)):
        yield StoredPayload(fetched_at or NEVER, table is RAW_FILES, key, load_id or "")


def runs_to_leave_alone(
    stored: Iterable[StoredPayload], landed: LandedData
) -> tuple[dict[str, datetime], dict[str, datetime]]:
    """Name the runs whose rows the payloads cannot give back.

    Args:
        stored: the payloads of runs.
        landed: what the destination holds.

    Returns:
        The runs without a payload, and those that have landed from a later and different one; with their `fetched_at`.
    """
    raw = {run.id: run.fetched_at for run in stored}
    without_payload: dict[str, datetime] = {}
    later: dict[str, datetime] = {}
    for run_id, time in landed.rows(PROCESSOR_RUNS, ("id", "fetched_at"), complete=True):
        fetched_at = time or NEVER
        if run_id not in raw:
            without_payload[run_id] = fetched_at
        elif fetched_at > raw[run_id]:
            later[run_id] = fetched_at
    sums = landed.payload_sums(later)
    for run_id, sha256 in landed.lookup(RAW_PROCESSOR_RUNS, ("id", "payload_sha256"), list(later)):
        if sums[run_id] == sha256:  # fetched again since, and not changed
            del later[run_id]
    return without_payload, later


def origin_of(raw: RawRun, known: LandedRun | None, written: frozenset[str]) -> Origin:
    """Say of a payload what the load that fetched it said."""
    times: RawRun | LandedRun = raw
    if known is not None and (known.fetched_at or NEVER) > (raw.fetched_at or NEVER):
        times = known  # fetched again since, and not changed
    tables = FETCHED_TABLES if known is None else selected_by(known.loaded_tables).union(written)
    return Origin(
        api_version=raw.api_version,
        workspace_id=raw.workspace_id,
        fetched_at=times.fetched_at or NEVER,
        created_at=times.created_at,
        updated_at=times.updated_at,
        loaded_tables=selection_text(tables),
        payload_sha256=raw.payload_sha256,
    )
