"""Extract, classify and split runs, in full and in summary, and the same runs on the legacy paths."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.credits import credits_of
from extend_source.sandbox.generation_2026.configs import legacy_config, run_config
from extend_source.sandbox.generation_2026.definitions import embedded_summaries
from extend_source.sandbox.generation_2026.files import file_summary, files_of
from extend_source.sandbox.generation_2026.kinds import (
    KIND_OF,
    KINDS,
    Kind,
    definition_id,
    old_run_id,
    run_id,
    version_id,
)
from extend_source.sandbox.generation_2026.outputs import Reading, run_output
from extend_source.sandbox.generation_2026.parses import parses_read_by
from extend_source.sandbox.generation_2026.usage import run_usage
from extend_source.sandbox.queries import summary_of
from extend_source.sandbox.records import Json, RunRecord, json_number
from extend_source.sandbox.workspace import NotFoundError, Workspace

_DASHBOARD = "https://dashboard.extend.ai/runs/"
_OUTPUTS = ("output", "initialOutput", "reviewedOutput")
_SPREADSHEETS = ("EXCEL", "CSV")
_NOT_INGESTED = "PRE_PROCESSING_FAILURE"
"""The failure of runs whose file never arrived: they show none."""


def kind_of(run: RunRecord) -> Kind | None:
    """Return the kind of a run; None for one that a test gave a type of its own."""
    return KIND_OF.get(str(run.payload.get("type")))


def find_run(workspace: Workspace, kind: Kind, given_id: str) -> RunRecord:
    """Return a run by its id.

    Raises:
        NotFoundError: No such run of this kind.
    """
    run = workspace.runs.get(old_run_id(kind, given_id, same_suffix=workspace.same_id_suffixes))
    if run is None or kind_of(run) is not kind or not workspace.shows(run):
        raise NotFoundError(given_id)
    return run


def find_any_run(workspace: Workspace, given_id: str) -> RunRecord:
    """Return a run of any kind by its id, as the legacy paths do.

    Raises:
        NotFoundError: No such run.
    """
    for kind in KINDS:
        try:
            return find_run(workspace, kind, given_id)
        except NotFoundError:
            continue
    raise NotFoundError(given_id)


def full_run(workspace: Workspace, kind: Kind, run: RunRecord) -> Json:
    """Return a run in full."""
    payload = run.payload
    body = run_summary(workspace, kind, run, full=True)
    reading = _reading(workspace, run)
    for key in _OUTPUTS:
        shown = run.status == "PROCESSED" and (key == "output" or payload.get("reviewed"))
        body[key] = run_output(payload, payload.get(key), reading) if shown else None
    if kind.type == "EXTRACT":
        body["edits"] = payload.get("edits") if payload.get("edited") else None
    body["config"] = run_config({"type": kind.type, **(payload.get("config") or {})})
    return body


def run_summary(workspace: Workspace, kind: Kind, run: RunRecord, *, full: bool = False) -> Json:
    """Return a run as listings show it.

    Args:
        workspace: Where the run is.
        kind: Its kind.
        run: The run.
        full: Whether ``usage`` names the lines of its total, as in full runs.
    """
    payload, new_id = run.payload, run_id(kind, run.id, same_suffix=workspace.same_id_suffixes)
    parses = parses_read_by(workspace, run)
    return {
        "object": kind.run,
        "id": new_id,
        "status": payload.get("status"),
        **_definition(workspace, kind, run),
        "failureReason": payload.get("failureReason"),
        "failureMessage": payload.get("failureMessage"),
        "metadata": payload.get("metadata"),
        "reviewed": bool(payload.get("reviewed")),
        "edited": bool(payload.get("edited")),
        **_files(workspace, kind, run),
        "parseRunId": payload.get("parseRunId") or (parses[0].id if parses and _was_ingested(run) else None),
        "dashboardUrl": _DASHBOARD + new_id,
        "usage": run_usage(workspace, kind, run, full=full),
        "createdAt": rfc3339(run.created_at),
        "updatedAt": rfc3339(run.updated_at),
    }


def _definition(workspace: Workspace, kind: Kind, run: RunRecord) -> Json:
    if run.inline:
        return {kind.definition: None, f"{kind.definition}Version": None}
    return embedded_summaries(workspace, kind, run.payload, run.created_at)


def _was_ingested(run: RunRecord) -> bool:
    return run.payload.get("failureReason") != _NOT_INGESTED


def _reads_several(run: RunRecord) -> bool:
    return len(run.file_ids) > 1


def _files(workspace: Workspace, kind: Kind, run: RunRecord) -> Json:
    """Return ``file``, and for extractions ``files``: the one is null where the other is not."""
    summaries = [file_summary(file) for file in files_of(workspace, run)] if _was_ingested(run) else []
    several = _reads_several(run) and bool(summaries)
    body: Json = {"file": summaries[0] if summaries and not several else None}
    return {**body, "files": summaries if several else None} if kind.type == "EXTRACT" else body


def _reading(workspace: Workspace, run: RunRecord, *, legacy: bool = False) -> Reading:
    files = files_of(workspace, run)
    spreadsheet = bool(files) and files[0].get("type") in _SPREADSHEETS
    return Reading(run.file_ids if _reads_several(run) else (), spreadsheet, legacy)


def legacy_run(workspace: Workspace, run: RunRecord) -> Json:
    """Return a run as GET ``/processor_runs/{id}`` shows it: the shape of 2025-04-21 with the ids of 2026-02-09."""
    kind = kind_of(run)
    if kind is None:
        return run.payload
    reading = _reading(workspace, run, legacy=True)
    payload = {**run.payload, **_legacy_ids(workspace, kind, run.payload)}
    payload["url"] = _DASHBOARD + payload["id"]
    payload["config"] = legacy_config(payload.get("config") or {})
    payload["files"] = [file_summary(file) for file in files_of(workspace, run)]
    for key in _OUTPUTS:
        if key in payload:
            payload[key] = run_output(payload, payload[key], reading)
    merged = payload.get("mergedProcessors") or []
    payload["mergedProcessors"] = [{**part, **_legacy_ids(workspace, kind, part)} for part in merged]
    return payload


def legacy_summary(workspace: Workspace, run: RunRecord) -> Json:
    """Return a run as GET ``/processor_runs`` shows it."""
    kind, summary = kind_of(run), summary_of(run)
    credits = credits_of(run.payload)
    if credits is not None:
        summary["usage"] = {"credits": json_number(credits)}
    return {**summary, **_legacy_ids(workspace, kind, summary)} if kind else summary


def _legacy_ids(workspace: Workspace, kind: Kind, payload: Json) -> Json:
    names: dict[str, Callable[[Kind, object], str]] = {
        "id": partial(run_id, same_suffix=workspace.same_id_suffixes),
        "processorId": definition_id,
        "processorVersionId": version_id,
    }
    return {key: rename(kind, payload[key]) for key, rename in names.items() if key in payload}
