"""The last door before a destination lets nothing through that one of them refuses."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.tables.arrays import array_of, fitting_json
from extend_source.tables.kinds import DOCUMENT_JSON, INTEGER, TEXT
from extend_source.text.json_codec import encode_json

UNTOUCHED = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")),
    st.integers(-(10**999), 10**999),
    st.decimals(allow_nan=False, allow_infinity=False, places=30),
)


@pytest.mark.case("3.3")
def test_texts_have_neither_nul_nor_half_a_surrogate_pair() -> None:
    assert array_of(["a\0b\0", None, "", "\ud800x", "\\0"], TEXT).to_pylist() == [
        "a\ufffdb\ufffd",
        None,
        "",
        "\ufffdx",
        "\\0",
    ]
    assert array_of(["a\0"], TEXT).to_pylist() == ["a\ufffd"]
    assert array_of([], TEXT).to_pylist() == []
    assert array_of([None], TEXT).to_pylist() == [None]


def test_other_kinds_are_given_as_they_are() -> None:
    assert array_of([2**63 - 1, None], INTEGER).to_pylist() == [2**63 - 1, None]
    assert array_of(['{"a":1.50}', None], DOCUMENT_JSON).to_pylist() == ['{"a":1.50}', None]


@given(st.dictionaries(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), UNTOUCHED))
def test_json_without_long_numbers_stays_as_it_is(value: dict[str, object]) -> None:
    text = encode_json(value)

    assert fitting_json(text) == text


@pytest.mark.case("3.3")
@given(st.integers(0, 3000), st.integers(1, 9), st.integers(-3000, 3000), st.booleans())
def test_numbers_in_json_have_a_thousand_digits_at_most(zeros: int, digit: int, exponent: int, fraction: bool) -> None:
    digits = f"{digit}{'.' if fraction else ''}{'0' * zeros}{digit}"
    number = Decimal(f"{digits}e{exponent}")
    before, _, after = format(number.copy_abs(), "f").partition(".")

    read = json.loads(fitting_json(encode_json({"a": [number, "x"]})), parse_float=Decimal, parse_int=Decimal)

    is_long = len(before) > 1000 or len(after) > 1000
    assert read == {"a": [str(number) if is_long else number, "x"]}
