"""Where a month stands, and where it will end if things go on as they have."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from extend_source.pricing import Price
from extend_source.reports.figures import MonthToDate

WEEKS = 4
"""How many earlier days of the same weekday say what a day to come will cost."""

_NOTHING = Decimal(0)
_STEP = Decimal("0.01")


class DailyCredits(NamedTuple):
    """What was spent on a day: credits, and their list price where there is one."""

    credits: Decimal
    cost: Decimal | None = None


def month_to_date(
    spent: Mapping[date, DailyCredits], last_day: date, budget: Decimal | None, prices: Sequence[Price] = ()
) -> MonthToDate:
    """Add up a month, and project its end.

    Each day to come is expected to cost what the days of its weekday have cost on average in the four weeks up to the
    last day. Days before the first spend do not count: a workspace that is a week old is projected from that week.

    Args:
        spent: spend by day, of the month and the 28 days before it; days without spend may be left out.
        last_day: the last day that counts as over.
        budget: credits to spend in a month.
        prices: the price book.

    Returns:
        The month's figures.
    """
    start = last_day.replace(day=1)
    days_in_month = calendar.monthrange(start.year, start.month)[1]
    so_far = [day for day in spent if start <= day <= last_day]
    credits = sum((spent[day].credits for day in so_far), _NOTHING)
    to_come = [last_day + timedelta(days=ahead) for ahead in range(1, days_in_month - last_day.day + 1)]
    projected = credits + sum((_expected(spent, day, last_day) for day in to_come), _NOTHING).quantize(_STEP)
    price = _price_on(prices, last_day)
    costs = [spent[day].cost for day in so_far]
    cost = projected_cost = None
    if price is not None and None not in costs:
        at_list_price = sum((cost for cost in costs if cost is not None), _NOTHING)
        cost = _beyond(at_list_price, credits, price.included_credits)
        more = (projected - credits) * price.credit_price
        projected_cost = _beyond(at_list_price + more, projected, price.included_credits)
    return MonthToDate(start, last_day.day, days_in_month, credits, projected, budget, cost, projected_cost)


def _expected(spent: Mapping[date, DailyCredits], day: date, last_day: date) -> Decimal:
    begin = min(spent, default=last_day)
    alike = [last_day - timedelta(days=back) for back in range(WEEKS * 7)]
    alike = [past for past in alike if past >= begin]
    same_weekday = [past for past in alike if past.weekday() == day.weekday()] or alike
    total = sum((spent[past].credits for past in same_weekday if past in spent), _NOTHING)
    return total / len(same_weekday) if same_weekday else _NOTHING


def _price_on(prices: Sequence[Price], day: date) -> Price | None:
    return next((price for price in reversed(prices) if price.valid_from <= day), None)


def _beyond(cost: Decimal, credits: Decimal, included: Decimal) -> Decimal:
    """Take off what is included: evenly, as no credit of a month is more included than another."""
    return (cost * max(_NOTHING, credits - included) / credits).quantize(_STEP) if credits else _NOTHING
