"""When an object of a list changed."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from extend_source.tables.kinds import to_timestamp


def is_before(summary: dict[str, Any], moment: datetime | None) -> bool:
    """Tell whether an object is known to have changed last before a moment; None: there is no such moment."""
    updated_at = None if moment is None else time_of(summary)
    return moment is not None and updated_at is not None and updated_at < moment


def time_of(summary: dict[str, Any], key: str = "updatedAt") -> datetime | None:
    """Read a time of a summary; None: it has none, or one that cannot be read."""
    try:
        return to_timestamp(summary.get(key))
    except ValueError:
        return None
