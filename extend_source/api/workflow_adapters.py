"""Workflow runs, made canonical; see `adapters`.

A workflow run brings the runs of its steps whole. They are taken out of it, each made canonical as if it had been
fetched alone, and the step only names its run. What steps have checked has one shape, whatever their kind.
"""

from __future__ import annotations

from typing import Any

from extend_source.api.adapters import CARRIED, Adapt, Payload, RunAdapter, parse_run, run_without_download_links
from extend_source.api.definition_adapters import without_headers
from extend_source.text.redaction import without_download_link

_RUNS: dict[str, tuple[str, Adapt]] = {
    "parseRun": ("parse_run", parse_run),
    "extractRun": ("processor_run", RunAdapter("EXTRACT", "extractor").run),
    "classifyRun": ("processor_run", RunAdapter("CLASSIFY", "classifier").run),
    "splitRun": ("processor_run", RunAdapter("SPLITTER", "splitter").run),
}
"""What the results of steps call the runs in them (SDK 1.20.0, step_run and its parts)."""

_CHECKS = {"rules": "rule", "blocks": "block", "branches": "branch"}
_VERSION_PARTS = {"id": "versionId", "version": "version"}
_OF_THE_RUN = frozenset({"files", "dashboardUrl", "workflow", "workflowVersion", "reviewedByUser"})
_EXTERNAL = "EXTERNAL_DATA_VALIDATION"
_RESPONSE = "response"
"""What the customer's own endpoint has answered, whatever it is."""

_NAMES = ("object", "id", "name", "version")


def workflow_run_2025(run: Payload) -> Payload:
    """Make a workflow run of 2025-04-21 canonical (SDK 0.2.0, workflow_run)."""
    carried: list[tuple[str, Payload]] = []
    canonical = {key: value for key, value in summary_2025(run).items() if key != "outputs"}
    if "workflow" in run:
        canonical |= without_headers({"workflow": run["workflow"]})
    canonical["files"] = _files(run.get("files"))
    steps, outputs = run.get("stepRuns"), run.get("outputs")
    if isinstance(steps, list):
        canonical["stepRuns"] = [_older_step(step) for step in steps]
    if not isinstance(outputs, list) or not all(_is_object(output) for output in outputs):
        if outputs is not None:
            canonical["outputs"] = outputs  # so that it is seen, and kept
    else:
        carried = [("processor_run", run_without_download_links(output)) for output in outputs]
        named = [{"result": {"object": output.get("object"), "id": output["id"]}} for output in outputs]
        canonical["stepRuns"] = [*(canonical.get("stepRuns") or ()), *named]
    return {**canonical, CARRIED: carried}


def workflow_run_2026(run: Payload) -> Payload:
    """Make a workflow run of 2026-02-09 canonical (SDK 1.20.0, workflow_run)."""
    carried: list[tuple[str, Payload]] = []
    renamed = ("dashboardUrl", "reviewedByUser", "workflow", "workflowVersion")
    canonical = {key: value for key, value in run.items() if key not in renamed}
    for name, old in (("url", "dashboardUrl"), ("reviewedBy", "reviewedByUser")):
        if old in run:
            canonical[name] = run[old]
    canonical["workflow"] = _workflow(run)
    canonical["files"] = _files(run.get("files"))
    steps = run.get("stepRuns")
    if isinstance(steps, list):
        canonical["stepRuns"] = [_step(step, carried) for step in steps]
    return {**canonical, CARRIED: carried}


def summary_2025(summary: Payload) -> Payload:
    """Make a row of the list of 2025-04-21 canonical: the reviewer is called as in the run itself."""
    canonical = {key: value for key, value in summary.items() if key != "reviewedByUser"}
    return canonical | ({"reviewedBy": summary["reviewedByUser"]} if "reviewedByUser" in summary else {})


def summary_2026(summary: Payload) -> Payload:
    """Make a row of the list of 2026-02-09 canonical: what only the run itself is read for is left to the run."""
    canonical = {key: value for key, value in summary.items() if key not in _OF_THE_RUN}
    if "reviewedByUser" in summary:
        canonical["reviewedBy"] = summary["reviewedByUser"]
    workflow = _workflow(summary) or {}
    named = {"id": "workflowId", "name": "workflowName", "versionId": "workflowVersionId", "version": "workflowVersion"}
    return canonical | {name: workflow[key] for key, name in named.items() if key in workflow}


def _workflow(run: Payload) -> Any:
    """What a run says of its workflow and version: who made them, and when, the definitions themselves say."""
    workflow, version = run.get("workflow"), run.get("workflowVersion")
    if not isinstance(workflow, dict):
        return workflow
    said = {key: workflow[key] for key in _NAMES if key in workflow}
    if isinstance(version, dict):
        said |= {name: version[key] for key, name in _VERSION_PARTS.items() if key in version}
    return said


def _step(step: Any, carried: list[tuple[str, Payload]]) -> Any:
    """Take the run out of a step run; it goes to `carried`."""
    if not isinstance(step, dict):
        return step
    described = {key: value for key, value in step.items() if key != "result"}
    canonical = {**without_headers(described), "files": _files(step.get("files"))}
    if "result" in step:
        canonical["result"] = _result(step["result"], carried) if isinstance(step["result"], dict) else step["result"]
    return canonical


def _result(result: Payload, carried: list[tuple[str, Payload]]) -> Payload:
    canonical: Payload = {}
    for key, value in result.items():
        if key in _RUNS and _is_object(value):
            object_type, adapt = _RUNS[key]
            carried.append((object_type, adapt(value)))
            canonical |= {"object": value.get("object"), "id": value["id"]}
        elif key in _CHECKS and _are_objects(value):
            canonical.setdefault("checks", []).extend(_check(_CHECKS[key], check) for check in value)
        elif key == "allPassed":
            canonical["valid"] = value
        else:
            canonical |= {key: value} if key == _RESPONSE else without_headers({key: value})
    return canonical


def _older_step(step: Any) -> Any:
    if not isinstance(step, dict):
        return step
    canonical = without_headers({key: value for key, value in step.items() if key != "output"})
    kind = step["step"].get("type") if isinstance(step.get("step"), dict) else None
    canonical["stepType"] = kind
    output = step.get("output")
    if output is None:
        return canonical
    if kind == _EXTERNAL or not isinstance(output, dict):
        canonical["result"] = {_RESPONSE: {"data": output}}
    else:
        canonical["result"] = _result(output, [])
    return canonical


def _check(kind: str, check: Payload) -> Payload:
    renamed = {"valid" if key == "matched" else key: value for key, value in check.items()}
    return {"kind": kind, **renamed}


def _files(files: Any) -> Any:
    return [without_download_link(file) for file in files] if isinstance(files, list) else files


def _is_object(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("id"), str)


def _are_objects(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, dict) for item in value)
