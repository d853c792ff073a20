"""Definitions that a test has put there: processors and workflows of 2026-02-09, served exactly as given."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from extend_source.sandbox.records import Json
from extend_source.sandbox.workspace import NotFoundError, Workspace

_BOOK = "given_definitions"
_OF_FULL_ONES = ("draftVersion",)


@dataclass(frozen=True)
class GivenDefinition:
    """A definition that was put there.

    Attributes:
        payload: The Extractor, Classifier, Splitter or Workflow object, with its draft.
        versions: Its published versions in full, the newest first.
    """

    payload: Json
    versions: list[Json]

    @property
    def summary(self) -> Json:
        """The definition as listings show it."""
        return {key: value for key, value in self.payload.items() if key not in _OF_FULL_ONES}

    @property
    def all_versions(self) -> list[Json]:
        """The draft, and then the published versions."""
        draft = self.payload.get("draftVersion")
        return [*([draft] if draft else []), *self.versions]


def put_definition(workspace: Workspace, payload: Mapping[str, Any], versions: Sequence[Mapping[str, Any]] = ()) -> str:
    """Serve a definition and its versions exactly as given, in place of any with the same id; return its id."""
    with workspace.lock:
        given = GivenDefinition(copy.deepcopy(dict(payload)), [copy.deepcopy(dict(each)) for each in versions])
        _book(workspace)[str(payload["id"])] = given
        return str(payload["id"])


def delete_definition(workspace: Workspace, definition_id: str) -> None:
    """Remove a definition that was put there: it is not listed, and GET answers 404."""
    with workspace.lock:
        del _book(workspace)[definition_id]


def given_definitions(workspace: Workspace, name: str) -> list[GivenDefinition]:
    """Return those of a kind; ``name`` is their ``object``."""
    return [each for each in _book(workspace).values() if each.payload.get("object") == name]


def given_definition(workspace: Workspace, name: str, definition_id: str) -> GivenDefinition:
    """Return one of them.

    Raises:
        NotFoundError: There is none.
    """
    found = _book(workspace).get(definition_id)
    if found is None or found.payload.get("object") != name:
        raise NotFoundError(definition_id)
    return found


def _book(workspace: Workspace) -> dict[str, GivenDefinition]:
    book: dict[str, GivenDefinition] = workspace.books.setdefault(_BOOK, {})
    return book
