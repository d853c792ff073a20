"""What a sync has done, for a log: a line as each phase ends, with counts, rate and time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

from extend_source.ingest.progress import SyncProgress
from extend_source.text.wording import counted, duration, megabytes, noun_of


class PhaseLog:
    """Writes the lines of one sync: one for the listing, and two for each load."""

    def __init__(
        self, progress: SyncProgress, show: Callable[[str], None], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin to watch a sync.

        Args:
            progress: its counts.
            show: prints a line.
            clock: seconds that only grow, by which the progress goes as well.
        """
        self._progress, self._show, self._clock = progress, show, clock
        self._lock = threading.Lock()
        self._is_listed = False
        self._loads_something = False
        self._began_at = clock()
        self._counts = self._counts_now()
        self._loaded_before = dict.fromkeys(progress.of, 0)

    def _counts_now(self) -> tuple[int, int, int]:
        sent = self._progress.requests
        return sum(counts.done for counts in self._progress.of.values()), sent.requests, sent.bytes_received

    def watch(self) -> None:
        """Write the line of the listing, once it has come to its end; call it now and then."""
        with self._lock:
            if not self._is_listed and self._progress.listing_done:
                self._is_listed = self._loads_something = True
                self._tell_listing()

    def begin(self, step: str) -> None:
        """Note that dlt begins a step."""
        is_left_behind = not self._progress.packages
        if step.startswith("Extract") or is_left_behind:  # what follows an extraction is its loading
            self._began_at = self._clock()

    def end(self, step: str) -> None:
        """Write what has come to its end with a step of dlt, if there was something to do."""
        self.watch()
        with self._lock:
            if step.startswith("Extract"):
                self._tell_fetching()
                self._began_at = self._clock()
            elif step.startswith("Load"):
                self._tell_loading()

    def _tell_listing(self) -> None:
        progress = self._progress
        if progress.mode in ("by_id", "rebuild"):
            return  # without a listing
        parts = [f"{counted(progress.listed, 'run')} listed", f"{progress.wanted:,} to fetch"]
        if parse_runs := progress.of["parse_run"].listed:
            parts.insert(1, f"{counted(parse_runs, 'parse run')} listed")
        seconds = progress.listed_at - self._began_at
        self._show(f"listing: {', '.join([*parts, *self._sent(progress.listing_requests, seconds)])}")
        done, _, received = self._counts
        self._counts, self._began_at = (done, progress.listing_requests, received), progress.listed_at

    def _tell_fetching(self) -> None:
        progress = self._progress
        done, requests, received = self._counts_now()
        done_before, requests_before, received_before = self._counts
        self._counts = done, requests, received
        if done == done_before:
            return
        self._loads_something = True
        parts = list(self._done())
        parts.append(f"{sum(counts.failed for counts in progress.of.values()):,} failed")
        if progress.mode == "rebuild":
            self._tell(f"rebuilding: {', '.join(parts)} in {duration(self._clock() - self._began_at)}")
            return
        parts += self._sent(requests - requests_before, self._clock() - self._began_at)
        self._tell(f"fetching: {', '.join([*parts, megabytes(received - received_before)])}")

    def _tell_loading(self) -> None:
        took = duration(self._clock() - self._began_at)
        if not self._progress.packages:
            self._show(f"loading: what an earlier sync left behind in {took}")
        elif self._loads_something:
            self._tell(f"loading: {', '.join(self._loaded()) or 'nothing new'} in {took}")
        self._loads_something = False

    def _done(self) -> Iterator[str]:
        """How much of what is wanted is done, well or not, by the type of objects."""
        for object_type, counts in self._progress.of.items():
            if counts.wanted:
                yield f"{counts.done:,} of {counted(counts.wanted, noun_of(object_type))}"

    def _loaded(self) -> Iterator[str]:
        """How much was loaded since this was last asked, by the type of objects."""
        is_rebuild = self._progress.mode == "rebuild"
        for object_type, counts in self._progress.of.items():
            now = counts.done - counts.failed if is_rebuild else counts.fetched
            if grown := now - self._loaded_before[object_type]:
                yield counted(grown, noun_of(object_type))
            self._loaded_before[object_type] = now

    def _tell(self, line: str) -> None:
        packages = self._progress.packages
        self._show(f"load {packages:,}: {line}" if packages > 1 else line)

    def _sent(self, requests: int, seconds: float) -> Iterator[str]:
        yield f"{counted(requests, 'request')} in {duration(seconds)}"
        if seconds >= 1:
            yield f"{requests / seconds:.1f} requests/s"
