"""Identifiers for what users name freely: lower snake case, ASCII, at most 63 bytes, the same on every destination."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection

from anyascii import anyascii

MAX_BYTES = 63
"""PostgreSQL cuts off identifiers beyond (docs "Identifiers and key words"); no destination of dlt takes less."""

SEPARATOR = "__"
"""Joins the parts of a nested name. No part holds it, so that joined names cannot be mistaken for plain ones."""

CURRENT_SUFFIX = "_current"
"""Ends the names of the views of current rows; no typed table is named so."""

_CAMEL_CASE = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_OTHER = re.compile(r"[^a-z0-9]+")
_DIGEST = 8

_WORDS = """
all alter analyse analyze and any array as asc assert_rows_modified asymmetric at authorization between binary
both by case cast check collate collation column concurrently connect constraint contains create cross cube
current current_catalog current_date current_role current_schema current_time current_timestamp current_user
default deferrable define delete desc describe distinct do drop else end enum escape except exclude exists
extract false fetch following for foreign freeze from full grant group grouping groups hash having if ignore
ilike in increment initially inner insert intersect interval into is isnull join lambda lateral leading left
like limit localtime localtimestamp lookup merge minus natural new no not notnull null nulls of offset on only
or order outer over overlaps partition pivot pivot_longer pivot_wider placing preceding primary proto qualify
range recursive references regexp respect returning revoke right rlike rollup row rows sample select
session_user set show similar some start struct summarize symmetric system_user table tablesample then to
trailing treat trigger true try_cast unbounded union unique unnest unpivot update user using values variadic
verbose when whenever where window with within
"""

RESERVED = frozenset(_WORDS.split())
"""Words that DuckDB, PostgreSQL, BigQuery or Snowflake take for a column's name in quotes only."""


def snake_case(text: str, what: str) -> str:
    """Turn any text into an identifier.

    Args:
        text: what a user has named something, in any script.
        what: what it is, ``field`` or ``processor``: the name of what has none, and put before a leading digit.

    Returns:
        Lower-case ASCII letters, digits and single underscores between them.
    """
    spelled = anyascii(text)
    words = _OTHER.sub("_", _CAMEL_CASE.sub("_", spelled).lower()).strip("_")
    if not words:
        return what
    return f"{what}_{words}" if words[0].isdigit() else words


def claim(wanted: str, identity: str, taken: Collection[str]) -> str:
    """Find a free identifier near the wanted one.

    Args:
        wanted: an identifier of any length.
        identity: what it is for; the suffix that tells it from others follows from this alone, not from the order in
            which names are claimed.
        taken: the identifiers that are in use.

    Returns:
        The wanted one if it is free and short enough; else its beginning and a digest of the identity.
    """
    if len(wanted) <= MAX_BYTES and wanted not in taken:
        return wanted
    digest = hashlib.sha256(identity.encode("utf-8", "surrogatepass")).hexdigest()
    for length in range(_DIGEST, MAX_BYTES - 1):
        room = MAX_BYTES - length - 1
        name = f"{wanted[:room].rstrip('_')}_{digest[:length]}"
        if name not in taken:
            return name
    raise AssertionError("two identities with one digest")
