"""What people see of a report in the shell."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.text import Text

from extend_source.cli.display.terminal import Column, show_columns, show_lines, show_rows, show_titled
from extend_source.reports.current import CurrentViewsResult
from extend_source.reports.quality import QualityReport
from extend_source.reports.queries import QueryResult
from extend_source.text.wording import counted

MAX_ROWS = 20
"""How many rows of a long table are shown; a table that is not twice as long is shown whole."""

_NONE = "-"


def show_quality(console: Console, report: QualityReport, max_rows: int = MAX_ROWS) -> None:
    """Print the tables of a report, each with a title and what must be known to read it right.

    Args:
        console: where to.
        report: the report.
        max_rows: tables more than twice as long are cut to this many rows.
    """
    before: QueryResult | None = None
    for result in report.queries:
        if before is not None and not (before.message and result.message):
            console.print()
        if result.message is None:
            _show_table(console, result, max_rows)
        else:
            show_titled(console, result.title, f": {result.message}")
        before = result


def show_current_views(console: Console, result: CurrentViewsResult) -> None:
    """Print which views were made, or the script that makes them."""
    if result.script is not None:
        # what is piped will be run
        if console.is_terminal:
            show_lines(console, *result.script.rstrip("\n").split("\n"))
        else:
            console.file.write(result.script)
        return
    show_rows(console, None, ("view", "one row per"), list(result.views.items()))
    if result.left_out:
        show_lines(console, f"Not loaded yet, so without a view: {', '.join(result.left_out)}")
    show_lines(console, f"In {result.destination}, dataset {result.dataset}")


def _show_table(console: Console, result: QueryResult, max_rows: int) -> None:
    rows = result.rows[:max_rows] if len(result.rows) > 2 * max_rows else result.rows
    names = list(result.columns)
    show_titled(console, result.title, f" ({result.name}: a row per {result.grain})")
    show_columns(console, [_column(name, [row[names.index(name)] for row in rows]) for name in result.shown])
    hidden = len(result.rows) - len(rows)
    if hidden:
        show_lines(console, f"and {counted(hidden, 'row')} more; --json and --csv give all rows and columns")
    for note in result.notes:
        console.print(Text(note, "dim"), soft_wrap=not console.is_terminal)


def _column(name: str, values: Sequence[Any]) -> Column:
    is_number = not any(isinstance(value, str | bool | datetime) for value in values)
    return Column(name.replace("_", " "), column_texts(values), is_number)


def column_texts(values: Sequence[Any]) -> list[str]:
    """Write the values of a column for people: fractions with as many digits as the longest of them needs."""
    fractions = [value for value in values if isinstance(value, float)]
    digits = max((len(repr(value).partition(".")[2]) for value in fractions), default=0)
    return [_text(value, digits) for value in values]


def _text(value: Any, digits: int) -> str:
    if value is None:
        return _NONE
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.{digits}f}"
    return f"{value:%Y-%m-%d %H:%M}" if isinstance(value, datetime) else str(value)
