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
    """What was spent on a day.

    Attributes:
        credits: as far as known; None: there are runs or files, and nothing of them is known.
        unknown: runs and files whose credits are unknown.
    """

    credits: Decimal | None
    unknown: int = 0


def month_to_date(
    spent: Mapping[date, DailyCredits],
    last_day: date,
    budget: Decimal | None,
    prices: Sequence[Price] = (),
    complete_to: date | None = None,
) -> MonthToDate:
    """Add up a month, and project its end.

    Each day to come is expected to cost what the complete days of its weekday have cost on average in the last four
    weeks. A day that is not complete is expected to cost that as well, or what it has cost so far if that is more. Days
    before the first spend do not count: a workspace that is a week old is projected from that week. Nor do days of
    which nothing is known.

    Each day is priced at its own price. What a plan includes is that of the price valid on the first day of the month
    (or of the first price in it), and taken off the month as a whole.

    Args:
        spent: spend by day, of the month and the 28 days before it; days without spend may be left out.
        last_day: the last day of the report.
        budget: credits to spend in a month.
        prices: the price book.
        complete_to: the last day that is complete; None: `last_day`.

    Returns:
        The month's figures.
    """
    start = last_day.replace(day=1)
    days_in_month = calendar.monthrange(start.year, start.month)[1]
    complete_to = last_day if complete_to is None else min(complete_to, last_day)
    so_far: dict[date, Decimal] = {}
    unknown, is_known = 0, True
    in_all: dict[date, Decimal] = {}
    for day in (start + timedelta(days=ahead) for ahead in range(days_in_month)):
        of_day = spent.get(day, DailyCredits(_NOTHING)) if day <= last_day else DailyCredits(_NOTHING)
        unknown += of_day.unknown
        so_far[day] = in_all[day] = of_day.credits or _NOTHING
        if day > complete_to:
            expected = _expected(spent, day, complete_to)
            is_known = is_known and expected is not None
            in_all[day] = max(in_all[day], expected or _NOTHING)
    has_spent = any(spent[day].credits is not None for day in spent if start <= day <= last_day)
    credits = sum(so_far.values(), _NOTHING) if has_spent or not unknown else None
    return MonthToDate(
        month=start,
        days=last_day.day,
        days_in_month=days_in_month,
        credits=credits,
        projected=None if credits is None or not is_known else _projected(so_far, in_all),
        budget=budget,
        cost=None if credits is None else _cost(so_far, prices),
        projected_cost=None if credits is None or not is_known else _cost(in_all, prices),
        unknown=unknown,
    )


def _projected(so_far: Mapping[date, Decimal], in_all: Mapping[date, Decimal]) -> Decimal:
    credits = sum(so_far.values(), _NOTHING)
    return credits + (sum(in_all.values(), _NOTHING) - credits).quantize(_STEP)


def _expected(spent: Mapping[date, DailyCredits], day: date, complete_to: date) -> Decimal | None:
    """What a day will cost; None: nothing is known of the days that would say so."""
    begin = min(spent, default=day)
    alike = [complete_to - timedelta(days=back) for back in range(WEEKS * 7)]
    found = {past: spent.get(past, DailyCredits(_NOTHING)).credits for past in alike if past >= begin}
    known = {past: credits for past, credits in found.items() if credits is not None}
    if len(known) < len(found) and not any(past in spent for past in known):
        return None  # there were runs, and what is known is only that some days had none
    same_weekday = [credits for past, credits in known.items() if past.weekday() == day.weekday()]
    counting = same_weekday or list(known.values())
    return sum(counting, _NOTHING) / len(counting) if counting else _NOTHING


def _cost(credits_by_day: Mapping[date, Decimal], prices: Sequence[Price]) -> Decimal | None:
    """What a month costs beyond what is included; None: some of it has no price."""
    if not prices:
        return None
    at_list_price = _NOTHING
    for day, credits in credits_by_day.items():
        price = _price_on(prices, day)
        if credits and price is None:
            return None
        at_list_price += credits * (_NOTHING if price is None else price.credit_price)
    start = min(credits_by_day)
    included = next(price.included_credits for price in prices if price.valid_to is None or price.valid_to > start)
    return _beyond(at_list_price, sum(credits_by_day.values(), _NOTHING), included)


def _price_on(prices: Sequence[Price], day: date) -> Price | None:
    return next((price for price in reversed(prices) if price.valid_from <= day), None)


def _beyond(cost: Decimal, credits: Decimal, included: Decimal) -> Decimal:
    """Take off what is included: evenly, as no credit of a month is more included than another."""
    return (cost * max(_NOTHING, credits - included) / credits).quantize(_STEP) if credits else _NOTHING
