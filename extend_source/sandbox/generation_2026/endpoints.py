"""The endpoints of API 2026-02-09: a request and a workspace in, a response out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace

from starlette.requests import Request
from starlette.responses import Response

from extend_source.sandbox import endpoints as generation_2025
from extend_source.sandbox import parameters
from extend_source.sandbox.endpoint import Answer, Endpoint, Token, found, listing_of, page_of
from extend_source.sandbox.generation_2026 import (
    batch_runs,
    definitions,
    evaluations,
    parse_endpoints,
    runs,
    workflow_endpoints,
)
from extend_source.sandbox.generation_2026.edit_runs import EDIT_RUNS, EDIT_TEMPLATES, FORM_DETECTION_RUNS
from extend_source.sandbox.generation_2026.files import file_object, file_summary
from extend_source.sandbox.generation_2026.kinds import KINDS, Kind, definition_id, old_definition_id, run_id
from extend_source.sandbox.generation_2026.verify_runs import VERIFY_RUNS
from extend_source.sandbox.generation_2026.webhooks import WEBHOOK_ENDPOINTS, WEBHOOK_SUBSCRIPTIONS
from extend_source.sandbox.given_definitions import given_definition, given_definitions
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.paging import query_digest
from extend_source.sandbox.queries import SOURCES, RunQuery, file_sort_key, run_sort_key
from extend_source.sandbox.records import STATUSES, FileRecord, Json, RunRecord
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import NotFoundError, Workspace


@dataclass(frozen=True)
class Runs:
    """The endpoints of one kind of run.

    Attributes:
        kind: The kind.
    """

    kind: Kind

    def list(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/extract_runs`` and its siblings."""
        kind = self.kind
        wanted = parameters.text(request, f"{kind.definition}Id")
        query = RunQuery(
            status=parameters.choice(request, "status", STATUSES),
            processor_id=None if wanted is None else old_definition_id(kind, wanted),
            processor_type=kind.type,
            source_id=parameters.text(request, "sourceId"),
            source=parameters.choice(request, "source", SOURCES),
            file_name_contains=parameters.text(request, "fileNameContains"),
            batch_id=parameters.text(request, "batchId"),
        )
        sort_by, sort_dir = parameters.sort_by(request), parameters.sort_dir(request)
        rows = [run for run in workspace.list_runs(query, sort_by, sort_dir) if not (wanted and run.inline)]
        keys = [list(run_sort_key(run, sort_by)) for run in rows]
        digest = query_digest(workspace.id, kind.run, query, sort_by, sort_dir)
        page, token = page_of(request, organization, rows, keys, digest, sort_dir)
        return _listing([runs.run_summary(workspace, kind, run) for run in page], token)

    def get(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/extract_runs/{id}`` and its siblings."""
        run: RunRecord = found(runs.find_run, workspace, self.kind, request.path_params["id"])
        return json_response(runs.full_run(workspace, self.kind, run))

    def ids(self, workspace: Workspace) -> Iterator[str]:
        """Yield the ids of all runs of the kind."""
        for run in workspace.runs.values():
            if runs.kind_of(run) is self.kind and workspace.shows(run):
                yield run_id(self.kind, run.id, same_suffix=workspace.same_id_suffixes)


@dataclass(frozen=True)
class Definitions:
    """The endpoints of one kind of definition.

    Attributes:
        kind: The kind.
    """

    kind: Kind

    def list(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/extractors`` and its siblings."""
        sort_by, sort_dir = parameters.sort_by(request), parameters.sort_dir(request)
        kind = self.kind
        rows = [definitions.definition_summary(kind, row) for row in definitions.definitions(workspace, kind)]
        rows += [given.summary for given in given_definitions(workspace, kind.definition)]
        rows.sort(key=lambda row: (str(row[sort_by]), str(row["id"])), reverse=sort_dir == "desc")
        keys = [[str(row[sort_by]), str(row["id"])] for row in rows]
        digest = query_digest(workspace.id, kind.definition, sort_by, sort_dir)
        page, token = page_of(request, organization, rows, keys, digest, sort_dir)
        return _listing(page, token)

    def get(self, request: Request, workspace: Workspace, organization: Organization) -> Response:
        """GET ``/extractors/{id}`` and its siblings."""
        given_id = request.path_params["id"]
        with suppress(NotFoundError):
            return json_response(given_definition(workspace, self.kind.definition, given_id).payload)
        processor = found(definitions.definition, workspace, self.kind, given_id)
        return json_response(definitions.definition_object(self.kind, processor))

    def ids(self, workspace: Workspace) -> Iterator[str]:
        """Yield the ids of all definitions of the kind."""
        for processor in definitions.definitions(workspace, self.kind):
            yield definition_id(self.kind, processor.id)


def list_files(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/files``."""
    name_contains, sort_dir = parameters.text(request, "nameContains"), parameters.sort_dir(request)
    files = workspace.list_files(name_contains, sort_dir)
    keys = [list(file_sort_key(file)) for file in files]
    digest = query_digest(workspace.id, "file summaries", name_contains, sort_dir)
    page, token = page_of(request, organization, files, keys, digest, sort_dir)
    return _listing([file_summary(file.payload) for file in page], token)


def get_file(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/files/{id}``."""
    file = found(_file, workspace, request.path_params["id"])
    return json_response(workspace.signed_body(file_object(file, generation_2025.content_flags(request))))


def _file(workspace: Workspace, file_id: str) -> FileRecord:
    if file_id not in workspace.files:
        raise NotFoundError(file_id)
    return workspace.files[file_id]


def list_legacy_runs(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processor_runs``: the listing of 2025-04-21 with the ids of 2026-02-09."""
    query = generation_2025.run_query(request)
    if query.processor_id is not None:
        query = replace(query, processor_id=_old_definition_id(query.processor_id))
    sort_by, sort_dir = parameters.sort_by(request), parameters.sort_dir(request)
    rows = workspace.list_runs(query, sort_by, sort_dir)
    keys = [list(run_sort_key(run, sort_by)) for run in rows]
    digest = query_digest(workspace.id, "legacy runs", query, sort_by, sort_dir)
    page, token = page_of(request, organization, rows, keys, digest, sort_dir)
    return json_response(
        generation_2025.listing("processorRuns", [runs.legacy_summary(workspace, run) for run in page], token)
    )


def _old_definition_id(given_id: str) -> str:
    return next(filter(None, (old_definition_id(kind, given_id) for kind in KINDS)), "")


def get_legacy_run(request: Request, workspace: Workspace, organization: Organization) -> Response:
    """GET ``/processor_runs/{id}``."""
    run: RunRecord = found(runs.find_any_run, workspace, request.path_params["id"])
    return json_response({"success": True, "processorRun": runs.legacy_run(workspace, run)})


def legacy_run_ids(workspace: Workspace) -> Iterator[str]:
    """Yield the ids of all runs."""
    for kind in KINDS:
        yield from Runs(kind).ids(workspace)


def _listing(rows: Sequence[Json], token: Token) -> Response:
    return json_response(listing_of(rows, token))


def _list_and_get(
    name: str, list_rows: Answer, get_one: Answer, ids: Callable[[Workspace], Iterator[str]]
) -> tuple[Endpoint, Endpoint]:
    return (
        Endpoint("GET", f"/{name}s", f"list_{name}s", list_rows),
        Endpoint("GET", f"/{name}s/{{id}}", f"get_{name}", get_one, ids),
    )


def _file_ids(workspace: Workspace) -> Iterator[str]:
    return iter(workspace.files)


_COLLECTIONS = (
    *(EDIT_RUNS, EDIT_TEMPLATES, FORM_DETECTION_RUNS),
    *(VERIFY_RUNS, WEBHOOK_ENDPOINTS, WEBHOOK_SUBSCRIPTIONS),
)

ENDPOINTS = (
    *(each for kind in KINDS for each in _list_and_get(kind.run, Runs(kind).list, Runs(kind).get, Runs(kind).ids)),
    *(
        each
        for kind in KINDS
        for each in _list_and_get(kind.definition, Definitions(kind).list, Definitions(kind).get, Definitions(kind).ids)
    ),
    *_list_and_get("file", list_files, get_file, _file_ids),
    *parse_endpoints.ENDPOINTS,
    *workflow_endpoints.ENDPOINTS,
    *evaluations.ENDPOINTS,
    *(endpoint for collection in _COLLECTIONS for endpoint in collection.endpoints),
    *batch_runs.ENDPOINTS,
    Endpoint("GET", "/processor_runs", "list_runs", list_legacy_runs),
    Endpoint("GET", "/processor_runs/{id}", "get_run", get_legacy_run, legacy_run_ids),
)
"""The endpoints of API 2026-02-09."""
