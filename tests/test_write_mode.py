"""Queries on tables with superseded rows, written anew to read the current ones."""

from __future__ import annotations

import duckdb
import pytest

from extend_source.pipeline.write_mode import reading_current_rows
from extend_source.tables import TABLES
from extend_source.tables.typed.names import TypedNames
from extend_source.tables.typed.plans import schema_of

SETUP = """
create schema "ExtendData"; use "ExtendData";
create table _dlt_loads as select * from (values ('1', 0), ('2', 0)) as loads(load_id, status);
create table processor_runs as select * from (values
    ('dpr_a', 'PROCESSING', '1'), ('dpr_a', 'PROCESSED', '2'), ('dpr_b', 'PROCESSING', '1'), ('dpr_b', 'FAILED', '3')
) as runs(id, status, _dlt_load_id);
create table extraction_invoices as select * from (values
    ('dpr_a', 12, '1'), ('dpr_a', 13, '2')
) as invoices(run_id, total, _dlt_load_id);
"""


def answer(sql: str) -> list[str]:
    """The first column of what a query finds after it was written anew."""
    names = TypedNames()
    typed = [schema_of(names.processor_table("dp_1", "Invoices"), [])]
    with duckdb.connect() as connection:
        connection.execute(SETUP)
        written = reading_current_rows(sql, "extenddata", [*TABLES.values(), *typed])
        return sorted(row[0] for row in connection.execute(written).fetchall())


@pytest.mark.parametrize(
    ("sql", "ids"),
    [
        pytest.param("select id from processor_runs where status = 'PROCESSING'", ["dpr_b"], id="plain"),
        pytest.param("select id from PROCESSOR_RUNS where status = 'PROCESSING'", ["dpr_b"], id="other case"),
        pytest.param(
            "select r.id from ExtendData.processor_runs r where status = 'PROCESSED'", ["dpr_a"], id="dataset"
        ),
        pytest.param("select run_id from extraction_invoices where total = 12", [], id="typed table, superseded"),
        pytest.param("select run_id from extraction_invoices where total = 13", ["dpr_a"], id="typed table"),
        pytest.param(
            "with processor_runs as (select * from processor_runs) select id from processor_runs",
            ["dpr_a", "dpr_b"],
            id="a name of its own for a table",
        ),
        pytest.param(
            "select id from processor_runs where id in (select run_id from extraction_invoices where total = 12)",
            [],
            id="nested",
        ),
        pytest.param(
            "select id from processor_runs where status = 'PROCESSED' union all select id from processor_runs",
            ["dpr_a", "dpr_a", "dpr_b"],
            id="union",
        ),
    ],
)
def test_a_query_reads_the_current_rows_of_ended_loads(sql: str, ids: list[str]) -> None:
    assert answer(sql) == ids


@pytest.mark.parametrize("sql", ["select id from 'unclosed", "selec id", "select (", "select id from other"])
def test_what_cannot_be_understood_or_is_not_ours_stays_as_it_is(sql: str) -> None:
    written = reading_current_rows(sql, "extend", TABLES.values())

    assert written == sql
