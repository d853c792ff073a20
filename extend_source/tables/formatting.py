"""Telling a change of the value from a change of the way it is written."""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal, InvalidOperation
from typing import Any

_MEANINGFUL = re.compile(r"(?<=\d)[.,](?=\d)|(?<!\w)[-+](?=[\d.,])|%")
"""Punctuation that changes what is said: separators within numbers, signs, per cent."""


def is_formatting(before: Any, after: Any) -> bool:
    """Tell whether two values differ in case, spaces, punctuation or the form of a number only.

    Separators within numbers, signs, currency symbols and per cent count as part of the value: ``1.50`` is not
    ``150``, and ``$5`` is not ``€5``.

    Args:
        before: a JSON value.
        after: another one.

    Returns:
        Whether both say the same; False for booleans, null, objects and arrays.
    """
    one, other = _normalised(before), _normalised(after)
    return one is not None and one == other


def _normalised(value: Any) -> str | None:
    if isinstance(value, bool) or not isinstance(value, (str, int, float, Decimal)):
        return None
    text = unicodedata.normalize("NFKC", str(value)).casefold()
    kept = {match.start() for match in _MEANINGFUL.finditer(text)}
    text = "".join(letter for place, letter in enumerate(text) if place in kept or not _is_filler(letter))
    try:
        number = Decimal(text)
    except InvalidOperation:
        return text or None
    return format(number.normalize(), "f") if number.is_finite() and abs(number.adjusted()) < 100 else text


def _is_filler(letter: str) -> bool:
    return unicodedata.category(letter)[0] in "PZC"
