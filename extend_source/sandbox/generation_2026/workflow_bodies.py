"""Workflows and workflow runs as 2026-02-09 shows them: each step with the whole run that it has made."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.generation_2026.configs import complete_parse_config, run_config
from extend_source.sandbox.generation_2026.files import file_summary, files_of
from extend_source.sandbox.generation_2026.kinds import KIND_OF, definition_id
from extend_source.sandbox.generation_2026.parse_bodies import full_parse
from extend_source.sandbox.generation_2026.parses import Parse, parses_created_by
from extend_source.sandbox.generation_2026.runs import full_run, kind_of
from extend_source.sandbox.records import Json, RunRecord, json_number
from extend_source.sandbox.seeding import make_id, rng_for
from extend_source.sandbox.workflows import REVIEWER, Workflow, WorkflowRun, WorkflowVersion
from extend_source.sandbox.workspace import Workspace

_DASHBOARD = "https://dashboard.extend.ai/workflows/"
_STEPS = {"EXTRACT": "EXTRACT", "CLASSIFY": "CLASSIFY", "SPLITTER": "SPLIT"}
_RESULTS = {"EXTRACT": "extractRun", "CLASSIFY": "classifyRun", "SPLITTER": "splitRun"}


def workflow_summary(workflow: Workflow) -> Json:
    """Return a workflow as listings and runs show it."""
    return {
        "object": "workflow",
        "id": workflow.id,
        "name": workflow.name,
        "createdAt": rfc3339(workflow.created_at),
        "updatedAt": rfc3339(workflow.updated_at),
        "createdBy": {"type": "user", "email": REVIEWER},
    }


def workflow_object(workspace: Workspace, workflow: Workflow) -> Json:
    """Return a workflow with its draft."""
    return {**workflow_summary(workflow), "draftVersion": version_object(workspace, workflow, workflow.draft)}


def version_summary(version: WorkflowVersion) -> Json:
    """Return a version as listings and runs show it."""
    return {
        "object": "workflow_version",
        "id": version.id,
        "version": version.version,
        "name": version.name,
        "createdAt": rfc3339(version.created_at),
        "createdBy": version.author,
    }


def version_object(workspace: Workspace, workflow: Workflow, version: WorkflowVersion) -> Json:
    """Return a version with its steps."""
    return {**version_summary(version), "steps": list(_steps(workspace, workflow, version))}


def full_workflow_run(workspace: Workspace, run: WorkflowRun) -> Json:
    """Return a workflow run with all that it has made."""
    children, parses = _children(workspace, run), _parses(workspace, run)
    return {
        **_shared(workspace, run),
        "metadata": {"customerRef": run.id[-6:]},
        "failureReason": "STEP_FAILED" if run.status == "FAILED" else None,
        "failureMessage": "A step has failed." if run.status == "FAILED" else None,
        "reviewed": run.remark.reviewed_at is not None,
        "stepRuns": list(_step_runs(workspace, run, parses, children)),
        "usage": _usage(children, full=True),
    }


def workflow_run_summary(workspace: Workspace, run: WorkflowRun) -> Json:
    """Return a workflow run as the listing shows it."""
    return {
        **_shared(workspace, run),
        "usage": _usage(_children(workspace, run), full=False),
        "createdAt": rfc3339(run.created_at),
        "updatedAt": rfc3339(run.updated_at),
    }


def given_summary(run: WorkflowRun) -> Json:
    """Return a workflow run that was put there as the listing shows it."""
    hidden = ("metadata", "failureReason", "failureMessage", "reviewed", "stepRuns")
    shown = {key: value for key, value in (run.remark.payload or {}).items() if key not in hidden}
    if isinstance(shown.get("usage"), dict):
        shown["usage"] = {key: value for key, value in shown["usage"].items() if key != "breakdown"}
    return {**shown, "createdAt": rfc3339(run.created_at), "updatedAt": rfc3339(run.updated_at)}


def _shared(workspace: Workspace, run: WorkflowRun) -> Json:
    remark = run.remark
    ended = run.has_ended and run.status != "NEEDS_REVIEW"
    return {
        "object": "workflow_run",
        "id": run.id,
        "workflow": workflow_summary(run.workflow),
        "workflowVersion": version_summary(run.version),
        "dashboardUrl": f"{_DASHBOARD}{run.workflow.id}?workflowRunId={run.id}",
        "status": run.status,
        "batchId": remark.batch_id,
        "files": _files(workspace, run.runs),
        "initialRunAt": rfc3339(run.created_at),
        "reviewedByUser": None if remark.reviewed_at is None else REVIEWER,
        "rejectionNote": remark.rejection_note,
        "reviewedAt": None if remark.reviewed_at is None else rfc3339(remark.reviewed_at),
        "startTime": None if run.status == "PENDING" else rfc3339(run.created_at),
        "endTime": rfc3339(run.updated_at) if ended else None,
    }


def _files(workspace: Workspace, runs: list[RunRecord]) -> list[Json]:
    files = {file["id"]: file_summary(file) for run in runs for file in files_of(workspace, run)}
    return list(files.values())


def _children(workspace: Workspace, run: WorkflowRun) -> list[Json]:
    return [full_run(workspace, kind, each) for each in run.runs if (kind := kind_of(each)) is not None]


def _parses(workspace: Workspace, run: WorkflowRun) -> list[Parse]:
    found = {parse.id: parse for each in run.runs for parse in parses_created_by(workspace, each)}
    return [parse for parse in found.values() if parse.status in ("PROCESSED", "FAILED")]


def _usage(children: list[Json], *, full: bool) -> Json | None:
    """Return what all runs have cost together, of which a workflow run has no line of its own."""
    lines = {
        (line["object"], line["id"]): line
        for child in children
        if child["usage"] is not None
        for line in child["usage"].get("breakdown", ())
    }
    if not lines:
        return None
    total = json_number(sum((Decimal(str(line["credits"])) for line in lines.values()), Decimal(0)))
    usage: Json = {"credits": total, "totalCredits": total}
    return {**usage, "breakdown": list(lines.values())} if full else usage


def _step_runs(workspace: Workspace, run: WorkflowRun, parses: list[Parse], children: list[Json]) -> Iterator[Json]:
    rng = rng_for("steps", run.id)

    def step_run(kind: str, name: str, result: Json, files: list[Json], status: str = "PROCESSED") -> Json:
        step_id = make_id("workflow_step", rng_for("step", run.version.id, name))
        return {
            "object": "workflow_step_run",
            "id": make_id("workflow_step_run", rng),
            "workflowRunId": run.id,
            "status": status,
            "files": files,
            "stepType": kind,
            "step": {"object": "workflow_step", "id": step_id, "name": name, "type": kind},
            "result": result,
        }

    for parse in parses:
        files = [file_summary(parse.file.payload)]
        yield step_run("PARSE", "parse", {"parseRun": full_parse(workspace, parse)}, files, parse.status)
    records = [each for each in run.runs if kind_of(each) is not None]
    for number, (record, child) in enumerate(zip(records, children, strict=True)):
        kind = _STEPS[str(record.payload["type"])]
        result = {_RESULTS[str(record.payload["type"])]: child}
        yield step_run(kind, f"{kind.lower()} {number}", result, _files(workspace, [record]), record.status)
    if run.has_ended:
        yield from _validations(run, step_run, _files(workspace, run.runs))


def _validations(run: WorkflowRun, make: Callable[..., Json], files: list[Json]) -> Iterator[Json]:
    is_valid = run.status == "PROCESSED"
    rules: list[Json] = [{"name": "total > 0", "valid": True}]
    if not is_valid:
        rules.append({"name": "lines", "valid": False, "validArray": [True, False], "failureReason": "RULE_FAILED"})
    yield make("RULE_VALIDATION", "rules", {"rules": rules, "allPassed": is_valid}, files)
    if run.workflow.key == "payable":
        answer = {"status": 200, "data": {"known": is_valid}}
        yield make("EXTERNAL_DATA_VALIDATION", "vendor", {"response": answer}, files)
    else:
        blocks = [{"id": "vb1", "name": "tone", "valid": is_valid, "reasoning": "It reads like one."}]
        yield make("VALIDATION", "validate", {"valid": is_valid, "blocks": blocks}, files)
        branch = {"id": "br1", "name": "large"}
        tried = [{**branch, "matched": is_valid, "reasoning": "Over 100."}]
        yield make("ROUTER", "route", {"matchedBranch": branch if is_valid else None, "branches": tried}, files)


def _steps(workspace: Workspace, workflow: Workflow, version: WorkflowVersion) -> Iterator[Json]:
    """Yield the steps of a version; the headers in them are what nobody else must see."""
    yield {"type": "TRIGGER", "name": "start", "next": [{"step": "parse"}]}
    config = complete_parse_config({}, False)
    yield {"type": "PARSE", "name": "parse", "config": {"parseConfig": config}, "next": [{"step": "extract 0"}]}
    invoices = next((each for each in workspace.processors.values() if each.key == "invoices"), None)
    reference = (
        {}
        if invoices is None
        else {"extractor": {"id": definition_id(KIND_OF["EXTRACT"], invoices.id), "version": "latest"}}
    )
    yield {"type": "EXTRACT", "name": "extract 0", "config": reference, "next": [{"step": "rules"}]}
    if invoices is not None and version.version == "draft":
        inline = {"extractorConfig": run_config(invoices.versions[0].config)}
        yield {"type": "EXTRACT", "name": "extract 1", "config": inline, "next": [{"step": "rules"}]}
    rules = [{"name": "total > 0", "formula": "total > 0"}]
    ways = [{"step": "vendor", "result": "pass"}, {"step": "review", "result": "fail"}]
    yield {"type": "RULE_VALIDATION", "name": "rules", "config": {"rules": rules}, "next": ways}
    if workflow.key == "payable":
        headers = {"X-Api-Key": "customer secret"}
        options = {"url": "https://erp.sandbox.invalid/check", "method": "POST", "headers": headers}
        outside = {"requestOptions": options, "failureBehavior": "CONTINUE"}
        yield {"type": "EXTERNAL_DATA_VALIDATION", "name": "vendor", "config": outside, "next": [{"step": "review"}]}
    yield {"type": "HUMAN_REVIEW", "name": "review"}
