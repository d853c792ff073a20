"""Evaluation sets, batches and edit runs as 2025-04-21 shows them, of the same objects as 2026-02-09."""

from __future__ import annotations

from dataclasses import replace

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.endpoint import Endpoint, Token, found, with_token
from extend_source.sandbox.generation_2026.batch_runs import batch_ids, batch_status, given_batches, runs_of_batch
from extend_source.sandbox.generation_2026.edit_runs import EDIT_RUNS
from extend_source.sandbox.generation_2026.evaluations import EVALUATION_SET_ITEMS, EVALUATION_SET_RUNS, EVALUATION_SETS
from extend_source.sandbox.generation_2026.kinds import KINDS, Kind, old_definition_id, with_prefix
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.records import Json, KeptObject, RunRecord
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import NotFoundError, Workspace

_EDIT_PREFIXES = ("edr", "edit_run")
_EDIT_METRICS = ("processingTimeMs", "pageCount", "fieldCount")
_EDIT_TIMES = ("fieldDetectionTimeMs", "fieldAnnotationTimeMs", "fieldFillingTimeMs")
_EDIT_OPTIONS = ("flattenPdf", "tableParsingEnabled", "radioEnumsEnabled", "nativeFieldsOnly")


def list_evaluation_sets(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/evaluation_sets``, of one processor where ``processorId`` says so."""
    rows, token = _SETS.page(request, workspace, organization)
    return _listing("evaluationSets", [_evaluation_set(kept) for kept in rows], token)


def get_evaluation_set(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/evaluation_sets/{id}``."""
    kept: KeptObject = found(EVALUATION_SETS.find, workspace, request.path_params["id"])
    return json_response({"success": True, "evaluationSet": _evaluation_set(kept)})


def list_evaluation_set_items(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/evaluation_sets/{id}/items``: the items in full."""
    set_id = request.path_params["id"]
    kept_set: KeptObject = found(EVALUATION_SETS.find, workspace, set_id)
    rows, token = EVALUATION_SET_ITEMS.page(request, workspace, organization, parent=set_id)
    is_splitter = kept_set.payload.get("entity", {}).get("object") == "splitter"
    return _listing("evaluationSetItems", [_item(kept, with_ids=is_splitter) for kept in rows], token)


def get_batch_processor_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/batch_processor_runs/{id}``: a batch, or the run of an evaluation set."""
    batch_id = request.path_params["id"]
    if batch_id in given_batches(workspace):
        body = given_batches(workspace)[batch_id]
    elif batch_id in EVALUATION_SET_RUNS.objects(workspace):
        body = _evaluation_run(EVALUATION_SET_RUNS.find(workspace, batch_id))
    else:
        body = _batch(batch_id, found(runs_of_batch, workspace, batch_id))
    return json_response({"success": True, "batchProcessorRun": body})


def get_edit_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/edit_runs/{id}``: in full once it has ended."""
    asked = request.path_params["id"]
    newer_id = with_prefix(asked, *reversed(_EDIT_PREFIXES))
    kept: KeptObject = found(_find_edit_run, workspace, newer_id, asked)
    return json_response(workspace.signed_body({"success": True, "editRun": _edit_run(asked, kept.payload)}))


def _find_edit_run(workspace: Workspace, newer_id: str, asked: str) -> KeptObject:
    try:
        return EDIT_RUNS.find(workspace, newer_id)
    except NotFoundError:
        raise NotFoundError(asked) from None


def _edit_run_ids(workspace: Workspace) -> list[str]:
    return [with_prefix(run_id, *_EDIT_PREFIXES) for run_id in EDIT_RUNS.objects(workspace)]


def _batch_ids(workspace: Workspace) -> list[str]:
    return [*batch_ids(workspace), *EVALUATION_SET_RUNS.objects(workspace)]


def _evaluation_set(kept: KeptObject) -> Json:
    payload = kept.payload
    if "processorId" in payload:  # put there as this version has it
        return payload
    keys = ("object", "id", "name", "description", "createdAt", "updatedAt")
    return {**{key: payload[key] for key in keys}, "processorId": _processor_id(payload["entity"])}


def _processor_id(entity: Json) -> str:
    kind = _kind_of(entity)
    return old_definition_id(kind, entity["id"])


_SETS = replace(
    EVALUATION_SETS, filters={"processorId": lambda kept, value: _processor_id(kept.payload["entity"]) == value}
)


def _kind_of(entity: Json) -> Kind:
    return next(kind for kind in KINDS if kind.definition == entity["object"])


def _item(kept: KeptObject, *, with_ids: bool) -> Json:
    payload = kept.payload
    if "fileId" in payload:
        return payload
    expected = payload["expectedOutput"]
    if with_ids:  # the parts of 2025-04-21 have ids
        expected = {"splits": [{"id": f"split_{place}", **part} for place, part in enumerate(expected["splits"])]}
    keys = ("object", "id", "evaluationSetId")
    return {
        **{key: payload[key] for key in keys},
        "fileId": str((payload["file"] or {}).get("id", "")),
        "expectedOutput": expected,
    }


def _evaluation_run(kept: KeptObject) -> Json:
    payload = kept.payload
    if "processorId" in payload:
        return payload
    version = payload["entityVersion"]["id"]
    prefix = _kind_of(payload["entity"]).version_prefix
    metrics = payload["metrics"]
    return {
        "object": "batch_processor_run",
        "id": payload["id"],
        "processorId": _processor_id(payload["entity"]),
        "processorVersionId": with_prefix(version, prefix, "dpv"),
        "processorName": payload["entity"]["name"],
        "metrics": _older_metrics(metrics),
        "status": payload["status"],
        "source": "EVAL_SET",
        "sourceId": payload["evaluationSetId"],
        "runCount": metrics["numFiles"],
        "options": payload["options"],
        "createdAt": payload["createdAt"],
        "updatedAt": payload["updatedAt"],
    }


def _older_metrics(metrics: Json) -> Json:
    """The metrics of an evaluation in percents; of an extraction by field alone, nested ones within the others."""
    kind, counted = metrics["type"], {key: metrics[key] for key in ("numFiles", "numPages")}
    older: Json = {"type": kind, **counted, "meanRunTimeMs": metrics["meanLatencyMs"]}
    if kind == "EXTRACT":
        (path, said), *_ = metrics["fieldMetrics"].items()
        outer, _, inner = path.partition(".")
        figures = {"recallPerc": round(100 * said["accuracy"], 2), "precisionPerc": 100}
        return {**older, "fieldMetrics": {outer: {**figures, "fieldMetrics": {inner: figures}}}}
    if kind == "CLASSIFY":
        percents = {name: round(100 * said["recall"], 2) for name, said in metrics["classificationMetrics"].items()}
        share = round(100 * metrics["accuracy"], 2)
        return {**older, "accuracyPerc": share, "accuracyPercByClassification": percents}
    counts = {f"num{name}Docs": metrics[f"numSplits{name}"] for name in ("Expected", "Predicted", "Correct")}
    rates = {f"{name}Perc": round(100 * metrics[name], 2) for name in ("precision", "recall")}
    return {**older, **rates, **counts}


def _batch(batch_id: str, runs: list[RunRecord]) -> Json:
    first = runs[0].payload
    said = ("processorId", "processorVersionId", "processorName")
    return {
        "object": "batch_processor_run",
        "id": batch_id,
        **{key: str(first.get(key)) for key in said},
        "metrics": {"numFiles": sum(len(run.file_ids) for run in runs)},
        "status": batch_status(runs),
        "source": "STUDIO",
        "sourceId": str(first.get("processorId")),
        "runCount": len(runs),
        "options": {},
        "createdAt": rfc3339(min(run.created_at for run in runs)),
        "updatedAt": rfc3339(max(run.updated_at for run in runs)),
    }


def _edit_run(asked: str, newer: Json) -> Json:
    failure = {"failureReason": newer["failureReason"]} if newer["failureReason"] else {}
    if newer["status"] == "PROCESSING":
        return {"object": "edit_run_status", "id": asked, "status": "PROCESSING"}
    output, metrics, config = newer["output"], newer["metrics"] or {}, newer["config"]
    options = {key: value for key, value in config["advancedOptions"].items() if key in _EDIT_OPTIONS}
    body: Json = {
        "object": "edit_run",
        "id": asked,
        "fileId": newer["file"]["id"],
        "status": newer["status"],
        **failure,
        "config": {"schema": config["schema"], "instructions": config["instructions"], "advancedOptions": options},
        "metrics": {key: metrics[key] for key in (*_EDIT_METRICS, *_EDIT_TIMES) if key in metrics},
    }
    if output is not None:
        edited = output["editedFile"]
        body["editedFile"] = {"fileId": edited["id"], "downloadUrl": edited["presignedUrl"]}
        body["output"] = output["filledValues"]
        body["usage"] = {"credits": newer["usage"]["credits"]}
    return body


def _listing(name: str, rows: list[Json], token: Token) -> Response:
    return json_response(with_token({"success": True, name: rows}, token))


ENDPOINTS = (
    Endpoint("GET", "/evaluation_sets", "list_evaluation_sets", list_evaluation_sets),
    Endpoint("GET", "/evaluation_sets/{id}", "get_evaluation_set", get_evaluation_set, EVALUATION_SETS.ids),
    Endpoint(
        "GET",
        "/evaluation_sets/{id}/items",
        "list_evaluation_set_items",
        list_evaluation_set_items,
        EVALUATION_SETS.ids,
    ),
    Endpoint("GET", "/batch_processor_runs/{id}", "get_batch_processor_run", get_batch_processor_run, _batch_ids),
    Endpoint("GET", "/edit_runs/{id}", "get_edit_run", get_edit_run, _edit_run_ids),
)
"""The endpoints of API 2025-04-21 for them."""
