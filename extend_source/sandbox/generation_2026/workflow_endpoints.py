"""The endpoints of workflows, workflow runs, and the versions of all definitions."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox import parameters
from extend_source.sandbox.endpoint import Endpoint, found, listing_of, page_of
from extend_source.sandbox.generation_2026 import definitions, workflow_bodies
from extend_source.sandbox.generation_2026.kinds import KINDS, Kind
from extend_source.sandbox.given_definitions import given_definition, given_definitions
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import query_digest
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.records import Json, Processor
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workflow_pages import page_of_workflow_runs, workflow_run_ids
from extend_source.sandbox.workflows import Workflow, WorkflowRun, workflow, workflow_run, workflows
from extend_source.sandbox.workspace import NotFoundError, Workspace


@dataclass(frozen=True)
class Versions:
    """The endpoints of the versions of one kind of processors.

    Attributes:
        kind: The kind.
    """

    kind: Kind

    def list(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/extractors/{id}/versions`` and its siblings: newest first, the draft before all."""
        rows = [_summary_of_version(row) for row in self._versions(request, workspace)]
        return _page_of_versions(request, workspace, organization, rows)

    def get(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/extractors/{id}/versions/{version}`` and its siblings."""
        return json_response(_chosen(self._versions(request, workspace), request.path_params["version"]))

    def _versions(self, request: Request, workspace: Workspace) -> Sequence[Json]:
        kind, definition_id = self.kind, request.path_params["id"]
        with suppress(NotFoundError):
            return given_definition(workspace, kind.definition, definition_id).all_versions
        processor: Processor = found(definitions.definition, workspace, kind, definition_id)
        return definitions.versions(kind, processor)


def list_workflows(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflows``."""
    sort_by, sort_dir = parameters.sort_by(request), parameters.sort_dir(request)

    def key(row: Json) -> list[str]:
        return [str(row[sort_by]), str(row["id"])]

    rows = [workflow_bodies.workflow_summary(row) for row in workflows(workspace)]
    rows += [given.summary for given in given_definitions(workspace, "workflow")]
    rows.sort(key=key, reverse=sort_dir == "desc")
    digest = query_digest(workspace.id, "workflows", sort_by, sort_dir)
    page, token = page_of(request, organization, rows, [key(row) for row in rows], digest, sort_dir)
    return json_response(listing_of(list(page), token))


def get_workflow(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflows/{id}``."""
    workflow_id = request.path_params["id"]
    with suppress(NotFoundError):
        return json_response(given_definition(workspace, "workflow", workflow_id).payload)
    chosen: Workflow = found(workflow, workspace, workflow_id)
    return json_response(workflow_bodies.workflow_object(workspace, chosen))


def list_workflow_versions(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflows/{id}/versions``."""
    rows = [_summary_of_version(row) for row in _workflow_versions(request, workspace)]
    return _page_of_versions(request, workspace, organization, rows)


def get_workflow_version(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflows/{id}/versions/{version}``."""
    return json_response(_chosen(_workflow_versions(request, workspace), request.path_params["version"]))


def _workflow_versions(request: Request, workspace: Workspace) -> Sequence[Json]:
    workflow_id = request.path_params["id"]
    with suppress(NotFoundError):
        return given_definition(workspace, "workflow", workflow_id).all_versions
    chosen: Workflow = found(workflow, workspace, workflow_id)
    return [workflow_bodies.version_object(workspace, chosen, version) for version in reversed(chosen.versions)]


def list_workflow_runs(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflow_runs``."""
    page, token = page_of_workflow_runs(request, workspace, organization)
    return json_response(listing_of([_summary(workspace, run) for run in page], token))


def get_workflow_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/workflow_runs/{id}``."""
    run: WorkflowRun = found(workflow_run, workspace, request.path_params["id"])
    if run.remark.payload is not None:
        return json_response(run.remark.payload)
    return json_response(workspace.signed_body(workflow_bodies.full_workflow_run(workspace, run)))


def _summary(workspace: Workspace, run: WorkflowRun) -> Json:
    if run.remark.payload is not None:
        return workflow_bodies.given_summary(run)
    return workflow_bodies.workflow_run_summary(workspace, run)


def _page_of_versions(
    request: Request, workspace: Workspace, organization: Organization, rows: Sequence[Json]
) -> Response:
    sort_dir = parameters.sort_dir(request)
    ordered = list(rows) if sort_dir == "desc" else list(reversed(rows))
    # the draft comes before all that are newer, so that places are what the order goes by
    places = range(len(rows), 0, -1) if sort_dir == "desc" else range(1, len(rows) + 1)
    keys = [[f"{place:06}", str(row["id"])] for place, row in zip(places, ordered, strict=True)]
    digest = query_digest(workspace.id, "versions of", request.path_params["id"], sort_dir)
    page, token = page_of(request, organization, ordered, keys, digest, sort_dir)
    return json_response(listing_of(list(page), token))


def _chosen(versions: Sequence[Json], asked: str) -> Json:
    for version in versions:
        if asked in (version["id"], version["version"]):
            return version
    published = [version for version in versions if version["version"] != "draft"]
    if asked == "latest":
        return (published or list(versions))[0]
    raise ApiError(404, f"{asked} was not found.")


def _summary_of_version(version: Json) -> Json:
    return {key: value for key, value in version.items() if key not in ("config", "steps")}


def _workflow_ids(workspace: Workspace) -> Iterator[str]:
    return (each.id for each in workflows(workspace))


def _versions_of(kind: Kind) -> tuple[Endpoint, Endpoint]:
    name, path = kind.definition, f"/{kind.definition}s/{{id}}/versions"
    versions = Versions(kind)
    return (
        Endpoint("GET", path, f"list_{name}_versions", versions.list),
        Endpoint("GET", f"{path}/{{version}}", f"get_{name}_version", versions.get),
    )


ENDPOINTS = (
    *(each for kind in KINDS for each in _versions_of(kind)),
    Endpoint("GET", "/workflows", "list_workflows", list_workflows),
    Endpoint("GET", "/workflows/{id}", "get_workflow", get_workflow, _workflow_ids),
    Endpoint("GET", "/workflows/{id}/versions", "list_workflow_versions", list_workflow_versions),
    Endpoint("GET", "/workflows/{id}/versions/{version}", "get_workflow_version", get_workflow_version),
    Endpoint("GET", "/workflow_runs", "list_workflow_runs", list_workflow_runs),
    Endpoint("GET", "/workflow_runs/{id}", "get_workflow_run", get_workflow_run, workflow_run_ids),
)
"""The endpoints."""
