"""The last door before a destination: columns of values as Arrow arrays that every destination takes.

A single value that one destination refuses would keep a whole load, with all the runs in it, from ever landing.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa

from extend_source.tables.kinds import Kind
from extend_source.text.json_codec import decode_json, encode_json

MAX_DIGITS = 1000
"""A number that takes more digits than these, before or after its point and without an exponent, is text in JSON.

PostgreSQL's JSON takes 131,072 before and 16,383 after the point.
"""

_LONG_EXPONENT = re.compile("E[+-][0-9]{3}")
_TWO_DIGITS = re.compile("[0-9]{2}")
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_NUL = re.compile(b"\0")


def array_of(values: Sequence[Any], kind: Kind) -> pa.Array:
    """Turn the values of a column into an array.

    Args:
        values: what the kind's converter returns; None for NULL.
        kind: the kind of the column.

    Returns:
        The array; in texts U+FFFD stands for what databases refuse, NUL and halves of surrogate pairs, and in JSON
        texts stand for numbers of more than `MAX_DIGITS` digits.
    """
    if kind.name == "json":
        values = [text if text is None else fitting_json(text) for text in values]
    elif kind.name == "text":
        return _texts(values)
    return pa.array(values, type=kind.arrow_type)


def fitting_json(text: str) -> str:
    """Make JSON text of `encode_json` fit for JSON columns; nearly all is returned as it is."""
    if "\\u0000" in text or _LONG_EXPONENT.search(text) or _may_have_many_digits(text):
        return encode_json(_fitting(decode_json(text.encode())))
    return text


def _may_have_many_digits(text: str) -> bool:
    # that many digits in a row cover two characters of these, which is a hundred times faster to see
    return len(text) >= MAX_DIGITS and _TWO_DIGITS.search(text[:: MAX_DIGITS // 2]) is not None


def _fitting(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _fitting(member) for key, member in value.items()}
    if isinstance(value, list):
        return [_fitting(item) for item in value]
    return str(value) if isinstance(value, (int, Decimal)) and _is_long(value) else value


def _is_long(number: int | Decimal) -> bool:
    if isinstance(number, int):
        return bool(abs(number) >= 10**MAX_DIGITS)
    exponent = number.as_tuple().exponent
    return number.adjusted() >= MAX_DIGITS or (isinstance(exponent, int) and exponent < -MAX_DIGITS)


def _texts(values: Sequence[Any]) -> pa.Array:
    try:
        array = pa.array(values, type=pa.string())
    except UnicodeEncodeError:
        return _texts([_storable(text) for text in values])
    data = array.buffers()[2]
    return array if data is None or _NUL.search(data) is None else _texts([_storable(text) for text in values])


def _storable(text: str | None) -> str | None:
    return text if text is None else _UNSTORABLE.sub("\ufffd", text)
