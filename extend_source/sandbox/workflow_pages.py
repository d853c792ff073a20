"""The list of workflow runs, which both versions of the API filter and sort alike."""

from __future__ import annotations

from collections.abc import Iterator

from starlette.requests import Request

from extend_source.sandbox import parameters
from extend_source.sandbox.endpoint import Token, page_of
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import query_digest
from extend_source.sandbox.workflows import STATUSES, WorkflowRun, workflow_runs
from extend_source.sandbox.workspace import Workspace


def page_of_workflow_runs(
    request: Request, workspace: Workspace, organization: Organization
) -> tuple[list[WorkflowRun], Token]:
    """Return the page of workflow runs that a request of either version asks for, and the token of the next one."""
    status = parameters.choice(request, "status", STATUSES)
    wanted = {name: parameters.text(request, name) for name in ("workflowId", "batchId", "fileNameContains")}
    sort_by, sort_dir = parameters.sort_by(request), parameters.sort_dir(request)
    part = (wanted["fileNameContains"] or "").lower()
    rows = [
        run
        for run in workflow_runs(workspace)
        if status in (None, run.status)
        and wanted["workflowId"] in (None, run.workflow.id)
        and wanted["batchId"] in (None, run.remark.batch_id)
        and (not part or any(part in name.lower() for name in _file_names(workspace, run)))
    ]

    def key(run: WorkflowRun) -> list[str]:
        moment = run.updated_at if sort_by == "updatedAt" else run.created_at
        return [moment.isoformat(timespec="microseconds"), run.id]

    rows.sort(key=key, reverse=sort_dir == "desc")
    digest = query_digest(workspace.id, "workflow runs", status, *wanted.values(), sort_by, sort_dir)
    page, token = page_of(request, organization, rows, [key(run) for run in rows], digest, sort_dir)
    return list(page), token


def workflow_run_ids(workspace: Workspace) -> Iterator[str]:
    """Yield the ids of all workflow runs."""
    return (run.id for run in workflow_runs(workspace))


def _file_names(workspace: Workspace, run: WorkflowRun) -> Iterator[str]:
    for each in run.runs:
        yield from (str(file["name"]) for file in workspace.run_payload(each.id)["files"])
