"""One load of dlt run to its end, and what its failures leave behind."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from typing import Any

import dlt
from dlt.common import logger
from dlt.common.destination.exceptions import SqlClientNotAvailable
from dlt.common.pipeline import LoadInfo
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.errors import RowsRefused
from extend_source.pipeline.staging import begin_filling
from extend_source.text.wording import one_line

_FAILURES = "extend_load_failures"
_DROPPED = "extend_load_dropped"

_MAX_CHARACTERS = 500
"""Errors of databases can be pages long."""


def run_load(
    pipeline: dlt.Pipeline, attempts: int, source: Any, before_loading: Callable[[], None] = lambda: None
) -> list[str]:
    """Run one load to its end.

    Args:
        pipeline: the pipeline, with nothing pending.
        attempts: how often a load may fail, over all syncs, before it is dropped.
        source: what to load.
        before_loading: is called when all has been extracted, before the destination is written to.

    Returns:
        dlt's ids of the load; none when there was nothing to load.

    Raises:
        PipelineStepFailed: the load failed; it stays pending unless it was dropped.
        RowsRefused: the destination refused rows, and dlt was told to go on.
    """
    begin_filling(pipeline)
    try:
        with _told_before_loading(pipeline, before_loading):
            info = pipeline.run(source)
    except PipelineStepFailed as failure:
        # counted here as well, so that the next sync knows how often it has been tried
        note_failure(pipeline, failure, attempts)
        raise
    refuse_failed_jobs(pipeline, info)
    return load_ids(info)


@contextmanager
def _told_before_loading(pipeline: dlt.Pipeline, tell: Callable[[], None]) -> Iterator[None]:
    """Have something done between two steps of `run`, where dlt has no hook."""
    load = pipeline.load

    def told_first(*given: Any, **named: Any) -> LoadInfo:
        tell()
        return load(*given, **named)

    pipeline.load = told_first  # type: ignore[method-assign]
    try:
        yield
    finally:
        del pipeline.load  # the method of its class is there again


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
    if not answers(pipeline):
        return False
    failures = _failures(pipeline)
    count = failures.get(load_id, 0) + 1
    if count < attempts:
        pipeline.set_local_state_val(_FAILURES, {load_id: count})
        return False
    logger.error(
        f"Load {load_id} has failed {count} times. It is dropped, and its runs will be fetched again. "
        f"The last error: {one_line(str(failure.exception))[:_MAX_CHARACTERS]}"
    )
    drop_pending(pipeline)
    return True


def drop_pending(pipeline: dlt.Pipeline) -> None:
    """Drop the loads that are pending; the next scan compares everything, and finds their objects."""
    pipeline.abort_packages()
    pipeline.set_local_state_val(_FAILURES, {})
    pipeline.set_local_state_val(_DROPPED, True)


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


def answers(pipeline: dlt.Pipeline) -> bool:
    """Tell whether the destination can be reached; one that takes no SQL is believed to be."""
    try:
        with pipeline.sql_client() as client:
            client.execute_sql("SELECT 1")
    except SqlClientNotAvailable:
        return True
    except Exception:
        return False
    return True
