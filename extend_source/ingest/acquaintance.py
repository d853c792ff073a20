"""Telling whether lists are of the workspace that has landed: else its objects would be taken for deleted ones."""

from __future__ import annotations

from collections.abc import Collection

from extend_source.api import DEFINITIONS, ExtendClient, lists_of
from extend_source.errors import AnotherWorkspace
from extend_source.ingest.context import SyncContext
from extend_source.ingest.gone import unless_gone
from extend_source.pipeline.conditions import equals
from extend_source.tables import fetches
from extend_source.tables.objects import tables_of


class Acquaintance:
    """What the lists beside that of runs have shown, compared with what has landed."""

    def __init__(self, context: SyncContext) -> None:
        """Begin with nothing.

        Args:
            context: what the load goes by.
        """
        self._context, self._landed = context, context.landed
        self._shown: dict[str, set[str]] = {}

    def note(self, object_type: str, ids: Collection[str]) -> None:
        """Note what a list has shown.

        Args:
            object_type: what is listed.
            ids: all that it has shown; there may be none.
        """
        self._shown.setdefault(object_type, set()).update(ids)

    async def refuse_another_workspace(self, client: ExtendClient, *, is_whole: bool) -> None:
        """Refuse lists that have nothing in common with what has landed.

        All lists of definitions are asked before that: a sync need not have read each of them, and what it has read may
        be new.

        Args:
            client: the API.
            is_whole: the lists were read as far as they had to be, and more may be sent.

        Raises:
            AnotherWorkspace: nothing that was listed has landed, and other objects of these types have.
        """
        if self._context.settings.refresh or not self._landed.is_readable:
            return
        if not (is_whole or any(self._shown.values())) or self._is_known() or not self._has_landed():
            return
        if is_whole and await self._is_known_by_definitions(client):
            return
        found, which = "None of the objects listed has landed in this dataset, which holds others", ""
        if not any(self._shown.values()):
            found, which = "The lists have nothing, but objects of them have landed in this dataset", ", which is empty"
        raise AnotherWorkspace(
            f"{found}: the key seems to be of another workspace{which}, or base_url of another deployment",
            "Load it into a dataset of its own, or set workspace_id for each workspace. If all is as it should be, "
            "sync once with refresh",
        )

    def _is_known(self) -> bool:
        """Tell whether something that was listed has landed."""
        rows = (
            row
            for object_type, ids in self._shown.items()
            for table in tables_of(object_type)
            for row in self._landed.lookup(table, ("id",), ids)
        )
        return next(rows, None) is not None

    def _has_landed(self) -> bool:
        """Tell whether something has landed of the types that were listed, and is not known to be gone."""
        workspace = equals("workspace_id", self._context.settings.workspace_id)
        return any(
            unless_gone(self._landed, [row[0] for row in self._landed.rows(table, ("id",), workspace)])
            for object_type in self._shown
            for table in tables_of(object_type)
            if "workspace_id" in table.column_names
        )

    async def _is_known_by_definitions(self, client: ExtendClient) -> bool:
        """Tell whether some definition has landed, reading their lists until one is found."""
        for name in DEFINITIONS:
            if fetches(name, self._context.selected):
                for endpoint in lists_of(self._context.settings.api_version, name):
                    async for page in client.pages(endpoint):
                        self.note(name, [row["id"] for row in page.summaries if isinstance(row.get("id"), str)])
                        if self._is_known():
                            return True
        return False
