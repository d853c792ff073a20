"""The endpoints of processors and workflow runs in API 2025-04-21."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox import parameters
from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.endpoint import Endpoint, found, page_of, with_token
from extend_source.sandbox.generation_2026 import definitions
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import query_digest
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.records import PROCESSOR_TYPES, Json, Processor
from extend_source.sandbox.rendering import encode
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workflow_bodies import full_workflow_run, given_summary, workflow_run_summary
from extend_source.sandbox.workflow_pages import page_of_workflow_runs, workflow_run_ids
from extend_source.sandbox.workflows import WorkflowRun, workflow_run
from extend_source.sandbox.workspace import Workspace


def list_processors(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processors``."""
    kind = parameters.choice(request, "type", PROCESSOR_TYPES)
    sort_by, sort_dir = parameters.sort_by(request), parameters.sort_dir(request)
    moment = definitions.updated_at if sort_by == "updatedAt" else definitions.created_at
    rows = [each for each in workspace.processors.values() if kind in (None, each.type)]
    rows.sort(key=lambda row: (moment(row), row.id), reverse=sort_dir == "desc")
    keys = [[moment(row).isoformat(timespec="microseconds"), row.id] for row in rows]
    digest = query_digest(workspace.id, "processors", kind, sort_by, sort_dir)
    page, token = page_of(request, organization, rows, keys, digest, sort_dir)
    return _body(with_token({"success": True, "processors": [_processor(row) for row in page]}, token))


def list_versions(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processors/{id}/versions``: all at once, the newest first."""
    chosen = _chosen(workspace, request.path_params["id"])
    versions = [_version(chosen, number) for number in reversed(range(len(chosen.versions)))]
    return _body({"success": True, "versions": versions})


def get_version(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processors/{id}/versions/{version}``."""
    chosen, asked = _chosen(workspace, request.path_params["id"]), request.path_params["version"]
    for number, version in enumerate(chosen.versions):
        if asked in (version.id, version.version):
            return _body({"success": True, "version": _version(chosen, number)})
    raise ApiError(404, f"{asked} was not found.")


def list_workflow_runs(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflow_runs``."""
    page, token = page_of_workflow_runs(request, workspace, organization)
    rows = [given_summary(run) if run.remark.payload else workflow_run_summary(workspace, run) for run in page]
    return _body(with_token({"success": True, "workflowRuns": rows}, token))


def get_workflow_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflow_runs/{id}``."""
    run: WorkflowRun = found(workflow_run, workspace, request.path_params["id"])
    if run.remark.payload is not None:
        return _body({"success": True, "workflowRun": run.remark.payload})
    return json_response(workspace.signed_body({"success": True, "workflowRun": full_workflow_run(workspace, run)}))


def _chosen(workspace: Workspace, processor_id: str) -> Processor:
    for each in workspace.processors.values():
        if each.id == processor_id:
            return each
    raise ApiError(404, f"{processor_id} was not found.")


def _processor(processor: Processor) -> Json:
    return {
        "object": "document_processor",
        "id": processor.id,
        "name": processor.name,
        "type": processor.type,
        "versions": [{"id": each.id, "version": each.version} for each in processor.versions],
        "createdAt": rfc3339(definitions.created_at(processor)),
        "updatedAt": rfc3339(definitions.updated_at(processor)),
    }


def _version(processor: Processor, number: int) -> Json:
    version = processor.versions[number]
    at = rfc3339(definitions.version_created_at(processor, number))
    return {
        "object": "document_processor_version",
        "id": version.id,
        "processorId": processor.id,
        "processorName": processor.name,
        "processorType": processor.type,
        "description": definitions.description_of(version),
        "version": version.version,
        "config": version.config,
        "createdAt": at,
        "updatedAt": at,
    }


def _body(body: Json) -> Response:
    return json_response(encode(body))


ENDPOINTS = (
    Endpoint("GET", "/processors", "list_processors", list_processors),
    Endpoint("GET", "/processors/{id}/versions", "list_processor_versions", list_versions),
    Endpoint("GET", "/processors/{id}/versions/{version}", "get_processor_version", get_version),
    Endpoint("GET", "/workflow_runs", "list_workflow_runs", list_workflow_runs),
    Endpoint("GET", "/workflow_runs/{id}", "get_workflow_run", get_workflow_run, workflow_run_ids),
)
"""The endpoints."""
