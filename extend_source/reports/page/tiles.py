"""The tiles at the top of the page: the figures that are looked for first."""

from __future__ import annotations

import html
from datetime import datetime
from decimal import Decimal

from extend_source.reports.figures import CreditFigures
from extend_source.reports.grouping import total
from extend_source.wording import figure, printable


def tiles(figures: CreditFigures) -> str:
    """Make the tiles, as HTML."""
    month, everything = figures.month, total(figures.days)
    made = [
        _credits("Spent", everything.credits, everything.unknown, "credits in the span"),
        _credits(
            f"{month.month:%B %Y}",
            month.credits,
            month.unknown,
            f"credits in {month.days} of {month.days_in_month} days",
        ),
        _credits("Heading for", month.projected, month.unknown, _against(month.budget, month.projected)),
    ]
    if month.cost is not None and month.projected_cost is not None:
        more = f"heading for {month.projected_cost:,.2f} {figures.currency}, beyond what the plan includes"
        made.append(_tile(f"Cost in {month.month:%B}", f"{month.cost:,.2f} {figures.currency}", more))
    made += [
        _known(everything.runs + (everything.files or 0), everything.unknown),
        _in_vain(figures),
        _tile("Last load", _dated(figures.last_sync), f"newest run: {_dated(figures.newest_run)}"),
    ]
    return "".join(made)


def _credits(title: str, credits: Decimal | None, unknown: int, note: str) -> str:
    """A tile of credits to two decimals, which are a lower bound where some are unknown."""
    if credits is None:
        return _tile(title, "unknown", note)
    return _tile(f"{title}, at least" if unknown else title, figure(round(credits, 2)), note)


def _tile(title: str, value: str, note: str) -> str:
    title, value, note = (html.escape(printable(text)) for text in (title, value, note))
    return f'<div class="tile"><dt>{title}</dt><dd><b>{value}</b><span>{note}</span></dd></div>'


def _known(things: int, unknown: int) -> str:
    if not things:
        return _tile("Credits known", "all", "nothing was spent")
    percent = round(100 * (things - unknown) / things)
    if 0 < unknown < things:
        percent = min(max(percent, 1), 99)  # 99.7% is not all of them, and 0.3% is not none
    return _tile("Credits known", f"{percent}%", f"of {things:,} runs and files")


def _in_vain(figures: CreditFigures) -> str:
    known = [waste.credits for waste in figures.waste if waste.credits is not None]
    unknown = sum(waste.unknown for waste in figures.waste)
    credits = None if unknown and not known else sum(known, Decimal(0))
    return _credits("Spent in vain", credits, unknown, "credits, see below")


def _against(budget: Decimal | None, projected: Decimal | None) -> str:
    if budget is None:
        return "credits at the end of the month"
    share = f", {projected / budget:.0%} of it" if budget and projected is not None else ""
    return f"credits at the end of the month; the budget is {figure(budget)}{share}"


def _dated(moment: datetime | None) -> str:
    return "unknown" if moment is None else f"{moment:%Y-%m-%d}"
