"""CSV for programs and spreadsheets: values are exact, but for texts that a spreadsheet would take for formulas."""

from __future__ import annotations

import csv
import re
import sys
from collections.abc import Iterable
from typing import Any

from extend_source.cli.console import as_text
from extend_source.text.wording import printable

# What begins a formula, also in full width, also behind what spreadsheets pass over; and what breaks a cell in two.
_FORMULA = re.compile("[\\s\\ufeff\\u200b]*[-=+@\uff1d\uff0b\uff0d\uff20]|[\\t-\\r\\ufeff]")
_NUMBER = re.compile(r"[-+]?\d[\d.,]*(?:[eE][-+]?\d+)?%?", re.ASCII)


class _Stdout:
    """Ends rows plainly that csv has written with the ends of RFC 4180, for the sake of which it quotes either one."""

    def write(self, row: str) -> int:
        return sys.stdout.write(row.removesuffix("\r\n") + "\n")


def print_csv(header: Iterable[str], rows: Iterable[Iterable[Any]]) -> None:
    """Print rows as CSV.

    Args:
        header: the names of the columns.
        rows: the values; None is nothing.
    """
    writer = csv.writer(_Stdout())
    writer.writerow(header)
    # a terminal obeys controls; everything else gets the exact values
    shown = printable if sys.stdout.isatty() else str
    writer.writerows([shown(csv_cell(value)) for value in row] for row in rows)


def csv_cell(value: Any) -> str:
    """Write a value for a CSV: None as nothing, and ``'`` before a text that a spreadsheet would take for a formula."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return "" if value is None else as_text(value)
