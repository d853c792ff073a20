"""What an endpoint is, and what all of them do alike: cut a listing into pages, refuse what is not there."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox import parameters
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import make_token, parse_page_size, read_token
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.queries import SortDir
from extend_source.sandbox.records import Json
from extend_source.sandbox.workspace import NotFoundError, Workspace

Answer = Callable[[Request, Workspace, Organization], Response]
Token = str | bool | None
"""The token of the next page, or how the last page says that it is the last; False: by no key."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of one version of the API.

    Attributes:
        method: HTTP method.
        path: Path with ``{id}`` where an id stands.
        name: Its name in the request log and for faults.
        answer: Makes the healthy answer.
        ids: The ids it could be asked for, for the fault ``wrong_id``; None when it takes none.
    """

    method: str
    path: str
    name: str
    answer: Answer
    ids: Callable[[Workspace], Iterable[str]] | None = None


def unknown(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """Anything that is not an endpoint."""
    raise ApiError(404, f"There is no {request.method} {request.url.path}.")


def found(action: Callable[..., Any], *args: Any) -> Any:
    """Call an action of the workspace; what it cannot find is a 404, also in another workspace."""
    try:
        return action(*args)
    except NotFoundError as error:
        raise ApiError(404, f"{error} was not found.") from error


def with_token(body: Json, token: Token) -> Json:
    """Put the token of the next page into the body of a listing."""
    return body if token is False else {**body, "nextPageToken": token}


def listing_of(rows: Sequence[Json], token: Token) -> Json:
    """Return the body of a listing as 2026-02-09 writes all of them."""
    return with_token({"object": "list", "data": rows}, token)


def page_of(
    request: Request,
    organization: Organization,
    rows: Sequence[Row],
    keys: Sequence[list[str]],
    digest: str,
    sort_dir: SortDir,
) -> tuple[Sequence[Row], Token]:
    """Return the page of rows a request asks for and the token of the next one.

    Args:
        request: Has ``maxPageSize`` and ``nextPageToken``.
        organization: Says how pages are counted and how the last one ends.
        rows: All rows, in order.
        keys: What each row is ordered by.
        digest: Stands for the query; a token of another one is refused.
        sort_dir: The order.
    """
    options = organization.options
    size = parse_page_size(parameters.text(request, "maxPageSize"))
    if options.short_pages:
        size = (size + 1) // 2
    size = min(size, options.largest_page)
    start = 0
    token = parameters.text(request, "nextPageToken")
    if token:
        position = read_token(token, digest, organization.clock(), options.token_lifetime)
        start = position if isinstance(position, int) else _after(position, keys, sort_dir)
    end = start + size
    if end < len(rows):
        position = end if options.cursor == "offset" else keys[end - 1]
        return rows[start:end], make_token(position, digest, organization.clock())
    return rows[start:end], {"absent": False, "null": None, "empty": ""}[options.end_marker]


def _after(position: list[str], keys: Sequence[list[str]], sort_dir: SortDir) -> int:
    """Return the index of the first row behind a position that may itself have moved or vanished."""
    behind = operator.lt if sort_dir == "desc" else operator.gt
    return next((index for index, key in enumerate(keys) if behind(key, position)), len(keys))
