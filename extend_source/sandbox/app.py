"""The ASGI application: routes, and what happens around every answer."""

from __future__ import annotations

from collections.abc import Callable

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from extend_source.sandbox import endpoints
from extend_source.sandbox.control import Control
from extend_source.sandbox.faults import Fault
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.problems import ApiError
from extend_source.sandbox.queries import RunQuery
from extend_source.sandbox.requests_log import LoggedRequest
from extend_source.sandbox.wire import instead_of_answer, json_response, odd_response, problem_response, spoil
from extend_source.sandbox.workspace import Workspace

Answer = Callable[[Request, Workspace, Organization], Response]


class Guarded:
    """An endpoint behind keys, limits, faults and the request log.

    Args:
        name: The route's name in the log and for faults.
        answer: Makes the healthy answer.
        organization: Whose endpoint it is.
    """

    def __init__(self, name: str, answer: Answer, organization: Organization) -> None:
        self._name = name
        self._answer = answer
        self._organization = organization

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        log = self._organization.requests
        entry = log.begin(self._name, request.method, request.url.path, request.query_params, request.headers)
        try:
            response = self._respond(request, entry)
            entry.answer(response.status_code)
            await response(scope, receive, send)
        finally:
            log.end()

    def _respond(self, request: Request, entry: LoggedRequest) -> Response:
        shape = self._organization.options.error_shape
        try:
            self._organization.announce(entry)
            odd = self._organization.instead(entry) if self._organization.instead else None
            if odd is not None:
                return odd_response(odd)
            workspace = self._organization.admit(request.headers)
            fault = self._organization.faults.choose(self._name)
            with workspace.lock:
                if fault is None:
                    return self._answer(request, workspace, self._organization)
                entry.fault = fault.name
                return self._faulty(fault, request, workspace)
        except ApiError as problem:
            return problem_response(problem, shape)

    def _faulty(self, fault: Fault, request: Request, workspace: Workspace) -> Response:
        organization = self._organization
        status = organization.faults.server_error(fault)
        replaced = instead_of_answer(fault, status, organization.options.error_shape)
        if replaced is not None:
            return replaced
        if fault.name == "shifting_pages" and "nextPageToken" in request.query_params:
            _shift(workspace)
        answer = self._answer(request, workspace, organization)
        if fault.name == "wrong_id":
            return _another(self._name, request, workspace) or answer
        return spoil(answer, fault)


def _shift(workspace: Workspace) -> None:
    """Update the oldest run and one in the middle, as a busy customer would between two pages."""
    runs = workspace.list_runs(RunQuery(), "updatedAt", "desc")
    for run in (runs[-1], runs[len(runs) // 2]) if runs else ():
        workspace.touch_run(run.id)


def _another(route: str, request: Request, workspace: Workspace) -> Response | None:
    """Return the answer for another object than the one asked for, or None if there is no other."""
    asked = request.path_params["id"]
    if route == "get_file":
        other_file = next((file_id for file_id in list(workspace.files) if file_id != asked), None)
        return json_response({"success": True, "file": workspace.file_payload(other_file)}) if other_file else None
    other_run = next((run_id for run_id in workspace.run_ids() if run_id != asked), None)
    return json_response(endpoints.run_envelope(workspace, other_run)) if other_run else None


def create_app(organization: Organization) -> Starlette:
    """Return the ASGI application of the stand-in.

    Args:
        organization: Workspaces, keys, limits and faults.
    """

    def route(path: str, method: str, name: str, answer: Answer) -> Route:
        return Route(path, Guarded(name, answer, organization), methods=[method], name=name)

    return Starlette(
        routes=[
            route("/processor_runs", "GET", "list_runs", endpoints.list_runs),
            route("/processor_runs/{id}", "GET", "get_run", endpoints.get_run),
            route("/processor_runs/{id}", "DELETE", "delete_run", endpoints.delete_run),
            route("/processor_runs/{id}/cancel", "POST", "cancel_run", endpoints.cancel_run),
            route("/files", "GET", "list_files", endpoints.list_files),
            route("/files/{id}", "GET", "get_file", endpoints.get_file),
            route("/files/{id}", "DELETE", "delete_file", endpoints.delete_file),
            *Control(organization).routes(),
            Route("/{path:path}", Guarded("unknown", endpoints.unknown, organization)),
        ]
    )
