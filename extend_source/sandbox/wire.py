"""Responses, healthy and not: this is where faults become bytes."""

from __future__ import annotations

import asyncio
from typing import Any

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from extend_source.sandbox.faults import Fault
from extend_source.sandbox.limits import retry_after_headers
from extend_source.sandbox.problems import ApiError, ErrorShape
from extend_source.sandbox.rendering import encode
from extend_source.sandbox.requests_log import OddAnswer

_PIECES = 8
_HTML_PAGE = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center><hr></body></html>"


def json_response(body: bytes | Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a JSON response from encoded text or from anything that can be encoded."""
    content = body if isinstance(body, bytes) else encode(body)
    return Response(content, status, headers, media_type="application/json")


def problem_response(problem: ApiError, shape: ErrorShape) -> Response:
    """Return the response for an error."""
    return json_response(problem.body(shape), problem.status, problem.headers)


def odd_response(odd: OddAnswer) -> Response:
    """Return the response for an answer that no workspace makes."""
    if isinstance(odd.body, bytes):
        return Response(odd.body, odd.status, dict(odd.headers))
    return StreamingResponse(odd.body, odd.status, dict(odd.headers))


class DroppedResponse(Response):
    """Announces the whole body, sends half of it and closes the connection."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send; the server closes a connection whose response was left unfinished."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        await send({"type": "http.response.body", "body": half, "more_body": True})


class SlowResponse(Response):
    """Sends its body in pieces with pauses between them.

    Attributes:
        seconds: How long the whole body takes.
    """

    seconds: float = 0.5

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the pieces."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        body, size = bytes(self.body), len(self.body) // _PIECES + 1
        for start in range(0, len(body), size):
            await asyncio.sleep(self.seconds / _PIECES)
            piece = body[start : start + size]
            await send({"type": "http.response.body", "body": piece, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def instead_of_answer(fault: Fault, status: int, shape: ErrorShape) -> Response | None:
    """Return the response a fault puts in place of the answer, or None if it lets the answer be made.

    Args:
        fault: What goes wrong.
        status: The status of a server error.
        shape: The shape of error bodies.
    """
    if fault.name == "429":
        headers = retry_after_headers(fault.retry_after)
        return problem_response(ApiError(429, "Rate limit exceeded.", headers), shape)
    if fault.name == "5xx":
        return problem_response(ApiError(status, "Something went wrong on our side."), shape)
    if fault.name == "html":
        return Response(_HTML_PAGE.format(status=status), status, media_type="text/html")
    if fault.name == "unauthorized":
        return problem_response(ApiError(401, "The API key has expired or was revoked."), shape)
    if fault.name == "success_false":
        return json_response({"success": False, "error": "The request could not be completed."})
    return None


def spoil(response: Response, fault: Fault) -> Response:
    """Return a response as it arrives after a fault of the connection: cut off, slow or dropped."""
    body = bytes(response.body)
    if fault.name == "truncated":
        return json_response(body[: len(body) * 2 // 3], response.status_code)
    if fault.name == "dropped":
        return DroppedResponse(body, response.status_code, media_type=response.media_type)
    if fault.name == "slow":
        slow = SlowResponse(body, response.status_code, media_type=response.media_type)
        slow.seconds = fault.seconds
        return slow
    return response
