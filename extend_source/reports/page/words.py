"""The words of the page: where and when the figures are from, and how they are counted."""

from __future__ import annotations

import html
import re
from datetime import date, datetime

from extend_source.reports.figures import CreditFigures
from extend_source.reports.page.units import has_money
from extend_source.text.wording import counted, printable

_NBSP = "\u00a0"
_ISO_DAY = re.compile(r"\b\d{4}-\d\d-\d\d\b", re.ASCII)
_MAX_WORKSPACES = 3

NONE = "\N{EN DASH}"
"""What stands where there is nothing to tell."""

_COUNTED = {
    "Credits": (
        "What Extend reports for each run and for each parsing of a file. Each is counted once, however many runs "
        "used the file: parsing belongs to the processor that used it first."
    ),
    "Unknown": "Extend does not report the credits of all runs and files. Sums leave these out, and say “at least”.",
    "Days": (
        "Days are in UTC, from 0:00 to 24:00. Weeks begin on Monday. The first and the last week or month of a "
        "choice may not be whole. A run counts on the day it was created, not on the day it ended."
    ),
    "What the month is heading for": (
        "Each day to come is expected to cost what its weekday has cost on average in the last four weeks. The "
        "day of the last load was not over, so it counts as a day to come."
    ),
    "Change on the month before": "The days of this month that are over, beside as many days of the month before.",
    "Failed and repeated work": (
        "Runs that failed or were cancelled, the parsing of files that no run could use, and files that the same "
        "version of a processor has processed more than once. The last may be wanted, for example in a test."
    ),
    "Rounding": "Credits are shown to 0.1, and to 0.01 for one page or document. A CSV has the exact figures.",
}
_OF_MONEY = {
    "Money": (
        "Each day at the price that the price book has for it (list price), before what the plan includes. The "
        "budget and what one page or document costs are at the price of the last day."
    ),
    "To pay": (
        "Only this figure leaves out the credits that the plan includes in a month: these are taken off the month "
        "as a whole."
    ),
}


def day(when: date) -> str:
    """Write a day, which does not break at the end of a line."""
    return f"{when.day} {when:%b} {when.year}".replace(" ", _NBSP)


def month(when: date) -> str:
    """Write a month."""
    return f"{when:%B}{_NBSP}{when.year}"


def shown(text: str) -> str:
    """Write a text as HTML."""
    return html.escape(printable(text))


def with_dates(text: str) -> str:
    """Write days in a text as the page does elsewhere, so that none is broken at the end of a line."""

    def rewritten(found: re.Match[str]) -> str:
        try:
            return day(date.fromisoformat(found[0]))
        except ValueError:  # a part of a name
            return found[0]

    return _ISO_DAY.sub(rewritten, text)


def place(figures: CreditFigures, title: str | None) -> str:
    """Say whose figures these are: as the caller says, else the workspaces, else the pipeline."""
    if title is not None:
        return title
    named = figures.workspaces[:_MAX_WORKSPACES]
    if not named:
        return f"Pipeline {figures.pipeline}"
    more = len(figures.workspaces) - len(named)
    noun = "Workspace" if len(figures.workspaces) == 1 else "Workspaces"
    return f"{noun} {', '.join(named)}" + (f" and {more} more" if more else "")


def period(figures: CreditFigures) -> str:
    """Say which days these are."""
    days = counted((figures.last_day - figures.first_day).days + 1, "day")
    return f"{day(figures.first_day)} to {day(figures.last_day)} ({days})"


def loaded(figures: CreditFigures) -> str:
    """Say how new the figures are."""
    return f"Last load: {_dated(figures.last_sync)}; newest run: {_dated(figures.newest_run)}."


def how_counted(figures: CreditFigures) -> str:
    """Explain the figures, as HTML."""
    money = has_money(figures)
    entries = {**(_OF_MONEY if money else {}), **_COUNTED}
    if money:
        entries["Rounding"] += " Money is shown to 0.01, and to 0.0001 for one page or document."
    return "".join(f"<div><dt>{shown(what)}</dt><dd>{shown(how)}</dd></div>" for what, how in entries.items())


def _dated(moment: datetime | None) -> str:
    return "unknown" if moment is None else day(moment)
