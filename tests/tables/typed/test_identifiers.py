"""Any text becomes an identifier that every destination takes as it is."""

from __future__ import annotations

import re

import duckdb
import pytest
from dlt.common.normalizers.naming.snake_case import NamingConvention
from hypothesis import given
from hypothesis import strategies as st

from extend_source.tables.typed.identifiers import MAX_BYTES, RESERVED, claim, snake_case

IDENTIFIER = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


@pytest.mark.parametrize(
    ("text", "identifier"),
    [
        ("total", "total"),
        ("Net Amount", "net_amount"),
        ("netAmount", "net_amount"),
        ("VATNumber", "vat_number"),
        ("IBAN", "iban"),
        ("iso_4217_code", "iso_4217_code"),
        ("a__b", "a_b"),
        ("_id_", "id"),
        ("Straße", "strasse"),
        ("Prüfsumme", "prufsumme"),
        ("合計", "he_ji"),
        ("Сумма", "summa"),
        ("1099 form", "field_1099_form"),
        ("", "field"),
        ("--", "field"),
        ("\U0001f600", "grinning"),
        ("net.amount[0]", "net_amount_0"),
        ('"; drop table x', "drop_table_x"),
    ],
)
def test_names_are_spelled_in_lower_snake_case(text: str, identifier: str) -> None:
    assert snake_case(text, "field") == identifier


@given(st.text())
def test_any_text_is_an_identifier_that_dlt_leaves_as_it_is(text: str) -> None:
    name = snake_case(text, "field")

    assert IDENTIFIER.fullmatch(name)
    assert NamingConvention().normalize_path(f"{name}__{name}") == f"{name}__{name}"


@given(
    st.lists(st.text("ab_ A", max_size=3) | st.text(min_size=60, max_size=70, alphabet="ab"), unique=True, max_size=12)
)
def test_claimed_names_are_short_enough_and_unlike_each_other(texts: list[str]) -> None:
    taken: set[str] = set()
    for text in texts:
        name = claim(snake_case(text, "field"), text, taken)
        assert name not in taken
        assert len(name.encode()) <= MAX_BYTES
        assert NamingConvention(MAX_BYTES).normalize_path(name) == name
        taken.add(name)


def test_the_suffix_of_a_name_that_is_taken_follows_from_what_it_is_for() -> None:
    first = claim("total", "dp_1 total", {"total"})

    assert first == "total_55865e20"
    assert claim("total", "dp_1 total", {"total", "total_f0f0f0f0"}) == first
    assert claim("total", "dp_1 total", {"total", first}) == "total_55865e206"


def test_a_long_name_keeps_its_beginning() -> None:
    name = claim("a" * 300, "x", set())

    assert name == "a" * 54 + "_2d711642"


def test_the_words_that_duckdb_reserves_are_known() -> None:
    rows = duckdb.sql("select keyword_name from duckdb_keywords() where keyword_category = 'reserved'").fetchall()

    assert {word for (word,) in rows} <= RESERVED
