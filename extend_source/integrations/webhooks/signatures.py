"""Whether an event comes from Extend: its signature and its age (SDK 1.20.0, wrapper/webhooks)."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from hashlib import sha256
from typing import Literal

TIMESTAMP_HEADER = "x-extend-request-timestamp"
SIGNATURE_HEADER = "x-extend-request-signature"

MAX_AGE_SECONDS = 300
MAX_AHEAD_SECONDS = 60
"""How far the sender's clock may be ahead of this machine's."""

_MAX_DIGITS = 12

Refusal = Literal["unsigned", "stale", "ahead", "forged"]


def refusal_by_time(timestamp: str | None, signature: str | None, now: float) -> Refusal | None:
    """Say why an event is refused before its body is read.

    Args:
        timestamp: the header with the time at which it was signed, Unix seconds.
        signature: the header with the signature.
        now: the time, Unix seconds.

    Returns:
        The reason; None: there is none so far.
    """
    if not signature or not timestamp or not _is_time(timestamp):
        return "unsigned"
    age = now - int(timestamp)
    if age > MAX_AGE_SECONDS:
        return "stale"
    return "ahead" if -age > MAX_AHEAD_SECONDS else None


def is_genuine(secrets: Sequence[str], timestamp: str, signature: str, body: bytes) -> bool:
    """Tell whether a body was signed with one of the secrets; how long that takes says nothing of which, or why not.

    Args:
        secrets: the secrets, each with its ``wss_``.
        timestamp: the header with the time, as it came.
        signature: the header with the signature: lower-case hexadecimal digits.
        body: the body, byte for byte.
    """
    message = b"v0:" + timestamp.encode("ascii") + b":" + body
    given = signature.encode("utf-8", "replace")
    found = False
    for secret in secrets:
        found |= hmac.compare_digest(hmac.new(secret.encode(), message, sha256).hexdigest().encode(), given)
    return found


def _is_time(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= _MAX_DIGITS
