"""The models are written so that other warehouses than the tested ones take them, as far as sqlglot can tell."""

from __future__ import annotations

import re

import pytest
from sqlglot import ErrorLevel
from sqlglot.errors import UnsupportedError

from extend_source.reports.models import MODELS, load_model
from extend_source.reports.running import parsed

DIALECTS = ("bigquery", "snowflake", "redshift", "databricks", "mysql")

# what one of the dialects does not have, or has with another meaning
NOWHERE = r"percentile_cont|recursive|full outer|qualify|filter *\(|extract\(dow|first_value\([^)]*\) over \([^)]*order by(?![^)]*rows)"
ELSEWHERE = {"bigquery": r"timestamp_trunc\(spent_on|::", "mysql": r"\|\|"}


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize("name", MODELS)
def test_no_model_needs_what_a_warehouse_does_not_have(name: str, dialect: str) -> None:
    tree = parsed(load_model(name).sql)

    # MySQL's times have no zone to be taken to another
    level = ErrorLevel.IGNORE if dialect == "mysql" else ErrorLevel.RAISE
    try:
        sql = " ".join(tree.sql(dialect, unsupported_level=level, comments=False).lower().split())
    except UnsupportedError as error:
        pytest.fail(str(error))

    assert re.findall(f"{NOWHERE}|{ELSEWHERE.get(dialect, '(?!)')}", sql) == []
