"""Names of typed tables and columns: unlike each other, and the same for ever."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.tables import TABLES
from extend_source.tables.typed.names import MAX_COLUMNS, TypedName, TypedNames

Field = tuple[str, str]
"""A field's key and its type."""


def landed(names: TypedNames, processor_id: str) -> list[TypedName]:
    """What ``typed_columns`` holds of a processor."""
    tables = names.tables_of(processor_id)
    return [*tables, *(column for table in tables for column in names.columns_of(table.table_name))]


def columns(names: TypedNames, fields: Sequence[Field]) -> list[str | None]:
    table = names.processor_table("dp_1", "Invoices")
    return [names.column("dp_1", key, data_type, table, (key,)).column_name for key, data_type in fields]


def test_fields_are_columns_of_their_names() -> None:
    names = TypedNames()

    assert columns(names, [("vendorName", "text"), ("Net Amount", "double")]) == ["vendor_name", "net_amount"]
    assert names.processor_table("dp_1", "Invoices").table_name == "extraction_invoices"


def test_fields_that_are_spelled_alike_get_a_suffix_but_for_the_first() -> None:
    assert columns(TypedNames(), [("Net Amount", "text"), ("net_amount", "text"), ("netAmount", "text")]) == [
        "net_amount",
        "net_amount_7078c609",
        "net_amount_110c05a0",
    ]


@pytest.mark.parametrize(
    ("key", "column"), [("order", "order_field"), ("status", "status_field"), ("runId", "run_id_field")]
)
def test_reserved_words_and_the_tables_own_columns_are_told_apart(key: str, column: str) -> None:
    assert columns(TypedNames(), [(key, "text")]) == [column]


@pytest.mark.parametrize(
    ("processor", "table"),
    [("Invoices current", "extraction_invoices_current_cc1341f7"), ("Currents", "extraction_currents")],
)
def test_no_table_is_named_like_the_view_of_another(processor: str, table: str) -> None:
    assert TypedNames().processor_table("dp_1", processor).table_name == table


def test_no_arrays_table_is_named_like_the_view_of_another() -> None:
    names = TypedNames()
    parent = names.processor_table("dp_1", "Orders").table_name

    plain = names.array_table("dp_1", "lines[]", parent, ("lines",)).table_name
    current = names.array_table("dp_1", "lines_current[]", parent, ("lines_current",)).table_name

    assert (plain, current) == ("extraction_orders__lines", "extraction_orders__lines_current_1a87a63a")


def test_a_field_of_another_type_gets_a_column_more_and_keeps_both() -> None:
    names = TypedNames()

    assert columns(names, [("total", "double"), ("total", "text"), ("total", "double")]) == [
        "total",
        "total__text",
        "total",
    ]


def test_two_processors_of_one_name_have_tables_of_their_own() -> None:
    names = TypedNames()

    tables = [names.processor_table(processor_id, "Invoices").table_name for processor_id in ("dp_1", "dp_2")]

    assert tables == ["extraction_invoices", "extraction_invoices_cdc5221e"]


@pytest.mark.parametrize("name", ["Fields", "fields", "Edits", "citations"])
def test_no_processor_takes_the_name_of_a_fixed_table(name: str) -> None:
    assert TypedNames().processor_table("dp_1", name).table_name not in TABLES


def test_a_processor_without_a_name_is_called_by_its_id() -> None:
    assert TypedNames().processor_table("dp_1", None).table_name == "extraction_dp_1"
    assert TypedNames().processor_table("dp_1", "").table_name == "extraction_dp_1"
    assert TypedNames().processor_table("dp_1", "!!").table_name == "extraction_processor"


def test_a_renamed_processor_keeps_its_table() -> None:
    names = TypedNames(landed(grown([("total", "text")]), "dp_1"))

    assert names.processor_table("dp_1", "Bills").table_name == "extraction_invoices"


def test_a_field_that_comes_before_another_changes_nothing() -> None:
    names = TypedNames(landed(grown([("netAmount", "text")]), "dp_1"))

    assert columns(names, [("net_amount", "text"), ("netAmount", "text")]) == ["net_amount_7078c609", "net_amount"]


def test_beyond_the_most_columns_fields_have_none() -> None:
    names = grown([(f"f{number}", "text") for number in range(MAX_COLUMNS)])

    assert columns(names, [("one_more", "text"), ("f0", "text")]) == [None, "f0"]
    assert len(names.columns_of("extraction_invoices")) == MAX_COLUMNS


def grown(fields: Sequence[Field]) -> TypedNames:
    names = TypedNames()
    columns(names, fields)
    return names


FIELDS = st.tuples(
    st.text(max_size=8) | st.sampled_from(["Net Amount", "net_amount"]), st.sampled_from(["text", "double"])
)


@given(st.lists(FIELDS, unique=True, max_size=15), st.randoms(use_true_random=False), st.data())
def test_names_are_injective_and_stay_whatever_comes_later_and_in_what_order(
    fields: list[Field], random: object, data: st.DataObject
) -> None:
    shuffled = data.draw(st.permutations(fields))
    cut = data.draw(st.integers(0, len(fields)))
    before = grown(shuffled[:cut])
    first = dict(zip(shuffled[:cut], columns(before, shuffled[:cut]), strict=True))

    after = TypedNames(replace(name) for name in landed(before, "dp_1"))
    again = data.draw(st.permutations(fields))
    second = dict(zip(again, columns(after, again), strict=True))

    assert {field: second[field] for field in first} == first
    assert len(set(second.values())) == len(fields)
