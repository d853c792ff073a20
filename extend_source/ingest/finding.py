"""Finding what is to be fetched in all lists: those of runs, those beside them, and those of definitions."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Mapping

from dlt.common import logger

from extend_source.api import GENERATIONS, GROUP_OF, Endpoint, ExtendClient, RunFilters, lists_of
from extend_source.config.groups import GROUPS
from extend_source.config.settings import ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.errors import ExtendError
from extend_source.ingest.acquaintance import Acquaintance
from extend_source.ingest.definitions import Definitions, definitions
from extend_source.ingest.discovery import Discovery
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.listed_objects import ListedObjects
from extend_source.ingest.listings import MUST_NOT_BE_READ, Listing, all_listings, definition_listings
from extend_source.ingest.summaries import SummaryList, SummaryPage, summary_lists
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.tables.objects import LISTED_TYPES, OBJECT_TYPES
from extend_source.text.wording import counted

Found = tuple[str, SummaryPage]
"""The type of objects, and what a page says of them."""


async def find_wanted(
    client: ExtendClient, discovery: Discovery, listed: Mapping[str, ListedObjects]
) -> AsyncIterator[Found]:
    """Read the lists, and put what is to be fetched into the worklist.

    Where a list beside that of runs cannot be read, what the others have shown is fetched all the same: the error is
    left in the worklist.

    Args:
        client: the API.
        discovery: the runs.
        listed: what is to be fetched of other types, by type.

    Yields:
        What each page says.

    Raises:
        AnotherWorkspace: the lists have nothing of what has landed.
        ExtendError: the API refused everything, or listed nothing; see `Discovery.pages`.
    """
    worklist, context = discovery.worklist, discovery.context
    _warn_of_absent_groups(context.settings)
    _warn_of_few_requests(context.settings, is_whole=worklist.mode != "incremental")
    async for page in discovery.pages(client):
        yield "processor_run", page
    acquaintance = Acquaintance(context)
    async for found in _beside_runs(client, discovery, listed, acquaintance):
        yield found
    _add_backlog(discovery, listed.values())
    if not discovery.has_met_workspace:
        await acquaintance.refuse_another_workspace(client, is_whole=_goes_on(worklist))


def _add_backlog(discovery: Discovery, listed: Iterable[ListedObjects]) -> None:
    """Add what an earlier sync has left of what brings runs whole: these need not be fetched then."""
    if not discovery.context.landed.is_readable:
        return
    for objects in listed:
        if OBJECT_TYPES[objects.object_type].carries:
            wanted = objects.backlog(discovery.worklist)
            discovery.context.progress.found(objects.object_type, wanted=len(wanted))
            discovery.worklist.add(wanted)


def _warn_of_absent_groups(settings: ExtendSettings) -> None:
    """Say in the log which groups were asked for that the API version has nothing of."""
    known = {endpoint.group for endpoint in GENERATIONS[settings.api_version]}
    absent = [name for name in settings.objects or () if name not in known]
    if absent:
        logger.warning(f"API {settings.api_version} has nothing of {' and '.join(absent)} (objects).")


def _warn_of_few_requests(settings: ExtendSettings, *, is_whole: bool) -> None:
    """Say in the log that the lists alone use up `max_requests`: syncs may end there each time, and fetch nothing."""
    if settings.max_requests is None or not settings.details:
        return
    definitions_read = [*definition_listings(settings)][: None if is_whole else 1]  # one a sync, or all
    lists = len([*all_listings(settings), *definitions_read])
    if settings.max_requests <= lists:
        logger.warning(
            f"max_requests = {settings.max_requests} does not reach beyond the {counted(lists, 'list')} that a sync "
            "reads, so that some objects may never be fetched: set it higher, or objects to fewer groups."
        )


async def _beside_runs(
    client: ExtendClient, discovery: Discovery, listed: Mapping[str, ListedObjects], acquaintance: Acquaintance
) -> AsyncIterator[Found]:
    worklist, context = discovery.worklist, discovery.context
    is_whole = worklist.mode != "incremental"
    if worklist.listing_error is not None:
        return
    for objects in summary_lists(context, context.selected, reconcile=is_whole):
        if not _reads_on(discovery):
            return
        async for page in _pages(objects, listed.get(objects.object_type), client, discovery):
            yield objects.object_type, page
        if objects.has_answered:
            acquaintance.note(objects.object_type, objects.seen)
    for kind in definitions(context, worklist.mode, worklist.before):
        if not _reads_on(discovery):
            return
        await _find_definitions(kind, client, discovery)
        if kind.has_answered:
            acquaintance.note(kind.object_type, kind.seen)


def _goes_on(worklist: Worklist) -> bool:
    return worklist.listing_error is None and worklist.listing_stopped_by is None


def _reads_on(discovery: Discovery) -> bool:
    """Tell whether to read further lists: also where one must not be read, as each sync would end there.

    Where something new is to be fetched, up to half of the budgets is left for it; the next sync reads the lists again.
    """
    worklist, error = discovery.worklist, discovery.worklist.listing_error
    if worklist.listing_stopped_by is None:
        _stop_listing(worklist, discovery.context.limits.listing_stopped_for(_to_fetch(discovery)))
    return worklist.listing_stopped_by is None and (error is None or error.status_code in MUST_NOT_BE_READ)


def _to_fetch(discovery: Discovery) -> int:
    return len(discovery.worklist) if discovery.has_news else 0


def _stop_listing(worklist: Worklist, stopped_by: StoppedBy | None) -> None:
    if stopped_by is not None:
        worklist.listing_stopped_by, worklist.complete = stopped_by, False


async def _pages(
    objects: SummaryList, listed: ListedObjects | None, client: ExtendClient, discovery: Discovery
) -> AsyncIterator[SummaryPage]:
    worklist = discovery.worklist
    wanted: list[Wanted] = []
    try:
        async for page in objects.pages(client):
            if listed is not None:
                wanted += listed.listed(page, worklist)
            yield page
        if listed is not None and objects.is_whole:
            wanted += listed.vanished(objects.seen, worklist)
        elif objects.is_whole and LISTED_TYPES[objects.object_type].says_who_is_gone:
            yield SummaryPage([], [], [], objects.gone())
    except ExtendError as problem:
        refused = lists_of(discovery.context.settings.api_version, objects.object_type)
        _note(problem, objects.object_type, refused, discovery)
    discovery.context.progress.found(objects.object_type, wanted=len(wanted))
    worklist.add(wanted)
    _stop_listing(worklist, objects.stopped_by)  # the next sync reads it from its beginning again


def _note(problem: ExtendError, object_type: str, lists: Iterable[Endpoint], discovery: Discovery) -> bool:
    """Leave out a group that nobody has asked for, and that must not be read; of other errors the first one counts.

    Args:
        problem: what a list was answered.
        object_type: what it is of.
        lists: those that the answer is taken for.
        discovery: the runs.

    Returns:
        Whether it is left out.
    """
    settings, group = discovery.context.settings, GROUP_OF[object_type]
    is_refused = problem.status_code in MUST_NOT_BE_READ
    if is_refused and settings.objects is None and GROUPS[group].is_dispensable:
        logger.warning(
            ErrorCode.NO_PERMISSION.line(
                f"{problem} What belongs to {group} is left out: set objects to the groups that are to be loaded."
            )
        )
        for endpoint in lists:
            discovery.context.seen.note_refused(Listing(endpoint, RunFilters()))
        return True
    if problem.refuses_everything:
        raise problem
    discovery.worklist.listing_error = discovery.worklist.listing_error or problem
    return False


async def _find_definitions(kind: Definitions, client: ExtendClient, discovery: Discovery) -> None:
    worklist, context = discovery.worklist, discovery.context
    try:
        async for wanted in kind.pages(client, worklist.before, to_fetch=_to_fetch(discovery)):
            context.progress.found_each(wanted)
            worklist.add(wanted)
    except ExtendError as problem:
        ended = kind.lists[len(kind.read) :][:1]
        is_left_out = _note(problem, kind.object_type, () if kind.is_answered else ended, discovery)
        # its turn is over, or no other list would get one; where nothing can be read, the time would hide what is older
        if is_left_out and context.landed.is_readable:
            worklist.note_read([each.list_path for each in ended], context.now)
    _stop_listing(worklist, kind.stopped_by)
    worklist.note_read(kind.read, context.now)
