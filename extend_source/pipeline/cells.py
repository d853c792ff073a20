"""Single values of results: what destinations give in different ways, as one kind of Python value."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from extend_source.tables.contract import TableSchema
from extend_source.tables.kinds import CREDITS, TIMESTAMP, to_timestamp

_STEP = Decimal("0.000001")
_SUMS = Context(prec=38)


def column_names(cursor: Any) -> list[str]:
    """Name the columns of a result."""
    if hasattr(cursor, "keys"):  # SQLAlchemy's
        return [str(name) for name in cursor.keys()]  # noqa: SIM118 - a method of the result, no mapping
    return [str(column[0]) for column in cursor.description]


def as_utc(value: Any) -> datetime | None:
    """Return a time as a destination gives it, some without a zone or as text, in UTC."""
    if value is None:
        return None
    if isinstance(value, datetime) and value.tzinfo is None:
        return value.replace(tzinfo=timezone.utc)
    return to_timestamp(value)


def as_credits(value: Any) -> Decimal | None:
    """Return credits, or a sum of them, as a destination gives them as a decimal with six places."""
    return None if value is None else Decimal(str(value)).quantize(_STEP, context=_SUMS)


_READERS: dict[str, Callable[[Any], Any]] = {TIMESTAMP.name: as_utc, CREDITS.name: as_credits}


def type_of(table: TableSchema, name: str) -> pa.DataType:
    """The Arrow type of a column; the columns that dlt adds are text."""
    return next((column.kind.arrow_type for column in table.columns if column.name == name), pa.string())


def readers(table: TableSchema, columns: Sequence[str]) -> list[Callable[[Any], Any] | None]:
    """What makes Python values of what destinations give, for columns where they differ."""
    kinds = {column.name: column.kind for column in table.columns}
    return [_READERS.get(kinds[name].name) if name in kinds else None for name in columns]
