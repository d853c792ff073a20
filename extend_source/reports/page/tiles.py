"""The tiles at the top of the page: the figures that are looked for first, money before credits."""

from __future__ import annotations

from decimal import Decimal

from extend_source.reports.figures import CreditFigures, MonthBefore
from extend_source.reports.grouping import priced_sum, total
from extend_source.reports.page.units import credits, has_money, money
from extend_source.reports.page.words import NONE, month, shown

_PER_ROW = {6: 3, 8: 4}


def tiles(figures: CreditFigures) -> str:
    """Make the tiles, as HTML."""
    of_money = _of_money(figures)
    made = [_spent(figures), _month(figures), *of_money[:1], _heading(figures), _change(figures), *of_money[1:]]
    return "".join([*made, _wasted(figures), _known(figures)])


def columns(figures: CreditFigures) -> int:
    """Return how many tiles stand in a row, so that no row is half empty."""
    return _PER_ROW[6 + len(_of_money(figures))]


def _of_money(figures: CreditFigures) -> list[str]:
    """What is to be paid, and what is left of what the plan includes; without that, the price of all is to be paid."""
    now = figures.month
    if not has_money(figures) or not now.included:
        return []
    heading = f"heading for {money(now.projected_cost, figures.currency)}, beyond what the plan includes"
    left = None if now.credits is None else max(Decimal(0), now.included - now.credits)
    return [
        _tile(_at_least(f"To pay for {now.month:%B}", now.unknown), money(now.cost, figures.currency), heading),
        _tile(
            f"Included credits left in {now.month:%B}" + (", at most" if left and now.unknown else ""),
            credits(left).removesuffix(" credits"),
            f"of {credits(now.included)}",
        ),
    ]


def _spent(figures: CreditFigures) -> str:
    everything = total(figures.days)
    return _amount("Spent", everything.cost, everything.credits, everything.unknown, figures, "in the period")


def _month(figures: CreditFigures) -> str:
    now = figures.month
    days = f"in {now.days} of {now.days_in_month} days"
    return _amount(month(now.month), now.list_cost, now.credits, now.unknown, figures, days)


def _heading(figures: CreditFigures) -> str:
    now = figures.month
    note = f"at the end of {now.month:%B}"
    if now.budget and now.projected is not None:
        note += f", {now.projected / now.budget:.0%} of the budget"
    return _amount("Heading for", now.projected_list_cost, now.projected, now.unknown, figures, note)


def _change(figures: CreditFigures) -> str:
    before = figures.month.before
    if before is None:
        return _tile("Change on the month before", NONE, "nothing was spent before")
    title = f"Change on {before.month:%B}"
    if not before.days:
        return _tile(title, NONE, f"no day of {figures.month.month:%B} is over")
    is_priced = None not in (before.cost, before.cost_before) and has_money(figures)
    now, then = (before.cost, before.cost_before) if is_priced else (before.credits, before.credits_before)
    return _tile(title, _percent(now, then), _compared(before, figures, is_priced))


def _compared(before: MonthBefore, figures: CreditFigures, is_priced: bool) -> str:
    days = "first day" if before.days == 1 else f"first {before.days} days"
    now = f"{money(before.cost, figures.currency)}, {credits(before.credits)}" if is_priced else credits(before.credits)
    then = money(before.cost_before, figures.currency) if is_priced else credits(before.credits_before)
    return f"{days}: {now}; {then} in {before.month:%B}"


def _percent(now: Decimal | None, then: Decimal | None) -> str:
    if now is None or then is None:
        return "unknown"
    if not then:
        return NONE if now else "none"
    return f"{(now - then) / then:+.1%}".replace("-", "\N{MINUS SIGN}")


def _wasted(figures: CreditFigures) -> str:
    known = [waste.credits for waste in figures.waste if waste.credits is not None]
    unknown = sum(waste.unknown for waste in figures.waste)
    spent = None if unknown and not known else sum(known, Decimal(0))
    cost = priced_sum(figures.waste) if known or not unknown else None
    return _amount("Failed and repeated work", cost, spent, unknown, figures, "in the period")


def _known(figures: CreditFigures) -> str:
    everything = total(figures.days)
    things, unknown = everything.runs + (everything.files or 0), everything.unknown
    if not things:
        return _tile("Credits known", "all", "nothing was spent")
    percent = round(100 * (things - unknown) / things)
    if 0 < unknown < things:
        percent = min(max(percent, 1), 99)  # 99.7% is not all of them, and 0.3% is not none
    return _tile("Credits known", f"{percent}%", f"of {things:,} runs and files")


def _amount(
    title: str, cost: Decimal | None, spent: Decimal | None, unknown: int, figures: CreditFigures, note: str
) -> str:
    """A tile of an amount, which is a lower bound where something is unknown: money, and credits beside it."""
    if spent is None:
        return _tile(title, "unknown", note)
    title = _at_least(title, unknown)
    if cost is None or not has_money(figures):
        return _tile(title, credits(spent).removesuffix(" credits"), f"credits {note}")
    return _tile(title, money(cost, figures.currency), f"{credits(spent)} {note}")


def _at_least(title: str, unknown: int) -> str:
    return f"{title}, at least" if unknown else title


def _tile(title: str, value: str, note: str) -> str:
    title, value, note = (shown(text) for text in (title, value, note))
    return f'<div class="tile"><dt>{title}</dt><dd><b>{value}</b><span>{note}</span></dd></div>'
