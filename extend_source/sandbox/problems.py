"""Errors the API answers with, and the shapes their bodies have."""

from __future__ import annotations

import uuid
from typing import Literal

from extend_source.sandbox.records import Json

ErrorShape = Literal["auto", "success", "bare", "coded"]
"""``success``: ``{success, error}``. ``bare``: ``{error}``. ``coded``: ``{code, message, requestId,
retryable}``. ``auto``: ``bare`` for 429 and ``success`` for everything else, as documented for 2025-04-21;
``coded`` for all under 2026-02-09."""

_CODED_VERSIONS = ("2026-02-09",)

_CODES = {
    400: "INVALID_REQUEST",
    401: "UNAUTHORIZED",
    402: "USAGE_BLOCKED",
    403: "FORBIDDEN",
    404: "NOT_FOUND",
    429: "RATE_LIMIT_EXCEEDED",
}


def shape_under(shape: ErrorShape, api_version: str | None) -> ErrorShape:
    """Return the shape of error bodies under a version of the API.

    Args:
        shape: The shape the organization is set to.
        api_version: What the request's header says.
    """
    return "coded" if shape == "auto" and api_version in _CODED_VERSIONS else shape


class ApiError(Exception):
    """An answer that is not a success.

    Args:
        status: The HTTP status.
        message: What the body says.
        headers: Response headers beyond the usual.
    """

    def __init__(self, status: int, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.headers = headers or {}

    def body(self, shape: ErrorShape) -> Json:
        """Return the JSON body in a given shape."""
        if shape == "coded":
            return {
                "code": _CODES.get(self.status, "INTERNAL_ERROR"),
                "message": self.message,
                "requestId": f"req_{uuid.uuid4().hex}",
                "retryable": self.status == 429 or self.status >= 500,
            }
        if shape == "bare" or (shape == "auto" and self.status == 429):
            return {"error": self.message}
        return {"success": False, "error": self.message}
