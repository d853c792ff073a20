"""Where a month will end if things go on as they have."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from dlt.common.configuration.exceptions import ConfigurationValueError
from hypothesis import given
from hypothesis import strategies as st

from extend_source.config.pricing import price_book
from extend_source.reports.projection import DailyCredits, month_to_date

DAYS = st.dates(date(2025, 1, 1), date(2027, 12, 31))
CREDITS = st.decimals(0, 10_000, places=6)
ONE_PRICE = price_book([{"from": "2026-01-01", "credit_price": "0.01", "currency": "EUR"}])


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

    assert month.credits is not None
    assert month.projected is not None
    assert month.projected >= month.credits
    if month.days == month.days_in_month:
        assert month.projected == month.credits
    assert month.credits == sum(credits for back, credits in spent.items() if back < last_day.day)


# ---- a day that is not over


def test_today_counts_as_its_weekday_or_as_what_it_has_spent_if_that_is_more() -> None:
    today = date(2026, 1, 20)
    before = spent_every_day(today - timedelta(days=1), "10")

    little = month_to_date({**before, today: DailyCredits(Decimal(1))}, today, None, complete_to=date(2026, 1, 19))
    much = month_to_date({**before, today: DailyCredits(Decimal(25))}, today, None, complete_to=date(2026, 1, 19))

    assert (little.credits, little.projected) == (191, 310)
    assert (much.credits, much.projected) == (215, 325)


def test_days_after_the_last_load_are_still_to_come() -> None:
    month = month_to_date(
        spent_every_day(date(2026, 1, 15), "10"), date(2026, 1, 20), None, complete_to=date(2026, 1, 15)
    )

    assert (month.days, month.credits, month.projected) == (20, 150, 310)


# ---- the budget


def test_marks_of_the_budget_are_reached_on_the_day_on_which_they_are_spent_or_expected() -> None:
    month = month_to_date(spent_every_day(date(2026, 1, 20), "10"), date(2026, 1, 20), Decimal(300))

    assert [(mark.share, mark.credits, mark.day, mark.reached) for mark in month.marks] == [
        (Decimal("0.5"), 150, date(2026, 1, 15), True),
        (Decimal("0.8"), 240, date(2026, 1, 24), False),
        (Decimal(1), 300, date(2026, 1, 30), False),
    ]


def test_a_budget_that_suffices_is_not_crossed() -> None:
    spent = spent_every_day(date(2026, 1, 20), "10")

    large, none, nothing = (
        month_to_date(spent, date(2026, 1, 20), budget) for budget in (Decimal(400), None, Decimal(0))
    )

    assert [mark.day for mark in large.marks] == [date(2026, 1, 20), None, None]
    assert (none.marks, nothing.marks) == ((), ())


def test_where_the_end_is_unknown_only_marks_that_were_reached_have_a_day() -> None:
    spent = {date(2026, 1, 2): DailyCredits(None, 1), date(2026, 1, 5): DailyCredits(Decimal(60))}

    month = month_to_date(spent, date(2026, 1, 20), Decimal(100), complete_to=date(2026, 1, 3))

    assert month.projected is None
    assert [(mark.day, mark.reached) for mark in month.marks] == [
        *((date(2026, 1, 5), True), (None, False), (None, False))
    ]


# ---- the month before


def test_the_month_before_is_compared_over_as_many_complete_days() -> None:
    last_day = date(2026, 1, 20)
    spent = spent_every_day(last_day, "10", days=45)  # from 7 December on
    spent[last_day] = DailyCredits(Decimal(1))

    before = month_to_date(spent, last_day, None, ONE_PRICE, complete_to=date(2026, 1, 19)).before

    assert before is not None
    assert (before.month, before.days, before.unknown) == (date(2025, 12, 1), 19, 0)
    assert (before.credits, before.credits_before, before.credits_in_all) == (190, 130, 250)
    # December has no price
    assert (before.cost, before.cost_before, before.cost_in_all) == (Decimal("1.9"), None, None)


def test_a_longer_month_is_compared_with_all_of_the_month_before() -> None:
    before = month_to_date(spent_every_day(date(2026, 3, 31), "10"), date(2026, 3, 31), None, ONE_PRICE).before

    assert before is not None
    assert (before.days, before.credits, before.credits_before) == (28, 280, 280)
    assert (before.cost, before.cost_before, before.cost_in_all) == (Decimal("2.8"), Decimal("2.8"), Decimal("2.8"))


def test_without_spend_before_there_is_nothing_to_compare_with() -> None:
    spent = spent_every_day(date(2026, 1, 7), "10", days=7)

    assert month_to_date(spent, date(2026, 1, 7), None).before is None


def test_a_month_before_of_which_nothing_is_known_is_not_free() -> None:
    spent = {**spent_every_day(date(2026, 1, 7), "10", days=7), date(2025, 12, 3): DailyCredits(None, 2)}

    before = month_to_date(spent, date(2026, 1, 7), None, ONE_PRICE).before

    assert before is not None
    assert (before.credits_before, before.credits_in_all, before.cost_before, before.unknown) == (None, None, None, 2)


# ---- money


def test_the_list_price_is_told_beside_what_is_beyond_the_plan() -> None:
    prices = price_book([{"from": "2026-01-01", "credit_price": "0.01", "currency": "EUR", "included_credits": 100}])

    month = month_to_date(spent_every_day(date(2026, 1, 20), "10"), date(2026, 1, 20), None, prices)

    assert (month.cost, month.list_cost, month.included) == (Decimal("1.00"), Decimal("2.00"), 100)
    assert (month.projected_cost, month.projected_list_cost) == (Decimal("2.10"), Decimal("3.10"))


# ---- what is unknown


def test_a_day_of_which_nothing_is_known_leaves_the_others_their_cost() -> None:
    spent = spent_every_day(date(2026, 1, 20), "10")
    spent[date(2026, 1, 5)] = DailyCredits(None, 3)

    month = month_to_date(spent, date(2026, 1, 20), None, ONE_PRICE)

    assert (month.credits, month.unknown) == (190, 3)
    assert month.projected == 300  # the Mondays to come cost what the known ones have
    assert (month.cost, month.projected_cost) == (Decimal("1.90"), Decimal("3.00"))


def test_a_month_of_which_nothing_is_known_is_unknown_and_not_free() -> None:
    spent = {date(2026, 1, day): DailyCredits(None, 2) for day in range(1, 6)}

    month = month_to_date(spent, date(2026, 1, 5), Decimal(10), ONE_PRICE)

    assert (month.credits, month.projected, month.cost, month.projected_cost) == (None, None, None, None)
    assert month.unknown == 10


def test_a_month_without_a_run_is_free_and_heads_for_the_unknown_after_unknown_weeks() -> None:
    spent = {date(2026, 1, day): DailyCredits(None, 2) for day in range(10, 30)}

    month = month_to_date(spent, date(2026, 2, 1), None)

    assert (month.credits, month.projected, month.unknown) == (0, None, 0)


# ---- money


def test_included_credits_cost_nothing_more() -> None:
    prices = price_book([{"from": "2026-01-01", "credit_price": "0.01", "currency": "EUR", "included_credits": 150}])

    month = month_to_date(spent_every_day(date(2026, 1, 20), "10"), date(2026, 1, 20), None, prices)

    assert (month.cost, month.projected_cost) == (Decimal("0.50"), Decimal("1.60"))


def test_each_day_has_its_own_price_and_the_month_what_its_first_price_includes() -> None:
    prices = price_book(
        [
            {"from": "2025-01-01", "credit_price": "0.01", "currency": "EUR", "included_credits": 155},
            {"from": "2026-01-11", "credit_price": "0.02", "currency": "EUR", "included_credits": 9999},
            {"from": "2026-01-22", "credit_price": "0.10", "currency": "EUR"},
        ]
    )

    month = month_to_date(spent_every_day(date(2026, 1, 20), "10"), date(2026, 1, 20), None, prices)

    # 10 days of 0.10, 10 of 0.20: 3.00, less 155 of 200 credits
    assert month.cost == Decimal("0.68")
    # and a day of 0.20 and ten of 1.00: 13.20, less 155 of 310 credits
    assert month.projected_cost == Decimal("6.60")


def test_known_credits_without_a_price_make_the_cost_unknown_but_days_without_any_do_not() -> None:
    prices = price_book([{"from": "2026-01-11", "credit_price": "0.01", "currency": "EUR", "included_credits": 50}])
    spent = spent_every_day(date(2026, 1, 20), "10", days=10)

    since = month_to_date(spent, date(2026, 1, 20), None, prices)
    before = month_to_date({**spent, date(2026, 1, 10): DailyCredits(Decimal(1))}, date(2026, 1, 20), None, prices)

    assert since.cost == Decimal("0.50")
    assert (before.credits, before.cost, before.projected_cost) == (101, None, None)


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
        (
            [{"from": "2026-01-01", "credit_price": 10**9, "currency": "IDR"}],
            "up to 9 digits before the point and 9 after",
        ),
        (
            [{"from": "2026-01-01", "credit_price": "0.0000000001", "currency": "USD"}],
            "up to 9 digits before the point",
        ),
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
