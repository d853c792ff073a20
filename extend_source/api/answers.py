"""Reading answers: from an httpx response to its JSON object, or to the error that says what to do.

The API has three shapes of error body (docs "Error codes"; API 2025-04-21 reference)::

    {"success": false, "error": "text", "code": "..."?}       most of 2025-04-21
    {"error": "text"}                                         429
    {"code": "...", "message": "...", "retryable": false, "requestId": "..."}

and the last one can be nested under ``error``. Proxies add pages of HTML, and nothing at all.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx

from extend_source.api.bodies import Body
from extend_source.api.environment import certificate_variable, proxy_variable
from extend_source.api.settings import is_loopback
from extend_source.error_codes import ErrorCode
from extend_source.errors import (
    AccessRefused,
    ApiUnreachable,
    BodyTooLarge,
    EndpointRemoved,
    ExtendError,
    InvalidRequest,
    InvalidSetting,
    MalformedResponse,
    NoAnswer,
    NotFound,
    RateLimited,
    ServerError,
    UnsupportedApiVersion,
    WorkspaceRefused,
)
from extend_source.text.json_codec import decode_json
from extend_source.text.redaction import redact
from extend_source.text.wording import one_line

Clean = Callable[[str], str]
"""Removes secrets from a text. A function, so that the secret itself is in no frame of a traceback."""

Decode = Callable[[bytes], Any]
"""Decodes a JSON body; its `ValueError` repeats nothing of the body."""

_MAX_MESSAGE_LENGTH = 300
_ENDPOINT_REMOVED = "ENDPOINT_REMOVED"
_TRY_AGAIN = frozenset({408, 409, 425})
"""Statuses below 500 that the vendor's SDKs repeat as well, 429 apart; 425 is RFC 8470."""

_ACCESS_ADVICE = {
    ErrorCode.OUT_OF_CREDITS: "The organisation's credits are used up or its billing is blocked: see the Extend "
    "dashboard",
    ErrorCode.NO_PERMISSION: "The key is valid but lacks permission to read processor runs: ask an admin for a key "
    "that may",
}
_WORKSPACE = re.compile(r"workspace", re.IGNORECASE)
_PERMISSION = re.compile(r"permission", re.IGNORECASE)
# in a 404, "run not found in this workspace" is about the run
_WORKSPACE_NOT_FOUND = re.compile(
    r"(unknown|invalid|no such|missing) workspace|x-extend-workspace-id"
    r"|workspace[^.,;]{0,60}(not found|not exist|unknown|invalid|required|missing)",
    re.IGNORECASE,
)
_API_VERSION = re.compile(
    r"api[\s_-]?version|(unsupported|unknown|invalid|missing) version"
    r"|(?<!processor )version[^.,;]{0,60}(supported|unknown|invalid|required|missing|no longer)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class ErrorBody:
    """What the body of an error answer says.

    Attributes:
        message: the text, redacted, one line; empty when there was none.
        code: the API's error code, or None.
        retryable: the API's own word on whether to try again, or None.
        request_id: the id for Extend's support, or None.
        from_api: whether it has one of the API's shapes (an empty body counts), unlike the page of a proxy.
    """

    message: str = ""
    code: str | None = None
    retryable: bool | None = None
    request_id: str | None = None
    from_api: bool = True


def cleaner(*secrets: str) -> Clean:
    """Make the function that removes some secrets, and signed URLs, from any text.

    Args:
        *secrets: what must not be shown.

    Returns:
        The function.
    """

    def clean(text: str) -> str:
        return redact(text, *secrets)

    return clean


def error_body(content: bytes, clean: Clean) -> ErrorBody:
    """Read the body of an error answer, whatever it is.

    Args:
        content: the body.
        clean: removes secrets.

    Returns:
        What it says; never raises.
    """
    if not content.strip():
        return ErrorBody()
    try:
        body = decode_json(content)
    except ValueError:
        return ErrorBody(from_api=False)
    if not isinstance(body, dict):
        return ErrorBody(from_api=False)
    nested = body.get("error")
    details = nested if isinstance(nested, dict) else body

    def text(*keys: str) -> str | None:
        for source in (details, body):
            for key in keys:
                if isinstance(value := source.get(key), str) and value.strip():
                    return _one_line(clean(value))
        return None

    retryable = details.get("retryable", body.get("retryable"))
    return ErrorBody(
        message=text("message", "error") or "",
        code=text("code"),
        retryable=retryable if isinstance(retryable, bool) else None,
        request_id=text("requestId"),
    )


def error_of(
    response: httpx.Response, received: Body, call: str, clean: Clean, workspace_id: str | None = None
) -> ExtendError:
    """Turn an answer without a good status into the error to raise.

    Args:
        response: the answer.
        received: its body.
        call: what was asked, for example ``GET /processor_runs/dpr_1``.
        clean: removes secrets.
        workspace_id: the workspace that was named in the request, or None.

    Returns:
        The error, with status, code, the API's own text and its word on trying again.
    """
    body = error_body(received.content, clean)
    status = response.status_code
    says = (
        f"the Extend API answered {status}" if body.from_api else f"the server answered {status}, not as the API does"
    )
    what = f"{call}: {says}" + (f": {body.message}" if body.message else "")
    kind, advice = _kind_and_advice(response, body, workspace_id)
    error = kind(
        what,
        advice,
        status_code=status,
        code=body.code,
        request_id=body.request_id,
        retryable=body.retryable,
        error_code=_error_code(kind, status, body),
    )
    error.says_gone = status in (404, 410) and body.from_api and body.code != _ENDPOINT_REMOVED
    return error


def connection_error(error: Exception, call: str, base_url: str, clean: Clean, seconds: float) -> ExtendError:
    """Turn a failure to get any answer into the error to raise, which holds nothing of httpx.

    Args:
        error: httpx's error, or the timeout of the whole attempt.
        call: what was asked.
        base_url: the address of the API.
        seconds: the most time that an object gets.
        clean: removes secrets.

    Returns:
        The error: `ApiUnreachable` without a connection, else one that concerns this object only.
    """
    reason = _one_line(clean(str(error))) or type(error).__name__
    if isinstance(error, (httpx.ConnectError, httpx.ConnectTimeout, httpx.ProxyError)):
        return ApiUnreachable(f"No connection to {base_url}{_way(base_url, reason)}: {reason}")
    if isinstance(error, asyncio.TimeoutError):
        reason = f"it takes longer than {seconds:,.10g} s (max_object_seconds)"
    return NoAnswer(f"{call}: no complete answer from {base_url}: {reason}")


def _way(base_url: str, reason: str) -> str:
    """Name the variable of the environment that may be to blame."""
    if is_loopback(httpx.URL(base_url).host):
        return ""
    if (name := certificate_variable()) and "CERTIFICATE" in reason:
        return f" with the certificates of {name}"
    return f" through the proxy of {name}" if (name := proxy_variable(base_url)) else ""


def too_large(call: str, most: int) -> ExtendError:
    """Make the error of a body that has too many bytes."""
    return BodyTooLarge(f"{call}: the body is larger than {most / 1e6:,.10g} MB (max_body_megabytes)")


def unpackable(call: str) -> ExtendError:
    """Make the error of a body that is not packed as it claims to be."""
    return MalformedResponse(f"{call}: the body cannot be decompressed")


def json_object(received: Body, call: str, clean: Clean, decode: Decode = decode_json) -> dict[str, Any]:
    """Read the object of an answer with status 200.

    Args:
        received: its body.
        call: what was asked.
        clean: removes secrets.
        decode: decodes the body.

    Returns:
        The decoded object; its ``success`` is not false.

    Raises:
        MalformedResponse: truncated, not JSON, no object, or ``success`` is false.
    """
    try:
        body = decode(received.content)
    except ValueError as error:
        problem = str(error)  # safe to quote: decode_json repeats nothing of the body
    else:
        if isinstance(body, dict) and body.get("success", True) is True:
            return body
        message = error_body(received.content, clean).message
        problem = f"success is not true: {message}".rstrip(": ") if isinstance(body, dict) else "not a JSON object"
    raise MalformedResponse(f"{call}: 200 with an unusable body of {len(received)} bytes: {problem}", status_code=200)


def _kind_and_advice(
    response: httpx.Response, body: ErrorBody, workspace_id: str | None
) -> tuple[type[ExtendError], str | None]:
    status, code, text = response.status_code, body.code or "", f"{body.code or ''} {body.message}"
    if 200 <= status < 300:  # 202 may be another answer soon, 204 is none
        return MalformedResponse, None
    if response.is_redirect or status < 400:
        return InvalidSetting, _redirect_advice(response)
    if code == _ENDPOINT_REMOVED or status == 410:
        return EndpointRemoved, None
    about_workspace = _WORKSPACE_NOT_FOUND if status == 404 else _WORKSPACE
    if status in (400, 401, 403, 404) and about_workspace.search(text):
        check = f"Check workspace_id: {workspace_id!r} was sent, and the key may not use it or it does not exist"
        return WorkspaceRefused, check if workspace_id else None
    if status in (400, 403, 422) and _API_VERSION.search(text):
        return UnsupportedApiVersion, None
    if status in (401, 402, 403) or code == "USAGE_BLOCKED":
        return AccessRefused, _ACCESS_ADVICE.get(_access_code(status, text))
    if status == 404:
        # a page of some other server is no word on a run: calling it deleted would be wrong
        return (NotFound, None) if body.from_api else (EndpointRemoved, "Check base_url: this is not the Extend API")
    if status == 429:
        return RateLimited, None
    return (ServerError if status >= 500 or status in _TRY_AGAIN else InvalidRequest), None


def _error_code(kind: type[ExtendError], status: int, body: ErrorBody) -> ErrorCode | None:
    """Tell kinds of one error apart that need another remedy; None: the kind has one code."""
    if kind is AccessRefused:
        return _access_code(status, f"{body.code or ''} {body.message}")
    return ErrorCode.BAD_BASE_URL if kind is InvalidSetting else None


def _access_code(status: int, text: str) -> ErrorCode:
    if status == 402 or "USAGE_BLOCKED" in text:
        return ErrorCode.OUT_OF_CREDITS
    if status == 403 or _PERMISSION.search(text):  # 401 names insufficient permission among its causes
        return ErrorCode.NO_PERMISSION
    return ErrorCode.KEY_REFUSED


def _redirect_advice(response: httpx.Response) -> str:
    advice = "Redirects are not followed, as the API key would travel along: set base_url to the API's own address"
    try:
        target = httpx.URL(response.headers.get("location", ""))
    except httpx.InvalidURL:
        return advice
    return f"{advice} (redirected to {target.scheme}://{target.host})" if target.host else advice


def _one_line(cleaned: str) -> str:
    # cleaned before it is cut: else the first half of a secret could be left
    line = one_line(cleaned)
    return line if len(line) <= _MAX_MESSAGE_LENGTH else f"{line[:_MAX_MESSAGE_LENGTH]}…"
