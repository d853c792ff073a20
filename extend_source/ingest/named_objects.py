"""Objects that others name: the text of a run's files, and its parse run. No list is needed to find them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.fetching import Fetched
from extend_source.ingest.worklist import Wanted, Worklist
from extend_source.pipeline.landed import LandedData, has_ended
from extend_source.tables.files import TEXT_TABLES


class NamedObjects(Protocol):
    """A type of objects that are named by others."""

    object_type: str

    def note(self, answer: Fetched[Wanted]) -> None:
        """Note what a fetched object names."""

    def fresh(self, worklist: Worklist) -> list[Wanted]:
        """Say which of those noted since the last call are to be fetched, and were not asked for before."""

    def backlog(self, worklist: Worklist) -> list[Wanted]:
        """Say which of those that landed objects name were not asked for and are still to be fetched."""


class NamedFiles:
    """The files of runs and parse runs, whose text is fetched."""

    object_type = "file"

    def __init__(self, settings: ExtendSettings, landed: LandedData, erased: frozenset[str]) -> None:
        """Begin with none.

        Args:
            settings: the settings of the source.
            landed: what the destination holds.
            erased: files that were erased on request.
        """
        self._settings, self._landed, self._erased = settings, landed, erased
        self._named: dict[str, bool] = {}

    def note(self, answer: Fetched[Wanted]) -> None:
        """Note the files of a run, by whether any of their runs has ended: before that, they may have no text yet."""
        payload = answer.payload or {}
        for file in _files_of(payload):
            if isinstance(file, dict) and isinstance(file.get("id"), str):
                self._named[file["id"]] = self._named.get(file["id"], False) or has_ended(payload.get("status"))

    def fresh(self, worklist: Worklist) -> list[Wanted]:
        """Say which files to fetch, of those noted since the last call."""
        named, self._named = self._named, {}
        fresh = worklist.not_asked(file_id for file_id in named if file_id not in self._erased)
        landed = set() if self._settings.refresh else self._landed.files_with_contents(fresh)
        return [
            Wanted(file_id, "referenced", object_type="file", is_final=named[file_id])
            for file_id in fresh
            if file_id not in landed
        ]

    def backlog(self, worklist: Worklist) -> list[Wanted]:
        """Say which files have landed without text."""
        fresh = worklist.not_asked(self._landed.files_without_contents())
        return [Wanted(file_id, "backlog", object_type="file") for file_id in fresh]


def fetches_texts(settings: ExtendSettings, tables: Iterable[str]) -> bool:
    """Tell whether the text of files is fetched."""
    return settings.file_contents == "fetch" and not TEXT_TABLES.isdisjoint(tables)


def _files_of(payload: dict[str, Any]) -> list[Any]:
    files = payload.get("files")
    if files is None:  # a parse run has one
        files = [payload.get("file")]
    return files if isinstance(files, list) else []
