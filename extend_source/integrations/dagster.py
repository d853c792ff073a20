"""Dagster: an asset for each table, all brought up to date by one sync, and checks on how that went.

An asset's key is the dataset and the table, as dbt's sources have it. A sync writes the rows of a run into all tables
at once, so that the assets are materialised together or not at all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import dlt

from extend_source.config.installation import install_command
from extend_source.config.settings import SECTION
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.operations.status import StatusResult, status
from extend_source.operations.sync import SyncResult, sync
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

Schema = Mapping[str, Any]
"""A table as dlt's schema has it."""


def extend_assets(
    pipeline: dlt.Pipeline,
    *,
    name: str = "extend_sync",
    group_name: str | None = None,
    retry_policy: dagster.RetryPolicy | None = None,
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
        **arguments: settings by name, as for `sync`.

    Returns:
        The assets, in the pool of the pipeline's name. Each materialisation has the columns with their types and
        descriptions, the table's full name, and the rows that the sync has written; that of ``sync_log`` has what the
        sync did.

    Raises:
        ConfigurationValueError: a setting has a value that it does not take.
    """
    settings = resolved_settings(needs_key=False, **arguments)
    parse_output = settings.parse_output
    fixed = wanted_tables(keep_raw=settings.keep_raw, parse_output=parse_output) if settings.details else LISTING_TABLES
    descriptions = {table.name: f"One row per {table.grain}. {table.description}" for table in fixed}
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
        result = _synced(pipeline, arguments)
        for line in result.errors.items():
            context.log.warning("%s: %s", *line)
        schemas = _landed_schemas(pipeline)
        for table in descriptions:
            metadata = _metadata(pipeline, table, schemas.get(table, {}), result)
            yield dagster.MaterializeResult(asset_key=_key(pipeline, table), metadata=metadata)
        for table in _typed(schemas).keys() - descriptions.keys():
            metadata = _metadata(pipeline, table, schemas[table], result)
            context.log.info("%s is new: reload the code location, and it is an asset as the others are", table)
            context.log_event(dagster.AssetMaterialization(_key(pipeline, table), metadata=metadata))

    return load


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


def _synced(pipeline: dlt.Pipeline, arguments: Arguments) -> SyncResult:
    try:
        return sync(pipeline, **arguments)
    except Exception as error:
        raise _failure(error) from None  # what dlt raises can quote a document


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


def _metadata(pipeline: dlt.Pipeline, table: str, schema: Schema, result: SyncResult) -> dict[str, Any]:
    columns = [
        dagster.TableColumn(
            column["name"],
            column.get("data_type", "text"),
            column.get("description"),
            dagster.TableColumnConstraints(nullable=column.get("nullable", True)),
        )
        for column in schema.get("columns", {}).values()
    ]
    did: dict[str, Any] = {"mode": result.mode, "fetched": result.fetched, "failed": result.failed}
    did |= {"requests": sum(result.requests.values()), "stopped_by": result.stopped_by or "", "left": result.left}
    return {
        "dagster/table_name": _full_name(pipeline, table),
        "dagster/column_schema": dagster.TableSchema(columns),
        "rows_written": result.rows.get(table, 0),
        **(did if table == SYNC_LOG.name else {}),
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
