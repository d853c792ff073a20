"""What must never be written anywhere: signed URLs and the API key.

A signed URL is a bearer secret: whoever has it can download the document. The API's own one is
``File.presignedUrl``; error messages and caller-supplied metadata can carry others.
"""

from __future__ import annotations

import re
from typing import Any

PRESIGNED_URL_KEY = "presignedUrl"
"""The key of a ``File`` object that holds a download link (valid for 15 minutes, docs "File object")."""

REDACTED = "[redacted]"

# the query parameters that carry the signature at the usual stores: S3, GCS, Azure, CloudFront
_SIGNED_URL = re.compile(
    r"""(https?://[^\s"'<>?]+)\?(?=(?:[^\s"'<>]*&)?(?:X-Amz-Signature|X-Goog-Signature|Signature|sig)=)[^\s"'<>]*""",
    re.IGNORECASE,
)
_SIGNATURE_HINT = re.compile(r"signature=|[?&]sig=", re.IGNORECASE)


def redact_signed_urls(text: str) -> str:
    """Cut the query off every signed URL in a text.

    Args:
        text: any text, for example an error message.

    Returns:
        The text, with ``?[redacted]`` in place of the query of each signed URL.
    """
    if "://" not in text or not _SIGNATURE_HINT.search(text):
        return text
    return _SIGNED_URL.sub(rf"\1?{REDACTED}", text)


def without_signed_urls(value: Any) -> Any:
    """Copy a JSON value without the signed URLs in it.

    Args:
        value: a decoded JSON value, of any depth.

    Returns:
        The value without ``presignedUrl`` keys and with the query of every other signed URL cut off.
    """
    if isinstance(value, str):
        return redact_signed_urls(value)
    if isinstance(value, dict):
        return {key: without_signed_urls(item) for key, item in value.items() if key != PRESIGNED_URL_KEY}
    if isinstance(value, list):
        return [without_signed_urls(item) for item in value]
    return value


def without_download_link(file: Any) -> Any:
    """Copy a ``File`` object without its ``presignedUrl``.

    Args:
        file: the API's File object; anything else is returned as it is.

    Returns:
        The object without the link.
    """
    if not isinstance(file, dict) or PRESIGNED_URL_KEY not in file:
        return file
    return {key: value for key, value in file.items() if key != PRESIGNED_URL_KEY}


def redact(text: str, *secrets: str | None) -> str:
    """Remove secrets and signed URLs from a text that is about to be shown or stored.

    Args:
        text: the text.
        *secrets: values that must not appear in it, such as the API key; empty ones are passed over.

    Returns:
        The text with each secret replaced.
    """
    for secret in secrets:
        if secret:
            text = text.replace(secret, REDACTED)
    return redact_signed_urls(text)
