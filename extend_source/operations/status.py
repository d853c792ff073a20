"""Saying where a pipeline stands, from its destination and its state alone: no request, no key."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, timezone
from typing import Any

import dlt
from dlt.destinations.exceptions import DatabaseTerminalException

from extend_source.config.settings import ExtendSettings
from extend_source.errors import SyncUnderWay
from extend_source.ingest.beacon import SyncUnderWayStatus, sync_under_way
from extend_source.ingest.health import Health, health, running
from extend_source.ingest.resolution import resolved_settings
from extend_source.ingest.state import Position, Scope, SyncState, scope_of
from extend_source.pipeline.conditions import Condition
from extend_source.pipeline.held_database import held_if_there
from extend_source.pipeline.landed import LandedData, has_ended
from extend_source.pipeline.last_scan import read_last_scan
from extend_source.pipeline.pending import pending_loads
from extend_source.pipeline.read_only import location, source_state, viewed, viewed_data
from extend_source.tables.bookkeeping import FETCH_ERRORS, PROCESSOR_RUN_SUMMARIES, SYNC_LOG
from extend_source.tables.reading import UNKNOWN_KEY
from extend_source.tables.schemas import PROCESSOR_RUNS

LAST_LOADS = 5

_UNJUDGED = Health("unknown")

_NO_STATE = "unknown"

_LOG_COLUMNS = (
    "load_id",
    "sync_id",
    "mode",
    "started_at",
    "fetched_at",
    "runs_listed",
    "runs_fetched",
    "runs_changed",
    "runs_failed",
    "runs_pending",
    "requests",
    "stopped_by",
    "runs_rechecked",
    "runs_drifted",
    "drift_rate",
    "scope",
)


@dataclass(frozen=True)
class ScopeStatus:
    """How far the syncs with one choice of filters and tables have come.

    Attributes:
        scope: the choice by name, the deployment first; only what is set.
        watermark: all changes up to here are loaded, UTC.
        start: changes before this time were left out; None: none were.
        reconciled_at: when the whole listing was last compared with what has landed, UTC.
        reconcile_due_at: when a sync does that next, UTC; None: only on demand.
    """

    scope: dict[str, Any]
    watermark: datetime
    start: datetime | None
    reconciled_at: datetime | None
    reconcile_due_at: datetime | None


@dataclass(frozen=True)
class LoggedLoad:
    """A load, as ``sync_log`` has it."""

    load_id: str
    mode: str
    started_at: datetime
    fetched_at: datetime
    runs_listed: int
    runs_fetched: int
    runs_changed: int
    runs_failed: int
    runs_pending: int
    requests: int
    stopped_by: str | None
    error: str | None = None
    error_code: str | None = None


@dataclass(frozen=True)
class ErrorStatus:
    """The rows of ``fetch_errors`` with one code.

    Attributes:
        code: the API's error code, or the name of our own error.
        count: how many runs or files could not be loaded for it.
        most_attempts: how often the one tried most often has been tried.
    """

    code: str
    count: int
    most_attempts: int


@dataclass(frozen=True)
class DriftStatus:
    """What the last load that rechecked runs found.

    Attributes:
        at: when, UTC.
        rechecked: runs fetched although nothing said that they had changed.
        drifted: of these, runs that had changed.
        rate: drifted / rechecked.
    """

    at: datetime
    rechecked: int
    drifted: int
    rate: float


@dataclass(frozen=True)
class StatusResult:
    """Where a pipeline stands.

    Attributes:
        pipeline: the name of the pipeline.
        destination: where the rows are, without any password.
        dataset: the dataset (schema) they are in.
        at: when this was looked up, UTC.
        scopes: how far each choice of filters and tables has come, the one synced last first.
        pending_loads: loads that an earlier sync left behind, which the next sync finishes first.
        last_loads: the last loads, newest first.
        runs: landed runs by status.
        in_flight: landed runs that had not ended when they were fetched.
        errors: the rows of ``fetch_errors`` by code, most first.
        gone: runs that are gone at the source.
        drift: what the last recheck found; None: there was none.
        unknown_keys: keys that the API sent and the tables have no column for, as ``object.path``.
        misfits: columns that could not hold a value, or had no room, as ``object.path``.
        under_way: how far the sync is that is under way on this machine; None: there is none.
        has_read: the destination was read; a DuckDB file can only be read once the sync under way has ended, and until
            then there is nothing here but `under_way`.
        failure: the last load, if the sync failed with it: its `error` says how. None: it did not.
        listed_only: runs of which only what the list says has landed: they were not to be fetched, or not yet.
        health: whether the pipeline needs someone, since when, and why.
        quiet_at: when a sync on this machine last found the lists as they were and left no row in ``sync_log``, UTC;
            None: the last one has left a row.
    """

    pipeline: str
    destination: str
    dataset: str
    at: datetime
    scopes: list[ScopeStatus]
    pending_loads: int
    last_loads: list[LoggedLoad]
    runs: dict[str, int]
    in_flight: int
    errors: list[ErrorStatus]
    gone: int
    drift: DriftStatus | None
    unknown_keys: list[str]
    misfits: list[str]
    under_way: SyncUnderWayStatus | None = None
    has_read: bool = True
    failure: LoggedLoad | None = None
    listed_only: int = 0
    health: Health = _UNJUDGED
    quiet_at: datetime | None = None

    @property
    def has_run(self) -> bool:
        """Tell whether the pipeline has ever loaded something, or tried to."""
        return bool(self.last_loads or self.runs or self.pending_loads or self.under_way)


def status(pipeline: dlt.Pipeline, *, max_age: timedelta | None = None) -> StatusResult:
    """Say where a pipeline stands.

    Args:
        pipeline: any dlt pipeline; neither it nor its destination is changed.
        max_age: how long ago the last good sync may have been: a pipeline whose is older is late.

    Returns:
        What its state and its destination say. No API key is needed.

    Raises:
        SyncUnderWay: something else than a sync works on its DuckDB file, which one process at a time can open.
        PipelineStepFailed: the destination cannot be read.
    """
    under_way = sync_under_way(pipeline)
    try:
        read, log = _read(pipeline)
        quiet_at = _quiet_at(pipeline, read.destination)
        judged = health(
            log,
            read.at,
            max_age=max_age,
            pending_loads=read.pending_loads,
            has_run=read.has_run,
            is_under_way=under_way is not None,
            quiet_at=quiet_at,
        )
        return replace(read, under_way=under_way, health=judged, quiet_at=quiet_at)
    except SyncUnderWay:
        under_way = sync_under_way(pipeline)  # it may just have begun
        if under_way is None:
            raise
    return _unread(pipeline, under_way, max_age)


def _quiet_at(pipeline: dlt.Pipeline, destination: str) -> datetime | None:
    scan = read_last_scan(pipeline)
    if scan is None or (scan.destination, scan.dataset) != (destination, pipeline.dataset_name):
        return None
    return None if scan.checked_at <= scan.logged_at else scan.checked_at


def _unread(pipeline: dlt.Pipeline, under_way: SyncUnderWayStatus, max_age: timedelta | None) -> StatusResult:
    """What can be said while a sync holds the DuckDB file."""
    now = datetime.now(timezone.utc)
    return StatusResult(
        pipeline=pipeline.pipeline_name,
        destination=location(pipeline),
        dataset=pipeline.dataset_name,
        at=now,
        scopes=[],
        pending_loads=0,
        last_loads=[],
        runs={},
        in_flight=0,
        errors=[],
        gone=0,
        drift=None,
        unknown_keys=[],
        misfits=[],
        under_way=under_way,
        has_read=False,
        health=running(under_way.started_at, now, max_age),
    )


def _read(pipeline: dlt.Pipeline) -> tuple[StatusResult, list[dict[str, Any]]]:
    """Return what the destination says, but for the judgement, and the rows of ``sync_log``, oldest first."""
    settings = resolved_settings(needs_key=False)
    now = datetime.now(timezone.utc)
    with viewed(pipeline) as view, held_if_there(view):
        landed = viewed_data(view)
        log = list(_log(landed, _errors_logged(view)))
        schema_drift = [(f"{name}.{path}", reason) for (name, path), reason in sorted(landed.drift().items())]
        loads = [_load(entry) for entry in log[: -LAST_LOADS - 1 : -1]]
        runs = Counter(row[0] or _NO_STATE for row in landed.rows(PROCESSOR_RUNS, ("status",), complete=True))
        result = StatusResult(
            pipeline=pipeline.pipeline_name,
            destination=location(pipeline),
            dataset=pipeline.dataset_name,
            at=now,
            scopes=_scopes(landed, SyncState(source_state(view)), log, settings, now),
            pending_loads=len(pending_loads(pipeline, view)),
            last_loads=loads,
            runs=dict(runs.most_common()),
            in_flight=sum(count for state, count in runs.items() if state == _NO_STATE or not has_ended(state)),
            errors=_errors(landed),
            gone=len(landed.all_tombstones()),
            drift=_drift(log),
            unknown_keys=[key for key, reason in schema_drift if reason == UNKNOWN_KEY],
            misfits=[key for key, reason in schema_drift if reason != UNKNOWN_KEY],
            listed_only=sum(1 for _ in _listed_only(landed)),
            failure=loads[0] if loads and loads[0].error is not None else None,
        )
        return result, log


def _errors_logged(view: dlt.Pipeline) -> dict[str, tuple[str, str | None]]:
    """What syncs failed with, by the load: one line and its code.

    A table of an older version that no sync has met since has no column for the code, and one of 0.1.0 none at all.
    """
    failed = Condition("{error} IS NOT NULL", columns=["error"])
    for columns in (("load_id", "error", "error_code"), ("load_id", "error")):
        with suppress(DatabaseTerminalException):  # after which PostgreSQL takes no further query on the connection
            rows = viewed_data(view).rows(SYNC_LOG, columns, failed, complete=True)
            return {load_id: (text, code[0] if code else None) for load_id, text, *code in rows}
    return {}


def _log(landed: LandedData, errors: dict[str, tuple[str, str | None]]) -> Iterator[dict[str, Any]]:
    """The rows of ``sync_log``, oldest first."""
    for row in landed.rows(SYNC_LOG, _LOG_COLUMNS, order_by=("fetched_at",), complete=True):
        entry = dict(zip(_LOG_COLUMNS, row, strict=True))
        error, code = errors.get(entry["load_id"], (None, None))
        yield {**entry, "error": error, "error_code": code}


def _listed_only(landed: LandedData) -> Iterator[tuple[Any, ...]]:
    not_landed = landed.absent_from(PROCESSOR_RUNS, "id", key="id")
    return landed.rows(PROCESSOR_RUN_SUMMARIES, ("id",), not_landed, complete=True)


def _load(entry: dict[str, Any]) -> LoggedLoad:
    return LoggedLoad(**{name: entry[name] for name in LoggedLoad.__dataclass_fields__})


def _scopes(
    landed: LandedData, state: SyncState, log: list[dict[str, Any]], settings: ExtendSettings, now: datetime
) -> list[ScopeStatus]:
    """The positions that the state has for the scopes of the log, which says what their keys stand for."""
    scopes: dict[str, Scope] = {}
    for scope in (scope_of(settings, None), *(Scope(_json(entry["scope"])) for entry in log)):
        scopes.pop(scope.key, None)
        scopes[scope.key] = scope
    found = []
    for scope in reversed(scopes.values()):
        position = state.position(scope, now, now)  # whatever its start date is, it is before now
        if position.watermark is not None and landed.has_load(position.load_id or ""):
            found.append(_scope_status(scope, position, position.watermark, settings))
    return found


def _scope_status(scope: Scope, position: Position, watermark: datetime, settings: ExtendSettings) -> ScopeStatus:
    due = None
    if settings.reconcile_hours and position.reconciled_at is not None:
        due = position.reconciled_at + timedelta(hours=settings.reconcile_hours)
    return ScopeStatus(scope.description, watermark, position.start, position.reconciled_at, due)


def _errors(landed: LandedData) -> list[ErrorStatus]:
    attempts: dict[str, list[int]] = defaultdict(list)
    for code, number in landed.rows(FETCH_ERRORS, ("code", "attempts"), complete=True):
        attempts[code or "unknown"].append(number)
    found = [ErrorStatus(code, len(numbers), max(numbers)) for code, numbers in attempts.items()]
    return sorted(found, key=lambda error: (-error.count, error.code))


def _drift(log: list[dict[str, Any]]) -> DriftStatus | None:
    for entry in reversed(log):
        if entry["runs_rechecked"]:
            return DriftStatus(entry["fetched_at"], entry["runs_rechecked"], entry["runs_drifted"], entry["drift_rate"])
    return None


def _json(value: Any) -> dict[str, Any]:
    """Read a JSON column, which some destinations give as text."""
    decoded = json.loads(value) if isinstance(value, str | bytes) else value
    return decoded if isinstance(decoded, dict) else {}
