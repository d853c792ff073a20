"""The ASGI application: routes, and what happens around every answer."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from extend_source.sandbox import endpoints, generation_2026
from extend_source.sandbox.auth import API_VERSIONS
from extend_source.sandbox.control import Control
from extend_source.sandbox.endpoint import Endpoint, unknown
from extend_source.sandbox.faults import Fault
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.problems import ApiError, shape_under
from extend_source.sandbox.queries import RunQuery
from extend_source.sandbox.requests_log import DOWNLOAD, LoggedRequest
from extend_source.sandbox.wire import instead_of_answer, odd_response, problem_response, spoil
from extend_source.sandbox.workspace import Workspace

GENERATIONS = dict(zip(API_VERSIONS, (endpoints.ENDPOINTS, generation_2026.ENDPOINTS), strict=True))
"""The endpoints of each version of the API."""

_UNKNOWN = Endpoint("GET", "/{path:path}", "unknown", unknown)


class Guarded:
    """An endpoint behind keys, limits, faults and the request log.

    Args:
        name: The route's name in the log and for faults.
        versions: The endpoint in each version of the API that has it.
        organization: Whose endpoint it is.
    """

    def __init__(self, name: str, versions: Mapping[str, Endpoint], organization: Organization) -> None:
        self._name = name
        self._versions = versions
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
        version = request.headers.get("x-extend-api-version")
        shape = shape_under(self._organization.options.error_shape, version)
        endpoint = self._versions.get(version or "", _UNKNOWN)
        try:
            self._organization.announce(entry)
            odd = self._organization.instead(entry) if self._organization.instead else None
            if odd is not None:
                return odd_response(odd)
            workspace = self._organization.admit(request.headers)
            fault = self._organization.faults.choose(self._name)
            with workspace.lock:
                if fault is None:
                    return endpoint.answer(request, workspace, self._organization)
                entry.fault = fault.name
                return self._faulty(fault, endpoint, request, workspace)
        except ApiError as problem:
            return problem_response(problem, shape)

    def _faulty(self, fault: Fault, endpoint: Endpoint, request: Request, workspace: Workspace) -> Response:
        organization = self._organization
        status = organization.faults.server_error(fault)
        version = request.headers.get("x-extend-api-version")
        replaced = instead_of_answer(fault, status, shape_under(organization.options.error_shape, version))
        if replaced is not None:
            return replaced
        if fault.name == "shifting_pages" and "nextPageToken" in request.query_params:
            _shift(workspace)
        answer = endpoint.answer(request, workspace, organization)  # first, as there may be nothing under this id
        if fault.name == "wrong_id":
            return endpoint.answer(_for_another(endpoint, request, workspace), workspace, organization)
        return spoil(answer, fault)


class Download:
    """Signed links: logged, but behind no key, and neither limited nor hit by faults.

    Args:
        organization: Whose files they lead to.
    """

    def __init__(self, organization: Organization) -> None:
        self._organization = organization

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        request = Request(scope, receive)
        log = self._organization.requests
        path, headers = request.url.path, request.headers
        entry = log.begin(DOWNLOAD, request.method, path, {}, headers)  # the query is a secret
        try:
            try:
                self._organization.announce(entry)
                odd = self._organization.instead(entry) if self._organization.instead else None
                response = odd_response(odd) if odd else generation_2026.download(request, self._organization)
            except ApiError as problem:
                response = problem_response(problem, "coded")
            entry.answer(response.status_code)
            await response(scope, receive, send)
        finally:
            log.end()


def _shift(workspace: Workspace) -> None:
    """Update the oldest run and one in the middle, as a busy customer would between two pages."""
    runs = workspace.list_runs(RunQuery(), "updatedAt", "desc")
    for run in (runs[-1], runs[len(runs) // 2]) if runs else ():
        workspace.touch_run(run.id)


def _for_another(endpoint: Endpoint, request: Request, workspace: Workspace) -> Request:
    """Return a request for another object than the one asked for, or the same if there is no other."""
    asked = request.path_params.get("id")
    ids = endpoint.ids(workspace) if endpoint.ids else ()
    other = next((each for each in ids if each != asked), asked)
    return Request({**request.scope, "path_params": {**request.path_params, "id": other}})


def _guarded_routes(organization: Organization) -> list[Route]:
    """Return a route for each path and method that any version of the API has."""
    shared: dict[tuple[str, str], dict[str, Endpoint]] = {}
    for version, known in GENERATIONS.items():
        for endpoint in known:
            shared.setdefault((endpoint.path, endpoint.method), {})[version] = endpoint
    routes = []
    for (path, method), versions in shared.items():
        name = next(iter(versions.values())).name
        routes.append(Route(path, Guarded(name, versions, organization), methods=[method], name=name))
    return routes


def create_app(organization: Organization) -> Starlette:
    """Return the ASGI application of the stand-in.

    Args:
        organization: Workspaces, keys, limits and faults.
    """
    everything_else = Guarded(_UNKNOWN.name, {}, organization)
    return Starlette(
        routes=[
            *_guarded_routes(organization),
            Route(generation_2026.DOWNLOAD_PATH, Download(organization), methods=["GET"], name=DOWNLOAD),
            *Control(organization).routes(),
            Route(_UNKNOWN.path, everything_else),
        ]
    )
