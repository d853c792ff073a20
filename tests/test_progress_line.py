"""The progress line."""

from __future__ import annotations

import io
import re
import time

import pytest
from rich.console import Console

from extend_source.api import RequestStatistics
from extend_source.cli.display import progress
from extend_source.cli.display.progress import DltStep, ProgressLine, shown_progress
from extend_source.ingest.progress import SyncProgress


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def progress_of(seconds: float = 0.0, **counts: object) -> SyncProgress:
    statistics = RequestStatistics(bytes_received=int(str(counts.pop("received", 0))))
    progress = SyncProgress(requests=statistics, started_at=time.monotonic() - seconds, packages=1)
    for name, value in counts.items():
        setattr(progress, name, value)
    return progress


def line_after(
    progress: SyncProgress, budget: float = 10, *, seconds: float = 10, requests: int = 0, step: DltStep | None = None
) -> ProgressLine:
    """The line of a sync that has sent so many requests in so many seconds."""
    clock = Clock()
    line = ProgressLine(progress, budget, step, clock)
    clock.now += seconds
    progress.requests.requests = requests
    line.sample()
    return line


def step_of(*steps: str) -> DltStep:
    step = DltStep()
    for name in steps:
        with step(name):
            pass
    return step


def test_while_listing_the_line_says_what_was_found() -> None:
    line = line_after(progress_of(listed=2000, wanted=1500), requests=2)

    assert line.text() == "listing: 2,000 runs seen, 1,500 to fetch, 0.2 requests/s of 10"


def test_while_fetching_the_line_says_how_long_it_will_take() -> None:
    progress = progress_of(50, received=5_200_000, wanted=1500, runs_done=500, failed=2, listing_done=True)

    assert line_after(progress, requests=100).text() == (
        "500 of 1,500 runs, 1 min 40 s left, 2 failed, 10.0 requests/s of 10, 5.2 MB"
    )


def test_files_count_as_well() -> None:
    progress = progress_of(10, wanted=20, runs_done=10, files_wanted=20, files_done=10, listing_done=True)

    assert line_after(progress, 0, requests=20).text() == (
        "10 of 20 runs, 10 of 20 files, 10 s left, 2.0 requests/s, 0.0 MB"
    )


def test_the_rate_is_that_of_the_last_ten_seconds() -> None:
    clock, progress = Clock(), progress_of(listed=1, wanted=1)
    line = ProgressLine(progress, 0, None, clock)
    rates = []
    for requests in [*[100] * 30, *[5] * 10]:
        clock.now += 1
        progress.requests.requests += requests
        line.sample()
        rates.append(line.text().split(", ")[-1])

    assert (rates[0], rates[29], rates[34], rates[39]) == (
        "100.0 requests/s",
        "100.0 requests/s",
        "52.5 requests/s",
        "5.0 requests/s",
    )


def test_the_rate_is_right_where_samples_are_rare() -> None:
    clock, progress = Clock(), progress_of(listed=1, wanted=1)
    line = ProgressLine(progress, 0, None, clock)
    for requests in (3000, 30):
        clock.now += 30
        progress.requests.requests += requests
        line.sample()

    assert line.text().endswith(", 1.0 requests/s")


def test_the_number_of_the_load_is_told_from_the_second_one_on() -> None:
    progress = progress_of(wanted=6000, runs_done=4000, listing_done=True, packages=3)

    assert line_after(progress, 0).text(40).startswith("load 3: 4,000 of 6,000 runs, ")


def test_when_all_are_fetched_the_line_says_that_it_loads() -> None:
    progress = progress_of(50, wanted=500, runs_done=500, listing_done=True)

    assert line_after(progress, requests=500).text() == "500 of 500 runs, loading, 0.0 MB"


def test_the_line_says_that_dlt_loads_although_more_runs_are_wanted() -> None:
    progress = progress_of(50, wanted=500, runs_done=200, listing_done=True, packages=2)

    extracting = line_after(progress, 0, step=step_of("Extract extend", "Normalize extend in 1", "Load extend in 1"))

    assert extracting.text() == "load 2: 200 of 500 runs, loading, 0.0 MB"


def test_while_dlt_extracts_nothing_is_loading() -> None:
    step = step_of("Extract extend", "Normalize extend in 1", "Load extend in 1")

    assert step.is_loading
    with step("Extract extend"):
        assert not step.is_loading
    assert step.is_loading


def test_a_load_left_behind_is_told_before_there_is_anything_else_to_tell() -> None:
    line = line_after(progress_of(packages=0), step=step_of("Load extend in 1"))

    assert line.text() == "loading what an earlier sync left behind"


def test_a_sync_that_was_asked_to_stop_says_so_and_then_loads() -> None:
    progress = progress_of(50, wanted=500, runs_done=200, listing_done=True, stop_requested=True)

    assert line_after(progress, 0, requests=10).text() == "200 of 500 runs, stopping, 1.0 requests/s, 0.0 MB"
    assert line_after(progress, step=step_of("Load extend in 1")).text() == "200 of 500 runs, stopping, loading, 0.0 MB"


def test_being_told_to_slow_down_is_told() -> None:
    progress = progress_of(50, wanted=500, runs_done=200, listing_done=True)
    progress.requests.throttled = 3

    assert "1.0 requests/s of 10, 3 times told to slow down (429)" in line_after(progress, requests=10).text()


def test_a_rebuild_sends_nothing_and_says_nothing_of_requests() -> None:
    progress = progress_of(10, mode="rebuild", wanted=500, runs_done=250, listing_done=True)

    assert line_after(progress, 0).text() == "250 of 500 runs, 10 s left"


@pytest.mark.parametrize(
    ("width", "text"),
    [
        (20, "500 of 1,500 runs"),
        (40, "500 of 1,500 runs, 1 min 40 s left"),
        (60, "━━━━━━━━━━━━━ 500 of 1,500 runs, 1 min 40 s left, 2 failed"),
        (80, "500 of 1,500 runs, 1 min 40 s left, 2 failed, 10.0 requests/s of 10, 5.2 MB"),
        (120, f"{'━' * 24} 500 of 1,500 runs, 1 min 40 s left, 2 failed, 10.0 requests/s of 10, 5.2 MB"),
    ],
)
def test_on_a_narrow_terminal_what_is_least_important_is_left_out(width: int, text: str) -> None:
    progress = progress_of(50, received=5_200_000, wanted=1500, runs_done=500, failed=2, listing_done=True)
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)

    console.print(line_after(progress, requests=100))

    assert console.file.getvalue().rstrip("\n")[2:] == text  # the spinner comes first


def test_without_a_terminal_a_plain_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PLAIN_LINE_SECONDS", 0.01)
    console = Console(file=io.StringIO(), width=60, force_terminal=False)

    with shown_progress(console, progress_of(1, listed=3), 10):
        time.sleep(0.1)

    lines = [re.fullmatch(r"[\d-]{10} [\d:]{8} UTC (.*)", line) for line in console.file.getvalue().splitlines()]
    assert lines
    assert {line.group(1) for line in lines if line} == {"listing: 3 runs seen, 0 to fetch, 0.0 requests/s of 10"}


def test_on_a_terminal_the_line_vanishes_at_the_end() -> None:
    console = Console(file=io.StringIO(), width=60, force_terminal=True)

    with shown_progress(console, progress_of(1, listed=3), 10):
        time.sleep(0.2)

    assert "listing: 3 runs seen" in console.file.getvalue()
    assert console.file.getvalue().endswith("\x1b[2K")  # clears the line
