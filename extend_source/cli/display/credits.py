"""What people see of a credit report in the shell."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from rich.console import Console

from extend_source.cli.display.terminal import show_lines, show_rows, show_titled
from extend_source.reports.figures import CreditFigures, DaySpend, MonthToDate
from extend_source.reports.grouping import SPANS, Spend, parsed_thing, total
from extend_source.reports.listed_credits import ListedCredits
from extend_source.reports.models import ModelsResult
from extend_source.reports.products import ProductCredits
from extend_source.text.wording import counted, figure, rounded_credits

_MAX_ROWS = 20
_ATTENTION = "yellow"
_REASONS = {
    "failed_run": ("runs that failed", "failed run"),
    "cancelled_run": ("runs that were cancelled", "cancelled run"),
    "parsed_in_vain": ("parsing that no run could use", "useless parse"),
    "processed_again": ("files processed again by the same version", "repeated run"),
}
"""What credits were spent on without result, and what one of these is called."""

_NO_PRODUCTS = "No product is said: the API names products since 10 June 2026, in version 2026-02-09."

PARSING_LEFT_OUT = "The parsing of files is not in here: only the runs themselves say it."


def show_credits(
    console: Console, figures: CreditFigures, by: str, rows: Sequence[Spend] | Sequence[ProductCredits]
) -> None:
    """Print a credit report.

    Args:
        console: where to.
        figures: the figures.
        by: what makes a group.
        rows: spend by group, or by product and unit.
    """
    span = f"{figures.first_day} to {figures.last_day} UTC"
    show_titled(console, "Credits", f" of {figures.destination}, dataset {figures.dataset}, {span}")
    show_lines(console, *_month(figures.month, figures.currency), _known(figures.days), *_waste(figures))
    console.print()
    all_of_it, products = total(figures.days), [row for row in rows if isinstance(row, ProductCredits)]
    if by == "product":
        _show_products(console, products, all_of_it, figures.currency)
    else:
        groups = [row for row in rows if isinstance(row, Spend)]
        _show_groups(console, by, groups, all_of_it, figures.currency, parsed_thing(figures.days))
    if figures.warnings:
        console.print()
    show_lines(console, *figures.warnings, style=_ATTENTION)


def show_listed_credits(console: Console, listed: ListedCredits, by: str, rows: Sequence[Spend]) -> None:
    """Print what the listing says."""
    span = f"{listed.first_day} to {listed.last_day} UTC"
    show_titled(console, "Credits of runs", f" by the listing, {span}, {counted(listed.requests, 'request')}")
    show_lines(console, _known(listed.days), PARSING_LEFT_OUT)
    console.print()
    _show_groups(console, by, rows, total(listed.days, includes_parsing=listed.includes_parsing), None)


def show_models(console: Console, result: ModelsResult) -> None:
    """Print which views were made."""
    show_rows(console, None, ("view", "one row per"), list(result.views.items()))
    for name, tables in result.left_out.items():
        show_lines(console, f"{name} is left out: not loaded yet: {', '.join(tables)}")
    for name, tables in result.without.items():
        show_lines(console, f"{name} does without {', '.join(tables)}: not loaded yet; then run this again")
    show_lines(console, f"In {result.destination}, dataset {result.dataset}")


def _month(month: MonthToDate, currency: str | None) -> list[str]:
    at_least = "at least " if month.unknown else ""
    days = f"in {month.days} of {month.days_in_month} days"
    if month.credits is None:
        line = f"unknown {days}: of none of its runs and files ({month.unknown:,}) the credits are known"
    else:
        line = f"{at_least}{figure(month.credits)} {days}, heading for {_expected(month.projected, at_least)}"
    lines = [f"{month.month:%B %Y}: {line}{_against(month)}"]
    if month.cost is not None:
        lines.append(
            f"Beyond what the plan includes: {at_least}{month.cost:,.2f} {currency}, heading for "
            + ("an unknown sum" if month.projected_cost is None else f"{at_least}{month.projected_cost:,.2f}")
        )
    return lines


def _expected(projected: Decimal | None, at_least: str) -> str:
    return "an unknown sum" if projected is None else f"{at_least}{rounded_credits(projected)}"


def _against(month: MonthToDate) -> str:
    if month.budget is None:
        return ""
    shares = [
        f"{credits / month.budget:.0%} {what}"
        for credits, what in ((month.credits, "used"), (month.projected, "expected"))
        if credits is not None and month.budget
    ]
    return f"; the budget is {figure(month.budget)}" + (f" ({', '.join(shares)})" if shares else "")


def _known(days: Iterable[DaySpend]) -> str:
    parts = []
    days = list(days)
    for kind, noun in (("processing", "run"), ("parsing", parsed_thing(days))):
        of_kind = [day for day in days if day.kind == kind]
        if of_kind:
            known, things = sum(day.known for day in of_kind), sum(day.things for day in of_kind)
            parts.append(f"{known:,} of {counted(things, noun)}")
    return f"Known: the credits of {' and of '.join(parts)}" if parts else "Nothing was spent"


def _waste(figures: CreditFigures) -> list[str]:
    parts = []
    for reason, (text, thing) in _REASONS.items():
        of_reason = [waste for waste in figures.waste if waste.reason == reason]
        credits = sum((waste.credits for waste in of_reason if waste.credits is not None), Decimal(0))
        if credits:
            parts.append(f"{figure(credits)} on {text}")
        if unknown := sum(waste.unknown for waste in of_reason):
            parts.append(f"{counted(unknown, thing)} of unknown cost")
    return [f"Failed and repeated work: {', '.join(parts)}"] if parts else []


def _show_groups(
    console: Console, by: str, rows: Sequence[Spend], all_of_it: Spend, currency: str | None, parsed: str = "file"
) -> None:
    # in time the end matters, elsewhere the beginning
    shown = rows[-_MAX_ROWS:] if by in SPANS else rows[:_MAX_ROWS]
    files, parsing = ([], []) if all_of_it.files is None else ([f"{parsed}s"], ["parsing"])
    other = ["other"] if all_of_it.other else []
    header = [by, "runs", *files, "unknown", "processing", *parsing, *other, "credits", "share"]
    if currency is not None:
        header.append(f"{currency} at list price")
    show_rows(console, None, header, [_cells(row, all_of_it, currency) for row in (*shown, all_of_it)])
    if len(shown) < len(rows):
        show_lines(console, f"and {counted(len(rows) - len(shown), 'row')} more; --json and --csv give all")


def _cells(row: Spend, all_of_it: Spend, currency: str | None) -> list[object]:
    files, parsing = ([], []) if all_of_it.files is None else ([row.files], [row.parsing])
    other = [row.other] if all_of_it.other else []
    cells: list[object] = [row.name, row.runs, *files, row.unknown, row.processing, *parsing, *other, row.credits]
    return [*cells, _share(row.credits, all_of_it.credits), *_cost(row.cost, currency)]


def _show_products(console: Console, rows: Sequence[ProductCredits], all_of_it: Spend, currency: str | None) -> None:
    header = ["product", "unit", "charges", "quantity", "credits", "share", "credits per page"]
    if currency is not None:
        header.append(f"{currency} at list price")
    lines: list[list[object]] = [
        [
            *(row.name, row.unit or "", row.charges, "" if row.quantity is None else figure(row.quantity), row.credits),
            _share(row.credits, all_of_it.credits),
            "" if row.per_page is None else figure(row.per_page),
            *_cost(row.cost, currency),
        ]
        for row in rows
    ]
    charges = sum(row.charges for row in rows)
    everything = ["all", "", charges, "", all_of_it.credits, _share(all_of_it.credits, all_of_it.credits), ""]
    show_rows(console, None, header, [*lines, [*everything, *_cost(all_of_it.cost, currency)]])
    if not charges:
        show_lines(console, _NO_PRODUCTS)


def _share(credits: Decimal | None, of_all: Decimal | None) -> str:
    return "" if credits is None or not of_all else f"{credits / of_all:.1%}"


def _cost(cost: Decimal | None, currency: str | None) -> list[object]:
    return [] if currency is None else [None if cost is None else round(cost, 2)]
