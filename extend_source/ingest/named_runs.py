"""Runs that a user names by their ids: which of them need fetching."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

from dlt.common import logger

from extend_source.api import Arrival, ExtendClient, object_types_of
from extend_source.config.choices import looks_like_a_key
from extend_source.config.settings import ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import InvalidRequest, NotFound, UsageError
from extend_source.ingest.context import SyncContext
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.pipeline.landed import LandedData, LandedRun, has_ended
from extend_source.pipeline.landed_objects import LandedObject, erased_runs, landed_objects
from extend_source.tables import FILLED_TABLES, fetches
from extend_source.tables.objects import LISTED_TYPES, OBJECT_TYPES, RUN_TYPES, SUMMED_TYPES

MAX_ID_CHARACTERS = 255

_EITHER = ("processor_run", "parse_run")
"""What an id may be of that begins like none."""

_NOT_CHOSEN = "the tables of their type are not loaded, see the setting objects"
_REASONS = {
    "parse_run": 'parse runs are not loaded, see the settings parse_output ("none") and objects',
    "verify_run": "verify runs are not fetched, see the settings verify_details and objects",
}


def wanted_by_id(run_ids: Iterable[str], context: SyncContext) -> Worklist:
    """Choose which of the runs asked for need fetching.

    Args:
        run_ids: ids, in any order, repeated ones once.
        context: what the load goes by; its setting `refresh` also fetches runs that have landed in a terminal state.

    Returns:
        The runs to fetch, in the order given.
    """
    landed, progress, settings = context.landed, context.progress, context.settings
    ids = list(dict.fromkeys(run_id.strip() for run_id in checked_run_ids(run_ids)))
    erased = erased_runs(landed)
    if unwanted := set(ids) & erased:
        logger.warning(f"{len(unwanted):,} of the runs asked for were erased on request and are left out.")
        ids = [run_id for run_id in ids if run_id not in erased]
    types = run_types_of(ids, settings.api_version, landed, lambda object_type: _lands(object_type, context))
    for object_type in sorted(set(types.values())):
        if not _lands(object_type, context):
            unwanted = {each for each in ids if types[each] == object_type}
            logger.warning(
                f"{len(unwanted):,} of the runs asked for are left out: {_REASONS.get(object_type, _NOT_CHOSEN)}."
            )
            ids = [run_id for run_id in ids if run_id not in unwanted]
    known = set[str]()
    if not settings.refresh:
        known.update(_current(landed.runs(ids), context.tables, context.told_at))
        for object_type in (each for each in RUN_TYPES if each != "processor_run"):
            tables = FILLED_TABLES[object_type].intersection(context.selected)
            known.update(_current(landed_objects(landed, object_type, ids), tables, context.told_at))
    wanted = [Wanted(run_id, object_type=types[run_id]) for run_id in ids if run_id not in known]
    progress.mode = "by_id"
    for object_type in sorted(set(types.values())):
        asked = [run_id for run_id in ids if types[run_id] == object_type]
        new = sum(run_id not in known for run_id in asked)
        progress.found(object_type, known=len(asked) - new, wanted=new)
    worklist = Worklist("by_id", context.scope)
    worklist.add(wanted)
    worklist.not_asked(ids)
    return worklist


def _lands(object_type: str, context: SyncContext) -> bool:
    """Tell whether objects of a type, or the runs that they bring whole, fill any of the tables to load."""
    kinds = (object_type, *OBJECT_TYPES[object_type].carries)
    return any(bool(context.tables) if kind == "processor_run" else fetches(kind, context.selected) for kind in kinds)


def run_types_of(
    ids: Iterable[str], api_version: str, landed: LandedData, lands: Callable[[str], bool] = lambda _: True
) -> dict[str, str]:
    """Say of each run asked for what it is: what it has landed or was erased as, or else what such ids are as a rule.

    Args:
        ids: the ids.
        api_version: the API version.
        landed: what the destination holds.
        lands: tells whether objects of a type are loaded: of several types that it may be, one that is goes first.

    Returns:
        ``processor_run``, ``parse_run`` and so on by id; where that is a guess, the API may say otherwise.
    """
    types: dict[str, str] = {}
    for run_id in ids:
        fitting = object_types_of(api_version, run_id) or ("processor_run",)
        types[run_id] = next(filter(lands, fitting), fitting[0])
    types.update((erased_id, kind) for erased_id, kind, _ in landed.erasures() if erased_id in types)
    for object_type in SUMMED_TYPES:
        for kinds in (LISTED_TYPES, OBJECT_TYPES):
            if object_type in kinds:
                types.update(dict.fromkeys(landed.known(kinds[object_type].table, types), object_type))
    return types


async def find(
    client: ExtendClient, wanted: Wanted, arrival: Arrival, selected: Collection[str]
) -> tuple[str, dict[str, Any]]:
    """Fetch an object; one that was asked for may be of another type than its id looks like.

    Args:
        client: the API.
        wanted: the object.
        arrival: where the bytes of the answer come to.
        selected: the tables to load.

    Returns:
        What it is, and its payload.

    Raises:
        ExtendError: it cannot be had.
    """
    try:
        return wanted.object_type, await client.find(
            wanted.object_type, wanted.id, arrival, run_type=wanted.run_type, parent=wanted.parent
        )
    except (NotFound, InvalidRequest):
        fitting = object_types_of(client.api_version, wanted.id) or _EITHER
        for other in fitting if wanted.reason == "asked" else ():
            if other != wanted.object_type and fetches(other, selected):
                with suppress(NotFound, InvalidRequest):
                    return other, await client.find(other, wanted.id, arrival)
        raise


def checked_run_ids(run_ids: Iterable[str]) -> list[str]:
    """Check the ids that a user gives.

    Args:
        run_ids: the ids.

    Returns:
        The ids.

    Raises:
        UsageError: a lone text, or something that is no id, which is not shown if it looks like an API key.
    """
    if isinstance(run_ids, str):
        raise UsageError(
            f"run_ids is one text{'' if looks_like_a_key(run_ids) else f', {run_ids[:40]!r}'}",
            "Give a list of ids: run_ids=[...]",
            error_code=ErrorCode.BAD_RUN_IDS,
        )
    ids = list(run_ids)
    for run_id in ids:
        if looks_like_a_key(run_id):
            raise UsageError(
                "One of the ids looks like an API key, so it is not shown",
                "Give ids of runs and files",
                error_code=ErrorCode.BAD_RUN_IDS,
            )
        if isinstance(run_id, str) and run_id.startswith("-"):
            raise UsageError(
                f"{run_id[:40]!r} is an option, not a run id", "Check the command", error_code=ErrorCode.BAD_RUN_IDS
            )
        if not isinstance(run_id, str) or not 0 < len(run_id.strip()) <= MAX_ID_CHARACTERS:
            raise UsageError(
                f"{str(run_id)[:40]!r} is not a run id",
                f"Ids are texts of 1 to {MAX_ID_CHARACTERS} characters",
                error_code=ErrorCode.BAD_RUN_IDS,
            )
    return ids


def refuse_ids_without_details(run_ids: Iterable[str] | None, settings: ExtendSettings) -> None:
    """Refuse to read only lists where runs are named.

    Args:
        run_ids: the ids that a user gives; None: none.
        settings: `details` says whether runs are fetched.

    Raises:
        UsageError: they are not.
    """
    if run_ids is not None and not settings.details:
        raise UsageError(
            "details = false reads the lists alone, and no list has just the runs that are named",
            "Leave out the run ids, or set details = true",
            error_code=ErrorCode.BAD_COMMAND,
        )


def is_left_out(wanted: Wanted, payload: dict[str, Any] | None, settings: ExtendSettings) -> bool:
    """Tell whether the filters of the settings leave a run out: a webhook tells of any run of the workspace.

    Args:
        wanted: the object.
        payload: the same, canonical; None: it could not be had.
        settings: the filters.
    """
    if wanted.object_type != "processor_run" or payload is None:
        return False
    chosen = {
        "processorId": settings.processor_ids,
        "type": settings.processor_types,
        "status": settings.statuses,
    }
    return any(values and payload.get(member) not in values for member, values in chosen.items())


def refuse_filters_of_lists(settings: ExtendSettings) -> None:
    """Refuse filters of which only a list knows whether they choose a run, where webhooks tell of runs.

    Args:
        settings: the filters.

    Raises:
        UsageError: there are some.
    """
    names = [name for name in ("run_sources", "run_source_ids", "file_name_contains") if getattr(settings, name)]
    if names:
        raise UsageError(
            f"{' and '.join(names)}: whether a run that a webhook tells of is chosen, only a list says",
            "Leave it out, or load by syncs alone",
            error_code=ErrorCode.BAD_COMMAND,
        )


def _current(
    landed: Mapping[str, LandedRun] | Mapping[str, LandedObject],
    tables: frozenset[str],
    told_at: Mapping[str, datetime],
) -> Iterator[str]:
    """Yield the runs that need no fetching: all of them has landed, after they had ended and a webhook told of them."""
    for run_id, run in landed.items():
        told = told_at.get(run_id)
        is_late = told is not None and (run.fetched_at is None or run.fetched_at < told)
        if has_ended(run.status) and tables <= run.tables and not is_late:
            yield run_id
