"""What the shell prints of compacting."""

from __future__ import annotations

from rich.console import Console

from extend_source.cli.display.terminal import show_lines
from extend_source.operations.compact import CompactResult
from extend_source.pipeline.lake_compaction import CompactedTable
from extend_source.text.wording import counted, megabytes


def show_compacted_table(console: Console, table: CompactedTable) -> None:
    """Print what became of the files of a table, unless they have stayed as they were."""
    if table.files != table.files_before:
        before = f"{counted(table.files_before, 'file')}, {megabytes(table.bytes_before)}"
        show_lines(console, f"{table.name}: {before}; now {table.files:,}, {megabytes(table.bytes)}")


def show_compaction(console: Console, result: CompactResult) -> None:
    """Print what was written anew."""
    sizes = f"{megabytes(result.bytes_before)} before, {megabytes(result.bytes)} now"
    before, files = (sum(getattr(table, name) for table in result.tables) for name in ("files_before", "files"))
    what = f"{counted(before, 'file')} of {counted(len(result.tables), 'table')} are {files:,}" if result.tables else ""
    show_lines(
        console,
        f"{what or 'The DuckDB file was written anew'}: {sizes}.",
        f"Written in {result.destination}, dataset {result.dataset}",
    )
