"""Coverage, accepted fields and anomalies, with exact values on every destination."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from decimal import Decimal

import pytest

from extend_source.reports.credits import credit_report
from extend_source.reports.figures import Coverage
from extend_source.sandbox import SandboxServer
from tests.acceptance.conftest import MakeWarehouse
from tests.acceptance.warehouse import AnyWarehouse, Warehouse
from tests.reports.test_credit_models import file_of, run_of, select
from tests.reports.test_quality import extraction

pytestmark = pytest.mark.thorough

MONDAY = datetime(2025, 9, 1, 12, tzinfo=timezone.utc)


@pytest.fixture
def any_empty(empty_server: SandboxServer, make_warehouse: MakeWarehouse) -> AnyWarehouse:
    """An empty warehouse in front of the stand-in without runs, in each destination."""
    return make_warehouse(empty_server)


def test_coverage_tells_what_is_pending_from_what_is_not_reported(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    runs = [
        run_of("dpr_known", 3, files=[file_of("file_1", credits=2), file_of("file_2"), file_of("file_3")]),
        run_of("dpr_unknown", None),
        run_of("dpr_failed", None, status="FAILED"),
        run_of("dpr_pending", None, status="PENDING"),
    ]
    for run in runs:
        workspace.put_run(run, created_at=MONDAY)
    any_empty.sync()

    rows = select(any_empty, "select * from credit_coverage order by kind")

    month = date(2025, 9, 1)
    assert [(*row[:6], round(Decimal(str(row[6])), 4), row[7]) for row in rows] == [
        (month, "parsing", 3, 1, 0, 2, Decimal("0.3333"), 2),
        (month, "processing", 4, 1, 1, 2, Decimal("0.3333"), 3),
    ]
    assert credit_report(any_empty.pipeline, first_day=month, last_day=date(2025, 9, 30)).coverage == [
        Coverage(month, "parsing", 1, 0, 2),
        Coverage(month, "processing", 1, 1, 2),
    ]


# ---- accepted fields


def accepted(warehouse: AnyWarehouse) -> tuple[int | None, float | None]:
    columns = "accepted_fields, credits_per_accepted_field"
    [(fields, credits)] = select(warehouse, f"select {columns} from credit_unit_costs")
    return fields, None if credits is None else float(credits)


@pytest.mark.core
def test_an_accepted_field_is_a_value_that_no_reviewer_changed(any_empty: AnyWarehouse) -> None:
    read = {"name": "ACME Ltd", "total": 12.5, "paid": True, "note": None, "items": [{"sku": "1"}], "none": []}
    reviewed = {**read, "name": "Acme ltd", "total": 13}  # the first in another form only
    workspace = any_empty.server.workspace
    workspace.put_run(extraction("dpr_1", read, reviewed=reviewed, usage={"credits": 4}))
    workspace.put_run(extraction("dpr_2", {"name": "x"}, usage={"credits": 100}))  # nobody looked at it

    any_empty.sync()

    assert accepted(any_empty) == (3, 1.3333)  # name, paid, items[0].sku


def test_reviewed_runs_of_which_all_was_wrong_make_the_accepted_fields_dearer(any_empty: AnyWarehouse) -> None:
    workspace = any_empty.server.workspace
    workspace.put_run(extraction("dpr_1", {"a": "x", "b": "y"}, reviewed={"a": "x", "b": "y"}, usage={"credits": 4}))
    workspace.put_run(extraction("dpr_2", {"a": "x"}, reviewed={"a": "z"}, usage={"credits": 5}))

    any_empty.sync()

    assert accepted(any_empty) == (2, 4.5)


@pytest.mark.parametrize(
    ("tables", "found"),
    [
        ("standard,-file_pages", (1, 4.0)),
        ("standard,-extraction_edits", (None, None)),
        ("standard,-extraction_fields", (None, None)),
        ("extraction_fields,processor_runs", (None, None)),
        ("extraction_edits,extraction_fields,processor_runs", (1, 4.0)),
    ],
)
def test_reviews_that_were_not_loaded_are_not_judged(
    tables: str, found: tuple[int | None, float | None], empty_warehouse: Warehouse
) -> None:
    run = extraction("dpr_1", {"a": "x"}, reviewed={"a": "x"}, usage={"credits": 4})
    empty_warehouse.server.workspace.put_run(run)
    empty_warehouse.sync()

    empty_warehouse.execute(f"update processor_runs set loaded_tables = '{tables}'")

    assert accepted(empty_warehouse) == found


# ---- anomalies


def spend(warehouse: AnyWarehouse, credits_by_week: list[float], first: datetime = MONDAY) -> None:
    """Spend something on the same weekday of some weeks."""
    for week, credits in enumerate(credits_by_week):
        day = first + timedelta(weeks=week)
        warehouse.server.workspace.put_run(run_of(f"dpr_{day.date()}", credits), created_at=day)


def test_the_robust_z_is_the_distance_from_the_median_in_median_distances(any_empty: AnyWarehouse) -> None:
    spend(any_empty, [10, 11, 10, 100, 10, 11, 10, 11])
    spend(any_empty, [5, 0.000001, 6], MONDAY + timedelta(days=6))
    any_empty.sync()

    rows = select(
        any_empty,
        "select spent_on, weekday, days, credits, median_credits, robust_z, is_anomaly from credit_anomalies"
        " order by weekday, spent_on",
    )

    few, many = rows[:3], rows[3:]
    assert [(*map(float, row[1:5]), *row[5:]) for row in few] == [
        (0, 3, 5, 5, None, False),
        (0, 3, 0.000001, 5, None, False),
        (0, 3, 6, 5, None, False),
    ]
    assert [(row[0], *map(float, row[1:6]), row[6]) for row in many] == [
        (date(2025, 9, 1), 1, 8, 10, 10.5, -0.67, False),
        (date(2025, 9, 8), 1, 8, 11, 10.5, 0.67, False),
        (date(2025, 9, 15), 1, 8, 10, 10.5, -0.67, False),
        (date(2025, 9, 22), 1, 8, 100, 10.5, 120.73, True),
        (date(2025, 9, 29), 1, 8, 10, 10.5, -0.67, False),
        (date(2025, 10, 6), 1, 8, 11, 10.5, 0.67, False),
        (date(2025, 10, 13), 1, 8, 10, 10.5, -0.67, False),
        (date(2025, 10, 20), 1, 8, 11, 10.5, 0.67, False),
    ]


@pytest.mark.parametrize(
    ("credits", "flagged"),
    [
        ([1, 1, 1, 1, 10.9], []),  # less than 10 credits off
        ([1, 1, 1, 1, 11], [11]),
        ([1, 1, 1, 50], []),  # four days are too few
        ([100, 100, 100, 100, 119.9], []),  # less than a fifth of the median off
        ([100, 100, 100, 100, 120], [120]),
        ([100, 100, 100, 100, 80], [80]),
        ([10, 20, 30, 40, 81], []),  # z = 51 / 10 / 1.4826 = 3.44
        ([10, 20, 30, 40, 82], [82]),  # z = 52 / 10 / 1.4826 = 3.51
    ],
)
def test_an_anomaly_is_far_off_in_credits_in_share_and_in_spread(
    credits: list[float], flagged: list[float], empty_warehouse: Warehouse
) -> None:
    spend(empty_warehouse, credits)
    empty_warehouse.sync()

    assert select(empty_warehouse, "select credits from credit_anomalies where is_anomaly") == [
        (Decimal(str(value)),) for value in flagged
    ]


def test_each_weekday_is_compared_with_itself(empty_warehouse: Warehouse) -> None:
    spend(empty_warehouse, [100] * 6)
    spend(empty_warehouse, [10] * 6, MONDAY + timedelta(days=1))
    empty_warehouse.sync()

    found = select(
        empty_warehouse, "select distinct weekday, median_credits, is_anomaly from credit_anomalies order by 1"
    )

    assert found == [(1, 100, False), (2, 10, False)]


def test_the_day_of_the_last_load_is_not_over_and_no_anomaly(any_empty: AnyWarehouse) -> None:
    spend(any_empty, [100] * 6 + [1])
    any_empty.sync()
    last = date(2025, 10, 13)
    all_days = select(any_empty, "select max(spent_on), max(days) from credit_anomalies")

    for table in ("processor_runs", "sync_log"):
        any_empty.execute(f"update {table} set fetched_at = timestamp with time zone '2025-10-13 14:00:00+00'")

    assert all_days == [(last, 7)]
    assert select(any_empty, "select max(spent_on), max(days) from credit_anomalies") == [(date(2025, 10, 6), 6)]
    figures = credit_report(any_empty.pipeline, first_day=date(2025, 9, 1), last_day=last)
    assert figures.anomalies == []
    # October has had two Mondays, the second not over; two are to come
    assert (figures.month.credits, figures.month.projected) == (101, 400)
