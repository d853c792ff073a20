"""A change of form is told from a change of value: what could carry meaning is more than form."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.tables.formatting import is_formatting

THE_SAME = {
    "white space at the ends": [("Acme", " Acme"), ("Acme", "Acme\n"), ("Acme", "\u00a0Acme\u2003"), ("12", " 12 "), ("", " ")],
    "Unicode form": [("Caf\u00e9", "Cafe\u0301"), ("\u212b", "\u00c5"), ("a\u00a0b", "a b")],
    "thousands separators": [
        ("1,200.00", "1200.00"), ("1,234,567", "1234567"), ("1'200", "1200"), ("1\u2019200", "1200"), ("-1,200", "-1200"),
        ("$1,200", "$1200"), ("1,200 kg", "1200 kg"), ("(1,200.00)", "(1200.00)"), ("EUR 1,200.-", "EUR 1200.-"),
    ],
    "equal JSON numbers": [(Decimal("12.50"), Decimal("12.5")), (5, Decimal("5.0")), (Decimal("1e2"), 100), (Decimal("12.50"), 12.5)],
    "case of words": [
        ("ACME", "Acme"), ("acme", "ACME"), ("Acme GmbH", "ACME GMBH"), ("Bank of America", "BANK OF AMERICA"),
        ("Müller & Co", "MÜLLER & CO"), ("O'Neill-Smith, Inc.", "O'NEILL-SMITH, INC."), ("Paid in full.", "PAID IN FULL."), ("usd", "USD"),
    ],
    "several of these": [(" ACME Cafe\u0301", "Acme Caf\u00e9"), (" 1,200.00", "1200.00")],
}  # fmt: skip

ANOTHER = {
    "digits of dates": [("1/12/2024", "11/2/2024"), ("1/12/2024", "12/1/2024"), ("2024-01-12", "2024-12-01"), ("1.12", "11.2"), ("2026-03-01", "01/03/2026")],
    "fractions": [("1/2 tablet", "12 tablet"), ("1 1/2", "11/2"), ("½", "1/2")],
    "signs and parentheses": [("1,200.00", "(1,200.00)"), ("-5", "5"), ("+5", "5"), ("5-", "5"), (5, -5), ("- a", "a")],
    "leading zeros": [("2139", "02139"), ("007", "7"), ("0.5", ".5")],
    "digits beyond a context of 28": [
        ("1234567890123456789012345678901234", "1234567890123456789012345678901235"),
        (1234567890123456789012345678901234, 1234567890123456789012345678901235),
        (Decimal("0.1234567890123456789012345678901234"), Decimal("0.1234567890123456789012345678901235")),
        (Decimal("1e999999"), Decimal("1.0000000000000000000000000000000001e999999")),
    ],
    "decimal points": [("1.000", "1,000"), ("1,5", "1.5"), ("1.50", "150"), ("1,234", "1.234"), ("1.200", "1200"), ("0,123", "0123")],
    "commas that are no separators": [("1,23", "123"), ("1,2345", "12345"), ("12,34,567", "1234567"), ("1,200 and 1,300", "1200 and 1300"), ("A1,200", "A1200")],
    "zeros at the end of a text": [("1.10", "1.1"), ("12.50", "12.5"), ("5.0", "5")],
    "currencies, units, per cent": [("$5", "€5"), ("$5", "5"), ("5%", "5"), ("5 mg", "5 g"), ("10²", "102"), ("20°", "20"), ("5 kg", "5kg")],
    "case of units and codes": [
        ("mW", "MW"), ("mg", "Mg"), ("kWh", "KWH"), ("5 mW", "5 MW"), ("ab12", "AB12"), ("aBcD", "AbCd"), ("x", "X"), ("5 Kg", "5 kg"),
        ("https://acme.test/Ab", "https://acme.test/ab"), ("a_b", "A_B"), ("Max@acme.test", "max@acme.test"),
    ],
    "other letters": [("ACME", "ACNE"), ("Maße", "Masse"), ("Straße", "STRASSE"), ("naïve", "naive"), ("\uff21\uff22\uff23", "ABC"), ("\uff11\uff12", "12"), ("ﬁn", "fin")],
    "punctuation": [("ACME Ltd.", "ACME Ltd"), ("555-1234", "555 1234"), ("(555) 1234", "5551234"), ("yes?", "yes"), ("a;b", "a,b"), ("", ".")],
    "spaces within": [("1 2", "12"), ("1 200", "1200"), ("a  b", "a b"), ("a b", "ab"), ("a\nb", "a b")],
    "types": [("12", 12), (True, 1), (True, "true"), (None, ""), (None, "null"), ({"a": 1}, {"a": 1}), (["a"], "a"), (0, ""), (False, 0)],
}  # fmt: skip


def pairs_of(table: dict[str, list[tuple[Any, Any]]]) -> list[Any]:
    return [
        pytest.param(*pair, id=f"{kind}: {pair[0]!a} {pair[1]!a}") for kind, pairs in table.items() for pair in pairs
    ]


@pytest.mark.case("3.5")
@pytest.mark.parametrize(("before", "after"), pairs_of(THE_SAME))
def test_the_way_it_is_written(before: Any, after: Any) -> None:
    assert is_formatting(before, after)
    assert is_formatting(after, before)


@pytest.mark.case("3.5")
@pytest.mark.parametrize(("before", "after"), pairs_of(ANOTHER))
def test_what_it_says(before: Any, after: Any) -> None:
    assert not is_formatting(before, after)
    assert not is_formatting(after, before)


@given(st.text(), st.text(), st.text())
def test_it_does_not_matter_which_came_first_or_what_came_between(one: str, other: str, third: str) -> None:
    assert is_formatting(one, one)
    assert is_formatting(one, other) is is_formatting(other, one)
    assert not (is_formatting(one, other) and is_formatting(other, third)) or is_formatting(one, third)


@given(st.text("0123456789"), st.text("0123456789"), st.sampled_from(["", " ", "$", "(", "/", ".", "-"]))
def test_texts_of_other_digits_never_say_the_same(one: str, other: str, between: str) -> None:
    assert is_formatting(f"{one}{between}", f"{other}{between}") is (one == other)


@given(st.decimals(allow_nan=False, allow_infinity=False), st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_say_the_same_where_they_are_equal(one: Decimal, other: Decimal) -> None:
    assert is_formatting(one, other) is (one == other)


@pytest.mark.parametrize("text", ["a" * 100_000, "1," * 50_000, "(" * 50_000 + "a", "a'" * 50_000, "A " * 50_000 + "!"])
def test_long_texts_take_no_longer_than_they_are(text: str) -> None:
    assert is_formatting(text, f"{text} ")
