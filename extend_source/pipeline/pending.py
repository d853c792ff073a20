"""Loads that an earlier sync left behind: finished first, or given up when the destination keeps refusing them."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta, timezone
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.pipeline import LoadInfo
from dlt.common.schema.typing import PIPELINE_STATE_TABLE_NAME
from dlt.common.storages.load_package import ParsedLoadJobFileName
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.config.settings import SECTION
from extend_source.pipeline.completeness import restore
from extend_source.pipeline.earlier_tables import carry_over
from extend_source.pipeline.erased_rows import delete_rows_of
from extend_source.pipeline.landed import LandedData
from extend_source.pipeline.loads import (
    answers,
    compare_all_next,
    drop_pending,
    load_ids,
    note_failure,
    refuse_failed_jobs,
)
from extend_source.tables.bookkeeping import ERASURES, MIGRATED_IDS
from extend_source.text.wording import counted

CLOCK_SKEW = timedelta(hours=1)
"""How far the clocks of two machines may differ: a time that lies further in the future is not believed."""


def finish_pending(pipeline: dlt.Pipeline, attempts: int) -> list[str]:
    """Load what is pending: dlt would otherwise load that, and nothing else, at the next run.

    Args:
        pipeline: the pipeline.
        attempts: how often a load may fail, over all syncs, before it is dropped.

    Returns:
        The ids of the loads that were finished.

    Raises:
        PipelineStepFailed: loading failed; the load stays pending unless it was the last attempt.
        RowsRefused: the destination refused rows, and dlt was told to go on.
    """
    _complete_folders(pipeline)
    _delete_leftovers(pipeline)
    if pipeline.has_pending_data and answers(pipeline):  # it is to meet whole tables
        landed = LandedData(pipeline, SECTION)
        compare_all_next(pipeline, restore(landed))
        _drop_overtaken(pipeline, landed)
    finished: list[str] = []
    while pipeline.has_pending_data:
        try:
            info = _finish(pipeline)
        except PipelineStepFailed as failure:
            if not note_failure(pipeline, failure, attempts):
                raise
            continue
        refuse_failed_jobs(pipeline, info)
        finished += load_ids(info)
        if info is None and pipeline.has_pending_data:
            # dlt was killed before it had noted the schema; without one it does nothing at all
            pipeline.abort_packages()
    return finished


def _drop_overtaken(pipeline: dlt.Pipeline, landed: LandedData) -> None:
    """Drop loads that were made before another machine erased something, or migrated: they would bring it back."""
    books = ((ERASURES, "erased_at"), (MIGRATED_IDS, "migrated_at"))
    noted = (row[0] for table, column in books for row in landed.rows(table, (column,), distinct=True))
    latest = datetime.now(timezone.utc) + CLOCK_SKEW
    newest = max((time for time in noted if time is not None and time <= latest), default=None)
    if newest is None:
        return
    made = {load_id: datetime.fromtimestamp(float(load_id), timezone.utc) for load_id in waiting_loads(pipeline)}
    old = [load_id for load_id, time in made.items() if time < newest + CLOCK_SKEW]
    if any(_tables_of(pipeline, load_id) - {ERASURES.name, PIPELINE_STATE_TABLE_NAME} for load_id in old):
        logger.warning(
            f"{counted(len(old), 'load')} that an earlier sync left behind may have what was erased or migrated since, "
            "and will not be finished: the next listing finds what is to be fetched again."
        )
        drop_pending(pipeline)
        if SECTION not in pipeline.schema_names:
            return  # it was the first one
        ids = defaultdict[str, list[str]](list)
        for object_id, kind, time in landed.erasures():
            if time is not None and min(made.values()) < time + CLOCK_SKEW:  # some tables may have landed
                ids[kind].append(object_id)
        delete_rows_of(pipeline, landed, ids)


def _tables_of(pipeline: dlt.Pipeline, load_id: str) -> set[str]:
    """Name the tables that a pending load has rows for."""
    for packages in (
        pipeline._get_load_storage().normalized_packages,
        pipeline._get_normalize_storage().extracted_packages,
    ):
        if load_id in packages.list_packages():
            return {ParsedLoadJobFileName.parse(job).table_name for job in packages.list_new_jobs(load_id)}
    return set()


def settle(pipeline: dlt.Pipeline, attempts: int) -> list[str]:
    """Settle what was before: finish what is pending, and carry the tables of an earlier version over.

    Args:
        pipeline: the pipeline, locked.
        attempts: how often a load may fail, over all syncs, before it is dropped.

    Returns:
        The ids of the loads that were finished or made.

    Raises:
        PipelineStepFailed: loading failed; the load stays pending unless it was the last attempt.
        RowsRefused: the destination refused rows, and dlt was told to go on.
    """
    return finish_pending(pipeline, attempts) + carry_over(pipeline, attempts)


def _finish(pipeline: dlt.Pipeline) -> LoadInfo | None:
    """Load what is pending.

    dlt's `run` looks at the destination first. Where it finds no dataset, it takes the pipeline for one whose dataset
    was deleted, and clears its folder: also one whose very first load was killed before it had made the dataset.
    """
    if pipeline.first_run and _is_noted(pipeline):
        pipeline.normalize()
        return pipeline.load()
    return pipeline.run()


def pending_loads(pipeline: dlt.Pipeline, view: dlt.Pipeline) -> list[str]:
    """Name the loads that the next sync will finish, as an earlier one has left them behind.

    Args:
        pipeline: the pipeline.
        view: the copy of it that `viewed` gave, which has looked at the destination.

    Returns:
        dlt's ids of the loads, in order. A load that dlt will drop is none: the one of a kill before dlt had noted the
        first schema, all of a pipeline whose dataset is gone, and those that were being dropped.
    """
    is_gone = not pipeline.first_run and not _is_noted(view)
    if is_gone or not _is_noted(pipeline):
        return []
    return waiting_loads(pipeline)


def waiting_loads(pipeline: dlt.Pipeline) -> list[str]:
    """Return dlt's ids of the loads in a pipeline's folder that are neither landed nor being dropped, in order."""
    _complete_folders(pipeline)
    dropped = pipeline._get_load_storage().normalized_packages.has_abort_flag
    normalized = {load_id for load_id in pipeline.list_normalized_load_packages() if not dropped(load_id)}
    return sorted(normalized.union(pipeline.list_extracted_load_packages()))


def _is_noted(pipeline: dlt.Pipeline) -> bool:
    """Tell whether dlt has noted a schema of the pipeline; without one it neither normalises nor loads."""
    schema: Any = pipeline.default_schema_name
    return schema is not None


def _complete_folders(pipeline: dlt.Pipeline) -> None:
    """Make the folders for loads that dlt was killed before making: it could not list the loads without them."""
    for storage in (pipeline._get_load_storage(), pipeline._get_normalize_storage()):
        if storage.storage.has_folder("."):
            storage.initialize_storage()


def _delete_leftovers(pipeline: dlt.Pipeline) -> None:
    """Delete what is left of extracted loads that have been normalised.

    dlt moves the normalised load to its place and then deletes the extracted one. Killed in between, it would try to
    normalise that again for ever, as the place is taken.
    """
    normalized = set(pipeline.list_normalized_load_packages())
    for load_id in normalized.intersection(pipeline.list_extracted_load_packages()):
        pipeline._get_normalize_storage().extracted_packages.delete_package(load_id)
