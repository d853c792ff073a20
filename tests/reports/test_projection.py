"""Where a month will end if things go on as they have."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from dlt.common.configuration.exceptions import ConfigurationValueError
from hypothesis import given
from hypothesis import strategies as st

from extend_source.pricing import price_book
from extend_source.reports.projection import DailyCredits, month_to_date

DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))
CREDITS = st.decimals(0, 10_000, places=6)


def spent_every_day(until: date, credits: str, days: int = 60) -> dict[date, DailyCredits]:
    return {until - timedelta(days=back): DailyCredits(Decimal(credits)) for back in range(days)}


def test_a_month_that_goes_on_as_before_ends_at_its_daily_spend_times_its_days() -> None:
    month = month_to_date(spent_every_day(date(2026, 1, 20), "10"), date(2026, 1, 20), Decimal(300))

    assert (month.month, month.days, month.days_in_month) == (date(2026, 1, 1), 20, 31)
    assert (month.credits, month.projected, month.budget) == (Decimal(200), Decimal(310), Decimal(300))
    assert (month.cost, month.projected_cost) == (None, None)


def test_days_to_come_cost_what_their_weekday_has_cost() -> None:
    last_day = date(2026, 1, 16)  # a Friday
    spent = {day: row for day, row in spent_every_day(last_day, "10").items() if day.weekday() < 5}

    month = month_to_date(spent, last_day, None)

    assert month.credits == Decimal(120)
    assert month.projected == Decimal(120) + 10 * 10  # ten working days are to come


def test_a_workspace_that_is_a_week_old_is_projected_from_that_week() -> None:
    month = month_to_date(spent_every_day(date(2026, 1, 7), "10", days=7), date(2026, 1, 7), None)

    assert month.projected == Decimal(310)


def test_without_spend_nothing_is_expected() -> None:
    month = month_to_date({}, date(2026, 2, 3), Decimal(5))

    assert (month.credits, month.projected) == (0, 0)


@given(last_day=DAYS, spent=st.dictionaries(st.integers(0, 60), CREDITS))
def test_a_projection_is_never_below_what_has_been_spent_and_equals_it_at_the_end(
    last_day: date, spent: dict[int, Decimal]
) -> None:
    rows = {last_day - timedelta(days=back): DailyCredits(credits) for back, credits in spent.items()}

    month = month_to_date(rows, last_day, None)

    assert month.projected >= month.credits
    if month.days == month.days_in_month:
        assert month.projected == month.credits
    assert month.credits == sum(credits for back, credits in spent.items() if back < last_day.day)


def test_included_credits_cost_nothing_more() -> None:
    prices = price_book([{"from": "2026-01-01", "credit_price": "0.01", "currency": "EUR", "included_credits": 150}])
    spent = {
        day: DailyCredits(row.credits, row.credits * Decimal("0.01"))
        for day, row in spent_every_day(date(2026, 1, 20), "10").items()
    }

    month = month_to_date(spent, date(2026, 1, 20), None, prices)

    assert (month.cost, month.projected_cost) == (Decimal("0.50"), Decimal("1.60"))


def test_a_price_holds_until_the_next_one() -> None:
    book = price_book(
        '[{"from": "2026-02-01", "credit_price": 0.01, "currency": "USD"},'
        ' {"from": "2026-01-01", "credit_price": 0.0125, "currency": "USD", "included_credits": 10}]'
    )

    assert [(price.valid_from, price.valid_to, price.credit_price, price.included_credits) for price in book] == [
        (date(2026, 1, 1), date(2026, 2, 1), Decimal("0.0125"), 10),
        (date(2026, 2, 1), None, Decimal("0.01"), 0),
    ]
    assert price_book(None) == ()


@pytest.mark.parametrize(
    ("prices", "line"),
    [
        ("cheap", "prices takes a list, as JSON"),
        ({"from": "2026-01-01"}, "prices takes a list of prices"),
        ([{"from": "2026-01-01", "credit_price": 1, "currency": "USD", "plan": "Scale"}], "not 'plan'"),
        ([{"from": "2026-01-01", "credit_price": 1}], "names its currency"),
        ([{"from": "soon", "credit_price": 1, "currency": "USD"}], "from takes a day such as 2026-01-01; not 'soon'"),
        ([{"from": "2026-01-01", "credit_price": -1, "currency": "USD"}], "credit_price takes a number from 0 on"),
        ([{"from": "2026-01-01", "credit_price": True, "currency": "USD"}], "credit_price takes a number from 0 on"),
        ([{"from": "2026-01-01", "credit_price": 1, "currency": "USD"}] * 2, "two prices from the same day on"),
        (
            [
                {"from": "2026-01-01", "credit_price": 1, "currency": "USD"},
                {"from": "2026-02-01", "credit_price": 1, "currency": "EUR"},
            ],
            "one currency",
        ),
    ],
)
def test_a_wrong_price_book_is_refused_with_one_line(prices: object, line: str) -> None:
    with pytest.raises(ConfigurationValueError, match=line):
        price_book(prices)
