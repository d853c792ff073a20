"""Workflow runs as 2025-04-21 shows them: what they made in one list, and the validations as steps."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.credits import credits_of
from extend_source.sandbox.records import Json, json_number
from extend_source.sandbox.seeding import make_id, rng_for
from extend_source.sandbox.workflows import REVIEWER, WorkflowRun
from extend_source.sandbox.workspace import Workspace

_DASHBOARD = "https://dashboard.extend.ai/workflows/"


def full_workflow_run(workspace: Workspace, run: WorkflowRun) -> Json:
    """Return a workflow run in full, which has no times of its own but those of its work."""
    outputs = [workspace.run_payload(each.id) for each in run.runs]
    files = {file["id"]: file for output in outputs for file in output["files"]}
    body: Json = {
        "object": "workflow_run",
        "id": run.id,
        "name": next((str(file["name"]) for file in files.values()), run.id),
        "url": f"{_DASHBOARD}{run.workflow.id}?workflowRunId={run.id}",
        "status": run.status,
        "metadata": {"customerRef": run.id[-6:]},
        "files": list(files.values()),
        "initialRunAt": rfc3339(run.created_at),
        "reviewed": run.remark.reviewed_at is not None,
        "outputs": outputs,
        "stepRuns": step_runs(run) if run.has_ended else [],
        "workflow": {
            "object": "workflow",
            "id": run.workflow.id,
            "version": run.version.version,
            "name": run.workflow.name,
        },
        **_moments(run, "reviewedBy"),
    }
    if run.status == "FAILED":
        body |= {"failureReason": "STEP_FAILED", "failureMessage": "A step has failed."}
    return body | _usage(outputs)


def workflow_run_summary(workspace: Workspace, run: WorkflowRun) -> Json:
    """Return a workflow run as the listing shows it."""
    return {
        "id": run.id,
        "status": run.status,
        "initialRunAt": rfc3339(run.created_at),
        "workflowId": run.workflow.id,
        "workflowName": run.workflow.name,
        "workflowVersionId": run.version.id,
        "createdAt": rfc3339(run.created_at),
        "updatedAt": rfc3339(run.updated_at),
        **_moments(run, "reviewedByUser"),
        **_usage([workspace.run_payload(each.id) for each in run.runs]),
    }


def given_summary(run: WorkflowRun) -> Json:
    """Return a workflow run that was put there as the listing shows it."""
    payload: Json = run.remark.payload or {}
    shown = ("id", "status", "initialRunAt", "startTime", "endTime", "reviewedAt", "rejectionNote", "batchId", "usage")
    workflow = payload.get("workflow") or {}
    body = {key: payload[key] for key in shown if key in payload}
    if "reviewedBy" in payload:
        body["reviewedByUser"] = payload["reviewedBy"]
    return {
        **body,
        "workflowId": workflow.get("id"),
        "workflowName": workflow.get("name"),
        "workflowVersionId": run.version.id,
        "createdAt": rfc3339(run.created_at),
        "updatedAt": rfc3339(run.updated_at),
    }


def step_runs(run: WorkflowRun) -> list[Json]:
    """Return the validations of a workflow run that has ended: of rules, and by the customer's own endpoint."""
    rng = rng_for("validations", run.id)
    is_valid = run.status == "PROCESSED"
    rules: list[Json] = [{"name": "total > 0", "valid": True}]
    if not is_valid:
        rules.append({"name": "lines", "valid": False, "validArray": ["true", "false"], "failureReason": "RULE_FAILED"})
    outputs: list[tuple[str, Any]] = [("RULE_VALIDATION", {"rules": rules})]
    if run.workflow.key == "payable":
        outputs.append(("EXTERNAL_DATA_VALIDATION", {"known": is_valid, "vendor": {"number": rng.randrange(1000)}}))
    return [
        {
            "object": "workflow_step_run",
            "id": make_id("workflow_step_run", rng),
            "status": "PROCESSED",
            "step": {
                "object": "workflow_step",
                "id": make_id("workflow_step", rng_for("step", run.version.id, kind)),
                "name": kind.lower(),
                "type": kind,
            },
            "output": output,
        }
        for kind, output in outputs
    ]


def _moments(run: WorkflowRun, reviewer: str) -> Json:
    """Return the times and notes that are there only where there is something to say."""
    remark = run.remark
    body: Json = {}
    if remark.batch_id is not None:
        body["batchId"] = remark.batch_id
    if run.status != "PENDING":
        body["startTime"] = rfc3339(run.created_at)
    if run.has_ended and run.status != "NEEDS_REVIEW":
        body["endTime"] = rfc3339(run.updated_at)
    if remark.reviewed_at is not None:
        body |= {reviewer: REVIEWER, "reviewedAt": rfc3339(remark.reviewed_at)}
    if remark.rejection_note is not None:
        body["rejectionNote"] = remark.rejection_note
    return body


def _usage(outputs: list[Json]) -> Json:
    """Return what the runs and the parses of their files have cost together; nothing where none of it is known."""
    files = {file["id"]: file for output in outputs for file in output["files"]}
    known = [cost for each in (*outputs, *files.values()) if (cost := credits_of(each)) is not None]
    return {"usage": {"credits": json_number(sum(known, Decimal(0)))}} if known else {}
