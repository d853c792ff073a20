"""Batches of runs: what there is to say of the runs that a batch has created."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.endpoint import Endpoint, found
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.records import IN_FLIGHT_STATUSES, Json, RunRecord
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import NotFoundError, Workspace

_BOOK = "given_batches"

BATCH = "BATCH_PROCESSOR_RUN"
"""The source of runs that a batch has created; their source id is the batch's."""


def put_batch_run(workspace: Workspace, payload: Mapping[str, Any]) -> str:
    """Serve a batch exactly as given, in either version of the API; return its id."""
    with workspace.lock:
        given_batches(workspace)[str(payload["id"])] = copy.deepcopy(dict(payload))
        return str(payload["id"])


def delete_batch_run(workspace: Workspace, batch_id: str) -> None:
    """Remove a batch that was put there: GET answers 404."""
    with workspace.lock:
        del given_batches(workspace)[batch_id]


def given_batches(workspace: Workspace) -> dict[str, Json]:
    """Return the batches that were put there, by id."""
    book: dict[str, Json] = workspace.books.setdefault(_BOOK, {})
    return book


def runs_of_batch(workspace: Workspace, batch_id: str) -> list[RunRecord]:
    """Return the runs that a batch has created.

    Raises:
        NotFoundError: There are none.
    """
    with workspace.lock:
        runs = [run for run in workspace.runs.values() if _batch_of(run) == batch_id and workspace.shows(run)]
    if not runs:
        raise NotFoundError(batch_id)
    return runs


def batch_ids(workspace: Workspace) -> Iterator[str]:
    """Yield the ids of all batches."""
    of_runs = filter(None, map(_batch_of, workspace.runs.values()))
    return iter(dict.fromkeys([*of_runs, *given_batches(workspace)]))


def batch_status(runs: list[RunRecord]) -> str:
    """Return the status of a batch: that it has ended says nothing of how its runs have."""
    return "PROCESSING" if any(run.status in IN_FLIGHT_STATUSES for run in runs) else "PROCESSED"


def _batch_of(run: RunRecord) -> str | None:
    return run.source_id if run.source == BATCH else None


def get_batch_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/batch_runs/{id}``."""
    batch_id = request.path_params["id"]
    if batch_id in given_batches(workspace):
        return json_response(given_batches(workspace)[batch_id])
    runs: list[RunRecord] = found(runs_of_batch, workspace, batch_id)
    body: Json = {
        "object": "batch_run",
        "id": batch_id,
        "status": batch_status(runs),
        "runCount": len(runs),
        "createdAt": rfc3339(min(run.created_at for run in runs)),
    }
    return json_response(body)


ENDPOINTS = (Endpoint("GET", "/batch_runs/{id}", "get_batch_run", get_batch_run, batch_ids),)
"""The endpoint of batches of runs."""
