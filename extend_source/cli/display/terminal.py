"""Printing lines and tables: nothing in a text is obeyed, and nothing that one may want to copy is cut."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from extend_source.text.wording import figure, printable

_UNLIMITED = 100_000
_MAX_NAMES = 5
_NARROWEST = 8
"""Texts fold to this many characters a line; where a terminal has not even these, it breaks the lines itself."""


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        heading: what is above it.
        texts: its cells.
        is_number: whether it is aligned right and never folded.
    """

    heading: str
    texts: Sequence[str]
    is_number: bool


def show_lines(console: Console, *lines: str, style: str = "") -> None:
    """Print lines, each as one line however long it is, so that it can be copied."""
    for line in lines:
        console.print(Text(printable(line), style), soft_wrap=True)


def show_titled(console: Console, title: str, rest: str) -> None:
    """Print a line that begins with a title."""
    console.print(Text.assemble((printable(title), "bold"), printable(rest)), soft_wrap=True)


def show_rows(console: Console, title: str | None, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table; numbers are aligned right, and None is shown as unknown."""
    listed = [list(row) for row in rows]
    if title is not None:
        show_titled(console, title, "")
    columns = []
    for index, name in enumerate(header):
        values = [row[index] for row in listed]
        is_number = bool(values) and all(not isinstance(value, str) for value in values)
        columns.append(Column(name, [figure(value) for value in values], is_number))
    show_columns(console, columns)


def show_columns(console: Console, columns: Sequence[Column]) -> None:
    """Print columns beside each other: texts are folded on a terminal that is too narrow, and nowhere else."""
    if console.is_terminal:
        columns = [_with_folded_heading(column) for column in columns]
    table = Table(header_style="bold", box=None, pad_edge=False)
    for column in columns:
        heading = Text("\n".join(map(printable, column.heading.splitlines())))
        table.add_column(
            heading, justify="right" if column.is_number else "left", no_wrap=column.is_number, overflow="fold"
        )
    for texts in zip(*(column.texts for column in columns), strict=True):
        table.add_row(*(Text(printable(text)) for text in texts))
    _show_table(console, table, sum(map(_least_width, columns)) + len(columns) - 1)


def show_pairs(console: Console, pairs: Iterable[tuple[str, str, str]]) -> None:
    """Print names, each with a text beside it in a style."""
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    listed = list(pairs)
    for name, text, style in listed:
        table.add_row(Text(printable(name)), Text(printable(text), style))
    _show_table(console, table, max((cell_len(name) for name, _, _ in listed), default=0) + 2 + _NARROWEST)


def _with_folded_heading(column: Column) -> Column:
    """Fold the heading of numbers to their width."""
    if not column.is_number:
        return column
    width = max(map(len, (*column.heading.split(), *column.texts)))
    return replace(column, heading=textwrap.fill(column.heading, width))


def _least_width(column: Column) -> int:
    longest = max(map(cell_len, (*column.heading.splitlines(), *column.texts)), default=0)
    return longest if column.is_number else min(longest, _NARROWEST)


def _show_table(console: Console, table: Table, least_width: int) -> None:
    if not console.is_terminal or console.width < least_width:
        table.width = console.measure(table, options=console.options.update(width=_UNLIMITED)).maximum
    console.print(table, crop=False)


def first_of(console: Console, names: list[str]) -> str:
    """List the first names; what is piped has all of them."""
    more = len(names) - _MAX_NAMES if console.is_terminal else 0
    return f"{', '.join(names[:_MAX_NAMES])} and {more:,} more" if more > 0 else ", ".join(names)
