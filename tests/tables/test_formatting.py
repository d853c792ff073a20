"""A change of form is told from a change of value."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.tables.formatting import is_formatting


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ACME Ltd.", "Acme ltd"),
        ("555-1234", "555 1234"),
        ("(555) 1234", "5551234"),
        ("a\u00a0b", "a b"),
        ("\uff21\uff22", "ab"),
        ("Straße", "STRASSE"),
        ("12.50", "12.5"),
        (Decimal("12.50"), 12.5),
        ("12", 12),
        (5, Decimal("5.0")),
        ("1e2", "100"),
        ("- a", "a"),
    ],
)
def test_the_way_it_is_written(before: Any, after: Any) -> None:
    assert is_formatting(before, after)
    assert is_formatting(after, before)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("ACME", "ACNE"),
        ("1.50", "150"),
        ("1,234", "1.234"),
        ("-5", "5"),
        ("$5", "€5"),
        ("5%", "5"),
        ("2026-03-01", "01/03/2026"),
        (True, 1),
        (True, "true"),
        (None, ""),
        ("", "."),
        ({"a": 1}, {"a": 1}),
        (["a"], "a"),
    ],
)
def test_what_it_says(before: Any, after: Any) -> None:
    assert not is_formatting(before, after)
    assert not is_formatting(after, before)


@given(st.text(), st.text())
def test_it_does_not_matter_which_came_first(one: str, other: str) -> None:
    assert is_formatting(one, other) is is_formatting(other, one)
