"""Opaque page tokens: bound to the query, possibly short-lived, and awkward to put into a URL."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
from typing import Any, Literal

from extend_source.sandbox.problems import ApiError

EndMarker = Literal["absent", "null", "empty"]
"""How the last page says that it is the last: no ``nextPageToken`` key, null, or an empty string."""

CursorKind = Literal["offset", "keyset"]
"""``offset`` counts rows, so rows that move between two requests shift the pages; ``keyset`` remembers the
last row."""

DEFAULT_PAGE_SIZE = 10
MAX_PAGE_SIZE = 1000

_SECRET = b"sandbox page tokens"
_AWKWARD_START = b"\xfb\xff\xbf"  # base64 text "+/+/": a token that is not percent-encoded arrives broken
_IV_SIZE = 16
_TAG_SIZE = 16
_INVALID = "nextPageToken is invalid."


def query_digest(*parts: object) -> str:
    """Return a short text that stands for a query: workspace, endpoint, filters and order."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def make_token(position: Any, digest: str, issued_at: float) -> str:
    """Return a token for the page after a position.

    Args:
        position: Where the next page begins, any JSON value.
        digest: The query it is valid for, from ``query_digest``.
        issued_at: Seconds on a steady clock, for expiry.

    Returns:
        Two base64 parts joined by a colon; the text always contains ``+``, ``/``, ``=`` and ``:``.
    """
    plain = json.dumps([position, digest, issued_at]).encode()
    iv = _AWKWARD_START + hashlib.sha256(plain).digest()[: _IV_SIZE - len(_AWKWARD_START)]
    cipher = _mask(plain, iv)
    return ":".join(base64.b64encode(part).decode() for part in (iv, _tag(iv + cipher) + cipher))


def read_token(token: str, digest: str, now: float, lifetime: float | None) -> Any:
    """Return the position in a token.

    Args:
        token: What the client sent.
        digest: The query of this request.
        now: Seconds on the clock the token was issued by.
        lifetime: Seconds a token stays valid, None for ever.

    Raises:
        ApiError: 400 for a damaged or expired token, or one of another query.
    """
    try:
        iv, sealed = (base64.b64decode(part, validate=True) for part in token.split(":"))
    except (ValueError, binascii.Error):
        raise ApiError(400, _INVALID) from None
    tag, cipher = sealed[:_TAG_SIZE], sealed[_TAG_SIZE:]
    if len(iv) != _IV_SIZE or not hmac.compare_digest(tag, _tag(iv + cipher)):
        raise ApiError(400, _INVALID)
    position, made_for, issued_at = json.loads(_mask(cipher, iv))
    if made_for != digest:
        raise ApiError(400, "nextPageToken belongs to another query: repeat every filter and sort parameter.")
    if lifetime is not None and now - issued_at > lifetime:
        raise ApiError(400, "nextPageToken has expired.")
    return position


def _tag(data: bytes) -> bytes:
    return hmac.new(_SECRET, data, hashlib.sha256).digest()[:_TAG_SIZE]


def _mask(data: bytes, iv: bytes) -> bytes:
    """Return data combined with a key stream; the same call undoes it."""
    stream = b"".join(
        hashlib.sha256(_SECRET + iv + block.to_bytes(4, "big")).digest() for block in range(len(data) // 32 + 1)
    )
    return bytes(byte ^ key for byte, key in zip(data, stream, strict=False))


def parse_page_size(text: str | None) -> int:
    """Return ``maxPageSize`` as a number.

    Raises:
        ApiError: 400 when it is not a whole number from 1 to 1000.
    """
    if text is None:
        return DEFAULT_PAGE_SIZE
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MAX_PAGE_SIZE):
        raise ApiError(400, f"maxPageSize must be a whole number from 1 to {MAX_PAGE_SIZE}.")
    return int(text)
