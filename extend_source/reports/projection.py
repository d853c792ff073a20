"""Where a month stands, and where it will end if things go on as they have."""

from __future__ import annotations

import calendar
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import NamedTuple

from extend_source.config.pricing import Price
from extend_source.reports.figures import BudgetMark, MonthBefore, MonthToDate

WEEKS = 4
"""How many earlier days of the same weekday say what a day to come will cost."""

BUDGET_SHARES = (Decimal("0.5"), Decimal("0.8"), Decimal(1))
"""The parts of the budget whose days are told."""

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
        spent: spend by day, of the month and the one before it; days without spend may be left out.
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
    is_projected = credits is not None and is_known
    return MonthToDate(
        month=start,
        days=last_day.day,
        days_in_month=days_in_month,
        credits=credits,
        projected=_projected(so_far, in_all) if is_projected else None,
        budget=budget,
        cost=None if credits is None else _cost(so_far, prices),
        projected_cost=_cost(in_all, prices) if is_projected else None,
        unknown=unknown,
        list_cost=None if credits is None else at_list_price(so_far, prices),
        projected_list_cost=_to_cents(at_list_price(in_all, prices)) if is_projected else None,
        included=_included(start, prices) if prices else None,
        marks=_marks(budget, so_far, in_all if is_projected else {}, last_day),
        before=_before(spent, start, complete_to, prices),
    )


def _to_cents(cost: Decimal | None) -> Decimal | None:
    """What is expected is no more exact than that."""
    return None if cost is None else cost.quantize(_STEP)


def _marks(
    budget: Decimal | None, so_far: Mapping[date, Decimal], in_all: Mapping[date, Decimal], last_day: date
) -> tuple[BudgetMark, ...]:
    if not budget:
        return ()
    marks = []
    for share in BUDGET_SHARES:
        credits = share * budget
        reached = _day_of(credits, {day: spent for day, spent in so_far.items() if day <= last_day})
        marks.append(BudgetMark(share, credits, reached or _day_of(credits, in_all), reached is not None))
    return tuple(marks)


def _day_of(credits: Decimal, by_day: Mapping[date, Decimal]) -> date | None:
    """The day on which days in their order have added up to so many credits."""
    added_up = _NOTHING
    for day, spent in by_day.items():
        added_up += spent
        if added_up >= credits:
            return day
    return None


def _before(
    spent: Mapping[date, DailyCredits], start: date, complete_to: date, prices: Sequence[Price]
) -> MonthBefore | None:
    month = (start - timedelta(days=1)).replace(day=1)
    length = (start - month).days
    whole = [month + timedelta(days=ahead) for ahead in range(length)]
    if not any(day in spent for day in whole):
        return None
    days = min(max(0, (complete_to - start).days + 1), length)
    now = [start + timedelta(days=ahead) for ahead in range(days)]
    alike = whole[:days]
    return MonthBefore(
        month=month,
        days=days,
        credits=_known_of(spent, now),
        credits_before=_known_of(spent, alike),
        credits_in_all=_known_of(spent, whole),
        cost=_list_price_of(spent, now, prices),
        cost_before=_list_price_of(spent, alike, prices),
        cost_in_all=_list_price_of(spent, whole, prices),
        unknown=sum(spent[day].unknown for day in whole if day in spent),
    )


def _known_of(spent: Mapping[date, DailyCredits], days: Sequence[date]) -> Decimal | None:
    """What is known to have been spent on days; None: there were runs or files, and nothing of them is known."""
    found = [spent[day] for day in days if day in spent]
    known = [day.credits for day in found if day.credits is not None]
    return sum(known, _NOTHING) if known or not found else None


def _list_price_of(spent: Mapping[date, DailyCredits], days: Sequence[date], prices: Sequence[Price]) -> Decimal | None:
    if _known_of(spent, days) is None:
        return None
    return at_list_price({day: spent[day].credits or _NOTHING for day in days if day in spent}, prices)


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


def at_list_price(credits_by_day: Mapping[date, Decimal], prices: Sequence[Price]) -> Decimal | None:
    """Price credits by day, each at the price of its day, before anything that is included.

    Returns:
        What they cost; None: there are no prices, or some of the credits have none.
    """
    if not prices:
        return None
    cost = _NOTHING
    for day, credits in credits_by_day.items():
        price = price_on(prices, day)
        if credits and price is None:
            return None
        cost += credits * (_NOTHING if price is None else price.credit_price)
    return cost


def _cost(credits_by_day: Mapping[date, Decimal], prices: Sequence[Price]) -> Decimal | None:
    """What a month costs beyond what is included; None: some of it has no price."""
    cost = at_list_price(credits_by_day, prices)
    if cost is None:
        return None
    return _beyond(cost, sum(credits_by_day.values(), _NOTHING), _included(min(credits_by_day), prices))


def _included(start: date, prices: Sequence[Price]) -> Decimal:
    return next(price.included_credits for price in prices if price.valid_to is None or price.valid_to > start)


def price_on(prices: Sequence[Price], day: date) -> Price | None:
    """Return the price that holds on a day, if any."""
    return next((price for price in reversed(prices) if price.valid_from <= day), None)


def _beyond(cost: Decimal, credits: Decimal, included: Decimal) -> Decimal:
    """Take off what is included: evenly, as no credit of a month is more included than another."""
    return (cost * max(_NOTHING, credits - included) / credits).quantize(_STEP) if credits else _NOTHING
