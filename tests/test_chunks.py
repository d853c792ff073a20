"""Rows held back until there are enough of them."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from extend_source.ingest.chunks import Chunks
from extend_source.tables import TABLES, Tables, TableSchema
from extend_source.tables.schemas import FILES


def numbers(*values: int) -> pa.Table:
    return pa.table({"n": pa.array(values, type=pa.int64())})


def typed(rows: pa.Table, schema: TableSchema = FILES) -> Tables:
    return Tables({}, {"receipts": (schema, rows)})


def test_few_rows_wait_for_the_end() -> None:
    chunks = Chunks(min_bytes=100)

    let_go = [chunks.add(Tables({"a": numbers(1), "b": numbers()}, {})) for _ in range(3)]

    assert let_go == [{}, {}, {}]
    assert chunks.rest() == {"a": numbers(1, 1, 1), "b": numbers()}
    assert chunks.rest() == {}


def test_enough_rows_are_let_go_at_once_and_the_other_tables_are_not() -> None:
    chunks = Chunks(min_bytes=32)

    assert chunks.add(Tables({"a": numbers(1, 2), "b": numbers(3)}, {})) == {}
    assert chunks.add(Tables({"a": numbers(4, 5), "b": numbers(6)}, {})) == {"a": numbers(1, 2, 4, 5)}
    assert chunks.rest() == {"b": numbers(3, 6)}


def test_rows_of_a_typed_table_that_has_got_a_column_are_another_chunk_with_a_schema_of_their_own() -> None:
    chunks = Chunks()
    narrow, wide = TABLES["files"], TABLES["file_pages"]
    grown = numbers(2).append_column("m", pa.array([3], type=pa.int64()))

    assert chunks.add(typed(numbers(1), narrow)) == {}
    first = chunks.add(typed(grown, wide))
    rest = chunks.rest()

    assert (first, first.typed) == ({"receipts": numbers(1)}, {"receipts": narrow})
    assert (rest, rest.typed) == ({"receipts": grown}, {"receipts": wide})


@given(
    st.lists(st.dictionaries(st.sampled_from("abc"), st.lists(st.integers(0, 99), max_size=9)), max_size=12),
    st.integers(0, 200),
)
def test_all_rows_come_once_and_in_order(batches: list[dict[str, list[int]]], min_bytes: int) -> None:
    chunks = Chunks(min_bytes)
    let_go = [chunks.add(Tables({name: numbers(*n) for name, n in batch.items()}, {})) for batch in batches]
    let_go.append(chunks.rest())

    for name in "abc":
        came = [n for chunk in let_go if name in chunk for n in chunk[name]["n"].to_pylist()]
        assert came == [n for batch in batches for n in batch.get(name, [])]
        assert any(name in chunk for chunk in let_go) == any(name in batch for batch in batches)
