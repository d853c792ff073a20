"""Saying what a sync would do: it is listed and compared as in a sync, but nothing is fetched and nothing written."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import dlt

from extend_source.api import GENERATIONS, GROUP_OF, RequestStatistics
from extend_source.config.groups import GROUPS
from extend_source.config.settings import ExtendSettings, parse_start_date
from extend_source.ingest.children import children_of_workflow_runs
from extend_source.ingest.client import client_for, run_to_end
from extend_source.ingest.context import SyncContext
from extend_source.ingest.definitions import takes_a_request
from extend_source.ingest.discovery import Discovery
from extend_source.ingest.finding import find_wanted
from extend_source.ingest.forecast import SyncPart
from extend_source.ingest.limits import Limits, StoppedBy
from extend_source.ingest.listed_objects import listed_objects
from extend_source.ingest.named_objects import fetches_texts
from extend_source.ingest.named_runs import checked_run_ids, refuse_ids_without_details, wanted_by_id
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.ingest.state import SyncState, scope_of
from extend_source.ingest.worklist import Worklist
from extend_source.pipeline.generations import refuse_another_generation
from extend_source.pipeline.pending import pending_loads
from extend_source.pipeline.read_only import location, source_state, viewed, viewed_data
from extend_source.source import extend_source
from extend_source.tables import selection_text, tables_to_fetch
from extend_source.tables.objects import RUN_TYPES

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class PlanResult:
    """What a sync would do.

    Attributes:
        mode: how the runs were found: full, incremental, reconcile or by_id.
        listed: runs seen in the listing.
        known: runs that have landed and not changed.
        to_fetch: runs to fetch, by reason: listed (new or changed), asked (for by id), in_flight (not ended when they
            landed), failed (could not be loaded before), vanished (no longer listed), recheck (nothing says that they
            have changed).
        listing_requests: requests that the listing took, and will take again.
        file_backlog: files that landed without text, which the sync fetches; None: it fetches no text of files. For
            each new file of a fetched run it sends one request more, of which the listing tells nothing.
        requests: requests that the sync will send: listing, all that is fetched, and file backlog.
        minutes: how long they take within the request budget; None: there is no budget.
        loads: loads that the sync will make, the pending ones not counted.
        pending_loads: loads that an earlier sync left behind, which the sync finishes first.
        watermark: all changes up to here are loaded, UTC; None: the listing has not been worked off yet.
        stopped_by: why the plan saw a part of the listing only: request, max_runs, max_requests or max_seconds; None:
            it saw all.
        stops_at: the limit that will end the sync early, max_requests or max_seconds; None: neither.
        destination: where the rows go, without any password.
        dataset: the dataset (schema) they go to.
        parse_runs: parse runs to fetch: those listed anew, and those that landed runs name. One that a run names and no
            list has shown is not known before.
        parts: where a first sync takes more than an hour: parts to begin with, which take less.
        details: whether runs are fetched; False: only the lists are read.
        others: workflow runs, workflows, processors and versions of these to fetch.
        with_workflow_runs: runs and parse runs, among those to fetch, that come with workflow runs, which saves their
            requests: those that the lists tell.
        groups: how many of the requests are for each group of the setting `objects`.
    """

    mode: str
    listed: int
    known: int
    to_fetch: dict[str, int]
    listing_requests: int
    file_backlog: int | None
    requests: int
    minutes: float | None
    loads: int
    pending_loads: int
    watermark: datetime | None
    stopped_by: str | None
    stops_at: str | None
    destination: str
    dataset: str
    parse_runs: int = 0
    parts: list[SyncPart] = field(default_factory=list)
    details: bool = True
    others: int = 0
    with_workflow_runs: int = 0
    groups: dict[str, int] = field(default_factory=dict)

    @property
    def runs(self) -> int:
        """All runs to fetch."""
        return sum(self.to_fetch.values())


def plan(
    pipeline: dlt.Pipeline,
    *,
    run_ids: Iterable[str] | None = None,
    reconcile: bool = False,
    progress: SyncProgress | None = None,
    **arguments: Unpack[Arguments],
) -> PlanResult:
    """Say what `sync` with the same arguments would do; only the listing is requested.

    Args:
        pipeline: any dlt pipeline; neither it nor its destination is changed.
        run_ids: the runs to load; None: find them by listing.
        reconcile: compare the whole listing with what has landed, and recheck runs within the review window.
        progress: filled while the runs are listed; set its `stop_requested` to stop that.
        **arguments: as for `extend_source`.

    Returns:
        The runs to fetch by reason, and what that takes.

    Raises:
        ApiError: the API refused everything, or cannot be reached.
        UsageError: `run_ids` has something that is no id, or is given and `details` is False.
        InvalidSetting: a setting cannot work, or the destination cannot hold the tables.
        SyncUnderWay: the pipeline is being synced into a DuckDB file, which one process at a time can open.
        PipelineStepFailed: the destination cannot be read.
        ConfigurationValueError: a setting has a value that it does not take.
    """
    settings = resolved_settings(**arguments)
    ids = None if run_ids is None else checked_run_ids(run_ids)
    refuse_ids_without_details(ids, settings)
    given: dict[str, Any] = {**arguments}
    tables = frozenset(extend_source(**given).selected_resources)
    scope = scope_of(settings, selection_text(tables))
    fetched_tables = tables_to_fetch(tables, details=settings.details)
    counts = progress or SyncProgress()
    with viewed(pipeline) as view:
        landed = viewed_data(view)
        landed.probe()
        refuse_another_generation(landed, settings.api_version)
        now = datetime.now(timezone.utc)
        limits = Limits(settings, counts, bounded=True)
        context = SyncContext(settings, landed, counts, limits, scope, fetched_tables, now, selected=tables)
        children = set[str]()
        if ids is not None:
            worklist = wanted_by_id(ids, context)
        else:
            start = None if settings.start_date is None else parse_start_date(settings.start_date)
            position = SyncState(source_state(view)).position(scope, start, now)
            discovery = Discovery(context, position=position, reconcile=reconcile)
            children = run_to_end(_list_all(discovery))
            worklist = discovery.worklist
            if worklist.listing_error is not None:
                raise worklist.listing_error
        backlog = len(landed.files_without_contents()) if fetches_texts(settings, tables) else None
        if ids is None and worklist.complete:
            for each in listed_objects(context):
                worklist.add(each.backlog(worklist))
        pending = len(pending_loads(pipeline, view))
    return _result(pipeline, settings, counts, worklist, backlog, pending, children)


async def _list_all(discovery: Discovery) -> set[str]:
    """List all there is, and return the ids of runs that will come with workflow runs."""
    context = discovery.context
    requests, limits = context.progress.requests, context.limits
    async with client_for(context.settings, requests, may_send=lambda: limits.stopped_by is None) as client:
        listed = {each.object_type: each for each in listed_objects(context)}
        async for _ in find_wanted(client, discovery, listed):
            pass
    if "workflow_run" not in listed or not discovery.worklist.complete:
        return set()
    async with client_for(context.settings, RequestStatistics()) as client:  # the sync sends none of these
        return await children_of_workflow_runs(client, discovery.worklist, listed["workflow_run"].moving)


def _result(
    pipeline: dlt.Pipeline,
    settings: ExtendSettings,
    progress: SyncProgress,
    worklist: Worklist,
    backlog: int | None,
    pending: int,
    children: set[str],
) -> PlanResult:
    by_reason = Counter[str](one.reason for one in worklist.left() if one.object_type == "processor_run")
    by_type = Counter[str](one.object_type for one in worklist.left())
    alone = Counter[str](
        one.object_type for one in worklist.left() if one.id not in children and takes_a_request(one, settings)
    )
    listing, files = progress.requests.requests, backlog or 0
    runs = sum(alone[name] for name in RUN_TYPES)
    requests = listing + alone.total() + files
    rate = settings.requests_per_second
    minutes = requests / rate / 60 if rate else None
    return PlanResult(
        mode=worklist.mode,
        listed=progress.listed,
        known=progress.known,
        to_fetch=dict(by_reason),
        listing_requests=listing,
        file_backlog=backlog,
        requests=requests,
        minutes=None if minutes is None else round(minutes, 3),
        loads=_loads(settings, runs, files),
        pending_loads=pending,
        watermark=worklist.before.watermark,
        stopped_by=worklist.listing_stopped_by,
        stops_at=_stops_at(settings, requests, minutes),
        destination=location(pipeline),
        dataset=pipeline.dataset_name,
        parse_runs=by_type["parse_run"],
        parts=[] if (forecast := worklist.forecast(settings, requests - listing)) is None else forecast.parts,
        details=settings.details,
        others=by_type.total() - by_type["processor_run"] - by_type["parse_run"] - by_type["file"],
        with_workflow_runs=sum(one.id in children for one in worklist.left()),
        groups=_by_group(settings, progress.requests.requests_by_endpoint, alone, files),
    )


def _by_group(
    settings: ExtendSettings, listing: Mapping[str, int], fetched: Counter[str], files: int
) -> dict[str, int]:
    """Say how many requests each group takes; the texts of files go with the runs."""
    types = {each.list_name: each.object_type for each in GENERATIONS[settings.api_version]}
    found = Counter[str]({"runs": files + fetched["file"]})
    for name, number in listing.items():
        found[GROUP_OF.get(types.get(name, ""), "runs")] += number
    for object_type, number in fetched.items():
        if object_type != "file":
            found[GROUP_OF.get(object_type, "parsing")] += number
    return {name: found[name] for name in GROUPS if name in settings.groups}


def _loads(settings: ExtendSettings, runs: int, files: int) -> int:
    """Estimate the number of loads, at least one: each has a maximum of runs, of files and of minutes.

    How large the payloads are is not known before they are fetched, so `package_megabytes` can make it more loads.
    """
    by_number = math.ceil(max(runs, files) / settings.package_runs)
    per_load = settings.requests_per_second * settings.package_minutes * 60
    by_time = math.ceil((runs + files) / per_load) if per_load else 0
    return max(1, by_number, by_time)


def _stops_at(settings: ExtendSettings, requests: int, minutes: float | None) -> StoppedBy | None:
    if settings.max_requests is not None and requests > settings.max_requests:
        return "max_requests"
    if settings.max_seconds is not None and minutes is not None and minutes * 60 > settings.max_seconds:
        return "max_seconds"
    return None
