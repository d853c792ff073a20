"""Finding hidden values in the texts around them, such as a citation of a whole row of a table."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from ahocorasick_rs import AhoCorasick

from extend_source.privacy.hiding import is_hidden
from extend_source.tables.extraction import scalar_columns
from extend_source.text.escapes import decoded

MIN_CHARACTERS = 4
"""What has fewer letters and digits is found everywhere, and says little."""

MIN_CJK_CHARACTERS = 2
"""The same for Chinese, Japanese and Korean, where two characters are a name."""

_CJK = re.compile(
    r"[\u1100-\u11ff\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
)
_ESCAPES = re.compile(r"[%&\\]")

_SEPARATORS = r".,'\u2019_\u066b\u066c"
_NUMBER = re.compile(rf"\d(?:[{_SEPARATORS}]?\d)*")
_SPACED_NUMBER = re.compile(rf"\d+(?:\s\d{{2,3}})+(?:[{_SEPARATORS}]\d+)?(?!\d)")
_NUMBER_ALONE = re.compile(
    rf"[^\w]*(?:[^\W\d]{{1,3}}[^\w]*)?(?P<number>\d(?:[\s{_SEPARATORS}]?\d)*)[^\w]*(?:[^\W\d]{{1,3}}[^\w]*)?"
)
_NO_DIGITS = re.compile(r"\D+")


class HiddenTexts:
    """The values that were hidden in one run.

    Spaces, punctuation, letter case, Unicode forms, digits of other scripts and escapes (HTML, percent-encoding, JSON)
    do not count, and numbers are found by what they are worth: ``$98,765`` for ``98765.00``.
    """

    def __init__(self) -> None:
        """Start with none."""
        self._values: set[str] = set()
        self._numbers: set[str] = set()
        self._citations: set[str] = set()
        self._search: AhoCorasick | None = None

    def add(self, value: Any) -> None:
        """Add a scalar that was hidden."""
        text = None if isinstance(value, bool) or is_hidden(value) else scalar_columns(value)[1]
        if not text:
            return
        self._search = None
        self._values.update(essence for essence in _essences(text) if _says_something(essence))
        alone = _NUMBER_ALONE.fullmatch(_folded(text))
        if alone is not None and not re.match(r"0\d", alone["number"]):  # a postcode is no number
            self._numbers.update(_worths(alone["number"]))

    def add_all(self, value: Any) -> None:
        """Add all scalars of a JSON value that was hidden."""
        if isinstance(value, dict):
            for item in value.values():
                self.add_all(item)
        elif isinstance(value, list):
            for item in value:
                self.add_all(item)
        else:
            self.add(value)

    def add_citation(self, text: Any) -> None:
        """Add a text that was cited for a hidden value: the fields of a row may all cite the whole row."""
        if isinstance(text, str):
            self._citations.update(essence for essence in _essences(text) if _says_something(essence))

    def are_in(self, text: str) -> bool:
        """Tell whether a text shows one of the values, or is one of the citations; takes time as the text is long."""
        if not self._values and not self._numbers and not self._citations:
            return False
        if self._search is None and self._values:
            self._search = AhoCorasick(self._values)
        for essence in _essences(text):
            if essence in self._citations or (self._search and self._search.find_matches_as_indexes(essence)):
                return True
        return bool(self._numbers) and not self._numbers.isdisjoint(_long_numbers(text))


def _says_something(essence: str) -> bool:
    return len(essence) >= MIN_CHARACTERS or (len(essence) >= MIN_CJK_CHARACTERS and _CJK.search(essence) is not None)


def _essences(text: str) -> set[str]:
    """The letters and digits of a text: as it is and, where it may be escaped, as it reads."""
    if not _ESCAPES.search(text):
        return {_essence(text)}
    return {_essence(form) for form in (text, decoded(text)[0], html.unescape(unquote(text)))}


def _essence(text: str) -> str:
    return "".join(filter(str.isalnum, _folded(text)))


def _folded(text: str) -> str:
    """A text in one Unicode form and letter case, with plain digits."""
    if text.isascii():
        return text.lower()
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())
    if any(map(str.isdecimal, folded)):
        folded = "".join(str(unicodedata.decimal(mark)) if mark.isdecimal() else mark for mark in folded)
    return folded


def _long_numbers(text: str) -> Iterator[str]:
    """What the numbers in a text may be worth; of those that are written with few digits, nothing."""
    folded = _folded(html.unescape(text))
    for pattern in (_NUMBER, _SPACED_NUMBER):
        for found in pattern.finditer(folded):
            number = found.group()
            if sum(map(str.isdecimal, number)) >= MIN_CHARACTERS:
                yield from _worths(number)


def _worths(number: str) -> set[str]:
    """What a number may be worth, as digits without needless zeros: its last separator may be a decimal point."""
    whole, fraction = number, ""
    for place in range(len(number) - 1, -1, -1):
        if not number[place].isdecimal():
            whole, fraction = number[:place], number[place + 1 :]
            break
    as_fraction = f"{_digits(whole)}.{fraction}".rstrip("0").rstrip(".")
    return {as_fraction, _digits(number)}


def _digits(text: str) -> str:
    return _NO_DIGITS.sub("", text).lstrip("0") or "0"
