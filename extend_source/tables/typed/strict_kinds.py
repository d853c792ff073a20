"""The kinds of typed columns: strict, as what does not fit exactly stays in ``extraction_fields`` alone."""

from __future__ import annotations

from datetime import date
from decimal import Context, Decimal
from typing import Any

import pyarrow as pa

from extend_source.tables.kinds import (
    BOOLEAN,
    DOCUMENT_JSON,
    DOCUMENT_TEXT,
    INTEGER,
    Kind,
    to_iso_date,
    to_number,
)

AMOUNT_TYPE = pa.decimal128(38, 9)
_AMOUNT_STEP = Decimal("0.000000001")
_AMOUNT_LIMIT = Decimal(10) ** 29
_AMOUNT_CONTEXT = Context(prec=40)
"""Python's own context has 28 digits, the column 38, and rounding may add one."""


def to_exact_number(value: Any) -> float:
    """Return a JSON number as the float of the same digits; raise `ValueError` where there is none."""
    number = to_number(value)
    if Decimal(repr(number)) != Decimal(str(value)):
        raise ValueError("more digits than a float holds")
    return number


def to_date(value: Any) -> date:
    """Return the date that a string spells as ``YYYY-MM-DD``; raise `ValueError` for anything else."""
    found = to_iso_date(value) if isinstance(value, str) else None
    if found is None:
        raise ValueError("not a date")
    return found


def to_amount(value: Any) -> Decimal:
    """Return a JSON number as a decimal with nine places; raise `ValueError` where digits would be lost."""
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)):
        raise ValueError("not a number")
    number = Decimal(str(value))
    if not number.is_finite() or number.copy_abs() >= _AMOUNT_LIMIT:  # abs() itself can overflow
        raise ValueError("out of range for an amount")
    rounded = number.quantize(_AMOUNT_STEP, context=_AMOUNT_CONTEXT)
    if rounded != number:
        raise ValueError("more than nine decimals")
    return rounded


STRING = DOCUMENT_TEXT
NUMBER = Kind("double", pa.float64(), to_exact_number)
DATE = Kind("date", pa.date32(), to_date)
AMOUNT = Kind("decimal", AMOUNT_TYPE, to_amount)
ANY = DOCUMENT_JSON

KINDS: dict[str, Kind] = {kind.name: kind for kind in (STRING, INTEGER, NUMBER, BOOLEAN, DATE, AMOUNT, ANY)}
"""The kinds by dlt's name of the type, as ``typed_columns`` has it."""

SUFFIXES: dict[str, str] = {
    "text": "text",
    "bigint": "integer",
    "double": "number",
    "bool": "boolean",
    "date": "date",
    "decimal": "amount",
    "json": "json",
}
"""What a column is called after whose field had another type before: ``total__text``."""

__all__ = ["AMOUNT", "ANY", "BOOLEAN", "DATE", "INTEGER", "KINDS", "NUMBER", "STRING", "SUFFIXES"]
