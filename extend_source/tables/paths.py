"""The grammar of paths into a user's JSON, shared by all tables that have a ``path``.

Dots join object keys and ``[n]`` counts array items from zero, as in the API's own metadata keys (docs
"Extraction: response format"): ``vendor.name``, ``line_items[0].sku``. The API does not say how it writes
keys that hold dots or brackets themselves; here they are quoted, ``["net.amount"]``, so that every value
of a document has a path of its own. ``$`` is the document itself, and no path is the empty text. ``[~n]`` is the
item that was number n before a review removed it, where another one has that number now.
"""

from __future__ import annotations

import re

from extend_source.text.json_codec import encode_json

ROOT = "$"

# a key is written as it is unless it could be read as something else
_NEEDS_QUOTES = re.compile(r'[.\[\]"\\\x00-\x1f]|^\$|^$')


def quoted_key(key: str) -> str | None:
    """Return the quoted form of an object key, ``["net.amount"]``, or None where it needs no quotes."""
    if key.isidentifier():  # most are; no cache, which would keep a document's own keys in memory
        return None
    return f"[{encode_json(key)}]" if _NEEDS_QUOTES.search(key) else None


def member(parent: str, key: str) -> str:
    """Return the path of an object's member.

    Args:
        parent: the object's path; the empty text or ``$`` for the document itself.
        key: the member's key, any text.

    Returns:
        The member's path.
    """
    quoted = quoted_key(key)
    if parent in ("", ROOT):
        return quoted or key
    return parent + quoted if quoted else f"{parent}.{key}"


def item(parent: str, index: int | None) -> str:
    """Return the path of an array's item, or of any item (``[]``) for an index of None."""
    suffix = "[]" if index is None else f"[{index}]"
    return f"{ROOT}{suffix}" if parent in ("", ROOT) else parent + suffix


def removed_item(parent: str, index: int) -> str:
    """Return the path of an array's item that a review removed, where another one has its index now."""
    return f"{parent}[~{index}]"
