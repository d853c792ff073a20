"""What people see of an erasure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Console

from extend_source.cli.display.terminal import first_of, show_lines
from extend_source.text.wording import counted, noun_of

if TYPE_CHECKING:
    from extend_source.operations.erase import EraseResult


def show_erasure(console: Console, result: EraseResult) -> None:
    """Print what was erased."""
    total = sum(result.rows.values())
    others = [(number, noun_of(name)) for name, number in result.others.items()]
    erased = [(result.runs, "run"), (result.files, "file"), (result.parse_runs, "parse run"), *others]
    named = " and ".join(counted(number, noun) for number, noun in erased if number)
    lines = [f"{named} erased: {counted(total, 'row')} in {counted(len(result.rows), 'table')}"]
    lines += [f"  {count:>9,}  {table}" for table, count in sorted(result.rows.items())]
    if result.payloads:
        lines.append(f"The files were taken out of {counted(result.payloads, 'raw payload')} of other runs.")
    if result.files_left:
        lines.append(f"Not named, so still there: {counted(len(result.files_left), 'file')} of the runs: ")
        lines[-1] += first_of(console, result.files_left)
    if result.runs_left:
        lines.append(f"Not named, so still there: {counted(len(result.runs_left), 'run')} that used the files: ")
        lines[-1] += first_of(console, result.runs_left)
    if result.unknown:
        lines.append(f"No rows of their own here, so check these ids: {first_of(console, result.unknown)}")
    if result.compacted is not None:
        lines.append("The DuckDB file was written anew: {:,} bytes before, {:,} after.".format(*result.compacted))
    lines += [
        "No sync loads them again.",
        *result.remains,
        f"Deleted from {result.destination}, dataset {result.dataset}",
    ]
    show_lines(console, *lines)
