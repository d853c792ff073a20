"""The settings page: every setting of the source, its default, its unit and its meaning.

dlt resolves each setting from the arguments of `extend_source`, from ``SOURCES__EXTEND__<NAME>`` in the
environment, or from ``[sources.extend]`` in ``.dlt/config.toml`` and ``.dlt/secrets.toml``.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timezone
from typing import Any, Literal, get_args

from dlt.common.configuration import configspec
from dlt.common.configuration.exceptions import ConfigurationValueError
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.typing import TSecretStrValue

SECTION = "extend"
"""The dlt config section and the name of the source: ``[sources.extend]``."""

DEFAULT_BASE_URL = "https://api.extend.ai"
"""The production deployment (docs "Deployments")."""

DEPLOYMENTS = {
    "US": DEFAULT_BASE_URL,
    "US2": "https://api.us2.extend.app",
    "EU1": "https://api.eu1.extend.ai",
}
"""The public deployments and their base URLs (docs "Deployments"); self-hosted ones have their own."""

API_VERSION = "2025-04-21"
SUPPORTED_API_VERSIONS = (API_VERSION,)

FileContents = Literal["embedded", "fetch", "none"]
ProcessorType = Literal["EXTRACT", "CLASSIFY", "SPLITTER"]
RunStatus = Literal["PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED"]
RunSource = Literal[
    "ADMIN", "BATCH_PROCESSOR_RUN", "PLAYGROUND", "WORKFLOW_CONFIGURATION", "WORKFLOW_RUN", "STUDIO", "API"
]

PROCESSOR_TYPES: tuple[str, ...] = get_args(ProcessorType)
RUN_STATUSES: tuple[str, ...] = get_args(RunStatus)
RUN_SOURCES: tuple[str, ...] = get_args(RunSource)
FILE_CONTENTS: tuple[str, ...] = get_args(FileContents)


_MOST = 1_000_000_000
"""The largest time or number that a setting takes: more than thirty years of seconds."""


@configspec
class ExtendSettings(BaseConfiguration):
    """All settings of the source.

    Attributes:
        api_key: the API key, sent in the Authorization header and kept nowhere else.
        base_url: the deployment's address; see `DEPLOYMENTS`.
        api_version: the API version to ask for; see `SUPPORTED_API_VERSIONS`.
        workspace_id: the workspace; needed with an organisation-wide key.
        start_date: leave out runs last updated before this time: an ISO date or time, UTC if it names no
            zone. None: no limit. Listing only.
        processor_ids: only runs of these processors. None: all. Listing only.
        processor_types: only runs of these types: EXTRACT, CLASSIFY, SPLITTER. Listing only.
        statuses: only runs in these states: PENDING, PROCESSING, PROCESSED, FAILED, CANCELLED. Listing only.
        run_sources: only runs created by these kinds of things: ADMIN, BATCH_PROCESSOR_RUN, PLAYGROUND,
            WORKFLOW_CONFIGURATION, WORKFLOW_RUN, STUDIO, API. Listing only.
        run_source_ids: only runs created by these things, for example workflow runs. Listing only.
        file_name_contains: only runs of files with this text in their name. Listing only.
        refresh: fetch what has already landed again.
        lookback: seconds by which a scan overlaps the one before, for runs that the listing shows late.
        reconcile_hours: how often a sync compares the whole listing with what has landed. 0: only on demand.
        review_window_days: a reconcile fetches finished runs younger than this again, as a review may change a run
            without a trace in the listing. 0: none.
        max_rechecks: the most such runs in one reconcile, those fetched longest ago first.
        requests_per_second: the request budget. Extend's smallest plan has 10, shared by everything that uses the
            organisation's keys (docs "Rate limits"). 0: no limit of our own.
        max_concurrency: the most requests under way at once.
        file_contents: the text of files. ``embedded``: what the run payload carries; ``fetch``: one request more for
            each distinct file that has not landed with text; ``none``: no text at all.
        typed_tables: for each extraction processor a table with a typed column for each field of its schema, and
            one for each array.
        keep_raw: keep the payloads too, so that all tables can be rebuilt from them without a request.
        package_runs: the most runs in one load of `sync`; a kill costs at most one load.
        package_minutes: the longest time that `sync` fetches for one load.
        max_requests: stop after this many requests, more to do. None: no limit.
        max_seconds: stop after this many seconds of fetching, more to do. None: no limit.
        max_error_share: `sync` fails when a greater share of its runs could not be loaded, from 20 runs on; those
            that had failed before do not count. 1: never.
        package_attempts: after so many failures of the destination to take a load, `sync` drops it and fetches its
            runs again.
    """

    api_key: TSecretStrValue = None  # type: ignore[assignment]  # dlt's way to say: required
    base_url: str = DEFAULT_BASE_URL
    api_version: str = API_VERSION
    workspace_id: str | None = None
    start_date: Any | None = None
    processor_ids: list[str] | None = None
    processor_types: list[str] | None = None
    statuses: list[str] | None = None
    run_sources: list[str] | None = None
    run_source_ids: list[str] | None = None
    file_name_contains: str | None = None
    refresh: bool = False
    lookback: float = 3600.0
    reconcile_hours: float = 24.0
    review_window_days: float = 30.0
    max_rechecks: int = 1000
    requests_per_second: float = 10.0
    max_concurrency: int = 64
    file_contents: str = "embedded"
    typed_tables: bool = True
    keep_raw: bool = False
    package_runs: int = 2000
    package_minutes: float = 5.0
    max_requests: int | None = None
    max_seconds: float | None = None
    max_error_share: float = 0.5
    package_attempts: int = 3

    def on_resolved(self) -> None:
        """Check the values once dlt has found them all.

        Raises:
            ConfigurationValueError: one line that names the setting and what it takes.
        """
        for name in ("processor_ids", "processor_types", "statuses", "run_sources", "run_source_ids"):
            if isinstance(getattr(self, name), str):
                raise ConfigurationValueError(f'{name} takes a list, for example ["..."], not one text.')
        _check_choices("file_contents", [self.file_contents], FILE_CONTENTS)
        _check_choices("processor_types", self.processor_types, PROCESSOR_TYPES)
        _check_choices("statuses", self.statuses, RUN_STATUSES)
        _check_choices("run_sources", self.run_sources, RUN_SOURCES)
        if not 0 <= self.requests_per_second < float("inf"):
            raise ConfigurationValueError("requests_per_second takes a number from 0 (no limit) up.")
        for name in ("max_concurrency", "package_runs", "max_requests", "package_attempts"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationValueError(f"{name} takes a whole number from 1 up.")
        for name in ("lookback", "reconcile_hours", "review_window_days", "max_rechecks"):
            if not 0 <= getattr(self, name) <= _MOST:
                raise ConfigurationValueError(f"{name} takes a number from 0 to {_MOST:,}.")
        for name in ("package_minutes", "max_seconds"):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationValueError(f"{name} takes a number above 0.")
        if not 0 <= self.max_error_share <= 1:
            raise ConfigurationValueError("max_error_share takes a number from 0 to 1, such as 0.5.")
        if self.start_date is not None:
            parse_start_date(self.start_date)


def parse_start_date(value: str | date | datetime) -> datetime:
    """Read the `start_date` setting.

    Args:
        value: an ISO date or time as text (``2026-01-31``, ``2026-01-31T08:00:00Z``), or a Python date or time.

    Returns:
        An aware datetime in UTC; what names no zone is UTC.

    Raises:
        ConfigurationValueError: it is neither.
    """
    if isinstance(value, str):
        text = value[:-1] + "+00:00" if value[-1:] in ("Z", "z") else value
        try:
            value = datetime.fromisoformat(text)
        except ValueError:
            raise ConfigurationValueError(
                f"start_date takes an ISO date or time such as 2026-01-31, not {text!r}."
            ) from None
    if not isinstance(value, date):
        raise ConfigurationValueError("start_date takes an ISO date or time such as 2026-01-31.")
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    try:
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except OverflowError:
        raise ConfigurationValueError("start_date takes an ISO date or time such as 2026-01-31.") from None


def _check_choices(name: str, values: Sequence[str] | None, choices: Sequence[str]) -> None:
    for value in values or ():
        if value not in choices:
            raise ConfigurationValueError(f"{name} takes {', '.join(choices)}; not {value!r}.")
