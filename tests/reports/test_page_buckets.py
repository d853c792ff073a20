"""Days, weeks and months of the credit page's charts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, datetime, timezone
from typing import Any

import pytest

from extend_source.reports.grouping import Span
from extend_source.reports.page import render_page
from extend_source.reports.page.buckets import band_form, bands, bucketed, drawn_days, fitting_span, middles
from tests.reports.example_figures import finance_figures, no_figures


@pytest.mark.parametrize(
    ("last", "finest", "span"),
    [
        (date(2026, 3, 1), "day", "day"),  # 60 days
        (date(2026, 3, 2), "day", "week"),
        (date(2026, 3, 1), "week", "week"),
        (date(2027, 2, 4), "day", "week"),  # 400 days
        (date(2027, 2, 5), "day", "month"),
        (date(2026, 1, 1), "month", "month"),
    ],
)
def test_days_are_shown_up_to_sixty_and_weeks_up_to_four_hundred_days(last: date, finest: Span, span: Span) -> None:
    assert fitting_span(date(2026, 1, 1), last, finest) == span


def test_bands_have_a_place_for_what_had_no_spend() -> None:
    first, last = date(2026, 1, 28), date(2026, 3, 2)

    assert bands(first, last, "month") == ["2026-01-01", "2026-02-01", "2026-03-01"]
    assert bands(first, last, "week") == [
        *("2026-01-26", "2026-02-02", "2026-02-09", "2026-02-16", "2026-02-23", "2026-03-02")
    ]
    assert bands(first, date(2026, 1, 30), "day") == ["2026-01-28", "2026-01-29", "2026-01-30"]


def test_the_year_is_written_where_days_of_two_years_could_be_taken_for_each_other() -> None:
    first = date(2026, 1, 1)

    assert band_form(first, date(2026, 12, 31), "week") == "%-d %b"
    assert band_form(first, date(2027, 1, 1), "week") == "%-d %b %Y"
    assert band_form(first, first, "month") == "%b %Y"


def test_a_month_is_named_in_the_middle_of_what_is_shown_of_it() -> None:
    shown = [
        datetime.fromtimestamp(moment / 1000, timezone.utc) for moment in middles(date(2026, 1, 22), date(2026, 2, 28))
    ]

    assert shown == [datetime(2026, 1, 27, tzinfo=timezone.utc), datetime(2026, 2, 15, tzinfo=timezone.utc)]


def row(
    day: str, until: str, group: str, credits: float | None, cost: float | None, unknown: int = 0
) -> dict[str, Any]:
    return {
        **{"day": day, "until": until, "group": group, "rank": 0},
        **{"credits": credits, "cost": cost, "unknown": unknown},
    }


def test_days_are_added_up_by_week_and_processor() -> None:
    rows = [
        row("2026-02-02", "2026-02-03", "Invoices", 10, 0.2),
        row("2026-02-08", "2026-02-09", "Invoices", 5, 0.1, 1),
        row("2026-02-08", "2026-02-09", "Contracts", None, None, 2),
        row("2026-02-09", "2026-02-10", "Invoices", 1, None),  # without a price
    ]

    weeks = bucketed(rows, "week", date(2026, 2, 3), date(2026, 2, 10))

    assert [(week["bucket"], week["group"], week["first"], week["last"]) for week in weeks] == [
        ("2026-02-02", "Contracts", "2026-02-03", "2026-02-08"),
        ("2026-02-02", "Invoices", "2026-02-03", "2026-02-08"),
        ("2026-02-09", "Invoices", "2026-02-09", "2026-02-10"),
    ]
    assert [(week["credits"], week["cost"], week["unknown"]) for week in weeks] == [
        (None, None, 2),
        (15, pytest.approx(0.3), 1),
        (1, None, 0),
    ]


def test_years_before_the_first_spend_and_days_to_come_have_no_place_in_a_chart() -> None:
    figures = replace(finance_figures(), first_day=date(1970, 1, 1), last_day=date(9999, 12, 31))

    assert drawn_days(figures) == (date(2026, 1, 1), date(2026, 3, 11))
    assert drawn_days(replace(no_figures(), first_day=date(2027, 1, 1))) == (date(2027, 1, 1), date(2027, 1, 1))


@pytest.mark.slow
def test_a_page_of_all_time_can_be_made() -> None:
    figures = finance_figures()
    december = replace(figures.month, month=date(9999, 12, 1), days=31, days_in_month=31)
    endless = replace(figures, first_day=date(1970, 1, 1), last_day=date(9999, 12, 31), month=december)

    assert "1\u00a0Jan\u00a01970 to 31\u00a0Dec\u00a09999" in render_page(endless)
    assert "1\u00a0Jan\u00a01970 to 31\u00a0Dec\u00a09999" in render_page(replace(endless, days=[]))
