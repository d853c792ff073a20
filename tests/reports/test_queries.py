"""The queries as files: what their headers say, and what becomes of their SQL."""

from __future__ import annotations

from importlib.resources import files

import pytest
import sqlglot

from extend_source.reports.catalogue import QUALITY_QUERIES
from extend_source.reports.queries import load_query

FOLDER = files("extend_source.reports") / "quality"


def test_every_file_is_a_query_of_the_report() -> None:
    assert {file.name for file in FOLDER.iterdir()} == {f"{name}.sql" for name in QUALITY_QUERIES}


@pytest.mark.parametrize("name", QUALITY_QUERIES)
def test_the_header_explains_every_column_that_the_query_returns(name: str) -> None:
    query = load_query("quality", name)

    selected = [column.alias_or_name for column in sqlglot.parse_one(query.sql, read="duckdb").selects]
    assert list(query.columns) == selected
    assert set(query.shown) <= set(selected)
    assert all((query.title, query.grain, query.empty, query.notes, *query.columns.values()))


def test_both_queries_on_confidences_judge_values_alike() -> None:
    texts = [load_query("quality", name).sql for name in ("confidence_reliability", "confidence_auroc")]

    shared = {text[text.index("with recursive") : text.index("from scores\n)")] for text in texts}

    assert len(shared) == 1


@pytest.mark.parametrize("name", QUALITY_QUERIES)
def test_text_is_put_in_order_byte_by_byte_whatever_the_collation(name: str) -> None:
    tree = sqlglot.parse_one(load_query("quality", name).sql, read="duckdb")

    order = [item.this for item in tree.args["order"].expressions]

    by_text = {"processor", "processor_id", "version_id", "field", "type", "kind", "failure_reason", "initial_class"}
    bare = [item.name for item in order if isinstance(item, sqlglot.exp.Column) and item.name in by_text]
    assert bare == []
