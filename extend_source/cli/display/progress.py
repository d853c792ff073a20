"""How far a sync is: one live line on a terminal; in a log a line as each phase ends, and now and then in between."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from dlt.common.runtime.collector_base import Collector
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.text import Text

from extend_source.cli.display.phases import PhaseLog
from extend_source.cli.display.terminal import show_lines
from extend_source.ingest.progress import SyncProgress
from extend_source.text.wording import duration, megabytes, moment, printable

PLAIN_LINE_SECONDS = 30.0
"""How often a sync says how far it is where there is no terminal, such as in a scheduler's log."""

RATE_SECONDS = 10.0
"""Seconds: the rate shown is that of the last ones."""

_SAMPLE_SECONDS = 1.0
_REFRESHES_PER_SECOND = 8
_BAR_WIDTH = 24
_MIN_BAR_WIDTH = 8
_SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class DltStep(Collector):
    """What dlt is doing; pass it to ``dlt.pipeline(progress=...)``.

    Attributes:
        is_loading: dlt is between the end of one extraction and the beginning of the next one.
        log: is told of each step.
    """

    def __init__(self) -> None:
        """Begin before the first step."""
        self.step = ""
        self.is_loading = False
        self.log: PhaseLog | None = None

    def update(self, *args: Any, **counter: Any) -> None:
        """Leave dlt's own counters alone."""

    def _start(self, step: str) -> None:
        self.is_loading = not step.startswith("Extract")
        if self.log is not None:
            self.log.begin(step)

    def _stop(self) -> None:
        self.is_loading = True
        if self.log is not None:
            self.log.end(self.step)


class ProgressLine:
    """The progress line of one sync, made anew each time it is asked for."""

    def __init__(
        self,
        progress: SyncProgress,
        budget: float,
        step: DltStep | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin to watch a sync.

        Args:
            progress: its counts.
            budget: the requests per second allowed; 0: no limit.
            step: what dlt is doing; None: it is not known.
            clock: seconds that only grow.
        """
        self._progress, self._budget, self._step, self._clock = progress, budget, step, clock
        self._samples = deque([(clock(), progress.requests.requests)])

    def sample(self) -> None:
        """Note how many requests there are by now; the rate is as exact as this is frequent."""
        now = self._clock()
        self._samples.append((now, self._progress.requests.requests))
        while len(self._samples) > 2 and self._samples[1][0] <= now - RATE_SECONDS:
            self._samples.popleft()

    def text(self, width: int | None = None) -> str:
        """Write the line.

        Args:
            width: leave out what is least important where it would be longer than this.

        Returns:
            Runs done of how many, the time left, and the rate of requests against the budget.
        """
        progress = self._progress
        is_loading = self._step is not None and self._step.is_loading
        if is_loading and not progress.packages:
            return "loading what an earlier sync left behind"
        parts = self._fetching(is_loading) if progress.listing_done or is_loading else self._listing()
        if progress.packages > 1:
            parts[0] = f"load {progress.packages:,}: {parts[0]}"
        while width is not None and len(parts) > 1 and len(", ".join(parts)) > width:
            parts.pop()
        return ", ".join(parts)

    def _listing(self) -> list[str]:
        progress = self._progress
        return [f"listing: {progress.listed:,} runs seen", f"{progress.wanted:,} to fetch", self._rate()]

    def _fetching(self, is_loading: bool) -> list[str]:
        progress = self._progress
        parts = [f"{progress.runs_done:,} of {progress.wanted:,} runs"]
        if progress.files_wanted:
            parts.append(f"{progress.files_done:,} of {progress.files_wanted:,} files")
        if (parse_runs := progress.of["parse_run"]).wanted:
            parts.append(f"{parse_runs.done:,} of {parse_runs.wanted:,} parse runs")
        all_done = all(counts.done >= counts.wanted for counts in progress.of.values())
        is_loading = is_loading or all_done
        left = progress.seconds_left
        if progress.stop_requested:
            parts.append("stopping")
        if is_loading:
            parts.append("loading")
        elif left is not None and not progress.stop_requested:
            parts.append(f"{duration(left)} left")
        if failed := sum(counts.failed for counts in progress.of.values()):
            parts.append(f"{failed:,} failed")
        if progress.mode == "rebuild":
            return parts  # without a request
        if not is_loading:
            parts.append(self._rate())
            if progress.requests.throttled:
                parts.append(f"{progress.requests.throttled:,} times told to slow down (429)")
        return [*parts, megabytes(progress.requests.bytes_received)]

    def _rate(self) -> str:
        (began, before), now = self._samples[0], self._clock()
        seconds = now - began
        rate = (self._progress.requests.requests - before) / seconds if seconds > 0 else 0.0
        return f"{rate:.1f} requests/s" + (f" of {self._budget:g}" if self._budget else "")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """Draw the line on a terminal, with a bar while runs are fetched."""
        self.sample()
        progress = self._progress
        line = printable(self.text(options.max_width - 2))
        done = sum(counts.done for counts in progress.of.values())
        wanted = sum(counts.wanted for counts in progress.of.values())
        # the text goes before the bar
        room = min(_BAR_WIDTH, options.max_width - len(line) - 3) if progress.listing_done and wanted else 0
        width = room if room >= _MIN_BAR_WIDTH else 0
        filled = int(width * done / wanted) if width else 0
        spinner = _SPINNER[int(time.monotonic() * _REFRESHES_PER_SECOND) % len(_SPINNER)]
        bar = (("━" * filled, "green"), ("━" * (width - filled), "dim"), " " if width else "")
        yield Text.assemble((f"{spinner} ", "cyan"), *bar, line, overflow="ellipsis", no_wrap=True)


@contextmanager
def shown_progress(
    console: Console, progress: SyncProgress, budget: float, step: DltStep | None = None
) -> Iterator[None]:
    """Show a sync's progress while the block runs: on a terminal a live line.

    In a log, lines begin with the time. There is one every 30 s and, where it is known what dlt is doing, one as each
    phase ends.

    Args:
        console: where to.
        progress: the counts of the sync.
        budget: the requests per second allowed; 0: no limit.
        step: what dlt is doing; None: it is not known.

    Yields:
        Nothing.
    """
    line = ProgressLine(progress, budget, step)
    if console.is_terminal:
        with Live(line, console=console, refresh_per_second=_REFRESHES_PER_SECOND, transient=True):
            yield
        return
    ended = threading.Event()

    def show(text: str) -> None:
        show_lines(console, f"{moment(datetime.now(timezone.utc))} {text}")

    if step is not None:
        step.log = PhaseLog(progress, show)
    arguments = (show, line, step.log if step is not None else None, ended)
    thread = threading.Thread(target=_report, args=arguments, name="extend-progress", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _report(show: Callable[[str], None], line: ProgressLine, log: PhaseLog | None, ended: threading.Event) -> None:
    due = time.monotonic() + PLAIN_LINE_SECONDS
    while not ended.wait(min(_SAMPLE_SECONDS, PLAIN_LINE_SECONDS)):
        line.sample()
        if log is not None:
            log.watch()
        if time.monotonic() >= due:
            show(line.text())
            due += PLAIN_LINE_SECONDS
