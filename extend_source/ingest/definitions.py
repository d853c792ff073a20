"""Processors and workflows: which of them have changed, and which of their versions are new.

There are few of them, and they seldom change. So their lists are read now and then, from the newest change on, until a
page has nothing new. What has changed is fetched together with its versions that have not landed: these come first, so
that a processor that has landed has all its versions.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from typing import Any

from extend_source.api import CARRIED, Endpoint, ExtendClient, RunFilters, RunPage, lists_of
from extend_source.config.settings import ExtendSettings
from extend_source.errors import NotFound, Withdrawn
from extend_source.ingest.context import SyncContext
from extend_source.ingest.limits import StoppedBy
from extend_source.ingest.listings import Listing, due_list
from extend_source.ingest.state import Position
from extend_source.ingest.times import is_before, time_of
from extend_source.ingest.worklist import Mode, Wanted
from extend_source.pipeline.conditions import Condition, equals
from extend_source.tables import TableSchema, fetches
from extend_source.tables.objects import OBJECT_TYPES, ObjectType
from extend_source.tables.processors import DRAFT

_FETCHED = Condition("{payload_sha256} IS NOT NULL", columns=["payload_sha256"])
"""What has landed as it is, and not only as others name it."""


class Definitions:
    """The definitions of one type that a sync is to fetch.

    Attributes:
        object_type: what they are, a key of `OBJECT_TYPES` that has parts.
        stopped_by: why `pages` ended before it had read what it had to; None: it has.
        read: the paths of the lists that it has read.
        seen: the ids of what the lists have shown so far.
        has_answered: a page of them has come.
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
        self._context, self._lists, self._whole = context, lists, whole
        parts = OBJECT_TYPES[self._kind.parts].table
        owner = next(column.name for column in parts.columns if column.about == object_type)
        self._owners: tuple[TableSchema, tuple[str]] = parts, (owner,)
        landed = context.landed
        self._erased = landed.erased(object_type) | landed.erased(self._kind.parts)
        self._incomplete = landed.incomplete(object_type) | self._owners_of_incomplete()

    async def pages(self, client: ExtendClient, before: Position) -> AsyncIterator[list[Wanted]]:
        """Read the lists, and those of the versions of what has changed.

        Args:
            client: the API.
            before: when the lists were read last, which counts where the destination cannot be read.

        Yields:
            What is to be fetched, page by page.

        Raises:
            ExtendError: a list cannot be read; what came before can be fetched.
        """
        context = self._context
        lookback = timedelta(seconds=context.settings.lookback)
        for endpoint in self._lists:
            read_at = None if context.landed.is_readable else before.lists_read.get(endpoint.list_path)
            floor = None if read_at is None else read_at - lookback
            try:
                async for page in client.pages(endpoint):
                    rows = [row for row in page.summaries if isinstance(row.get("id"), str)]
                    self.seen.update(row["id"] for row in rows)
                    self.has_answered = True
                    self._note(endpoint, page)
                    changed = self._changed([row for row in rows if not is_before(row, floor)])
                    wanted = [one for row in changed for one in await self._with_parts(client, endpoint, row)]
                    context.progress.found(self.object_type, listed=len(rows), known=len(rows) - len(changed))
                    yield wanted
                    if not (changed or self._whole):
                        break
                    if not page.is_last and (cut_by := context.limits.listing_stopped_by):
                        self.stopped_by = cut_by
                        return
            except Withdrawn:
                self.stopped_by = context.limits.used_up
                return
            self.read.append(endpoint.list_path)
        if self._whole and self._lists == lists_of(context.settings.api_version, self.object_type):
            yield list(self._vanished())

    def _note(self, endpoint: Endpoint, page: RunPage) -> None:
        if page.number == 1:
            self._context.seen.note_definitions(Listing(endpoint, RunFilters()), page)

    def _changed(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Choose the rows of what the destination does not hold as it is now."""
        landed, ids = self._context.landed, [row["id"] for row in rows]
        with landed.connected():
            known = dict(landed.lookup(self._kind.table, ("id", "updated_at"), ids, _FETCHED, complete=True))
            gone = landed.tombstones(ids)
            with_parts = {row[0] for row in landed.lookup(*self._owners, ids, distinct=True, complete=True)}
        if self._context.settings.refresh:
            known = {}
        return [
            row
            for row in rows
            if row["id"] not in self._erased
            and (
                row["id"] in gone
                or row["id"] in self._incomplete
                or row["id"] not in with_parts  # all of them are gone from the destination, or there never were any
                or known.get(row["id"]) is None
                or known[row["id"]] != time_of(row)
            )
        ]

    async def _with_parts(self, client: ExtendClient, endpoint: Endpoint, row: dict[str, Any]) -> list[Wanted]:
        """Name the new parts of a definition, and then itself."""
        parts = _parts_of(endpoint, self._context.settings)
        if not parts.get_path:  # they come all at once, with their owner
            return [Wanted(row["id"], "listed", object_type=self.object_type, row=row)]
        found: list[Wanted] = []
        async for page in client.pages(parts, parent=row["id"], sort_by="createdAt"):
            ids = [part["id"] for part in page.summaries if part.get("version") != DRAFT and part.get("id")]
            known = self._known_parts(ids)
            found += (
                Wanted(part_id, "listed", object_type=self._kind.parts, run_type=parts.run_type, parent=row["id"])
                for part_id in ids
                if part_id not in known
            )
            if known and not (self._whole or row["id"] in self._incomplete):
                break
        itself = Wanted(row["id"], "listed", object_type=self.object_type, run_type=endpoint.run_type)
        return [*(one for one in found if one.id not in self._erased), itself]

    def _known_parts(self, ids: list[str]) -> set[str]:
        """Tell which of some parts have landed with all their rows."""
        landed = self._context.landed
        if self._context.settings.refresh:
            return set()
        rows = landed.lookup(OBJECT_TYPES[self._kind.parts].table, ("id",), ids, complete=True)
        return {row[0] for row in rows} - landed.incomplete(self._kind.parts)

    def _owners_of_incomplete(self) -> frozenset[str]:
        """The definitions that have parts which lack rows."""
        table, (owner,) = self._owners
        incomplete = self._context.landed.incomplete(self._kind.parts)
        return frozenset(row[1] for row in self._context.landed.lookup(table, ("id", owner), incomplete))

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
    kinds = [kind for kind in OBJECT_TYPES.values() if kind.parts and fetches(kind.name, context.selected)]
    lists = {kind.name: lists_of(settings.api_version, kind.name) for kind in kinds}
    lacks = any(landed.incomplete(name) for kind in kinds for name in (kind.name, kind.parts))
    if mode == "incremental" and not lacks:
        paths = [each.list_path for of_kind in lists.values() for each in of_kind]
        due = due_list(paths, before.lists_read, settings.definitions_minutes, context.now)
        lists = {name: tuple(each for each in of_kind if each.list_path == due) for name, of_kind in lists.items()}
    for name, of_kind in lists.items():
        if of_kind:
            yield Definitions(name, context, of_kind, whole=mode != "incremental" or lacks)


def _parts_of(endpoint: Endpoint, settings: ExtendSettings) -> Endpoint:
    """Find the endpoint of the parts of a definition."""
    parts = OBJECT_TYPES[endpoint.object_type].parts
    return next(each for each in lists_of(settings.api_version, parts) if each.run_type == endpoint.run_type)


def is_listed_whole(wanted: Wanted, settings: ExtendSettings) -> bool:
    """Tell whether an object is a definition of which there is no GET: its list has all that it is."""
    kind = OBJECT_TYPES[wanted.object_type]
    return bool(kind.parts) and all(not each.get_path for each in lists_of(settings.api_version, kind.name))


async def listed_whole(client: ExtendClient, wanted: Wanted, settings: ExtendSettings) -> dict[str, Any]:
    """Put a definition of which there is no GET together: what its list has said, and its parts, all at once.

    Args:
        client: the API.
        wanted: the definition.
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
    carried = [
        (parts.object_type, {parts.parent_key: wanted.id, **part})
        async for page in client.pages(parts, parent=wanted.id)
        for part in page.summaries
        if isinstance(part.get("id"), str)
    ]
    return {**wanted.row, CARRIED: carried}
