"""The lines that a log gets of a sync, one as each phase ends."""

from __future__ import annotations

import io
import re

from rich.console import Console

from extend_source.cli.display.phases import PhaseLog
from extend_source.cli.display.progress import DltStep, shown_progress
from extend_source.ingest.progress import SyncProgress


class Sync:
    """A sync that does what it is told, by a clock that is set by hand."""

    def __init__(self, mode: str = "full") -> None:
        self.now = 100.0
        self.lines: list[str] = []
        self.progress = SyncProgress(mode=mode)
        self.log = PhaseLog(self.progress, self.lines.append, lambda: self.now)

    def step(self, name: str, seconds: float) -> None:
        """Let dlt do a step in which nothing is fetched."""
        self.log.begin(f"{name} extend")
        self.now += seconds
        self.log.end(f"{name} extend")

    def begin_load(self) -> None:
        """Begin the extraction of one load."""
        self.progress.packages += 1
        self.log.begin("Extract extend")

    def list_runs(self, listed: int, wanted: int, *, seconds: float = 2, requests: int = 1) -> None:
        """Read the listing to its end."""
        self.now += seconds
        self.progress.requests.requests += requests
        self.progress.found("processor_run", listed=listed, wanted=wanted)
        self.progress.end_listing()
        self.progress.listed_at = self.now

    def fetch(self, runs: int, *, seconds: float, failed: int = 0) -> None:
        """Fetch some runs, which ends the extraction."""
        self.now += seconds
        self.progress.runs_done += runs
        self.progress.failed += failed
        self.progress.fetched += 0 if self.progress.mode == "rebuild" else runs - failed
        self.progress.requests.requests += runs
        self.progress.requests.bytes_received += runs * 10_000
        self.log.end("Extract extend")

    def load(self, seconds: float) -> None:
        """Normalise and load what was extracted."""
        self.step("Normalize", seconds / 2)
        self.step("Load", seconds / 2)


def test_a_sync_of_two_loads_has_a_line_for_each_phase_of_each() -> None:
    sync = Sync()
    sync.begin_load()
    sync.list_runs(1200, 300)
    sync.log.watch()
    assert sync.lines == ["listing: 1,200 runs listed, 300 to fetch, 1 request in 2 s, 0.5 requests/s"]
    sync.log.watch()
    sync.fetch(200, seconds=20, failed=3)
    sync.load(8)
    sync.begin_load()
    sync.fetch(100, seconds=5)
    sync.load(4)

    assert sync.lines[1:] == [
        "fetching: 200 of 300 runs, 3 failed, 200 requests in 20 s, 10.0 requests/s, 2.0 MB",
        "loading: 197 runs in 8 s",
        "load 2: fetching: 300 of 300 runs, 3 failed, 100 requests in 5 s, 20.0 requests/s, 1.0 MB",
        "load 2: loading: 100 runs in 4 s",
    ]


def test_a_sync_that_finds_nothing_says_so_in_two_lines() -> None:
    sync = Sync("incremental")
    sync.begin_load()
    sync.list_runs(0, 0, seconds=0.4)
    sync.fetch(0, seconds=0)
    sync.load(1)

    assert sync.lines == [
        "listing: 0 runs listed, 0 to fetch, 1 request in 0 s",
        "loading: nothing new in 1 s",
    ]


def test_a_sync_by_id_and_a_rebuild_list_nothing() -> None:
    by_id, rebuild = Sync("by_id"), Sync("rebuild")
    for sync in (by_id, rebuild):
        sync.begin_load()
        sync.list_runs(0, 4, seconds=0, requests=0)
        sync.fetch(4, seconds=2)
        sync.load(6)

    assert by_id.lines == [
        "fetching: 4 of 4 runs, 0 failed, 4 requests in 2 s, 2.0 requests/s, 0.0 MB",
        "loading: 4 runs in 6 s",
    ]
    assert rebuild.lines == ["rebuilding: 4 of 4 runs, 0 failed in 2 s", "loading: 4 runs in 6 s"]


def test_files_and_parse_runs_are_counted_as_well() -> None:
    sync = Sync()
    sync.begin_load()
    sync.progress.found("parse_run", listed=7, wanted=7)
    sync.list_runs(5, 5)
    sync.progress.files_wanted = sync.progress.files_done = 3
    sync.progress.of["parse_run"].done = 6
    sync.fetch(5, seconds=14)

    assert sync.lines == [
        "listing: 5 runs listed, 7 parse runs listed, 5 to fetch, 1 request in 2 s, 0.5 requests/s",
        "fetching: 5 of 5 runs, 3 of 3 files, 6 of 7 parse runs, 0 failed, 5 requests in 14 s, 0.4 requests/s, 0.1 MB",
    ]


def test_a_sync_that_fails_before_it_has_listed_says_nothing_of_phases() -> None:
    sync = Sync()
    sync.begin_load()
    sync.fetch(0, seconds=3)
    sync.load(2)

    assert sync.lines == []


def test_the_row_of_a_failure_is_no_load_to_speak_of() -> None:
    sync = Sync()
    sync.begin_load()
    sync.list_runs(1, 1)
    sync.fetch(1, seconds=1)
    sync.load(2)
    sync.begin_load()
    sync.fetch(0, seconds=0)
    sync.load(2)

    assert sync.lines[-1] == "loading: 1 run in 2 s"


def test_what_an_earlier_sync_left_behind_is_a_line_of_its_own() -> None:
    sync = Sync()
    sync.step("Load", 3)

    assert sync.lines == ["loading: what an earlier sync left behind in 3 s"]


def test_the_lines_of_a_log_begin_with_the_time_and_those_of_a_terminal_are_not_there() -> None:
    log = Console(file=io.StringIO(), width=60, force_terminal=False)
    terminal = Console(file=io.StringIO(), width=60, force_terminal=True)
    for console in (log, terminal):
        step, progress = DltStep(), SyncProgress(mode="full")
        with shown_progress(console, progress, 0, step):
            with step("Extract extend"):
                progress.packages = 1
                progress.end_listing()
            with step("Load extend"):
                pass

    listing, loading = log.file.getvalue().splitlines()
    time = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC "
    assert re.sub(time, "", listing) == "listing: 0 runs listed, 0 to fetch, 0 requests in 0 s"
    assert re.fullmatch(time + "loading: nothing new in 0 s", loading)
    assert "nothing new" not in terminal.file.getvalue()
