"""Figures and times as people write them."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from extend_source.writing import counted, duration, figure, moment


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
