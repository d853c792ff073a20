"""Definitions, such as processors and workflows: which of them have changed, and which of their parts are new.

There are few of them, and they seldom change. So their lists are read now and then, from the newest change on, until a
page has nothing new. What has changed is fetched together with its parts that have not landed, such as versions: these
come first, so that a processor that has landed has all its versions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from extend_source.api import CARRIED, DEFINITIONS, Endpoint, ExtendClient, RunFilters, RunPage, lists_of
from extend_source.config.settings import ExtendSettings, resolved_privacy
from extend_source.errors import NotFound, Withdrawn
from extend_source.ingest.context import SyncContext
from extend_source.ingest.fetching import Fetched
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.listings import Listing, due_list
from extend_source.ingest.state import Position
from extend_source.ingest.times import is_before, time_of
from extend_source.ingest.worklist import Mode, Wanted
from extend_source.pipeline.conditions import Condition, equals
from extend_source.pipeline.landed import LandedData
from extend_source.privacy import privacy_rules
from extend_source.tables import Flattener, Origin, TableSchema, fetches
from extend_source.tables.objects import OBJECT_TYPES, ObjectType
from extend_source.tables.processors import DRAFT

_FETCHED = Condition("{payload_sha256} IS NOT NULL", columns=["payload_sha256"])
"""What has landed as it is, and not only as others name it."""


class Definitions:
    """The definitions of one type that a sync is to fetch.

    Attributes:
        object_type: what they are, one of `DEFINITIONS`.
        lists: the lists to read, in this order.
        stopped_by: why `pages` ended before it had read what it had to; None: it has.
        read: the paths of the lists that it has read.
        seen: the ids of what the lists have shown so far.
        has_answered: a page of them has come.
        is_answered: a page of the list has come that is being read, or was read last.
    """

    def __init__(self, object_type: str, context: SyncContext, lists: tuple[Endpoint, ...], *, whole: bool) -> None:
        """Begin; nothing is sent yet.

        Args:
            object_type: what they are.
            context: what the load goes by.
            lists: the lists to read.
            whole: read them to their ends.
        """
        self.object_type = object_type
        self.stopped_by: StoppedBy | None = None
        self.read: list[str] = []
        self.seen = set[str]()
        self.has_answered = False
        self._kind: ObjectType = OBJECT_TYPES[object_type]
        self.lists, self._context, self._whole = lists, context, whole
        self.is_answered = False
        self._to_fetch = 0
        landed = context.landed
        # of any type: what was erased before it had landed is noted as what it was taken for
        self._erased = frozenset(erased_id for erased_id, _, _ in landed.erasures())
        self._incomplete = landed.incomplete(object_type)
        if parts := self._kind.parts:
            self._incomplete |= _owners(object_type, landed, landed.incomplete(parts))

    async def pages(self, client: ExtendClient, before: Position, *, to_fetch: int = 0) -> AsyncIterator[list[Wanted]]:
        """Read the lists, and those of the versions of what has changed.

        Args:
            client: the API.
            before: when the lists were read last, which counts where the destination cannot be read.
            to_fetch: how many objects are to be fetched already; 0: nothing new.

        Yields:
            What is to be fetched, page by page.

        Raises:
            ExtendError: a list cannot be read; what came before can be fetched.
        """
        context = self._context
        self._to_fetch = to_fetch
        lookback = timedelta(seconds=context.settings.lookback)
        for endpoint in self.lists:
            read_at = None if context.landed.is_readable else before.lists_read.get(endpoint.list_path)
            floor = None if read_at is None else read_at - lookback
            self.is_answered = False
            try:
                async for page in client.pages(endpoint):
                    rows = [row for row in page.summaries if isinstance(row.get("id"), str)]
                    self.seen.update(row["id"] for row in rows)
                    self.has_answered = self.is_answered = True
                    self._note(endpoint, page)
                    recent = [row for row in rows if not is_before(row, floor) and row["id"] not in self._erased]
                    changed = self._changed(recent)
                    context.progress.found(self.object_type, listed=len(rows), known=len(rows) - len(changed))
                    yield await self._wanted(client, endpoint, recent, changed)
                    if self.stopped_by:
                        return
                    if not (changed or self._whole):
                        break
                    if not page.is_last and (cut_by := context.limits.listing_stopped_by):
                        self.stopped_by = cut_by
                        return
            except Withdrawn:
                self.stopped_by = context.limits.used_up
                return
            self.read.append(endpoint.list_path)
        if self._whole and self.lists == lists_of(context.settings.api_version, self.object_type):
            yield list(self._vanished())

    def _note(self, endpoint: Endpoint, page: RunPage) -> None:
        if page.number == 1:
            self._context.seen.note_definitions(Listing(endpoint, RunFilters()), page)

    def _changed(self, rows: list[dict[str, Any]]) -> set[str]:
        """Name what the destination does not hold as it is now."""
        landed, ids = self._context.landed, [row["id"] for row in rows]
        if self._context.settings.refresh:
            return set(ids)
        with landed.connected():
            current = self._current(rows) - self._incomplete
            current.difference_update(landed.tombstones(ids))
            if self._kind.needs_parts:  # all of them may be gone from the destination
                current &= _with_parts(self.object_type, landed, ids)
        return set(ids) - current

    def _current(self, rows: list[dict[str, Any]]) -> set[str]:
        """Name what has landed as the list shows it: by its last change, or by its sum where it has no such time."""
        landed, table = self._context.landed, self._kind.table
        said: dict[str, Any] = {row["id"]: time_of(row) for row in rows}
        if "updated_at" in table.column_names:
            known = landed.lookup(table, ("id", "updated_at"), said, _FETCHED, complete=True)
        else:
            known = landed.lookup(table, ("id", "payload_sha256"), said, complete=True)
            said = _sums(self.object_type, rows, self._context)
        return {object_id for object_id, value in known if value is not None and value == said[object_id]}

    async def _wanted(
        self, client: ExtendClient, endpoint: Endpoint, rows: list[dict[str, Any]], changed: Collection[str]
    ) -> list[Wanted]:
        """Name the definitions of a page that have changed, each after its new parts.

        Parts have lists of their own: once something new is to be fetched, up to half of the budgets is left for it.
        """
        found: list[Wanted] = []
        before = self._to_fetch
        parts = _parts_of(endpoint, self._context.settings)
        # what needs no parts may get some, and lose some, while it stays as it is
        may_have_others = self._whole and parts is not None and not self._kind.needs_parts
        for row in rows:
            has_changed = row["id"] in changed
            if not (has_changed or may_have_others):
                continue
            comes_with_parts = parts is None or not parts.get_path
            if parts is not None and not comes_with_parts:
                if cut_by := self._context.limits.listing_stopped_for(self._to_fetch):
                    self.stopped_by = cut_by
                    break
                found += await self._parts(client, parts, row["id"])
            if has_changed or comes_with_parts:
                listed = None if endpoint.get_path else row
                found.append(
                    Wanted(row["id"], "listed", object_type=self.object_type, run_type=endpoint.run_type, row=listed)
                )
            self._to_fetch = before + len(found)
        return found

    async def _parts(self, client: ExtendClient, parts: Endpoint, owner_id: str) -> list[Wanted]:
        """Name the parts of a definition that have not landed, and those that are gone if all were listed."""
        found: list[Wanted] = []
        shown = set[str]()
        async for page in client.pages(parts, parent=owner_id, sort_by="createdAt"):
            rows = [part for part in page.summaries if part.get("id")]
            shown.update(part["id"] for part in rows)
            ids = [part["id"] for part in rows if part.get("version") != DRAFT]
            known = self._known_parts(ids)
            found += (
                Wanted(part_id, "listed", object_type=self._kind.parts, run_type=parts.run_type, parent=owner_id)
                for part_id in ids
                if part_id not in known
            )
            if known and not (self._whole or owner_id in self._incomplete):
                break
        else:
            found += lost_parts(self._context, self.object_type, owner_id, shown, run_type=parts.run_type)
        return [one for one in found if one.id not in self._erased]

    def _known_parts(self, ids: list[str]) -> set[str]:
        """Tell which of some parts have landed with all their rows, and are not taken for gone."""
        landed = self._context.landed
        if self._context.settings.refresh:
            return set()
        rows = landed.lookup(OBJECT_TYPES[self._kind.parts].table, ("id",), ids, complete=True)
        return {row[0] for row in rows}.difference(landed.incomplete(self._kind.parts), landed.tombstones(ids))

    def _vanished(self) -> Iterator[Wanted]:
        """Name the definitions that have landed, and that whole lists have not shown."""
        landed, settings = self._context.landed, self._context.settings
        has_types = "type" in self._kind.table.column_names
        columns = ("id", "type") if has_types else ("id",)
        rows = landed.rows(self._kind.table, columns, equals("workspace_id", settings.workspace_id), _FETCHED)
        known = {row[0]: row[1] if has_types else None for row in rows if row[0] not in self.seen}
        gone = landed.tombstones(known)
        for object_id, run_type in known.items():
            if object_id not in gone and object_id not in self._erased:
                yield Wanted(object_id, "vanished", object_type=self.object_type, run_type=run_type)


def definitions(context: SyncContext, mode: Mode, before: Position) -> Iterator[Definitions]:
    """Name the definitions whose lists are to be read.

    Args:
        context: what the load goes by.
        mode: how the runs are found; an incremental sync reads one list at most, the one that was read longest ago.
        before: when the lists were read last.

    Yields:
        Each type with the lists that are due.
    """
    settings, landed = context.settings, context.landed
    kinds = [
        kind
        for kind in map(OBJECT_TYPES.__getitem__, DEFINITIONS)
        if any(fetches(name, context.selected) for name in (kind.name, kind.parts) if name)
    ]
    lists = {kind.name: lists_of(settings.api_version, kind.name) for kind in kinds}
    lacks = any(landed.incomplete(name) for kind in kinds for name in (kind.name, kind.parts) if name)
    if mode == "incremental" and not lacks:
        paths = [each.list_path for of_kind in lists.values() for each in of_kind]
        due = due_list(paths, before.lists_read, settings.definitions_minutes, context.now)
        lists = {name: tuple(each for each in of_kind if each.list_path == due) for name, of_kind in lists.items()}
    for name, of_kind in lists.items():
        if of_kind:
            yield Definitions(name, context, of_kind, whole=mode != "incremental" or lacks)


def _parts_of(endpoint: Endpoint, settings: ExtendSettings) -> Endpoint | None:
    """Find the endpoint of the parts of a definition; None: it has none."""
    lists = lists_of(settings.api_version, OBJECT_TYPES[endpoint.object_type].parts)
    return next((each for each in lists if each.run_type == endpoint.run_type), None)


def _sums(object_type: str, rows: Iterable[dict[str, Any]], context: SyncContext) -> dict[str, str]:
    """Sum up what a list has of whole objects as it lands, which is without what privacy hides."""
    settings, sums = context.settings, dict[str, str]()
    cut_documents = resolved_privacy(settings.privacy).document_signatures == "cut"
    flattener = Flattener(privacy=privacy_rules(settings), cut_documents=cut_documents)
    origin = Origin(settings.api_version, settings.workspace_id, context.now)
    for row in rows:
        sums[row["id"]] = ""
        with suppress(Exception):  # whoever records it will note that it cannot be read
            sums[row["id"]] = flattener.add(object_type, row, origin)
    return sums


def _owners(object_type: str, landed: LandedData, part_ids: Iterable[str]) -> set[str]:
    """Name the definitions that some parts are of."""
    parts, owner = _owner_column(object_type)
    return {row[1] for row in landed.lookup(parts, ("id", owner), part_ids)}


def _with_parts(object_type: str, landed: LandedData, ids: Iterable[str]) -> set[str]:
    """Name the definitions of which some parts have landed."""
    parts, owner = _owner_column(object_type)
    return {row[0] for row in landed.lookup(parts, (owner,), ids, distinct=True, complete=True)}


def _owner_column(object_type: str) -> tuple[TableSchema, str]:
    """The table of a definition's parts, and its column with the definition's id."""
    table = OBJECT_TYPES[OBJECT_TYPES[object_type].parts].table
    return table, next(column.name for column in table.columns if column.about == object_type)


def landed_parts(landed: LandedData, object_type: str, owner_ids: Iterable[str]) -> set[str]:
    """Name the parts of some definitions that have landed.

    Args:
        landed: what the destination holds.
        object_type: what the definitions are; they have parts.
        owner_ids: their ids.
    """
    table, owner = _owner_column(object_type)
    return {row[1] for row in landed.lookup(table, (owner, "id"), owner_ids)}


def lost_parts(
    context: SyncContext, object_type: str, owner_id: str, shown: Collection[str], *, run_type: str | None = None
) -> list[Wanted]:
    """Name the parts of a definition that have landed, and that its whole list has not shown.

    Args:
        context: what the load goes by.
        object_type: what the definition is; it has parts.
        owner_id: its id.
        shown: the ids of its parts.
        run_type: the type of a processor.
    """
    with context.landed.connected():
        lost = landed_parts(context.landed, object_type, [owner_id]).difference(shown)
        lost.difference_update(context.landed.tombstones(lost))
    parts = OBJECT_TYPES[object_type].parts
    return [
        Wanted(part_id, "vanished", object_type=parts, run_type=run_type, parent=owner_id) for part_id in sorted(lost)
    ]


def lost_with(answer: Fetched[Wanted], context: SyncContext) -> list[Wanted]:
    """Name the parts that a definition no longer has, where it came with all of them, or is gone; else none."""
    wanted = answer.wanted
    if isinstance(answer.error, NotFound) and OBJECT_TYPES[wanted.object_type].parts:
        return lost_parts(context, wanted.object_type, wanted.id, (), run_type=wanted.run_type)
    carried = None if answer.payload is None else answer.payload.get(CARRIED)
    if carried is None or not is_listed_whole(answer.wanted, context.settings):
        return []
    shown = {part["id"] for _, part in carried}
    return lost_parts(context, answer.wanted.object_type, answer.wanted.id, shown)


def is_listed_whole(wanted: Wanted, settings: ExtendSettings) -> bool:
    """Tell whether there is no GET of an object, as a list has all that it is: its own, or that of its parts."""
    lists = lists_of(settings.api_version, wanted.object_type)
    return bool(lists) and all(not each.get_path for each in lists)


def takes_a_request(wanted: Wanted, settings: ExtendSettings) -> bool:
    """Tell whether there is anything to ask for once the lists are read: the parts of an object, or itself."""
    if not is_listed_whole(wanted, settings):
        return True
    parts = _parts_of(lists_of(settings.api_version, wanted.object_type)[0], settings)
    return wanted.row is not None and parts is not None and not parts.get_path


async def listed_whole(client: ExtendClient, wanted: Wanted, settings: ExtendSettings) -> dict[str, Any]:
    """Put what has no GET together: what its list has said, and parts that have no GET either, all at once.

    Args:
        client: the API.
        wanted: the definition, or a part of one that is not listed any longer.
        settings: the settings of the source.

    Returns:
        The canonical definition, which carries its parts.

    Raises:
        NotFound: the list has it no longer.
        ExtendError: its parts cannot be read.
    """
    if wanted.row is None:
        raise NotFound(f"{wanted.id}: the list of such objects has it no longer")
    parts = _parts_of(lists_of(settings.api_version, wanted.object_type)[0], settings)
    if parts is None or parts.get_path:
        return dict(wanted.row)
    carried = [
        (parts.object_type, {parts.parent_key: wanted.id, **part})
        async for page in client.pages(parts, parent=wanted.id)
        for part in page.summaries
        if isinstance(part.get("id"), str)
    ]
    return {**wanted.row, CARRIED: carried}
