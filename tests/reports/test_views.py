"""The models as views: replaced without harm to what others have built on them."""

from __future__ import annotations

import pytest

from extend_source.config.groups import GROUPS
from extend_source.errors import UsageError
from extend_source.reports.models import MODELS, create_models
from tests.acceptance.warehouse import AnyWarehouse, PostgresWarehouse
from tests.reports.test_credit_models import PRICES

pytestmark = pytest.mark.thorough

BUILT_ON = "create view mine as select processor_id, credits from credits_daily"


def views(warehouse: AnyWarehouse) -> set[str]:
    rows = warehouse.query(
        f"select table_name from information_schema.tables where table_type = 'VIEW' and table_schema = '{warehouse.dataset}'"
    )
    return {name for (name,) in rows}


def columns(warehouse: AnyWarehouse) -> set[str]:
    return {
        name
        for (name,) in warehouse.query(
            "select column_name from information_schema.columns where table_name = 'credit_ledger'"
        )
    }


def test_views_are_replaced_under_those_that_others_have_built_on_them(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync(objects=list(GROUPS))
    create_models(any_warehouse.pipeline)
    any_warehouse.execute(BUILT_ON)
    before = sorted(any_warehouse.query("select * from mine"), key=str)

    create_models(any_warehouse.pipeline)
    create_models(any_warehouse.pipeline, PRICES)  # with more columns

    assert views(any_warehouse) == {*MODELS, "mine"}
    assert "cost" in columns(any_warehouse)
    assert sorted(any_warehouse.query("select * from mine"), key=str) == before != []


def test_views_that_cannot_be_replaced_all_stay_and_one_line_says_what_to_do(any_warehouse: AnyWarehouse) -> None:
    any_warehouse.sync(objects=list(GROUPS))
    create_models(any_warehouse.pipeline, PRICES)
    any_warehouse.execute(BUILT_ON)

    if isinstance(any_warehouse, PostgresWarehouse):
        with pytest.raises(UsageError) as raised:
            create_models(any_warehouse.pipeline, ())
        assert str(raised.value) == (
            "The views cannot be replaced: cannot drop view credits_daily because other objects depend on it."
            " Drop what others have built on them, run this again, and make those anew."
        )
        assert "cost" in columns(any_warehouse)
        any_warehouse.execute("drop view mine")

    create_models(any_warehouse.pipeline, ())

    assert "cost" not in columns(any_warehouse)
    assert views(any_warehouse) >= set(MODELS)
