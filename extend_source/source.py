"""The dlt source: its settings, the fetching behind it, and a resource for each table."""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import wraps
from typing import Any, TypeVar

import dlt
import pyarrow as pa
from dlt.common.configuration.container import Container
from dlt.common.exceptions import PipelineStateNotAvailable
from dlt.common.pipeline import PipelineContext, pipeline_state
from dlt.common.storages.exceptions import CurrentLoadPackageStateNotAvailable
from dlt.common.typing import TSecretStrValue
from dlt.extract import DltResource
from dlt.extract.exceptions import CurrentSourceNotAvailable

from extend_source.config.choices import as_list
from extend_source.config.groups import GROUPS
from extend_source.config.privacy_rules import PrivacySettings
from extend_source.config.providers import refuse_unknown_arguments, refuse_unknown_sections
from extend_source.config.settings import (
    LISTEN,
    SECTION,
    ExtendSettings,
    FileContents,
    ParseOutput,
    TableFormat,
    setting_names,
)
from extend_source.ingest.chunks import Chunks
from extend_source.ingest.load import Load
from extend_source.ingest.named_runs import refuse_ids_without_details
from extend_source.ingest.session import SyncSession
from extend_source.ingest.state import SyncState
from extend_source.pipeline.completeness import restore
from extend_source.pipeline.earlier_tables import refuse_earlier_tables
from extend_source.pipeline.generations import refuse_another_generation
from extend_source.pipeline.hints import apply_hints, silence_expected_warnings, variant_hints
from extend_source.pipeline.idle_rows import without_idle_markers
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.late_error import raise_after_load
from extend_source.pipeline.overrides import ExtendResource, ExtendSource, refuse_changed_row_ids, refuse_overrides
from extend_source.pipeline.replacements import Announcement
from extend_source.pipeline.write_mode import WriteMode, active_write_mode, confirm
from extend_source.privacy import privacy_rules, warn_of_left_out_text
from extend_source.tables import LISTING_TABLES, TABLES, TYPED_TABLES, Tables, TableSchema, wanted_tables
from extend_source.tables.bookkeeping import TYPED_COLUMNS
from extend_source.tables.selection import group_of_name

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _refusing_unknown_arguments(function: _Function) -> _Function:
    """Have a function of settings name an unknown argument and the one that was meant."""
    signature = inspect.signature(function)
    rest = inspect.Parameter("unknown", inspect.Parameter.VAR_KEYWORD)

    @wraps(function)
    def checked(*args: Any, **arguments: Any) -> Any:
        known = {name: value for name, value in arguments.items() if name in signature.parameters}
        # dlt passes what it knows beside the parameters, too
        unknown = [name for name in arguments if name not in known and not name.startswith("_dlt")]
        refuse_unknown_arguments(unknown, (*signature.parameters, *setting_names()))
        return function(*args, **known)

    checked.__signature__ = signature.replace(parameters=[*signature.parameters.values(), rest])  # type: ignore[attr-defined]
    return checked  # type: ignore[return-value]


@dlt.source(name=SECTION, section=SECTION, spec=ExtendSettings, max_table_nesting=0, _impl_cls=ExtendSource)
@_refusing_unknown_arguments
def extend_source(
    run_ids: Iterable[str] | None = None,
    *,
    api_key: TSecretStrValue = dlt.secrets.value,
    base_url: str = ExtendSettings.base_url,
    api_version: str = ExtendSettings.api_version,
    workspace_id: str | None = None,
    objects: Sequence[str] | None = None,
    start_date: str | date | datetime | None = None,
    processor_ids: Sequence[str] | None = None,
    processor_types: Sequence[str] | None = None,
    statuses: Sequence[str] | None = None,
    run_sources: Sequence[str] | None = None,
    run_source_ids: Sequence[str] | None = None,
    file_name_contains: str | None = None,
    refresh: bool = ExtendSettings.refresh,
    details: bool = ExtendSettings.details,
    lookback: float = ExtendSettings.lookback,
    reconcile_hours: float = ExtendSettings.reconcile_hours,
    definitions_minutes: float = ExtendSettings.definitions_minutes,
    quiet_log_minutes: float = ExtendSettings.quiet_log_minutes,
    review_window_days: float = ExtendSettings.review_window_days,
    max_rechecks: int = ExtendSettings.max_rechecks,
    requests_per_second: float = ExtendSettings.requests_per_second,
    max_concurrency: int = ExtendSettings.max_concurrency,
    file_contents: FileContents = "embedded",
    parse_output: ParseOutput = "chunks",
    verify_details: bool = ExtendSettings.verify_details,
    typed_tables: bool = ExtendSettings.typed_tables,
    keep_raw: bool = ExtendSettings.keep_raw,
    history: bool = ExtendSettings.history,
    indexes: bool = ExtendSettings.indexes,
    table_format: TableFormat | None = None,
    package_runs: int = ExtendSettings.package_runs,
    package_minutes: float = ExtendSettings.package_minutes,
    package_megabytes: float = ExtendSettings.package_megabytes,
    max_body_megabytes: float = ExtendSettings.max_body_megabytes,
    max_output_megabytes: float = ExtendSettings.max_output_megabytes,
    max_waiting_megabytes: float = ExtendSettings.max_waiting_megabytes,
    max_object_seconds: float = ExtendSettings.max_object_seconds,
    max_pages_without_news: int = ExtendSettings.max_pages_without_news,
    max_runs: int | None = None,
    max_requests: int | None = None,
    max_seconds: float | None = None,
    max_error_share: float = ExtendSettings.max_error_share,
    package_attempts: int = ExtendSettings.package_attempts,
    privacy: PrivacySettings | dict[str, Any] | None = None,
    session: SyncSession | None = None,
) -> Iterable[DltResource]:
    """Load processor and parse runs from Extend: all that are new or have changed, or the ones asked for.

    Every table is a resource of its own, so ``with_resources("files", "file_pages")`` loads just these; one pass over
    HTTP feeds them all. All settings but `run_ids` and `session` can also come from ``[sources.extend]`` in dlt's
    config files or from ``SOURCES__EXTEND__...`` in the environment; `ExtendSettings` says what each one means.

    Args:
        run_ids: ids of the runs to load. Those that have landed in a terminal state are left out unless `refresh` is
            set. None: find the runs by listing.
        api_key: the API key.
        base_url: the deployment's address.
        api_version: the API version to ask for.
        workspace_id: the workspace, for an organisation-wide key.
        objects: groups of what to load, such as ``runs``; None: those that `ExtendSettings` names first.
        start_date: leave out runs last updated before this time; UTC if it names no zone.
        processor_ids: only runs of these processors.
        processor_types: only runs of these types.
        statuses: only runs in these states.
        run_sources: only runs created by these kinds of things.
        run_source_ids: only runs created by these things.
        file_name_contains: only runs of files with this text in their name.
        refresh: fetch what has already landed again.
        details: fetch each run; False: only the lists are read, and `run_ids` must be None.
        lookback: seconds by which a scan overlaps the one before.
        reconcile_hours: how often to compare the whole listing with what has landed; 0: only on demand.
        definitions_minutes: how often to read the lists of processors and workflows; 0: each sync.
        quiet_log_minutes: for `sync`: how often it looks at the destination although the lists are as they were.
        review_window_days: the age up to which a reconcile fetches finished runs again; 0: none.
        max_rechecks: the most such runs in one reconcile.
        requests_per_second: the request budget; 0: no limit.
        max_concurrency: the most requests under way at once.
        file_contents: ``embedded``, ``fetch`` or ``none``.
        parse_output: ``none``, ``chunks``, ``blocks`` or ``words``.
        verify_details: fetch verify runs too; see `ExtendSettings` before.
        typed_tables: a table with typed columns for each extraction processor, and one for each of its arrays.
        keep_raw: keep the payloads too.
        history: keep what runs, and the values of extractions, were before.
        indexes: indexes, or a layout of new tables by the owners of rows, where the destination has them.
        table_format: for the destination filesystem: ``delta`` or ``iceberg``.
        package_runs: for `sync` and `rebuild`: the most runs in one load.
        package_minutes: for `sync`: the longest time of fetching for one load.
        package_megabytes: for `sync`: the most megabytes of JSON in one load; for `rebuild`: how many end one.
        max_body_megabytes: the largest body of an answer, unpacked.
        max_output_megabytes: the largest output of a parse run that is downloaded by itself, as the answer was larger.
        max_waiting_megabytes: the most megabytes of JSON in memory before they are worked on.
        max_object_seconds: the longest time for one run, file or listing page, all attempts included.
        max_pages_without_news: this many listing pages in a row without a new run end the listing.
        max_runs: load at most this many runs, newest first.
        max_requests: stop after this many requests.
        max_seconds: stop after this many seconds.
        max_error_share: for `sync`: the greatest share of runs that may fail.
        package_attempts: for `sync`: how often the destination may fail to take a load.
        privacy: the rules by which personal data are hidden before anything is written; see `PrivacySettings`.
        session: the counts, and what the loads of one sync share; `sync` passes it.

    Returns:
        One resource a table, see `extend_source.tables.TABLES`, and one, ``typed_tables``, for all typed tables.

    Raises:
        ConfigurationValueError: a setting has a value that it does not take.
        UsageError: runs are named, and no details wanted.
        ApiError: while loading: the API refused everything, or cannot be reached.
        InvalidSetting: while loading: a setting cannot work, or the destination cannot hold the tables.
    """
    settings = ExtendSettings(
        api_key=api_key,
        base_url=base_url,
        api_version=api_version,
        workspace_id=workspace_id,
        objects=as_list(objects),
        start_date=start_date,
        processor_ids=as_list(processor_ids),
        processor_types=as_list(processor_types),
        statuses=as_list(statuses),
        run_sources=as_list(run_sources),
        run_source_ids=as_list(run_source_ids),
        file_name_contains=file_name_contains,
        refresh=refresh,
        details=details,
        lookback=lookback,
        reconcile_hours=reconcile_hours,
        definitions_minutes=definitions_minutes,
        quiet_log_minutes=quiet_log_minutes,
        review_window_days=review_window_days,
        max_rechecks=max_rechecks,
        requests_per_second=requests_per_second,
        max_concurrency=max_concurrency,
        file_contents=file_contents,
        parse_output=parse_output,
        verify_details=verify_details,
        typed_tables=typed_tables,
        keep_raw=keep_raw,
        history=history,
        indexes=indexes,
        table_format=table_format,
        package_runs=package_runs,
        package_minutes=package_minutes,
        package_megabytes=package_megabytes,
        max_body_megabytes=max_body_megabytes,
        max_output_megabytes=max_output_megabytes,
        max_waiting_megabytes=max_waiting_megabytes,
        max_object_seconds=max_object_seconds,
        max_pages_without_news=max_pages_without_news,
        max_runs=max_runs,
        max_requests=max_requests,
        max_seconds=max_seconds,
        max_error_share=max_error_share,
        package_attempts=package_attempts,
        privacy=privacy,
    )
    rules = privacy_rules(settings)
    ids = run_ids if run_ids is None or isinstance(run_ids, str) else list(run_ids)
    refuse_ids_without_details(ids, settings)
    shared = session or SyncSession()
    told = bool(shared.events)
    tables = list(LISTING_TABLES)
    if details:
        chosen_by: dict[str, Any] = {"parse_output": parse_output, "verify_details": verify_details, "history": history}
        tables = wanted_tables(keep_raw=keep_raw, webhook_events=told, **chosen_by)
    typed_tables = typed_tables and details
    if not typed_tables:
        tables = [table for table in tables if table is not TYPED_COLUMNS]
    names = frozenset([*(table.name for table in tables), *([TYPED_TABLES] if typed_tables else [])])
    chosen = frozenset(name for name in names if group_of_name(name) in ("", *settings.groups))
    write_mode = active_write_mode(table_format, layout=indexes)
    silence_expected_warnings()
    if details and not shared.progress.packages:
        warn_of_left_out_text(settings, rules)

    @dlt.resource(name="run_batches", selected=False)
    async def run_batches() -> AsyncIterator[Tables]:
        refuse_unknown_sections(SECTION, (*setting_names(), LISTEN), _resource_names(names))
        selected = _selected_tables(names, chosen)
        landed = landed_data(write_mode)
        refuse_overrides(tables, write_mode)
        refuse_changed_row_ids()
        state, lacking = SyncState(_state()), frozenset[str]()
        refuse_earlier_tables(landed)
        if shared.worklist is None:
            refuse_another_generation(landed, api_version)
            lacking = restore(landed, selected)
            shared.compare_all |= landed.lacks_refused_rows
            if lacking:
                state.forget_positions()
        load = Load(settings, landed, shared, state, load_id(), selected, lacking)
        announcement, chunks = Announcement(landed, load_id()), Chunks()
        async for batch in load.batches(ids):
            yield chunks.add(announcement.note(batch))
        load.check_rules()
        announcement.make()
        yield without_idle_markers(chunks.rest(), landed)
        if shared.final_error is not None and not shared.raises:
            raise_after_load(shared.final_error, load_id())

    resources = [table_resource(run_batches, table, write_mode, groups=settings.groups) for table in tables]
    if not typed_tables:
        return resources
    typed = typed_resource(run_batches, write_mode)
    typed.selected = TYPED_TABLES in chosen
    return [*resources, typed]


def table_resource(
    run_batches: DltResource, table: TableSchema, write_mode: WriteMode, *, groups: Collection[str] = tuple(GROUPS)
) -> DltResource:
    """Make the resource of one table.

    Args:
        run_batches: the resource that yields tables, a chunk at a time.
        table: the table to pick out of them.
        write_mode: how the destination takes rows.
        groups: what is loaded; a table of another group must be selected by name.

    Returns:
        The resource, with the hints that say how its rows replace earlier ones.
    """

    def pick(tables: Tables) -> Iterator[pa.Table]:
        rows = tables.get(table.name)
        # an empty table makes the destination create it, which is needed once
        if rows is not None and (rows.num_rows or table.name not in dlt.current.source_schema().tables):
            yield rows

    transformer: Any = dlt.transformer  # its annotations leave out `_impl_cls`
    resource = transformer(pick, data_from=run_batches, name=table.name, _impl_cls=ExtendResource)
    resource.selected = group_of_name(table.name) in ("", *groups)
    return apply_hints(resource, table, write_mode)


def typed_resource(run_batches: DltResource, write_mode: WriteMode) -> DltResource:
    """Make the resource of all typed tables, whose number grows with the processors.

    Args:
        run_batches: the resource that yields tables, a portion at a time.
        write_mode: how the destination takes rows.

    Returns:
        The resource. Each table comes with its hints when it has got columns since it came last.
    """
    described: dict[str, int] = {}

    def pick(tables: Tables) -> Iterator[Any]:
        for name, table in tables.typed.items():
            rows = tables[name]
            if not rows.num_rows and name in dlt.current.source_schema().tables:
                continue
            if described.get(name) == len(table.columns):
                yield dlt.mark.with_table_name(rows, name)
                continue
            described[name] = len(table.columns)
            yield dlt.mark.with_hints(rows, variant_hints(table, write_mode), create_table_variant=True)

    transformer: Any = dlt.transformer
    resource = transformer(pick, data_from=run_batches, name=TYPED_TABLES, _impl_cls=ExtendResource)
    return resource  # type: ignore[no-any-return]


def landed_data(write_mode: WriteMode) -> LandedData:
    """What the running pipeline's destination holds; outside of a pipeline nothing is known.

    Args:
        write_mode: how the source, when it was made, was told that the destination takes rows.

    Raises:
        InvalidSetting: the destination takes them in another way.
    """
    context = Container()[PipelineContext]
    if not context.is_active():
        return LandedData(None)
    pipeline: Any = context.pipeline()
    confirm(write_mode, pipeline)
    return LandedData(pipeline, dlt.current.source_schema().name, _emptied_tables())


def _selected_tables(names: frozenset[str], chosen: frozenset[str]) -> frozenset[str]:
    """The tables that this run of the source loads, out of all that it has; those chosen by groups if none says so."""
    try:
        return names.intersection(dlt.current.source().selected_resources)
    except CurrentSourceNotAvailable:
        return chosen


def _resource_names(names: frozenset[str]) -> set[str]:
    """The source's resources, a user's own among them."""
    with suppress(CurrentSourceNotAvailable):
        return {*names, *TABLES, TYPED_TABLES, *dlt.current.source().resources}
    return {*names, *TABLES, TYPED_TABLES}


def _state() -> dict[str, Any]:
    """The source's part of the pipeline's state; outside of a pipeline nothing is remembered."""
    try:
        state: Any = dlt.current.source_state()
    except PipelineStateNotAvailable:
        return {}
    if not isinstance(state, dict):  # damaged: begin anew
        state = pipeline_state(Container())[0]["sources"][SECTION] = {}
    return state  # type: ignore[no-any-return]


def _emptied_tables() -> list[str]:
    """The tables that dlt drops or empties before this load, as it was run with `refresh`."""
    try:
        package: Any = dlt.current.load_package_state()["state"]
    except CurrentLoadPackageStateNotAvailable:
        return []
    return [table["name"] for what in ("dropped_tables", "truncated_tables") for table in package.get(what, ())]


def load_id() -> str | None:
    """Return dlt's id of the load under way; None outside of a pipeline."""
    try:
        return dlt.current.load_package_state()["load_id"]
    except CurrentLoadPackageStateNotAvailable:
        return None
