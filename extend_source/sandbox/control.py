"""Routes under ``/_sandbox/`` that drive a served stand-in from any language on this machine; no key needed."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.faults import Fault, parse_fault
from extend_source.sandbox.organization import Organization
from extend_source.sandbox.records import Json
from extend_source.sandbox.webhooks import WebhookEndpoint, Webhooks
from extend_source.sandbox.wire import json_response
from extend_source.sandbox.workspace import ConflictError, NotFoundError, Workspace

PREFIX = "/_sandbox"
_RUN_ARGUMENTS = ("processor", "status", "file_id", "file_name", "metadata", "inline", "files")

_Answer = Callable[[Request], Awaitable[Response]]


class Control:
    """The control routes of an organization.

    A request may name a workspace with ``?workspace=<id>``; the first one is meant otherwise. One that a browser sends
    for a page from elsewhere is refused, also where that page's own name has been made to lead here (DNS rebinding).

    Args:
        organization: What is controlled.
    """

    def __init__(self, organization: Organization) -> None:
        self._organization = organization
        self._receivers = Webhooks()

    def routes(self) -> list[Route]:
        """Return the routes."""
        answers: dict[str, tuple[_Answer, list[str]]] = {
            "advance": (self._advance, ["POST"]),
            "runs": (self._add_run, ["POST"]),
            "runs/{id}/edit": (self._edit, ["POST"]),
            "faults": (self._faults, ["GET", "POST"]),
            "requests": (self._requests, ["GET", "DELETE"]),
            "credits": (self._credits, ["GET"]),
            "webhooks": (self._webhooks, ["GET", "POST", "DELETE"]),
        }
        return [
            Route(f"{PREFIX}/{path}", _from_here_only(answer), methods=methods)
            for path, (answer, methods) in answers.items()
        ]

    async def _advance(self, request: Request) -> Response:
        """POST ``{"seconds": 60}``: move the clock."""
        try:
            now = self._workspace(request).advance(float((await _body(request))["seconds"]))
        except (KeyError, TypeError, ValueError) as error:
            return _refused(f"seconds must be a number, 0 or more: {error}")
        return json_response({"now": rfc3339(now), **await self._told(request)})

    async def _add_run(self, request: Request) -> Response:
        """POST ``{"processor": "invoices", "status": "PENDING"}``: create a run."""
        try:
            body = await _body(request)
            run_id = self._workspace(request).add_run(**{key: body[key] for key in _RUN_ARGUMENTS if key in body})
        except (TypeError, ValueError, NotFoundError) as error:
            return _refused(str(error))
        return json_response({"id": run_id, **await self._told(request)}, 201)

    async def _edit(self, request: Request) -> Response:
        """POST ``{"changes": {...}, "touch_updated_at": false}``: review and correct a run."""
        try:
            body = await _body(request)
            touch = bool(body.get("touch_updated_at", True))
            run_id = request.path_params["id"]
            changes = self._workspace(request).edit_run(run_id, body.get("changes"), touch_updated_at=touch)
        except NotFoundError as error:
            return _refused(f"{error} was not found", 404)
        except (ConflictError, KeyError, ValueError) as error:
            return _refused(str(error))
        return json_response({"id": run_id, "changes": changes})

    async def _faults(self, request: Request) -> Response:
        """GET the faults in force, or POST ``{"faults": ["429:0.2", {"name": "slow"}]}`` to replace them."""
        if request.method == "POST":
            try:
                wanted = (await _body(request))["faults"]
                self._organization.faults.set(_fault(each) for each in wanted)
            except (KeyError, TypeError, ValueError) as error:
                return _refused(str(error))
        return json_response({"faults": [fault.name for fault in self._organization.faults.faults]})

    async def _requests(self, request: Request) -> Response:
        """GET the request log, or DELETE what it holds."""
        if request.method == "DELETE":
            self._organization.requests.reset()
        return json_response(self._organization.requests.as_json())

    async def _credits(self, request: Request) -> Response:
        """GET the credit account, as exact decimals in text."""
        account = self._workspace(request).credit_account()
        return json_response(
            {
                "processing": str(account.processing),
                "parsing": str(account.parsing),
                "total": str(account.total),
                "runs_without_usage": account.runs_without_usage,
            }
        )

    async def _webhooks(self, request: Request) -> Response:
        """GET the receivers of events, POST ``{"url": "http://127.0.0.1:8090/webhooks", "secret": "wss_..."}``, DELETE.

        A receiver is told of runs that end through ``advance`` and ``runs`` from then on. It may ask for a ``version``
        of the API, and for links in the place of payloads with ``"by_link": true``.
        """
        webhooks = self._receivers
        if request.method == "POST":
            try:
                endpoint = WebhookEndpoint(**await _body(request))
            except (TypeError, ValueError) as error:
                return _refused(str(error))
            if not _is_loopback(endpoint.url):
                return _refused("url must name localhost or a loopback address")
            webhooks.add(endpoint, self._organization.workspaces.values())
        elif request.method == "DELETE":
            webhooks.clear()
        return json_response({"webhooks": [endpoint.url for endpoint in webhooks.endpoints]})

    async def _told(self, request: Request) -> Json:
        """Tell the receivers of events what has ended; without any there is nothing to say of it."""
        webhooks = self._receivers
        if not webhooks.endpoints:
            return {}
        return {"events": await asyncio.to_thread(webhooks.tell, self._workspace(request))}

    def _workspace(self, request: Request) -> Workspace:
        workspaces = self._organization.workspaces
        wanted = request.query_params.get("workspace", next(iter(workspaces)))
        if wanted not in workspaces:
            raise ValueError(f"there is no workspace {wanted!r}")
        return workspaces[wanted]


def _from_here_only(answer: _Answer) -> _Answer:
    """Refuse requests that name another host than the loopback as theirs, or as the page that sends them."""

    async def guarded(request: Request) -> Response:
        hosts, origins = request.headers.getlist("host"), request.headers.getlist("origin")
        if [_is_loopback(f"//{host}") for host in hosts] != [True]:
            return _refused("Host must be localhost or a loopback address", 403)
        if not all(map(_is_loopback, origins)):
            return _refused("requests of pages from elsewhere are refused", 403)
        return await answer(request)

    return guarded


def _is_loopback(address: str) -> bool:
    try:
        name = urlsplit(address).hostname or ""
        return name == "localhost" or ip_address(name).is_loopback
    except ValueError:
        return False


async def _body(request: Request) -> Json:
    text = await request.body()
    parsed = json.loads(text) if text else {}
    if not isinstance(parsed, dict):
        raise ValueError("the body must be a JSON object")
    return parsed


def _fault(wanted: object) -> Fault:
    """Return a fault from its short form, or from an object with the attributes of ``Fault``."""
    if isinstance(wanted, str):
        return parse_fault(wanted)
    if not isinstance(wanted, dict):
        raise ValueError("a fault is a text such as 429:0.2, or an object")
    schedule = wanted.get("schedule")
    return Fault(**{**wanted, "schedule": frozenset(schedule) if schedule is not None else None})


def _refused(message: str, status: int = 400) -> Response:
    return json_response({"error": message}, status)
