"""Objects beside runs and files: kept as they are served, listed, filtered and sorted all alike."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox import parameters
from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.endpoint import Endpoint, found, listing_of, page_of
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import query_digest
from extend_source.sandbox.queries import SortBy, SortDir
from extend_source.sandbox.records import Json, KeptObject
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import NotFoundError, Workspace

Filter = Callable[[KeptObject, str], bool]
"""Whether an object passes a filter that has a value."""

Samples = Callable[[Workspace], Iterable[KeptObject]]
"""Makes the objects that a workspace begins with."""


@dataclass(frozen=True)
class Collection:
    """The objects of one type, and their endpoints.

    Attributes:
        name: Their path, such as ``edit_runs``.
        one: The name of one, in the request log.
        samples: Makes those that a workspace begins with, when they are first asked for.
        filters: What their list can be filtered by.
        choices: The values of filters that take only some.
        is_listed: They have a list.
        has_sort_by: It takes ``sortBy``; else it goes by creation.
        summary: What the list shows of one.
        full: What GET shows of one.
    """

    name: str
    one: str
    samples: Samples
    filters: Mapping[str, Filter] = field(default_factory=dict)
    choices: Mapping[str, Sequence[str]] = field(default_factory=dict)
    is_listed: bool = True
    has_sort_by: bool = True
    summary: Callable[[KeptObject], Json] = lambda kept: kept.payload
    full: Callable[[Workspace, KeptObject], Json] = lambda workspace, kept: kept.payload

    def objects(self, workspace: Workspace) -> dict[str, KeptObject]:
        """Return the objects of a workspace by id."""
        with workspace.lock:
            if self.name not in workspace.objects:
                workspace.objects[self.name] = {kept.id: kept for kept in self.samples(workspace)}
            return workspace.objects[self.name]

    def put(
        self,
        workspace: Workspace,
        payload: Json,
        *,
        created_at: datetime | None = None,
        updated_at: datetime | None = None,
        parent: str | None = None,
        source: str | None = None,
        retains_nothing: bool = False,
    ) -> str:
        """Serve an object exactly as given, in place of any with the same id.

        Args:
            workspace: Where.
            payload: What GET shows of it.
            created_at: For the list; now when not given.
            updated_at: For the list; ``created_at`` when not given.
            parent: What it belongs to.
            source: What created it, for the filter of this name.
            retains_nothing: Its result is deleted after the first GET; verify runs only.

        Returns:
            The object's id.
        """
        created = created_at or workspace.now
        kept = KeptObject(copy.deepcopy(payload), created, updated_at or created, parent, source, retains_nothing)
        self.objects(workspace)[kept.id] = kept
        return kept.id

    def delete(self, workspace: Workspace, object_id: str) -> None:
        """Remove an object: from then on it is not listed and GET answers 404.

        Raises:
            NotFoundError: No such object.
        """
        self.find(workspace, object_id)
        del self.objects(workspace)[object_id]

    def find(self, workspace: Workspace, object_id: str) -> KeptObject:
        """Return an object by its id.

        Raises:
            NotFoundError: No such object.
        """
        kept = self.objects(workspace).get(object_id)
        if kept is None:
            raise NotFoundError(object_id)
        return kept

    def page(
        self, request: Request, workspace: Workspace, organization: Organization, parent: str | None = None
    ) -> tuple[Sequence[KeptObject], str | bool | None]:
        """Return the objects of the page that a request asks for, and the token of the next one.

        Args:
            request: The request.
            workspace: Where the objects are.
            organization: Says how pages are counted.
            parent: Only those that belong to it; None: all.
        """
        given = {name: self._given(request, name) for name in self.filters}
        sort_by: SortBy = parameters.sort_by(request) if self.has_sort_by else "createdAt"
        sort_dir: SortDir = parameters.sort_dir(request)
        rows = [
            kept
            for kept in self.objects(workspace).values()
            if parent in (None, kept.parent)
            and all(value is None or self.filters[name](kept, value) for name, value in given.items())
        ]
        keys = {kept.id: [_moment(kept, sort_by), kept.id] for kept in rows}
        rows.sort(key=lambda kept: keys[kept.id], reverse=sort_dir == "desc")
        digest = query_digest(workspace.id, self.name, parent, sorted(given.items()), sort_by, sort_dir)
        return page_of(request, organization, rows, [keys[kept.id] for kept in rows], digest, sort_dir)

    def _given(self, request: Request, name: str) -> str | None:
        allowed = self.choices.get(name)
        return parameters.text(request, name) if allowed is None else parameters.choice(request, name, allowed)

    def list(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/edit_runs`` and its siblings."""
        rows, token = self.page(request, workspace, organization)
        return json_response(listing_of([self.summary(kept) for kept in rows], token))

    def get(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/edit_runs/{id}`` and its siblings."""
        kept: KeptObject = found(self.find, workspace, request.path_params["id"])
        return json_response(workspace.signed_body(self.full(workspace, kept)))

    def ids(self, workspace: Workspace) -> Iterator[str]:
        """Yield the ids of all objects."""
        return iter(self.objects(workspace))

    @property
    def endpoints(self) -> tuple[Endpoint, ...]:
        """The list, if there is one, and the object by its id."""
        one = Endpoint("GET", f"/{self.name}/{{id}}", f"get_{self.one}", self.get, self.ids)
        return (Endpoint("GET", f"/{self.name}", f"list_{self.name}", self.list), one) if self.is_listed else (one,)


def timed(payload: Json, kept: KeptObject) -> Json:
    """Return what a list shows of an object, with its times."""
    return {**payload, "createdAt": rfc3339(kept.created_at), "updatedAt": rfc3339(kept.updated_at)}


def equals(key: str) -> Filter:
    """Make a filter of objects whose key has the value."""
    return lambda kept, value: kept.payload.get(key) == value


def by_source(kept: KeptObject, value: str) -> bool:
    """Tell whether an object was created by what a filter names."""
    return kept.source == value


def by_name(kept: KeptObject, value: str) -> bool:
    """Tell whether an object's name contains a text, in any case."""
    return value.lower() in str(kept.payload.get("name")).lower()


def by_file_name(kept: KeptObject, value: str) -> bool:
    """Tell whether the name of an object's file contains a text, in any case."""
    return value.lower() in str((kept.payload.get("file") or {}).get("name")).lower()


def sample_files(workspace: Workspace, count: int) -> list[Json]:
    """Return the first PDF files of a workspace that are no parts of others, by their ids."""
    whole = [file.payload for file in workspace.files.values() if not file.payload.get("parentFileId")]
    return sorted((file for file in whole if file.get("type") == "PDF"), key=lambda file: str(file["id"]))[:count]


def moments(workspace: Workspace, number: int) -> tuple[datetime, datetime]:
    """Return when the sample of a number was created, and changed last."""
    created = workspace.now - timedelta(days=number, hours=1)
    return created, created + timedelta(minutes=number + 1)


def _moment(kept: KeptObject, sort_by: SortBy) -> str:
    moment = kept.updated_at if sort_by == "updatedAt" else kept.created_at
    return moment.isoformat(timespec="microseconds")
