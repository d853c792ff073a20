"""The progress line and the tables of the shell."""

from __future__ import annotations

import io
import time
from decimal import Decimal

import pytest
from rich.console import Console

from extend_source import display
from extend_source.api import RequestStatistics
from extend_source.display import duration, progress_line, show_rows, shown_progress
from extend_source.progress import SyncProgress


def progress_of(seconds: float, **counts: int) -> SyncProgress:
    statistics = RequestStatistics(requests=counts.pop("requests", 0), bytes_received=counts.pop("received", 0))
    progress = SyncProgress(requests=statistics, started_at=time.monotonic() - seconds)
    for name, value in counts.items():
        setattr(progress, name, value)
    return progress


@pytest.mark.parametrize(("seconds", "text"), [(0.4, "0 s"), (59, "59 s"), (200, "3 min 20 s"), (7500, "2 h 5 min")])
def test_durations_are_written_as_people_say_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text


def test_while_listing_the_line_says_what_was_found() -> None:
    progress = progress_of(10, requests=2, listed=2000, wanted=1500)

    assert progress_line(progress, 10) == "listing: 2,000 runs seen, 1,500 to fetch, 0.2 requests/s of 10"


def test_while_fetching_the_line_says_how_long_it_will_take() -> None:
    progress = progress_of(
        50, requests=501, received=5_200_000, wanted=1500, runs_done=500, failed=2, listing_done=True
    )

    assert progress_line(progress, 10) == (
        "500 of 1,500 runs, 1 min 40 s left, 2 failed, 10.0 requests/s of 10, 5.2 MB"
    )


def test_when_all_are_fetched_the_line_says_that_it_loads() -> None:
    progress = progress_of(50, requests=500, wanted=500, runs_done=500, listing_done=True)

    assert progress_line(progress, 0) == "500 of 500 runs, loading, 10.0 requests/s, 0.0 MB"


def test_unknown_values_are_shown_as_unknown_and_decimals_without_padding() -> None:
    console = Console(file=io.StringIO(), width=60)

    show_rows(console, "Credits", ("processor", "credits"), [("A", Decimal("1774.500000")), ("B", None)])

    assert console.file.getvalue().split() == ["Credits", "processor", "credits", "A", "1,774.5", "B", "unknown"]


def test_without_a_terminal_a_plain_line_comes_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(display, "PLAIN_LINE_SECONDS", 0.01)
    console = Console(file=io.StringIO(), width=60, force_terminal=False)

    with shown_progress(console, progress_of(1, listed=3), 10):
        time.sleep(0.1)

    lines = console.file.getvalue().splitlines()
    assert lines
    assert set(lines) == {"listing: 3 runs seen, 0 to fetch, 0.0 requests/s of 10"}
