"""The documented endpoints of API 2025-04-21: a request and a workspace in, a response out."""

from __future__ import annotations

import operator
from collections.abc import Sequence
from typing import Any, TypeVar

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import make_token, parse_page_size, query_digest, read_token
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.queries import (
    SOURCES,
    RunQuery,
    SortBy,
    SortDir,
    file_sort_key,
    run_sort_key,
    summary_of,
)
from extend_source.sandbox.records import STATUSES, Json
from extend_source.sandbox.rendering import encode
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import ConflictError, NotFoundError, Workspace

_PROCESSOR_TYPES = ("EXTRACT", "CLASSIFY", "SPLITTER")
_SORT_BY: tuple[SortBy, ...] = ("updatedAt", "createdAt")
_SORT_DIR: tuple[SortDir, ...] = ("asc", "desc")

Row = TypeVar("Row")
Choice = TypeVar("Choice", bound=str)


def list_runs(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processor_runs``."""
    query = RunQuery(
        status=_choice(request, "status", STATUSES),
        processor_id=_text(request, "processorId"),
        processor_type=_choice(request, "processorType", _PROCESSOR_TYPES),
        source_id=_text(request, "sourceId"),
        source=_choice(request, "source", SOURCES),
        file_name_contains=_text(request, "fileNameContains"),
    )
    sort_by = _choice(request, "sortBy", _SORT_BY) or "updatedAt"
    sort_dir = _choice(request, "sortDir", _SORT_DIR) or "desc"
    runs = workspace.list_runs(query, sort_by, sort_dir)
    keys = [list(run_sort_key(run, sort_by)) for run in runs]
    digest = query_digest(workspace.id, "runs", query, sort_by, sort_dir)
    page, token = _page(request, organization, runs, keys, digest, sort_dir)
    return json_response(_listing("processorRuns", [summary_of(run) for run in page], token))


def list_files(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/files``."""
    name_contains = _text(request, "nameContains")
    sort_dir = _choice(request, "sortDir", _SORT_DIR) or "desc"
    files = workspace.list_files(name_contains, sort_dir)
    keys = [list(file_sort_key(file)) for file in files]
    digest = query_digest(workspace.id, "files", name_contains, sort_dir)
    page, token = _page(request, organization, files, keys, digest, sort_dir)
    return json_response(_listing("files", [workspace.file_payload(file.id) for file in page], token))


def get_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processor_runs/{id}``."""
    return json_response(run_envelope(workspace, request.path_params["id"]))


def get_file(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/files/{id}``."""
    flags = {
        "raw_text": _flag(request, "rawText"),
        "markdown": _flag(request, "markdown"),
        "html": _flag(request, "html"),
    }
    body = _found(workspace.file_body, request.path_params["id"], flags)
    return json_response(b'{"success":true,"file":' + body + b"}")


def cancel_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """POST ``/processor_runs/{id}/cancel``."""
    run_id = request.path_params["id"]
    try:
        _found(workspace.cancel_run, run_id)
    except ConflictError as error:
        raise ApiError(400, str(error)) from error
    return json_response(run_envelope(workspace, run_id))


def delete_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """DELETE ``/processor_runs/{id}``."""
    run_id = request.path_params["id"]
    _found(workspace.delete_run, run_id)
    return json_response({"success": True, "documentProcessorRunId": run_id, "message": "Processor run deleted."})


def delete_file(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """DELETE ``/files/{id}``."""
    file_id = request.path_params["id"]
    _found(workspace.delete_file, file_id)
    return json_response({"success": True, "fileId": file_id, "message": "File deleted."})


def unknown(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """Anything that is not an endpoint."""
    raise ApiError(404, f"There is no {request.method} {request.url.path}.")


def run_envelope(workspace: Workspace, run_id: str) -> bytes:
    """Return the body of GET ``/processor_runs/{id}``."""
    body: bytes = _found(workspace.run_body, run_id)
    return b'{"success":true,"processorRun":' + body + b"}"


def _found(action: Any, *args: Any) -> Any:
    """Call an action of the workspace; what it cannot find is a 404, also in another workspace."""
    try:
        return action(*args)
    except NotFoundError as error:
        raise ApiError(404, f"{error} was not found.") from error


def _listing(name: str, rows: Sequence[Json], token: str | bool | None) -> bytes:
    body: Json = {"success": True, name: rows}
    if token is not False:
        body["nextPageToken"] = token
    return encode(body)


def _page(
    request: Request,
    organization: Organization,
    rows: Sequence[Row],
    keys: Sequence[list[str]],
    digest: str,
    sort_dir: SortDir,
) -> tuple[Sequence[Row], str | bool | None]:
    """Return one page of rows and the token of the next one, or the end marker (False: no key)."""
    options = organization.options
    size = parse_page_size(_text(request, "maxPageSize"))
    if options.short_pages:
        size = (size + 1) // 2
    size = min(size, options.largest_page)
    start = 0
    token = _text(request, "nextPageToken")
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


def _text(request: Request, name: str) -> str | None:
    values = request.query_params.getlist(name)
    if len(values) > 1:
        raise ApiError(400, f"{name} may be given once.")
    return values[0] if values else None


def _choice(request: Request, name: str, allowed: Sequence[Choice]) -> Choice | None:
    text = _text(request, name)
    if text is None:
        return None
    for value in allowed:
        if text == value:
            return value
    raise ApiError(400, f"{name} must be one of {', '.join(allowed)}.")


def _flag(request: Request, name: str) -> bool:
    return _choice(request, name, ("true", "false")) == "true"
