"""Loads that an earlier sync left behind: finished first, or given up when the destination keeps refusing them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.destination.exceptions import SqlClientNotAvailable
from dlt.common.pipeline import LoadInfo
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.api import ExtendError
from extend_source.completeness import restore
from extend_source.config import SECTION
from extend_source.landed import LandedData
from extend_source.writing import one_line

_FAILURES = "extend_load_failures"
_DROPPED = "extend_load_dropped"

_MOST_CHARACTERS = 500
"""Errors of databases can be pages long."""


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
    if pipeline.has_pending_data and _answers(pipeline):  # it is to meet whole tables
        compare_all_next(pipeline, restore(LandedData(pipeline, SECTION)))
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


def note_failure(pipeline: dlt.Pipeline, failure: PipelineStepFailed, attempts: int) -> bool:
    """Count a failure to load, and drop the load when there have been enough.

    That the destination cannot be reached does not count, nor does a user's interruption.

    Args:
        pipeline: the pipeline.
        failure: what dlt raised.
        attempts: how often a load may fail.

    Returns:
        Whether the load was dropped. Its runs have not landed then; `dropped_a_load` tells the next scan to find them.
    """
    load_id = failure.load_id
    if load_id is None or failure.step not in ("normalize", "load") or _was_interrupted(failure):
        return False
    if not _answers(pipeline):
        return False
    failures = _failures(pipeline)
    count = failures.get(load_id, 0) + 1
    if count < attempts:
        pipeline.set_local_state_val(_FAILURES, {load_id: count})
        return False
    logger.error(
        f"Load {load_id} has failed {count} times. It is dropped, and its runs will be fetched again. "
        f"The last error: {one_line(str(failure.exception))[:_MOST_CHARACTERS]}"
    )
    pipeline.abort_packages()
    pipeline.set_local_state_val(_FAILURES, {})
    pipeline.set_local_state_val(_DROPPED, True)
    return True


def dropped_a_load(pipeline: dlt.Pipeline) -> bool:
    """Tell whether a load was dropped since the last scan that compared everything.

    Some of its tables may have landed, so a watermark does not tell any longer that all below it is whole.
    """
    try:
        return bool(pipeline.get_local_state_val(_DROPPED))
    except KeyError:
        return False


def forget_dropped_load(pipeline: dlt.Pipeline) -> None:
    """Note that everything has been compared since."""
    pipeline.set_local_state_val(_DROPPED, False)


class RowsRefused(ExtendError):  # noqa: N818 - the name says what happened
    """The destination refused rows, and dlt was told to go on without them."""

    default_advice = "See `dlt pipeline NAME failed-jobs` for why; the next sync writes the rows again"


def refuse_failed_jobs(pipeline: dlt.Pipeline, info: LoadInfo | None) -> None:
    """Make sure that all rows of a load have landed: dlt can be told to go on where some have not.

    Args:
        pipeline: the pipeline.
        info: what dlt reports of the load.

    Raises:
        RowsRefused: some have not; the next sync compares everything.
    """
    if info is None or not info.has_failed_jobs:
        return
    pipeline.set_local_state_val(_DROPPED, True)
    jobs = [job for package in info.load_packages for job in package.jobs["failed_jobs"]]
    tables = sorted({job.job_file_info.table_name for job in jobs})
    raise RowsRefused(
        f"The destination refused rows of {', '.join(tables)}, and LOAD__RAISE_ON_FAILED_JOBS told dlt to go on"
    )


def compare_all_next(pipeline: dlt.Pipeline, lacking: Collection[str]) -> None:
    """Have the next sync compare everything where tables lack rows.

    Args:
        pipeline: the pipeline.
        lacking: the tables.
    """
    if lacking:
        pipeline.set_local_state_val(_DROPPED, True)


def load_ids(info: LoadInfo | None) -> list[str]:
    """Return the ids of the loads that dlt reports."""
    return list(info.loads_ids) if info else []


def _failures(pipeline: dlt.Pipeline) -> dict[str, Any]:
    try:
        known = pipeline.get_local_state_val(_FAILURES)
    except KeyError:
        return {}
    return known if isinstance(known, dict) else {}


def _was_interrupted(failure: BaseException) -> bool:
    seen: BaseException | None = failure
    while seen is not None:
        if isinstance(seen, KeyboardInterrupt):
            return True
        seen = getattr(seen, "exception", None) or seen.__cause__
    return False


def _answers(pipeline: dlt.Pipeline) -> bool:
    """Tell whether the destination can be reached; one that takes no SQL is believed to be."""
    try:
        with pipeline.sql_client() as client:
            client.execute_sql("SELECT 1")
    except SqlClientNotAvailable:
        return True
    except Exception:
        return False
    return True
