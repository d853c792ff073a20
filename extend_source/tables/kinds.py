"""The kinds of column: an Arrow type, dlt's name for it, and how a JSON value becomes one.

A converter takes a JSON value that is not null and returns the Python value for Arrow. It raises
`ValueError` for a value of another type; the caller then keeps that value in the row's ``extra``.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Any

import pyarrow as pa

from extend_source.text.json_codec import encode_json
from extend_source.text.redaction import redact_signed_urls, without_signed_urls

Converter = Callable[[Any], Any]

CREDITS_TYPE = pa.decimal128(18, 6)
_CREDITS_STEP = Decimal("0.000001")
_CREDITS_LIMIT = Decimal(10) ** 12
_INT64_LIMIT = 2**63


@dataclass(frozen=True)
class Kind:
    """A kind of column.

    Attributes:
        name: dlt's data type (``text``, ``bigint``, ``double``, ``bool``, ``decimal``, ``timestamp``,
            ``date`` or ``json``).
        arrow_type: the Arrow type of the column.
        convert: JSON value in, Python value for `arrow_type` out; raises `ValueError` for a value that does not fit.
    """

    name: str
    arrow_type: pa.DataType
    convert: Converter


def to_text(value: Any) -> str:
    """Return a JSON string without the signed URLs in it; raise `ValueError` for any other type."""
    if isinstance(value, str):
        return redact_signed_urls(value)
    raise ValueError("not a string")


def to_document_text(value: Any) -> str:
    """Return a text of the document as it is; raise `ValueError` for any other type."""
    if isinstance(value, str):
        return value
    raise ValueError("not a string")


def to_integer(value: Any) -> int:
    """Return a whole JSON number as an int: ``30`` and ``30.0`` alike (the API types them as numbers)."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("not a number")
    if isinstance(value, Decimal) and value.is_finite() and value and value.adjusted() > 18:
        raise ValueError("not a 64-bit whole number")  # before int() writes out a million digits
    try:
        whole = int(value)
    except (OverflowError, ValueError) as error:
        raise ValueError("not finite") from error
    if whole != value or not -_INT64_LIMIT <= whole < _INT64_LIMIT:
        raise ValueError("not a 64-bit whole number")
    return whole


def to_number(value: Any) -> float:
    """Return a JSON number as a float; raise `ValueError` where it does not fit one."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("not a number")
    try:
        number = float(value)
    except OverflowError as error:
        raise ValueError("too large for a float") from error
    if not math.isfinite(number):
        raise ValueError("too large for a float")
    return number


def to_boolean(value: Any) -> bool:
    """Return a JSON boolean as it is; raise `ValueError` for any other type."""
    if isinstance(value, bool):
        return value
    raise ValueError("not a boolean")


def to_credits(value: Any) -> Decimal:
    """Return a number of credits as a decimal with six places.

    Args:
        value: a JSON number; credits come with one or two decimals (docs "How credits work"), but sums
            made by the server in floating point can carry noise beyond the sixth place.

    Returns:
        The credits, rounded half to even at the sixth decimal.

    Raises:
        ValueError: for anything that is not a number below 10**12.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("not a number")
    number = Decimal(str(value))
    if not number.is_finite() or number.copy_abs() >= _CREDITS_LIMIT:  # abs() itself can overflow
        raise ValueError("out of range for credits")
    rounded = number.quantize(_CREDITS_STEP)
    if rounded.copy_abs() >= _CREDITS_LIMIT:
        raise ValueError("out of range for credits")
    return rounded


def to_timestamp(value: Any) -> datetime:
    """Return an RFC 3339 time, with or without fractions of a second, as an aware UTC datetime."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc)
    if not isinstance(value, str):
        raise ValueError("not a time")
    text = value[:-1] + "+00:00" if value[-1:] in ("Z", "z") else value
    if len(text) < 19:
        raise ValueError("not a time")
    # Python 3.10 reads three or six decimals only
    head, fraction, offset = text[:19], "", text[19:]
    if offset[:1] == ".":
        end = next((i for i, c in enumerate(offset[1:], 1) if not c.isdigit()), len(offset))
        fraction, offset = offset[1:end][:6].ljust(6, "0"), offset[end:]
    if len(offset) == 5 and offset[1:].isdigit():
        offset = f"{offset[:3]}:{offset[3:]}"  # +0200, which Python 3.10 does not read
    parsed = datetime.fromisoformat(f"{head}.{fraction}{offset}" if fraction else head + offset)
    if parsed.tzinfo is None:
        return parsed.replace(tzinfo=timezone.utc)
    if parsed.tzinfo is timezone.utc:
        return parsed
    try:
        return parsed.astimezone(timezone.utc)
    except OverflowError as error:
        raise ValueError("out of range for a time") from error


def to_json(value: Any) -> str:
    """Return any JSON value as JSON text, without the signed URLs in it."""
    return encode_json(without_signed_urls(value))


def to_document_json(value: Any) -> str:
    """Return a JSON value of the document as JSON text, as it is."""
    return encode_json(value)


def to_iso_date(text: str) -> date | None:
    """Return the calendar date that a string spells as ``YYYY-MM-DD``, else None."""
    if len(text) != 10 or text[4] != "-" or text[7] != "-":
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


TEXT = Kind("text", pa.string(), to_text)
DOCUMENT_TEXT = Kind("text", pa.string(), to_document_text)
"""Text that is the document's own, kept as it is, URLs included."""
INTEGER = Kind("bigint", pa.int64(), to_integer)
NUMBER = Kind("double", pa.float64(), to_number)
BOOLEAN = Kind("bool", pa.bool_(), to_boolean)
CREDITS = Kind("decimal", CREDITS_TYPE, to_credits)
TIMESTAMP = Kind("timestamp", pa.timestamp("us", tz="UTC"), to_timestamp)
DATE = Kind("date", pa.date32(), to_iso_date)
JSON = Kind("json", pa.string(), to_json)
DOCUMENT_JSON = Kind("json", pa.string(), to_document_json)
"""JSON that is the document's own content, kept as it is, URLs included."""
