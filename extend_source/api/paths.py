"""Ids as parts of addresses."""

from __future__ import annotations

from urllib.parse import quote

from extend_source.errors import InvalidRequest

MAX_ID_LENGTH = 255
"""Ids have up to 255 characters (docs "API versioning")."""


def path_segment(object_id: str) -> str:
    """Percent-encode an id as one segment of a path.

    Args:
        object_id: any text.

    Returns:
        The segment.

    Raises:
        InvalidRequest: no request can be made for it.
    """
    # "." and ".." would name another path; lone surrogates cannot be encoded
    if not isinstance(object_id, str) or not 0 < len(object_id) <= MAX_ID_LENGTH or object_id in (".", ".."):
        raise InvalidRequest(f"An id must have 1 to {MAX_ID_LENGTH} characters; this is none: {str(object_id)[:40]!r}")
    try:
        return quote(object_id, safe="")
    except UnicodeEncodeError:
        raise InvalidRequest("An id has characters that cannot be sent") from None
