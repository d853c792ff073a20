"""Evaluation sets, their items and runs: made of what the workspace's own runs have read."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.endpoint import Endpoint, found, listing_of
from extend_source.sandbox.generation_2026.definitions import definition_summary, embedded_summaries
from extend_source.sandbox.generation_2026.files import file_summary
from extend_source.sandbox.generation_2026.kept_objects import Collection, moments
from extend_source.sandbox.generation_2026.kinds import KIND_OF
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.records import Json, KeptObject, Processor, RunRecord
from extend_source.sandbox.seeding import make_id, rng_for
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import NotFoundError, Workspace

_ITEMS = 4
_AUTHOR: Json = {"type": "user", "email": "ana.lopez@sandbox.invalid"}
_DAYS_AGO = 50
_SPLIT_KEYS = ("classificationId", "type", "startPage", "endPage")


def _sets(workspace: Workspace) -> Iterator[KeptObject]:
    for number, processor in enumerate(workspace.processors.values()):
        created, updated = moments(workspace, _DAYS_AGO + number)
        kind = KIND_OF[processor.type]
        payload = {
            "object": "evaluation_set",
            "id": _set_id(workspace, processor),
            "name": f"{processor.name}, approved",
            "description": "What people have approved." if number % 2 else "",
            "entity": definition_summary(kind, processor),
            "createdAt": rfc3339(created),
            "updatedAt": rfc3339(updated),
            "createdBy": _AUTHOR if number % 2 else None,
        }
        yield KeptObject(payload, created, updated)


def _items(workspace: Workspace) -> Iterator[KeptObject]:
    for processor in workspace.processors.values():
        for number, run in enumerate(_examples(workspace, processor)):
            created, updated = moments(workspace, _DAYS_AGO - number)
            file = workspace.files.get(run.file_ids[0]) if run.file_ids else None
            set_id = _set_id(workspace, processor)
            payload = {
                "object": "evaluation_set_item",
                "id": make_id("evi", rng_for(workspace.seed, "evaluation set item", run.id)),
                "evaluationSetId": set_id,
                "file": None if file is None else file_summary(file.payload),
                "files": None,
                "expectedOutput": _expected(run),
                "createdBy": _AUTHOR if number % 2 else None,
            }
            yield KeptObject(payload, created, updated, parent=set_id)


def _runs(workspace: Workspace) -> Iterator[KeptObject]:
    for processor in workspace.processors.values():
        examples = _examples(workspace, processor)
        if not examples:
            continue
        kind = KIND_OF[processor.type]
        for number, version in enumerate(processor.versions):
            created = workspace.now - timedelta(days=_DAYS_AGO - 10 - number)
            said = {"processorId": processor.id, "processorVersionId": version.id, "processorName": processor.name}
            summaries = embedded_summaries(workspace, kind, said, created)
            payload = {
                "object": "evaluation_set_run",
                "id": make_id("bpr", rng_for(workspace.seed, "evaluation set run", version.id)),
                "evaluationSetId": _set_id(workspace, processor),
                "entity": summaries[kind.definition],
                "entityVersion": summaries[f"{kind.definition}Version"],
                "metrics": _metrics(processor, len(examples), number),
                "status": "PROCESSED",
                "options": {"excludeFields": ["notes"]} if processor.type == "EXTRACT" else {},
                "createdAt": rfc3339(created),
                "updatedAt": rfc3339(created + timedelta(minutes=5)),
            }
            yield KeptObject(payload, created, created + timedelta(minutes=5), parent=_set_id(workspace, processor))


def _examples(workspace: Workspace, processor: Processor) -> list[RunRecord]:
    """Return the runs of a processor whose outputs are taken for right."""
    runs = workspace.runs.values()
    done = [run for run in runs if run.payload.get("processorId") == processor.id and run.status == "PROCESSED"]
    return sorted((run for run in done if run.raw is None and not run.inline), key=lambda run: run.id)[:_ITEMS]


def _expected(run: RunRecord) -> Json:
    output: Json = run.payload["output"]
    if run.payload["type"] == "CLASSIFY":
        return {"id": output["id"], "type": output["type"]}
    if run.payload["type"] == "SPLITTER":
        return {"splits": [{key: part[key] for key in _SPLIT_KEYS} for part in output["splits"]]}
    if "schema" in run.payload["config"]:
        return {"value": output["value"]}
    return {"value": {name: field.get("value") for name, field in output.items()}}


def _metrics(processor: Processor, files: int, number: int) -> Json:
    """Return metrics that get better from version to version; ratios, where 2025-04-21 has percents."""
    accuracy = round(min(0.8 + 0.05 * number, 1.0), 2)
    counted = {"numFilesTotal": files, "numFilesProcessed": files, "numFiles": files, "numPages": 2 * files}
    times = {"meanLatencyMs": 4000.5, "p50LatencyMs": 3900, "p90LatencyMs": 5200, "p95LatencyMs": 5600}
    shared = {**counted, **times, "p99LatencyMs": 6100}
    if processor.type == "EXTRACT":
        counts = {"countTotal": files, "countPresent": files, "countExpected": files, "countAccurate": files - 1}
        fields = {"total.amount": {**counts, "accuracy": round((files - 1) / files, 4)}}
        return {"type": "EXTRACT", **shared, "accuracy": accuracy, "fieldMetrics": fields}
    if processor.type == "CLASSIFY":
        of_class = {"countExpected": files, "countPredicted": files, "countCorrect": files - 1}
        rates = {"precision": accuracy, "recall": accuracy, "f1": accuracy}
        return {
            "type": "CLASSIFY",
            **shared,
            "accuracy": accuracy,
            "classificationMetrics": {"invoice": {**of_class, **rates}},
        }
    splits = {"numSplitsExpected": 3 * files, "numSplitsPredicted": 3 * files, "numSplitsCorrect": 3 * files - 1}
    return {"type": "SPLITTER", **shared, "precision": accuracy, "recall": accuracy, "f1": accuracy, **splits}


def _set_id(workspace: Workspace, processor: Processor) -> str:
    return make_id("ev", rng_for(workspace.seed, "evaluation set", processor.id))


def _item_summary(kept: KeptObject) -> Json:
    return {key: value for key, value in kept.payload.items() if key not in ("evaluationSetId", "expectedOutput")}


def list_items(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/evaluation_sets/{id}/items``."""
    set_id = request.path_params["id"]
    found(EVALUATION_SETS.find, workspace, set_id)
    rows, token = EVALUATION_SET_ITEMS.page(request, workspace, organization, parent=set_id)
    return json_response(listing_of([_item_summary(kept) for kept in rows], token))


def get_item(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/evaluation_sets/{id}/items/{item}``."""
    kept: KeptObject = found(_find_item, workspace, request.path_params["id"], request.path_params["item"])
    return json_response(kept.payload)


def _find_item(workspace: Workspace, set_id: str, item_id: str) -> KeptObject:
    kept = EVALUATION_SET_ITEMS.find(workspace, item_id)
    if kept.parent != set_id:
        raise NotFoundError(item_id)
    return kept


EVALUATION_SETS = Collection(
    "evaluation_sets",
    "evaluation_set",
    _sets,
    filters={"entityId": lambda kept, value: kept.payload["entity"]["id"] == value},
)
EVALUATION_SET_ITEMS = Collection("evaluation_set_items", "evaluation_set_item", _items)
EVALUATION_SET_RUNS = Collection("evaluation_set_runs", "evaluation_set_run", _runs, is_listed=False)

ENDPOINTS = (
    *EVALUATION_SETS.endpoints,
    Endpoint("GET", "/evaluation_sets/{id}/items", "list_evaluation_set_items", list_items, EVALUATION_SETS.ids),
    Endpoint("GET", "/evaluation_sets/{id}/items/{item}", "get_evaluation_set_item", get_item),
    *EVALUATION_SET_RUNS.endpoints,
)
"""The endpoints of evaluation."""
