"""Runs that a user names by their ids: which of them need fetching."""

from __future__ import annotations

from collections.abc import Iterable

from dlt.common import logger

from extend_source.errors import UsageError
from extend_source.ingest.context import SyncContext
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.pipeline.landed import LandedRun, has_ended

MAX_ID_CHARACTERS = 255


def wanted_by_id(run_ids: Iterable[str], context: SyncContext) -> Worklist:
    """Choose which of the runs asked for need fetching.

    Args:
        run_ids: ids, in any order, repeated ones once.
        context: what the load goes by; its setting `refresh` also fetches runs that have landed in a terminal state.

    Returns:
        The runs to fetch, in the order given.
    """
    landed, progress = context.landed, context.progress
    ids = list(dict.fromkeys(run_id.strip() for run_id in checked_run_ids(run_ids)))
    erased = landed.erased("processor_run")
    if unwanted := erased.intersection(ids):
        logger.warning(f"{len(unwanted):,} of the runs asked for were erased on request and are left out.")
        ids = [run_id for run_id in ids if run_id not in erased]
    known = {} if context.settings.refresh else landed.runs(ids)
    wanted = [Wanted(run_id) for run_id in ids if run_id not in known or not _is_final(known[run_id], context.tables)]
    progress.mode = "by_id"
    progress.found("processor_run", known=len(ids) - len(wanted), wanted=len(wanted))
    worklist = Worklist("by_id", context.scope)
    worklist.add(wanted)
    return worklist


def checked_run_ids(run_ids: Iterable[str]) -> list[str]:
    """Check the ids that a user gives.

    Args:
        run_ids: the ids.

    Returns:
        The ids.

    Raises:
        UsageError: a lone text, or something that is no id.
    """
    if isinstance(run_ids, str):
        raise UsageError(f"run_ids is one text, {run_ids[:40]!r}", "Give a list of ids: run_ids=[...]")
    ids = list(run_ids)
    for run_id in ids:
        if isinstance(run_id, str) and run_id.startswith("-"):
            raise UsageError(f"{run_id[:40]!r} is an option, not a run id", "Check the command")
        if not isinstance(run_id, str) or not 0 < len(run_id.strip()) <= MAX_ID_CHARACTERS:
            raise UsageError(
                f"{str(run_id)[:40]!r} is not a run id", f"Ids are texts of 1 to {MAX_ID_CHARACTERS} characters"
            )
    return ids


def _is_final(landed: LandedRun, tables: frozenset[str]) -> bool:
    return has_ended(landed.status) and tables <= landed.tables
