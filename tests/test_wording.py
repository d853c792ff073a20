"""Figures and times as people write them, and texts that only can be shown."""

from __future__ import annotations

import unicodedata
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.text.wording import counted, duration, figure, moment, one_line, printable


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.4, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min"), (172_799, "47 h 59 min"),
     (25_491_600, "295 d 1 h")],
)  # fmt: skip
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "unknown"), (12_345, "12,345"), (Decimal("1774.500000"), "1,774.5"), (Decimal("3"), "3"), ("a", "a")],
)
def test_figures_have_no_padding_and_what_is_unknown_is_called_so(value: Any, text: str) -> None:
    assert figure(value) == text


def test_one_thing_is_not_many() -> None:
    assert [counted(number, "run") for number in (0, 1, 2000)] == ["0 runs", "1 run", "2,000 runs"]


def test_moments_are_in_utc() -> None:
    zone = timezone(timedelta(hours=2))

    assert moment(datetime(2026, 2, 1, 13, 5, 7, 999_000, tzinfo=zone)) == "2026-02-01 11:05:07 UTC"


@pytest.mark.case("S5")
@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain, Größe, 納品日, 😀", "plain, Größe, 納品日, 😀"),
        ("\x00\x07\x08\x0e\x1b\x1f\x7f\x80\x9b\x9f", "�" * 10),
        ("a\tb\nc\vd\fe\rf\r\ng\x85h\u2028i\u2029j", "a b c d e f g h i j"),
        ("\u200e\u200f\u061c\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069", "�" * 12),
        (
            "so\xadft, \u200bzero, \u2060join, \ufeffmark, \u3164fill, \U000e0041tag",
            "so�ft, �zero, �join, �mark, �fill, �tag",
        ),
        ("\ud800 \udfff", "� �"),
        ("क्\u200dष 👩\u200d🚀 a\u200cb ❤\ufe0f 葛\U000e0100", "क्\u200dष 👩\u200d🚀 a\u200cb ❤\ufe0f 葛\U000e0100"),
    ],
)
def test_what_a_terminal_obeys_or_nobody_can_see_is_replaced(text: str, shown: str) -> None:
    assert printable(text) == shown


@pytest.mark.case("S5")
@given(st.text(st.characters()))
def test_every_text_becomes_one_line_of_characters_that_are_shown(text: str) -> None:
    shown = printable(text)
    assert {unicodedata.category(character) for character in shown}.isdisjoint({"Cc", "Cs", "Zl", "Zp"})
    assert {unicodedata.bidirectional(character) for character in shown}.isdisjoint(
        {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}
    )
    assert printable(shown) == shown
    assert shown.encode().decode() == shown


def test_a_message_is_one_line_without_doubled_spaces() -> None:
    assert one_line("  first\r\n\n second \x1b[2J \t third ") == "first second �[2J third"
