"""Where the month stands against the budget: a bar with marks, and the days on which the marks are reached."""

from __future__ import annotations

from decimal import Decimal

from extend_source.reports.figures import BudgetMark, CreditFigures
from extend_source.reports.page.units import credits, has_money, money
from extend_source.reports.page.words import day, month, shown

_HUNDRED = Decimal(100)


def budget_panel(figures: CreditFigures) -> str:
    """Make the panel, as HTML; nothing without a budget."""
    now = figures.month
    if not now.budget:
        return ""
    title = f"{month(now.month)} against the budget"
    return (
        f'<section id="budget" aria-labelledby="against"><h2 id="against">{shown(title)}</h2>'
        f"<p>{shown(_sentence(figures, now.budget))}</p>{_meter(figures, now.budget)}{_table(figures)}</section>"
    )


def _sentence(figures: CreditFigures, budget: Decimal) -> str:
    now = figures.month
    if now.credits is None:
        return f"Nothing is known of what {now.month:%B} has cost. The budget is {_worth(budget, figures)}."
    at_least = "at least " if now.unknown else ""
    used = f"{at_least}{now.credits / budget:.0%} of the budget of {_worth(budget, figures)} is used"
    days = f"after {now.days} of {now.days_in_month} days"
    expected = (
        "where it ends is unknown" if now.projected is None else f"{now.projected / budget:.0%} expected at its end"
    )
    return f"{used[0].upper()}{used[1:]} {days}; {expected}."


def _worth(amount: Decimal, figures: CreditFigures) -> str:
    """Credits that belong to no day, with what they are worth on the last one."""
    if not has_money(figures) or figures.credit_price is None:
        return credits(amount)
    return f"{money(amount * figures.credit_price, figures.currency)} ({credits(amount)})"


def _meter(figures: CreditFigures, budget: Decimal) -> str:
    now = figures.month
    used, ahead = (_HUNDRED * (amount or 0) / budget for amount in (now.credits, now.projected))
    # as wide as what it must show, with room for the last mark's name
    whole = max(_HUNDRED, used, ahead) * Decimal("1.06")
    marks = "".join(
        f'<u style="left:{_HUNDRED * _HUNDRED * mark.share / whole:.2f}%"><span>{mark.share:.0%}</span></u>'
        for mark in now.marks
    )
    name = f"{used:.0f}% of the budget used, {ahead:.0f}% expected"
    return (
        f'<div class="meter" role="img" aria-label="{name}">'
        f'<i class="ahead" style="width:{_HUNDRED * ahead / whole:.2f}%"></i>'
        f'<i style="width:{_HUNDRED * used / whole:.2f}%"></i>{marks}</div>'
    )


def _table(figures: CreditFigures) -> str:
    money_title = [figures.currency or ""] if has_money(figures) else []
    numbers = "".join(f'<th scope="col" class="number">{shown(title)}</th>' for title in (*money_title, "Credits"))
    head = f'<th scope="col">Part of the budget</th>{numbers}<th scope="col" class="day">Reached</th>'
    body = "".join(_row(mark, figures) for mark in figures.month.marks)
    return f'<table aria-label="Parts of the budget"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>'


def _row(mark: BudgetMark, figures: CreditFigures) -> str:
    price, amounts = figures.credit_price, [credits(mark.credits).removesuffix(" credits")]
    if has_money(figures) and price is not None:
        amounts.insert(0, money(mark.credits * price, "").strip())
    cells = "".join(f'<td class="number">{shown(amount)}</td>' for amount in amounts)
    return f'<tr><th scope="row">{mark.share:.0%}</th>{cells}<td class="day">{shown(_when(mark, figures))}</td></tr>'


def _when(mark: BudgetMark, figures: CreditFigures) -> str:
    if mark.day is not None:
        return f"{'on' if mark.reached else 'expected on'} {day(mark.day)}"
    return "unknown" if figures.month.projected is None else f"not in {figures.month.month:%B}"
