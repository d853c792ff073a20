"""Dagster: an asset for each table, all brought up to date by one sync, and checks on how that went.

An asset's key is the dataset and the table, as dbt's sources have it. A sync writes the rows of a run into all tables
at once, so that the assets are materialised together or not at all. Where webhooks have told of runs, a sensor asks for
a load of just these.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dlt

from extend_source.config.installation import install_command
from extend_source.config.settings import SECTION
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.integrations.webhooks import EventQueue, pending_run_ids
from extend_source.operations.status import StatusResult, status
from extend_source.operations.sync import sync
from extend_source.operations.webhook_events import load_events
from extend_source.pipeline.failures import error_code_of, line_of, needs_person
from extend_source.pipeline.read_only import viewed
from extend_source.tables import LISTING_TABLES, TABLES, wanted_tables
from extend_source.tables.bookkeeping import FETCH_ERRORS, SYNC_LOG
from extend_source.tables.formers import FORMER_NAMES
from extend_source.tables.schemas import PROCESSOR_RUNS

try:
    import dagster
except ImportError:
    raise ImportError(f"Dagster is not installed. Run: {install_command('dagster')}") from None

if TYPE_CHECKING:
    from typing_extensions import Unpack

NO_FETCH_ERRORS, FRESH = "no_fetch_errors", "fresh"
"""The names of the checks."""

EVENTS_TAG = "extend/events"
"""The tag of a run that is to load what webhooks have told of, and nothing else; its value is the pipeline's name."""

MAX_EVENTS = 2_000
"""The most events of a load."""

_UNDER_WAY = [
    dagster.DagsterRunStatus.QUEUED,
    dagster.DagsterRunStatus.NOT_STARTED,
    dagster.DagsterRunStatus.STARTING,
    dagster.DagsterRunStatus.STARTED,
    dagster.DagsterRunStatus.CANCELING,
]

Schema = Mapping[str, Any]
"""A table as dlt's schema has it."""


@dataclass
class _Done:
    """What a run has done: the events that waited, the sync, or both.

    Attributes:
        rows: rows written, by table.
        counts: runs fetched, runs that failed, and requests.
        facts: what else the metadata of ``sync_log`` has.
        errors: what could not be loaded, and why.
    """

    rows: Counter[str] = field(default_factory=Counter)
    counts: Counter[str] = field(default_factory=Counter)
    facts: dict[str, Any] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


def extend_assets(
    pipeline: dlt.Pipeline,
    *,
    name: str = "extend_sync",
    group_name: str | None = None,
    retry_policy: dagster.RetryPolicy | None = None,
    queue: str | Path | None = None,
    **arguments: Unpack[Arguments],
) -> dagster.AssetsDefinition:
    """Define an asset for each table that a sync writes.

    Typed tables come with the processors. Those that have landed by now are found in dlt's notes on this machine or,
    where there are none, in the destination. One that comes later is materialised all the same, and defined once the
    code location is loaded again.

    Args:
        pipeline: the pipeline; its dataset is the first part of the assets' keys.
        name: the name of the op that syncs.
        group_name: the group that Dagster shows the assets in.
        retry_policy: when to try again what a retry can mend; a refused key or a wrong setting never is.
        queue: the file in which ``extend-source listen --no-load`` notes events. What they name is loaded before the
            sync, and in a run that `extend_sensor` has asked for instead of it; None: there are no webhooks.
        **arguments: settings by name, as for `sync`.

    Returns:
        The assets, in the pool of the pipeline's name. Each materialisation has the columns with their types and
        descriptions, the table's full name, and the rows that the sync has written; that of ``sync_log`` has what the
        sync did.

    Raises:
        ConfigurationValueError: a setting has a value that it does not take.
    """
    settings = resolved_settings(needs_key=False, **arguments)
    described = wanted_tables(
        keep_raw=settings.keep_raw,
        parse_output=settings.parse_output,
        verify_details=settings.verify_details,
        groups=settings.groups,
        history=settings.history,
        webhook_events=queue is not None,
    )
    descriptions = {
        table.name: f"One row per {table.grain}. {table.description}"
        for table in (described if settings.details else LISTING_TABLES)
    }
    if settings.details and settings.typed_tables:
        descriptions |= {name: table.get("description") or "" for name, table in _typed_tables(pipeline).items()}
    kinds = {"dlt", pipeline.destination.destination_type.rpartition(".")[2]}
    specs = [
        dagster.AssetSpec(_key(pipeline, table), description=text, group_name=group_name, kinds=kinds)
        for table, text in descriptions.items()
    ]

    pool = pipeline.pipeline_name

    @dagster.multi_asset(name=name, specs=specs, retry_policy=retry_policy, pool=pool)  # type: ignore[untyped-decorator]
    def load() -> Iterator[dagster.MaterializeResult]:
        context = dagster.AssetExecutionContext.get()
        done = _Done()
        try:
            if queue is not None:
                _load_events(pipeline, Path(queue), arguments, done)
            if queue is None or EVENTS_TAG not in context.run.tags:
                _sync(pipeline, arguments, done)
        except Exception as error:
            raise _failure(error) from None  # what dlt raises can quote a document
        for line in done.errors.items():
            context.log.warning("%s: %s", *line)
        schemas = _landed_schemas(pipeline)
        for table in descriptions:
            metadata = _metadata(pipeline, table, schemas.get(table, {}), done)
            yield dagster.MaterializeResult(asset_key=_key(pipeline, table), metadata=metadata)
        for table in _typed(schemas).keys() - descriptions.keys():
            metadata = _metadata(pipeline, table, schemas[table], done)
            context.log.info("%s is new: reload the code location, and it is an asset as the others are", table)
            context.log_event(dagster.AssetMaterialization(_key(pipeline, table), metadata=metadata))

    return load


def extend_sensor(
    pipeline: dlt.Pipeline,
    job: Any,
    *,
    queue: str | Path,
    name: str = "extend_events",
    minimum_interval_seconds: int | None = None,
) -> dagster.SensorDefinition:
    """Define what asks for a run as soon as webhooks have told of runs to load.

    It asks for one at a time, and once for each newest event: what a run could not load waits for the next event, or
    for the job's schedule, which loads what waits as well.

    Args:
        pipeline: the pipeline, as for `extend_assets`.
        job: the job of the assets, which take the same queue.
        queue: the file in which ``extend-source listen --no-load`` notes events.
        name: the name of the sensor.
        minimum_interval_seconds: how often the queue is looked at; None: as often as Dagster does by itself.

    Returns:
        The sensor. Its runs have the tag ``extend/events`` and send no listing.
    """

    @dagster.sensor(job=job, name=name, minimum_interval_seconds=minimum_interval_seconds)  # type: ignore[untyped-decorator]
    def waiting(context: dagster.SensorEvaluationContext) -> dagster.RunRequest | dagster.SkipReason:
        if not pending_run_ids(queue, limit=1):
            return dagster.SkipReason("No event waits.")
        tags = {EVENTS_TAG: pipeline.pipeline_name}
        if context.instance.get_runs_count(dagster.RunsFilter(tags=tags, statuses=_UNDER_WAY)):
            return dagster.SkipReason("A run loads events.")
        with closing(EventQueue(queue)) as events:
            return dagster.RunRequest(run_key=events.backlog().newest_id, tags=tags)

    return waiting


def extend_checks(pipeline: dlt.Pipeline, *, max_age: timedelta) -> dagster.AssetChecksDefinition:
    """Define what is checked: that nothing failed, and that the last good sync is not too long ago.

    They read the destination, and send nothing to the API. On a schedule of their own they tell of syncs that no
    longer run at all.

    Args:
        pipeline: the pipeline, as for `extend_assets`.
        max_age: how long ago the last good sync may have been.

    Returns:
        ``no_fetch_errors`` on the table ``fetch_errors``, which warns, as later syncs try these again; ``fresh`` on
        ``processor_runs``, which fails where the last sync failed or is too long ago.
    """
    errors, runs = _key(pipeline, FETCH_ERRORS.name), _key(pipeline, PROCESSOR_RUNS.name)
    specs = [
        dagster.AssetCheckSpec(NO_FETCH_ERRORS, asset=errors, description="Every run and file could be loaded."),
        dagster.AssetCheckSpec(FRESH, asset=runs, description=f"A sync was good within {max_age}, and none failed."),
    ]

    @dagster.multi_asset_check(specs=specs, name=f"{pipeline.pipeline_name}_checks")  # type: ignore[untyped-decorator]
    def check() -> Iterator[dagster.AssetCheckResult]:
        try:
            found = status(pipeline, max_age=max_age)
        except Exception as error:
            raise _failure(error) from None
        yield _no_fetch_errors(errors, found)
        yield _fresh(runs, found)

    return check


def _key(pipeline: dlt.Pipeline, table: str) -> dagster.AssetKey:
    return dagster.AssetKey([pipeline.dataset_name, table])


def _load_events(pipeline: dlt.Pipeline, queue: Path, arguments: Arguments, done: _Done) -> None:
    """Load what the events name that wait now; they are struck out once that has landed."""
    if not queue.is_file():
        return
    with closing(EventQueue(queue)) as events:
        left = events.backlog().events
        while left > 0 and (waiting := events.pending(min(left, MAX_EVENTS))):
            progress = SyncProgress()
            result = load_events(pipeline, waiting, progress=progress, **arguments)
            done.rows.update(progress.rows)
            done.errors |= progress.errors
            done.counts.update(fetched=result.fetched, failed=result.failed, requests=result.requests)
            done.facts |= {"mode": "by_id", "stopped_by": result.stopped_by or ""}
            if result.stopped_by is not None:
                break
            events.loaded(event.event_id for event in waiting)
            left -= len(waiting)
        done.facts["events_left"] = events.backlog().events


def _sync(pipeline: dlt.Pipeline, arguments: Arguments, done: _Done) -> None:
    result = sync(pipeline, **arguments)
    done.rows.update(result.rows)
    done.errors |= result.errors
    done.counts.update(fetched=result.fetched, failed=result.failed, requests=sum(result.requests.values()))
    done.facts |= {"mode": result.mode, "stopped_by": result.stopped_by or "", "left": result.left}


def _failure(error: Exception) -> dagster.Failure:
    return dagster.Failure(error_code_of(error).line(line_of(error)), allow_retries=not needs_person(error))


def _typed_tables(pipeline: dlt.Pipeline) -> Mapping[str, Schema]:
    """The typed tables that have landed, as far as can be told: a code location loads without its destination, too."""
    if schemas := _landed_schemas(pipeline):
        return _typed(schemas)
    with suppress(Exception), viewed(pipeline) as view:
        return _typed(_landed_schemas(view))
    return {}


def _landed_schemas(pipeline: dlt.Pipeline) -> Mapping[str, Schema]:
    if SECTION not in pipeline.schema_names:
        return {}
    return {str(table["name"]): table for table in pipeline.schemas[SECTION].data_tables()}


def _typed(schemas: Mapping[str, Schema]) -> Mapping[str, Schema]:
    return {name: table for name, table in schemas.items() if name not in TABLES and name not in FORMER_NAMES}


def _metadata(pipeline: dlt.Pipeline, table: str, schema: Schema, done: _Done) -> dict[str, Any]:
    columns = [
        dagster.TableColumn(
            column["name"],
            column.get("data_type", "text"),
            column.get("description"),
            dagster.TableColumnConstraints(nullable=column.get("nullable", True)),
        )
        for column in schema.get("columns", {}).values()
    ]
    return {
        "dagster/table_name": _full_name(pipeline, table),
        "dagster/column_schema": dagster.TableSchema(columns),
        "rows_written": done.rows[table],
        **({**done.facts, **done.counts} if table == SYNC_LOG.name else {}),
    }


def _full_name(pipeline: dlt.Pipeline, table: str) -> str:
    """The table's name as the destination's SQL has it; one of files has none."""
    with suppress(Exception):
        return ".".join(pipeline.sql_client(SECTION).make_qualified_table_name_path(table, quote=False))
    return f"{pipeline.dataset_name}.{table}"


def _no_fetch_errors(key: dagster.AssetKey, found: StatusResult) -> dagster.AssetCheckResult:
    counts = {error.code: error.count for error in found.errors}
    text = None if found.has_read else "A sync is at work on the DuckDB file, so that nothing else can be read."
    return dagster.AssetCheckResult(
        passed=found.has_read and not counts,
        asset_key=key,
        check_name=NO_FETCH_ERRORS,
        severity=dagster.AssetCheckSeverity.WARN,
        description=text,
        metadata={"errors": sum(counts.values()), "by_code": counts},
    )


def _fresh(key: dagster.AssetKey, found: StatusResult) -> dagster.AssetCheckResult:
    health = found.health
    at = None if health.synced_at is None else dagster.TimestampMetadataValue(health.synced_at.timestamp())
    return dagster.AssetCheckResult(
        passed=health.state in ("healthy", "behind", "running"),
        asset_key=key,
        check_name=FRESH,
        description=health.reason,
        metadata={"state": health.state, "code": health.code or "", "synced_at": at},
    )
