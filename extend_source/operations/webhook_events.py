"""Loading what webhooks have told of: the runs that events name, by their ids, and the events themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import dlt

from extend_source.api import GENERATIONS, PagesAhead, object_types_of
from extend_source.config.settings import ExtendSettings
from extend_source.ingest.listings import is_filtered
from extend_source.ingest.named_runs import refuse_filters_of_lists
from extend_source.ingest.progress import SyncProgress
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.ingest.webhook_events import WebhookEvent, newest_by_run
from extend_source.operations.load_series import LoadSeries
from extend_source.tables.objects import RUN_TYPES
from extend_source.telemetry.observation import observed

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class EventsResult:
    """What was done about events.

    Attributes:
        events: how many there were.
        runs: the distinct runs, parse runs and workflow runs that they name.
        fetched: those that were fetched and loaded, and the runs that came with them.
        known: of these, the ones that had landed since they were told of.
        failed: of these, the ones that went to ``fetch_errors``; the next listing sync tries them again.
        of_another_version: of these, ids of another version of the API than the dataset's, which cannot be loaded.
        left_out: of these, the ones that the filters of the settings leave out.
        requests: requests sent.
        throttled: 429 answers.
        seconds: seconds it took.
        stopped_by: why it ended early, such as ``request`` or ``max_requests``; None: all of it has landed.
        load_ids: dlt's ids of the loads.
    """

    events: int
    runs: int
    fetched: int
    known: int
    failed: int
    of_another_version: int
    left_out: int
    requests: int
    throttled: int
    seconds: float
    stopped_by: str | None
    load_ids: list[str]


def load_events(
    pipeline: dlt.Pipeline,
    events: Sequence[WebhookEvent],
    *,
    progress: SyncProgress | None = None,
    **arguments: Unpack[Arguments],
) -> EventsResult:
    """Load the runs that events name, and a row in ``webhook_events`` for each event.

    Where filters choose some runs of the workspace, only these are loaded, and parse runs with those that name them.
    A run that has landed since an event told of it is not fetched again. Events of one that cannot be loaded count as
    done: it is a row in ``fetch_errors``.

    Args:
        pipeline: any dlt pipeline.
        events: what webhooks have told, each event once.
        progress: filled while it runs.
        **arguments: as for `extend_source`; a share of failures is no reason to fail.

    Returns:
        What was done. With a `stopped_by`, some runs are left, and no event has a row.

    Raises:
        SyncUnderWay: the pipeline is being synced already.
        ApiError: the API refused everything, or cannot be reached.
        UsageError: a filter chooses runs by what only lists say.
        InvalidSetting: a setting cannot work, or the destination cannot hold the tables.
        RowsRefused: the destination refused rows, and dlt was told to go on.
        PipelineStepFailed: loading failed.
        ConfigurationValueError: a setting has a value that it does not take.
    """
    arguments = {**arguments, "max_error_share": 1.0}
    settings, progress = resolved_settings(needs_rules=False, **arguments), progress or SyncProgress()
    told_of = newest_by_run(events)
    refuse_filters_of_lists(settings)
    own = [run_id for run_id in told_of if not is_of_another_version(run_id, settings.api_version)]
    run_ids = [run_id for run_id in own if _is_run(run_id, settings)] if is_filtered(settings) else own
    with observed(pipeline, settings, progress, "events") as observation:
        series = LoadSeries(pipeline, settings, progress, PagesAhead(), {**arguments}, observation)
        series.session.events = tuple(events)
        series.run(run_ids, reconcile=False)
        observation.stopped_by = series.session.stopped_by
    counts = progress.of.values()
    return EventsResult(
        events=len(events),
        runs=len(told_of),
        fetched=sum(progress.of[name].fetched for name in RUN_TYPES),
        known=sum(each.known for each in counts),
        failed=sum(each.failed for each in counts),
        of_another_version=len(told_of) - len(own),
        left_out=len(own) - len(run_ids) + series.session.left_out,
        requests=progress.requests.requests,
        throttled=progress.requests.throttled,
        seconds=round(progress.seconds, 3),
        stopped_by=series.session.stopped_by,
        load_ids=series.load_ids,
    )


def is_of_another_version(object_id: str, api_version: str) -> bool:
    """Tell whether an id looks like one of another version of the API, and like none of this one."""
    others = (version for version in GENERATIONS if version != api_version)
    looks_foreign = any(object_types_of(version, object_id) for version in others)
    return looks_foreign and not object_types_of(api_version, object_id)


def _is_run(object_id: str, settings: ExtendSettings) -> bool:
    """Tell whether an id is, or may be, one of a processor run."""
    fitting = object_types_of(settings.api_version, object_id)
    return not fitting or "processor_run" in fitting
