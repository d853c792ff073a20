"""The documented endpoints of API 2025-04-21: a request and a workspace in, a response out."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox import definition_endpoints, older_objects, parameters
from extend_source.sandbox.endpoint import Endpoint, Token, found, page_of, with_token
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import query_digest
from extend_source.sandbox.parser_runs import parser_run, parser_run_ids
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.queries import SOURCES, RunQuery, file_sort_key, run_sort_key, summary_of
from extend_source.sandbox.records import PROCESSOR_TYPES, STATUSES, Json
from extend_source.sandbox.rendering import encode
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import ConflictError, Workspace


def list_runs(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processor_runs``."""
    query = run_query(request)
    sort_by, sort_dir = parameters.sort_by(request), parameters.sort_dir(request)
    runs = workspace.list_runs(query, sort_by, sort_dir)
    keys = [list(run_sort_key(run, sort_by)) for run in runs]
    digest = query_digest(workspace.id, "runs", query, sort_by, sort_dir)
    page, token = page_of(request, organization, runs, keys, digest, sort_dir)
    return json_response(listing("processorRuns", [summary_of(run) for run in page], token))


def run_query(request: Request) -> RunQuery:
    """Return the filters of GET ``/processor_runs``."""
    return RunQuery(
        status=parameters.choice(request, "status", STATUSES),
        processor_id=parameters.text(request, "processorId"),
        processor_type=parameters.choice(request, "processorType", PROCESSOR_TYPES),
        source_id=parameters.text(request, "sourceId"),
        source=parameters.choice(request, "source", SOURCES),
        file_name_contains=parameters.text(request, "fileNameContains"),
    )


def list_files(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/files``."""
    name_contains = parameters.text(request, "nameContains")
    sort_dir = parameters.sort_dir(request)
    files = workspace.list_files(name_contains, sort_dir)
    keys = [list(file_sort_key(file)) for file in files]
    digest = query_digest(workspace.id, "files", name_contains, sort_dir)
    page, token = page_of(request, organization, files, keys, digest, sort_dir)
    return json_response(listing("files", [workspace.file_payload(file.id) for file in page], token))


def get_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processor_runs/{id}``."""
    return _run_response(workspace, request.path_params["id"])


def get_file(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/files/{id}``."""
    body = found(workspace.file_body, request.path_params["id"], content_flags(request))
    return json_response(b'{"success":true,"file":' + body + b"}")


def content_flags(request: Request) -> dict[str, bool]:
    """Return which parts of a file's contents are asked for."""
    return {
        "raw_text": parameters.flag(request, "rawText"),
        "markdown": parameters.flag(request, "markdown"),
        "html": parameters.flag(request, "html"),
    }


def cancel_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """POST ``/processor_runs/{id}/cancel``."""
    run_id = request.path_params["id"]
    try:
        found(workspace.cancel_run, run_id)
    except ConflictError as error:
        raise ApiError(400, str(error)) from error
    return _run_response(workspace, run_id)


def get_parser_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/parser_runs/{id}``."""
    body: Json = found(parser_run, workspace, request.path_params["id"])
    return json_response(workspace.signed_body({"success": True, "parserRun": body}))


def delete_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """DELETE ``/processor_runs/{id}``."""
    run_id = request.path_params["id"]
    found(workspace.delete_run, run_id)
    return json_response({"success": True, "documentProcessorRunId": run_id, "message": "Processor run deleted."})


def delete_file(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """DELETE ``/files/{id}``."""
    file_id = request.path_params["id"]
    found(workspace.delete_file, file_id)
    return json_response({"success": True, "fileId": file_id, "message": "File deleted."})


def listing(name: str, rows: Sequence[Json], token: Token) -> bytes:
    """Return the body of a listing, with its rows under a name of their own."""
    return encode(with_token({"success": True, name: rows}, token))


def _run_response(workspace: Workspace, run_id: str) -> Response:
    body: bytes = found(workspace.run_body, run_id)
    return json_response(b'{"success":true,"processorRun":' + body + b"}")


def _run_ids(workspace: Workspace) -> list[str]:
    return workspace.run_ids()


def _file_ids(workspace: Workspace) -> list[str]:
    return list(workspace.files)


ENDPOINTS = (
    Endpoint("GET", "/processor_runs", "list_runs", list_runs),
    Endpoint("GET", "/processor_runs/{id}", "get_run", get_run, _run_ids),
    Endpoint("DELETE", "/processor_runs/{id}", "delete_run", delete_run),
    Endpoint("POST", "/processor_runs/{id}/cancel", "cancel_run", cancel_run),
    Endpoint("GET", "/files", "list_files", list_files),
    Endpoint("GET", "/files/{id}", "get_file", get_file, _file_ids),
    Endpoint("GET", "/parser_runs/{id}", "get_parser_run", get_parser_run, parser_run_ids),
    Endpoint("DELETE", "/files/{id}", "delete_file", delete_file),
    *definition_endpoints.ENDPOINTS,
    *older_objects.ENDPOINTS,
)
"""The endpoints of API 2025-04-21."""
