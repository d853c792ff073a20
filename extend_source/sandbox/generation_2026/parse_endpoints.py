"""The endpoints of parse runs, and the signed links that lead to their output."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox import parameters
from extend_source.sandbox.endpoint import Endpoint, found, listing_of, page_of
from extend_source.sandbox.generation_2026 import parses
from extend_source.sandbox.generation_2026.parse_bodies import full_parse, given_summary, parse_summary
from extend_source.sandbox.generation_2026.parsed_text import parse_output
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import make_token, query_digest, read_token
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.rendering import PRESIGNED_URL_CANARY
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import Workspace

LINK_LIFETIME = 900.0
"""Seconds."""

_DOWNLOADS = "/_downloads"
_RESPONSE_TYPES = ("json", "url")


def list_parses(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/parse_runs``, newest first; it cannot be sorted."""
    status = parameters.choice(request, "status", parses.STATUSES)
    source = parameters.choice(request, "source", parses.SOURCES)
    source_id, batch_id = parameters.text(request, "sourceId"), parameters.text(request, "batchId")
    part = (parameters.text(request, "fileNameContains") or "").lower()
    rows = [
        (*parse.sort_key, parse_summary(workspace, parse))
        for parse in parses.parse_runs(workspace)
        if source in (None, parse.source(workspace)[0]) and source_id in (None, parse.source(workspace)[1])
    ]
    if source in (None, "API") and source_id is None:
        given = workspace.given_parse_runs.items()
        rows += [(parse_run.created_at, parse_id, given_summary(parse_run)) for parse_id, parse_run in given]
    rows = [
        row
        for row in rows
        if batch_id in (None, row[2].get("batchId"))
        and status in (None, row[2].get("status"))
        and part in str((row[2].get("file") or {}).get("name")).lower()
    ]
    rows.sort(key=lambda row: row[:2], reverse=True)
    keys = [[moment.isoformat(timespec="microseconds"), parse_id] for moment, parse_id, _ in rows]
    digest = query_digest(workspace.id, "parse runs", status, source, source_id, batch_id, part)
    page, token = page_of(request, organization, rows, keys, digest, "desc")
    return json_response(listing_of([summary for _, _, summary in page], token))


def get_parse(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/parse_runs/{id}``."""
    by_url = parameters.choice(request, "responseType", _RESPONSE_TYPES) == "url"
    given = workspace.given_parse_runs.get(request.path_params["id"])
    if given is not None:
        payload = given.payload
        if by_url and payload.get("output") is not None:
            given_link = _link(request, workspace, organization, request.path_params["id"])
            payload = {**payload, "output": None, "outputUrl": given_link}
        return json_response(payload)
    parse: parses.Parse = found(parses.parse_run, workspace, request.path_params["id"])
    link = _link(request, workspace, organization, parse.id) if by_url else None
    return json_response(workspace.signed_body(full_parse(workspace, parse, link)))


def download(request: Request, organization: Organization) -> Response:
    """Answer the output of a parse run to anyone who has its link.

    Raises:
        ApiError: 400 for a request with a key, as storage services refuse these; 403 for a link that is wrong or
            has expired; 404 when the parse run is gone.
    """
    if "authorization" in request.headers:
        raise ApiError(400, "Only one way to authenticate is allowed: the link is signed, send no key.")
    workspace = organization.workspaces.get(request.path_params["workspace"])
    parse_id, signature = request.path_params["id"], request.query_params.get("X-Amz-Signature", "")
    if workspace is None:
        raise ApiError(403, "The link is wrong.")
    token = signature.removeprefix(f"{PRESIGNED_URL_CANARY}-")
    try:
        read_token(token, _digest(workspace, parse_id), organization.clock(), LINK_LIFETIME)
    except ApiError as problem:
        raise ApiError(403, "The link is wrong, or has expired.") from problem
    with workspace.lock:
        given = workspace.given_parse_runs.get(parse_id)
        if given is not None:
            return json_response(given.payload.get("output"))
        parse: parses.Parse = found(parses.parse_run, workspace, parse_id)
        return json_response(workspace.signed_body(parse_output(parse)))


def _link(request: Request, workspace: Workspace, organization: Organization, parse_id: str) -> str:
    token = make_token(None, _digest(workspace, parse_id), organization.clock())
    path = f"{_DOWNLOADS}/{quote(workspace.id, safe='')}/{quote(parse_id, safe='')}"
    signature = quote(f"{PRESIGNED_URL_CANARY}-{token}", safe="")
    base = str(request.base_url).rstrip("/")
    return f"{base}{path}?X-Amz-Expires={LINK_LIFETIME:.0f}&X-Amz-Signature={signature}"


def _digest(workspace: Workspace, parse_id: str) -> str:
    return query_digest(workspace.id, "output of", parse_id)


def _parse_ids(workspace: Workspace) -> Iterator[str]:
    yield from (parse.id for parse in parses.parse_runs(workspace))
    yield from workspace.given_parse_runs


ENDPOINTS = (
    Endpoint("GET", "/parse_runs", "list_parse_runs", list_parses),
    Endpoint("GET", "/parse_runs/{id}", "get_parse_run", get_parse, _parse_ids),
)
"""The endpoints of parse runs."""

DOWNLOAD_PATH = f"{_DOWNLOADS}/{{workspace}}/{{id}}"
"""Where the links lead."""
