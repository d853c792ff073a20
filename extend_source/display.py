"""What people see in the shell: progress while a sync runs, and tables at its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from extend_source.checking import CheckResult
from extend_source.progress import SyncProgress
from extend_source.runner import SyncResult

PLAIN_LINE_SECONDS = 30.0
"""How often a sync says how far it is where there is no terminal, such as in a scheduler's log."""

_REFRESHES_PER_SECOND = 8
_BAR_WIDTH = 24
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_STOPS = {
    "request": "Stopped as asked",
    "max_requests": "Stopped at the limit of requests",
    "max_seconds": "Stopped at the limit of time",
}
_STYLES = {"ok": "green", "wrong": "red", "not checked": "dim"}


def progress_line(progress: SyncProgress, budget: float) -> str:
    """Say in one line how far a sync is.

    Args:
        progress: its counts.
        budget: the requests per second allowed; 0: no limit.

    Returns:
        Runs done of how many, the request rate against the budget, and the time left.
    """
    rate = f"{progress.requests_per_second:.1f} requests/s"
    if budget:
        rate += f" of {budget:g}"
    if not progress.listing_done:
        return f"listing: {progress.listed:,} runs seen, {progress.wanted:,} to fetch, {rate}"
    parts = [f"{progress.runs_done:,} of {progress.wanted:,} runs"]
    if progress.files_wanted:
        parts.append(f"{progress.files_done:,} of {progress.files_wanted:,} files")
    left = progress.seconds_left
    if progress.stop_requested:
        parts.append("stopping")
    elif progress.runs_done >= progress.wanted and progress.files_done >= progress.files_wanted:
        parts.append("loading")
    elif left is not None:
        parts.append(f"{duration(left)} left")
    if progress.failed or progress.files_failed:
        parts.append(f"{progress.failed + progress.files_failed:,} failed")
    if progress.requests.throttled:
        parts.append(f"{progress.requests.throttled:,} times told to slow down (429)")
    parts += [rate, _megabytes(progress.requests.bytes_received)]
    return ", ".join(parts)


def duration(seconds: float) -> str:
    """Write a number of seconds as people say it: ``8 s``, ``3 min 20 s``, ``2 h 5 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600} h {whole % 3600 // 60} min"


def _megabytes(count: int) -> str:
    return f"{count / 1e6:.1f} MB"


@contextmanager
def shown_progress(console: Console, progress: SyncProgress, budget: float) -> Iterator[None]:
    """Show a sync's progress while the block runs: a live line on a terminal, a plain one every 30 s in a log."""
    if console.is_terminal:
        line = _LiveLine(progress, budget)
        with Live(line, console=console, refresh_per_second=_REFRESHES_PER_SECOND, transient=True):
            yield
        return
    stop = threading.Event()

    def report() -> None:
        while not stop.wait(PLAIN_LINE_SECONDS):
            console.print(progress_line(progress, budget), highlight=False, soft_wrap=True)

    thread = threading.Thread(target=report, name="extend-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


class _LiveLine:
    """The progress line, made anew at every refresh, with a bar while runs are fetched."""

    def __init__(self, progress: SyncProgress, budget: float) -> None:
        self._progress = progress
        self._budget = budget

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        progress = self._progress
        line = progress_line(progress, self._budget)
        done, wanted = progress.runs_done + progress.files_done, progress.wanted + progress.files_wanted
        width = max(0, min(_BAR_WIDTH, options.max_width - len(line) - 3))  # the text goes before the bar
        filled = int(width * done / wanted) if progress.listing_done and wanted else 0
        spinner = _SPINNER[int(time.monotonic() * _REFRESHES_PER_SECOND) % len(_SPINNER)]
        bar = (("━" * filled, "green"), ("━" * (width - filled), "dim"), " " if width else "")
        yield Text.assemble((f"{spinner} ", "cyan"), *bar, line, overflow="ellipsis", no_wrap=True)


def show_result(console: Console, result: SyncResult) -> None:
    """Print what a sync did."""
    requests = sum(result.requests.values())
    by_endpoint = ", ".join(f"{count:,} {name}" for name, count in sorted(result.requests.items()))
    lines = [
        f"{result.fetched:,} run{'' if result.fetched == 1 else 's'} loaded, {result.known:,} already there, "
        f"{result.failed:,} failed in {duration(result.seconds)}",
        f"{requests:,} request{'' if requests == 1 else 's'} ({by_endpoint or 'none'})"
        f", {_megabytes(result.bytes_received)} received"
        + (f", {result.retries:,} retries" if result.retries else "")
        + (f", {result.throttled:,} answers were 429" if result.throttled else ""),
        f"Loaded into {result.destination}, dataset {result.dataset}",
    ]
    if result.files_fetched or result.files_failed:
        lines.insert(1, f"{result.files_fetched:,} file contents loaded, {result.files_failed:,} failed")
    if result.stopped_by:
        lines.append(f"{_STOPS[result.stopped_by]}: {result.left:,} runs are left for the next sync.")
    if result.errors:
        lines += [f"  {object_id}: {message}" for object_id, message in result.errors.items()]
        lines.append("The table fetch_errors has all that could not be loaded; a sync that lists it tries it again.")
    show_lines(console, *lines)


def show_rows(console: Console, title: str, header: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Print rows as a table; numbers are aligned right, and None is shown as unknown."""
    listed = [list(row) for row in rows]
    table = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for index, name in enumerate(header):
        numeric = bool(listed) and all(not isinstance(row[index], str) for row in listed)
        table.add_column(name, justify="right" if numeric else "left")
    for row in listed:
        table.add_row(*(figure(value) for value in row))
    console.print(table)


def figure(value: Any) -> str:
    """Write a value for people: thousands apart, decimals without padding, None as unknown."""
    if value is None:
        return "unknown"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal):
        text = f"{value:,f}"
        return text.rstrip("0").rstrip(".") if "." in text else text
    return str(value)


def show_lines(console: Console, *lines: str) -> None:
    """Print lines as they are, so that they can be copied."""
    for line in lines:
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def show_check(console: Console, result: CheckResult) -> None:
    """Print what a check found out."""
    for finding in result.findings:
        state = (f"{finding.state:<12}", _STYLES[finding.state])
        console.print(Text.assemble(f"{finding.part:<10} ", state, finding.text), soft_wrap=True)
