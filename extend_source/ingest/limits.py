"""When a load, or the whole sync, has done enough."""

from __future__ import annotations

import time
from typing import Literal

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.progress import SyncProgress
from extend_source.pipeline.duckdb_layout import LARGE_ROWS_IN_GROUP, MUCH_BYTES, ROWS_IN_GROUP

StoppedBy = Literal["request", "max_runs", "max_requests", "max_seconds"]

LISTING_SHARE = 0.5
"""The part of the budgets that listing may use up: else a small budget would list each time and never fetch."""

LARGE_SHARE = 0.25
"""The part of `package_megabytes` that large answers may fill: DuckDB holds their rows three to five times."""

_NO_LIMIT = 1 << 62


class Limits:
    """The limits of one load."""

    def __init__(self, settings: ExtendSettings, progress: SyncProgress, *, bounded: bool) -> None:
        """Start a load.

        Args:
            settings: the settings of the source.
            progress: what the sync has used up so far.
            bounded: the load is one of several; False: it takes all there is.
        """
        self._settings = settings
        self._progress = progress
        self._package_runs = settings.package_runs if bounded else _NO_LIMIT
        self._package_seconds = settings.package_minutes * 60 if bounded else float("inf")
        self._package_bytes = settings.package_megabytes * 1e6 if bounded else float("inf")
        self._listing_share = LISTING_SHARE if settings.details else 1.0  # there is nothing else to send
        self._runs_before = progress.counted
        self._load_end: float | None = None
        self._decoded_before = 0

    @property
    def runs(self) -> int:
        """How many runs the load may still fetch: a request each, retries aside."""
        settings, progress = self._settings, self._progress
        most = self._package_runs - (progress.counted - self._runs_before)
        if settings.max_runs is not None:
            most = min(most, settings.max_runs - progress.counted)
        if settings.max_requests is not None:
            most = min(most, settings.max_requests - progress.requests.requests)
        return max(0, most)

    @property
    def rows_in_group(self) -> int | None:
        """The rows of a row group with which DuckDB loads the much that was fetched; None: it is not much."""
        if self._progress.has_large_answers:
            return LARGE_ROWS_IN_GROUP
        fetched = 0 if self._load_end is None else self._progress.requests.bytes_decoded - self._decoded_before
        if fetched < MUCH_BYTES:
            return None
        return LARGE_ROWS_IN_GROUP if self._settings.keep_raw else ROWS_IN_GROUP

    def found_enough(self, runs: int) -> bool:
        """Tell whether a listing has shown as many runs to fetch as the sync may load."""
        return self._settings.max_runs is not None and runs >= self._settings.max_runs

    @property
    def stopped_by(self) -> StoppedBy | None:
        """Why the sync must fetch no more runs; None: it may go on."""
        settings = self._settings
        if settings.max_runs is not None and self._progress.counted >= settings.max_runs:
            return "max_runs"
        return self.used_up

    @property
    def used_up(self) -> StoppedBy | None:
        """Which budget is used up, so that nothing more must be sent; the text of the last run's files may still be."""
        return self._used_up(1.0)

    @property
    def must_end_soon(self) -> bool:
        """Tell whether the sync must end within seconds; a request that is sent already costs nothing more to await."""
        return self.used_up in ("request", "max_seconds")

    @property
    def listing_stopped_by(self) -> StoppedBy | None:
        """Why no more must be listed; None: it may go on."""
        return self._used_up(self._listing_share)

    def listing_stopped_for(self, to_fetch: int) -> StoppedBy | None:
        """Say why no more must be listed where something new is to be fetched; None: it may go on.

        Args:
            to_fetch: how many objects: where the requests suffice for these, lists may take more than their part.
        """
        cut_by = self.listing_stopped_by
        left = (self._settings.max_requests or 0) - self._progress.requests.requests
        suffices = cut_by == "max_requests" and left > to_fetch
        return cut_by if to_fetch and not suffices else None

    def stop_fetching(self) -> bool:
        """Tell whether the load must fetch no more; it counts from the first call, which comes before any fetch."""
        decoded = self._progress.requests.bytes_decoded
        if self._load_end is None:  # so that a load fetches something, however long listing took
            self._load_end, self._decoded_before = time.monotonic() + self._package_seconds, decoded
            return self.used_up is not None
        most = self._package_bytes * (LARGE_SHARE if self._progress.has_large_answers else 1)
        is_full = time.monotonic() >= self._load_end or decoded - self._decoded_before >= most
        return is_full or self.used_up is not None

    def _used_up(self, share: float) -> StoppedBy | None:
        progress, settings = self._progress, self._settings
        if progress.stop_requested:
            return "request"
        if settings.max_requests is not None and progress.requests.requests >= settings.max_requests * share:
            return "max_requests"
        if settings.max_seconds is not None and progress.seconds >= settings.max_seconds * share:
            return "max_seconds"
        return None
