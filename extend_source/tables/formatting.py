"""Telling a change of the value from a change of the way it is written."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Hashable
from decimal import Decimal
from typing import Any

_LETTERS = r"[^\W\d_]+"
_LETTER_RUN = re.compile(_LETTERS)
_WORD = re.compile(rf"""[("'“„«]*{_LETTERS}(?:['\u2019-]{_LETTERS})*[)"'”»,.;:!?]*|[&\u2013-]""")
"""What stands between spaces in a text that says nothing but words: no digit, sign, unit, address or code."""

_GROUPED = re.compile(
    r"(?P<before>|\D*[^\d\w.,'\u2019])"
    r"(?P<whole>[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?:'[0-9]{3})+|(?:\u2019[0-9]{3})+))"
    r"(?P<fraction>(?:\.[0-9]+)?)"
    r"(?P<after>|[^\d\w]\D*)"
)
"""One number with separators between groups of three digits, and whatever is around it."""

_SEPARATORS = str.maketrans("", "", ",'\u2019")
_MIN_WORD_LETTERS = 3
_MIN_MIXED_LETTERS = 4
"""Letters: `GmbH` is a word, `kWh` or `mW` may be a unit."""


def is_formatting(before: Any, after: Any) -> bool:
    """Tell whether two values say the same beyond doubt.

    They do where they differ in nothing but white space at the ends, the Unicode form of equal letters, separators
    between the thousands of one number, the digits of equal JSON numbers (``5`` and ``5.0``), or the case of words.
    Whatever could carry meaning is more than formatting: digits, signs, units, punctuation, spaces within, the case of
    codes and units, ``1.50`` for ``1.5`` in a text, a text for a number.

    Args:
        before: a JSON value.
        after: another one.

    Returns:
        Whether they do; False for booleans, null, objects and arrays.
    """
    return _is_text_or_number(before) and _is_text_or_number(after) and normal_form(before) == normal_form(after)


def normal_form(value: Any) -> Hashable:
    """Return what two values have in common that differ in their formatting only.

    Args:
        value: a string, a number, a boolean or null.

    Returns:
        A key that is equal for those, and for no others.
    """
    if isinstance(value, str):
        return _normal_text(value)
    # never through a context, which would round; and to Python True is 1
    return (type(value) if isinstance(value, bool) or value is None else Decimal, value)


def _is_text_or_number(value: Any) -> bool:
    return isinstance(value, (str, int, float, Decimal)) and not isinstance(value, bool)


def _normal_text(text: str) -> str:
    # a non-breaking space looks like any other
    text = text.strip() if text.isascii() else unicodedata.normalize("NFC", text).replace("\u00a0", " ").strip()
    number = _GROUPED.fullmatch(text)
    if number:
        return f"{number['before']}{number['whole'].translate(_SEPARATORS)}{number['fraction']}{number['after']}"
    return _LETTER_RUN.sub(_lower_word, text) if _is_words(text) else text


def _is_words(text: str) -> bool:
    """Tell whether a text says words only, of which one at least is neither a code nor a unit by its looks."""
    return all(map(_WORD.fullmatch, text.split())) and any(
        len(letters) >= _MIN_WORD_LETTERS and not _is_mixed(letters) for letters in _LETTER_RUN.findall(text)
    )


def _lower_word(match: re.Match[str]) -> str:
    letters = match[0]
    return letters if _is_mixed(letters) and len(letters) < _MIN_MIXED_LETTERS else letters.lower()


def _is_mixed(letters: str) -> bool:
    return not (letters.islower() or letters.isupper() or (letters[0].isupper() and letters[1:].islower()))
