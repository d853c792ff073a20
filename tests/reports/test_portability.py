"""The credit models and the views of current rows are written so that other warehouses than the tested ones take them, as far as sqlglot can tell."""

from __future__ import annotations

import re

import pytest
from sqlglot import ErrorLevel
from sqlglot.errors import UnsupportedError

from extend_source.pipeline.landed import LandedData
from extend_source.reports.current import selections
from extend_source.reports.models import MODELS, load_model
from extend_source.reports.queries import parsed
from extend_source.reports.translation import portable
from extend_source.tables import TABLES

DIALECTS = ("bigquery", "snowflake", "redshift", "databricks", "mysql")

# what one of the dialects does not have, or has with another meaning
NOWHERE = r"percentile_cont|recursive|full outer|qualify|filter *\(|extract\(dow|first_value\([^)]*\) over \([^)]*order by(?![^)]*rows)"
ELSEWHERE = {"bigquery": r"timestamp_trunc\(spent_on|::", "mysql": r"\|\|"}


VIEWS = {table: sql for table, _, sql in selections(LandedData(None))}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", MODELS)
def test_no_model_needs_what_a_warehouse_does_not_have(name: str, dialect: str) -> None:
    assert unusual(load_model(name).sql, dialect) == []


@pytest.mark.parametrize("dialect", DIALECTS)
def test_no_view_of_current_rows_needs_what_a_warehouse_does_not_have(dialect: str) -> None:
    assert {table: unusual(sql, dialect) for table, sql in VIEWS.items()} == {table: [] for table in VIEWS}
    assert VIEWS.keys() == TABLES.keys() - {"replacements"}


def unusual(sql: str, dialect: str) -> list[str]:
    """What is in the SQL for a dialect that its warehouses do not have."""
    # MySQL's times have no zone to be taken to another
    level = ErrorLevel.IGNORE if dialect == "mysql" else ErrorLevel.RAISE
    try:
        written = " ".join(
            portable(parsed(sql), dialect).sql(dialect, unsupported_level=level, comments=False).lower().split()
        )
    except UnsupportedError as error:
        pytest.fail(str(error))
    return re.findall(f"{NOWHERE}|{ELSEWHERE.get(dialect, '(?!)')}", written)
