"""A hidden value is found in other texts in whatever form it is written, in time that grows with the texts."""

# ruff: noqa: RUF001
from __future__ import annotations

import html
import json
import unicodedata
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.privacy.texts import HiddenTexts
from tests.tables.flat import run_of
from tests.test_privacy import entry, rules


def hidden(*values: Any) -> HiddenTexts:
    texts = HiddenTexts()
    for value in values:
        texts.add(value)
    return texts


def shown(value: Any, text: str) -> Any:
    """What lands of a citation, a remark and a note about one field that show the value of another, masked one."""
    run = run_of(
        output={"value": {"secret": value, "other": "x"}, "metadata": {"other": entry(text)}},
        edits={"other": {"originalValue": "x", "notes": text}},
    )
    clean = rules({"secret": "mask"}).clean_run(run)
    said = clean["output"]["metadata"]["other"]
    return [said["citations"][0]["referenceText"], said["insights"][0]["content"], clean["edits"]["other"]["notes"]]


NAME = "Zo\u00eb M\u00fcller-L\u00fcdenscheidt"
HIDDEN = [
    (NAME, unicodedata.normalize("NFD", NAME)),
    (unicodedata.normalize("NFD", NAME), unicodedata.normalize("NFC", NAME)),
    (NAME, NAME.upper()),
    (NAME, html.escape(NAME).replace("\u00eb", "&euml;").replace("\u00fc", "&#252;")),
    (NAME, html.escape("&#xeb;").join(NAME.split("\u00eb"))),
    (NAME, quote(NAME)),
    (NAME, json.dumps(NAME)),
    (NAME, NAME.replace("l", "l\u00ad").replace("e", "e\u200b")),
    ("O'Neil & Sons", "O&#39;Neil &amp; Sons"),
    ("Straße 12", "STRASSE 12"),
    ("078-05-1120", "０７８－０５－１１２０"),
    ("078-05-1120", "\u0660\u0667\u0668 \u0660\u0665 \u0661\u0661\u0662\u0660"),
    ("078-05-1120", "\u0966\u096d\u096e-\u0966\u096b-\u0967\u0967\u0968\u0966"),
    ("DE89370400440532013000", "DE89 3704 0044 0532 0130 00"),
    ("DE89370400440532013000", "de89-3704-0044-0532-0130-00"),
    ("DE89370400440532013000", "5%DE89370400440532013000"),
    ("ｆｕｌｌ ｗｉｄｔｈ", "full width"),
    ("山田", "受取人は山田様です"),
    ("山田", "受取人：山\u3000田"),
    ("李娜", "收件人李娜"),
    ("김철", "김 철 귀하"),
    ("\u1100\u1175\u11b7\u110e\u1165\u11af", "김철 귀하"),
    (98765.00, "$98,765"),
    ("98765.00", "$98,765"),
    ("$98,765.00", "98765"),
    (98765, "98.765,00 €"),
    (98765, "USD 98 765.00"),
    (98765, "98'765"),
    (98765, "98\u202f765,00"),
    (98765, "(98,765.0)"),
    (98765, "&#36;98&#44;765"),
    (98765, "\u0669\u0668\u066c\u0667\u0666\u0665"),
    (123456, "1,23,456.00"),
    (1234.5, "1,234.50"),
    (500, "EUR 500.00"),
    ("EUR 1.234,50", "1234.5"),
]

SHOWN = [
    (98765, "98,766"), (1234.5, "12.34"), (7, "page 7 of 7"), (500, "500 pages"), ("Ann", "Annual"),
    ("DE", "made in DE"), ("山", "山田"), (True, "it is true"), (None, "null"), ("02139", "the year 2139"), ("", "x"),
]  # fmt: skip


@pytest.mark.case("4.3")
@pytest.mark.case("S10")
@pytest.mark.parametrize(("value", "text"), HIDDEN)
def test_a_hidden_value_in_another_form_hides_the_text(value: Any, text: str) -> None:
    assert shown(value, f"It says: {text}, as agreed.") == [None, None, None]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_other_values_and_short_ones_hide_nothing(value: Any, text: str) -> None:
    assert shown(value, text) == [text, f"It says {text}", text]


def test_a_short_amount_is_found_where_it_is_written_with_four_digits() -> None:
    texts = hidden(500)

    assert [texts.are_in(text) for text in ("500.00", "EUR 500", "5.00")] == [True, False, False]


@pytest.mark.case("S8")
def test_texts_about_thousands_of_hidden_values_of_one_bank_show_what_is_not_hidden() -> None:
    """The IBANs all begin alike; how the time grows is measured by `python -m benchmarks.privacy_texts`."""
    lines = [{"iban": f"DE8937040044{number:010d}", "sku": f"A-{number}"} for number in range(4000)]
    metadata = {f"lines[{number}].sku": entry(f"A-{number} DE89 3704 0044 7{number:09d}") for number in range(4000)}
    run = run_of(output={"value": {"lines": lines}, "metadata": metadata})

    assert rules({"lines[].iban": "mask"}).clean_run(run)["output"]["metadata"] == metadata


@pytest.mark.case("S8")
def test_each_of_thousands_of_hidden_values_is_found() -> None:
    texts = hidden(*(f"DE8937040044{number:010d}" for number in range(4000)))

    assert all(texts.are_in(f"to DE89 3704 0044 {number:010d}") for number in range(0, 4000, 7))
    assert not any(texts.are_in(f"to DE89 3704 0044 {number:010d}") for number in range(4000, 8000, 7))


@pytest.mark.case("S10")
@given(
    st.text(st.characters(categories=["Lu", "Ll", "Lo", "Nd"], max_codepoint=0x2FFF), min_size=4, max_size=12),
    st.text(max_size=8),
)
def test_a_value_is_found_in_all_unicode_forms(value: str, around: str) -> None:
    texts = hidden(value)

    for form in ("NFC", "NFD", "NFKC", "NFKD"):
        assert texts.are_in(f"{around} {unicodedata.normalize(form, value)}")
    assert texts.are_in(f"{around} {html.escape(value)} {around}")
