"""Building the tables anew from the payloads that have landed with `keep_raw`: no request, no API key."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import dlt
from dlt.extract import DltResource
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.config.settings import SECTION
from extend_source.errors import extend_error_in
from extend_source.ingest.chunks import Chunks
from extend_source.ingest.garbage import earlier_objects_left_alone, fewer_collections
from extend_source.ingest.progress import ObjectCounts, SyncProgress
from extend_source.ingest.replay import Replay
from extend_source.ingest.resolution import Arguments, resolved_settings
from extend_source.ingest.state import SyncState
from extend_source.pipeline.comments import keep_comments
from extend_source.pipeline.completeness import restore
from extend_source.pipeline.held_database import held_database
from extend_source.pipeline.hints import silence_expected_warnings
from extend_source.pipeline.idle_rows import without_idle_markers
from extend_source.pipeline.indexes import keep_indexes
from extend_source.pipeline.loads import run_load
from extend_source.pipeline.lock import exclusive
from extend_source.pipeline.overrides import refuse_refresh
from extend_source.pipeline.pending import settle
from extend_source.pipeline.read_only import location
from extend_source.pipeline.replacements import Announcement
from extend_source.pipeline.write_mode import active_write_mode
from extend_source.source import landed_data, load_id, table_resource, typed_resource
from extend_source.tables import Tables

if TYPE_CHECKING:
    from typing_extensions import Unpack


@dataclass(frozen=True)
class RebuildResult:
    """What a rebuild did.

    Attributes:
        runs: runs whose rows were written anew.
        files: files written anew from what ``GET /files/{id}`` had sent.
        parse_runs: parse runs whose rows were written anew.
        failed: payloads that could not be read; rows in ``fetch_errors``.
        without_payload: runs and parse runs that have landed without a raw payload; their rows were left as they are.
        outdated: runs that have landed from a later payload than the raw one, as `keep_raw` was off by then; their
            rows were left as they are, too.
        left: payloads left over, as the rebuild was asked to stop.
        tables: rows written, by table. What several loads had brought, such as a file, counts for each of them.
        seconds: seconds the rebuild took.
        destination: where the rows are, without any password.
        dataset: the dataset (schema) they are in.
        errors: the first few failures by the id of the run or file; all of them are in ``fetch_errors``.
        load_ids: dlt's ids of the loads, the pending ones finished first among them.
        objects: the counts by type of objects.
    """

    runs: int
    files: int
    failed: int
    without_payload: int
    outdated: int
    left: int
    tables: dict[str, int]
    seconds: float
    destination: str
    dataset: str
    parse_runs: int = 0
    errors: dict[str, str] = field(default_factory=dict)
    load_ids: list[str] = field(default_factory=list)
    objects: dict[str, ObjectCounts] = field(default_factory=dict)

    @property
    def complete(self) -> bool:
        """Tell whether the rows of every run that has landed were written anew."""
        return not (self.failed or self.without_payload or self.outdated or self.left)


def rebuild(
    pipeline: dlt.Pipeline, *, progress: SyncProgress | None = None, **arguments: Unpack[Arguments]
) -> RebuildResult:
    """Write the rows of all runs anew from ``raw_payloads``, without a request.

    The rows become what the loads that kept the payloads have written. That gives back rows that were deleted or
    damaged, and fills tables and columns that a newer version of this source has.

    No table is emptied first: as in any load, the rows of a run replace all that it had, and those that it no longer
    has vanish. So readers see every run at any moment, a kill loses nothing, and runs without a raw payload keep
    their rows. What belongs to no run stays, too: child rows whose run is neither in ``processor_runs`` nor in
    ``raw_payloads``.

    Tombstones, summaries, the watermark, and errors that the API had answered with, stay as they are.

    Args:
        pipeline: the pipeline that has loaded the runs.
        progress: filled while the rebuild runs; set its `stop_requested` to end it early.
        **arguments: settings by name, as for `extend_source`; the API key is not needed. With `file_contents` =
            ``none`` no text of files is written; `parse_output` says how much of parse runs is; `package_runs` is the
            most runs in one load.

    Returns:
        What was done. Payloads that cannot be read are rows in ``fetch_errors``, not an exception.

    Raises:
        SyncUnderWay: the pipeline is being synced.
        InvalidSetting: the pipeline was made with `refresh`.
        NoRawPayloads: no payload has landed.
        RowsRefused: the destination refused rows, and dlt was told to go on; the next sync writes them again.
        PipelineStepFailed: loading failed.
        ConfigurationValueError: a setting has a value that it does not take.
    """
    refuse_refresh(pipeline, "rebuild")
    settings = resolved_settings(needs_key=False, **arguments)
    replay = Replay(settings, progress or SyncProgress())
    with exclusive(pipeline), held_database(pipeline, has_large_rows=settings.keep_raw) as database:
        try:
            loads = settle(pipeline, settings.package_attempts)
            with earlier_objects_left_alone(), fewer_collections() as collect:
                while not replay.is_over:
                    if loads:
                        collect()
                        database.renew()
                    loads += run_load(pipeline, settings.package_attempts, _source(replay))
            if settings.indexes:
                keep_indexes(pipeline, location(pipeline))
            keep_comments(pipeline, location(pipeline))
        except PipelineStepFailed as failure:
            error = extend_error_in(failure)
            if error is None:
                raise
            raise error from None
    return _result(pipeline, replay, loads)


def _source(replay: Replay) -> Any:
    """The source of one load: its name and tables are those of the source that fetches."""
    silence_expected_warnings()

    # decorated in here: dlt keeps a register of the sources of modules, and this is none to choose from
    @dlt.source(name=SECTION, section=SECTION, max_table_nesting=0)
    def landed_payloads() -> list[DltResource]:
        write_mode = active_write_mode(replay.settings.table_format, layout=replay.settings.indexes)

        @dlt.resource(name="run_batches", selected=False)
        def run_batches() -> Iterator[Tables]:
            landed = landed_data(write_mode)
            if not replay.sync_id and restore(landed, frozenset(replay.rebuilt)):
                SyncState(dlt.current.source_state()).forget_positions()
            announcement, chunks = Announcement(landed, load_id()), Chunks()
            for batch in replay.load(landed, load_id() or ""):
                yield chunks.add(announcement.note(batch))
            announcement.make()
            yield without_idle_markers(chunks.rest(), landed)

        resources = [table_resource(run_batches, table, write_mode) for table in replay.written]
        return [*resources, typed_resource(run_batches, write_mode)]

    return landed_payloads()


def _result(pipeline: dlt.Pipeline, replay: Replay, loads: list[str]) -> RebuildResult:
    progress = replay.progress
    typed = sorted(progress.rows.keys() - replay.names)
    return RebuildResult(
        runs=progress.fetched,
        files=progress.files_fetched,
        failed=sum(counts.failed for counts in progress.of.values()),
        without_payload=replay.without_payload,
        outdated=replay.outdated,
        left=replay.left,
        tables={name: progress.rows[name] for name in (*replay.rebuilt, *typed)},
        seconds=round(progress.seconds, 3),
        destination=location(pipeline),
        dataset=pipeline.dataset_name,
        parse_runs=progress.of["parse_run"].fetched,
        errors=dict(progress.errors),
        load_ids=loads,
        objects=dict(progress.of),
    )
