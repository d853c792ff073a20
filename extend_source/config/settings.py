"""The settings page: every setting of the source, its default, its unit and its meaning.

dlt resolves each setting from the arguments of `extend_source`, from ``SOURCES__EXTEND__<NAME>`` in the
environment, or from ``[sources.extend]`` in ``.dlt/config.toml`` and ``.dlt/secrets.toml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import Annotated, Any, Literal, get_args

from dlt.common.configuration import configspec
from dlt.common.configuration.container import Container
from dlt.common.configuration.exceptions import ConfigurationValueError
from dlt.common.configuration.resolve import resolve_configuration
from dlt.common.configuration.specs import BaseConfiguration
from dlt.common.configuration.specs.base_configuration import NotResolved
from dlt.common.configuration.specs.pluggable_run_context import PluggableRunContext
from dlt.common.typing import TSecretStrValue

from extend_source.config.choices import check_choices, refuse_keys, shown_time
from extend_source.config.groups import DEFAULT_GROUPS, GROUPS
from extend_source.config.pricing import Price, price_book
from extend_source.config.privacy_rules import PRIVACY_SETTINGS, PrivacySettings
from extend_source.config.providers import refuse_unread, wrong_type
from extend_source.config.run_values import PROCESSOR_TYPES, RUN_SOURCES, RUN_STATUSES

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

FileContents = Literal["embedded", "fetch", "none"]
ParseOutput = Literal["none", "chunks", "blocks", "words"]
TableFormat = Literal["delta", "iceberg"]
LogFormat = Literal["json", "records"]

FILE_CONTENTS: tuple[str, ...] = get_args(FileContents)
PARSE_OUTPUTS: tuple[str, ...] = get_args(ParseOutput)
TABLE_FORMATS: tuple[str, ...] = get_args(TableFormat)
LOG_FORMATS: tuple[str, ...] = get_args(LogFormat)

TELEMETRY_SETTINGS = ("log_format", "opentelemetry", "openlineage", "prometheus_folder")
"""The settings that say whom a sync tells what it does; they change nothing of what it does."""


_PLAIN_TYPES = (bool, int, float, str)

LISTEN = "listen"
"""The section of the listener for webhooks, below the source's: see `ListenSettings`."""

LISTEN_SETTINGS = ("secrets", "queue_file", "max_pending", "max_body_megabytes")

_MAX_NUMBER = 1_000_000_000
"""The largest time or number that a setting takes: more than thirty years of seconds."""


@configspec
class _PrivacyLookup(BaseConfiguration):
    """Makes dlt look for the privacy settings in their section."""

    privacy: PrivacySettings = None  # type: ignore[assignment]  # dlt's way to say: required


@configspec
class ExtendSettings(BaseConfiguration):
    """All settings of the source.

    Attributes:
        api_key: the API key, sent in the Authorization header and kept nowhere else.
        base_url: the deployment's address; US2: ``https://api.us2.extend.app``, EU1: ``https://api.eu1.extend.ai``.
        api_version: the API version to ask for: ``2025-04-21`` or ``2026-02-09``; one to a dataset.
        workspace_id: the workspace; needed with an organisation-wide key.
        objects: what to load: ``runs``, ``workflows``, ``processors``, ``parsing``, ``verification``, ``webhooks``,
            ``files``, ``edits`` and ``evaluation``. None: the first four. Tables of the others can still be selected
            with ``with_resources``.
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
        details: fetch each run. False: only the lists are read, one request for each 1,000 runs, for cost reports:
            what they say of runs and parse runs, and of what these have cost. Nothing is fetched by id.
        lookback: seconds by which a scan overlaps the one before, for runs that the listing shows late.
        reconcile_hours: how often a sync compares the whole listing with what has landed. 0: only on demand.
        definitions_minutes: how often the lists of processors and workflows are read, one of them by each sync that is
            due; a reconcile reads them all. 0: each sync reads one.
        quiet_log_minutes: how often a sync that finds the lists as the last one saw them looks at the destination all
            the same, and leaves a row in ``sync_log``. The others do not touch the destination. 0: each sync does.
        review_window_days: a reconcile fetches finished runs younger than this again, as a review may change a run
            without a trace in the listing. 0: none.
        max_rechecks: the most such runs in one reconcile, those fetched longest ago first.
        requests_per_second: the request budget. Extend's smallest plan has 10, shared by everything that uses the
            organisation's keys (docs "Rate limits"). 0: no limit of our own.
        max_concurrency: the most requests under way at once.
        file_contents: the text of files. ``embedded``: what the run payload carries; ``fetch``: one request more for
            each distinct file that has not landed with text; ``none``: no text at all.
        parse_output: how much of parse runs is loaded (API 2026-02-09): one request for each that is new or has
            changed. ``none``: no parse runs, only what their list says; ``chunks``: the runs, their pages and their
            text in chunks; ``blocks``: headings, paragraphs, tables and lines as well; ``words``: and each word.
        verify_details: fetch each verify run, for its signals and their evidence (API 2026-02-09). ``GET
            /verify_runs/{id}`` of a zero-retention run starts the purge of its result. False: their list alone is read.
        typed_tables: for each extraction processor a table with a typed column for each field of its schema, and
            one for each array.
        keep_raw: keep the payloads too, so that all tables can be rebuilt from them without a request.
        history: keep what runs, and the values of extractions, were before, in ``processor_run_history`` and
            ``extraction_field_history``: a row for each state and value that was seen.
        indexes: give the tables what lets a load find the rows of one run without reading all others, once they have
            been made: indexes on PostgreSQL, MySQL and SQLite; on BigQuery, Snowflake, Databricks and Redshift new
            tables are laid out by the owners of their rows.
        table_format: what the tables of the destination filesystem are: ``delta`` or ``iceberg``. None: Parquet files.
        package_runs: the most runs in one load of `sync` or `rebuild`; a kill costs at most one load.
        package_minutes: the longest time that `sync` fetches for one load.
        package_megabytes: the most megabytes of JSON, give or take what is under way, that `sync` fetches for one load;
            memory grows with it. `rebuild` reads about as much at once, and ends a load there, once all is done that
            one load had brought.
        max_body_megabytes: the largest body of an answer, unpacked; a run or file with a larger one is a row in
            ``fetch_errors``. The output of a parse run with a larger one is downloaded by itself (API 2026-02-09).
        max_output_megabytes: the largest output of a parse run that is downloaded so; one with a larger one is a row in
            ``fetch_errors``. Memory grows with it.
        max_waiting_megabytes: the most megabytes of JSON that arrive, or wait to be worked on, at once; one answer may
            have more.
        max_object_seconds: the longest time for one run, file or listing page: all attempts, and the waits between.
        max_pages_without_news: this many listing pages in a row that show no run for the first time are a listing
            without an end: what it had shown is loaded, then the sync fails.
        max_runs: load at most this many runs, newest first, more to do. None: no limit.
        max_requests: stop after this many requests, more to do. None: no limit.
        max_seconds: stop after this many seconds of fetching, more to do. None: no limit.
        max_error_share: `sync` fails when a greater share of its runs could not be loaded, from 20 runs on; those
            that had failed before do not count. 1: never.
        package_attempts: how often the destination may fail to take a load; then `sync` drops it and fetches its runs
            again.
        prices: the price book: what a credit costs, from which day on; see `price_book`. None: no money is shown.
        credit_budget: the credits that may be spent in a month, for reports. None: no budget.
        log_format: what syncs tell Python's logger ``extend_source``. ``json``: each line on standard error is JSON;
            ``records``: the handlers of the application write them. None: nothing.
        opentelemetry: spans and metrics of syncs, by whatever the application, or the environment, exports them with.
        openlineage: an event as a sync begins and another as it ends, to where OpenLineage's own settings say.
        prometheus_folder: a folder in which each sync writes its figures, for the textfile collector of node_exporter.
            None: none.
        privacy: what is hidden before anything is written: a dictionary or `PrivacySettings`, with the rest from
            ``[sources.extend.privacy]`` or ``SOURCES__EXTEND__PRIVACY__...``. None: all of it from there, if anything.
    """

    api_key: TSecretStrValue = None  # type: ignore[assignment]  # dlt's way to say: required
    base_url: str = DEFAULT_BASE_URL
    api_version: str = API_VERSION
    workspace_id: str | None = None
    objects: list[str] | None = None
    start_date: Any | None = None
    processor_ids: list[str] | None = None
    processor_types: list[str] | None = None
    statuses: list[str] | None = None
    run_sources: list[str] | None = None
    run_source_ids: list[str] | None = None
    file_name_contains: str | None = None
    refresh: bool = False
    details: bool = True
    lookback: float = 3600.0
    reconcile_hours: float = 24.0
    definitions_minutes: float = 60.0
    quiet_log_minutes: float = 60.0
    review_window_days: float = 30.0
    max_rechecks: int = 1000
    requests_per_second: float = 10.0
    max_concurrency: int = 64
    file_contents: str = "embedded"
    parse_output: str = "chunks"
    verify_details: bool = False
    typed_tables: bool = True
    keep_raw: bool = False
    history: bool = False
    indexes: bool = True
    table_format: str | None = None
    package_runs: int = 2000
    package_minutes: float = 5.0
    package_megabytes: float = 128.0
    max_body_megabytes: float = 256.0
    max_output_megabytes: float = 512.0
    max_waiting_megabytes: float = 32.0
    max_object_seconds: float = 300.0
    max_pages_without_news: int = 100
    max_runs: int | None = None
    max_requests: int | None = None
    max_seconds: float | None = None
    max_error_share: float = 0.5
    package_attempts: int = 3
    prices: Any | None = None
    credit_budget: float | None = None
    log_format: str | None = None
    opentelemetry: bool = False
    openlineage: bool = False
    prometheus_folder: str | None = None
    # dlt would pass over what it does not know, such as a misspelt name; so on_resolved looks for it
    privacy: Annotated[Any | None, NotResolved()] = None

    def on_partial(self) -> None:
        """Look for settings that nobody reads when one is missing: its name may have a typing error.

        Raises:
            ConfigurationValueError: one line that names them and what was meant.
        """
        refuse_misspelt_settings()

    def on_resolved(self) -> None:
        """Check the values once dlt has found them all.

        Raises:
            ConfigurationValueError: one line that names the setting and what it takes, or a setting that nobody reads.
        """
        self.on_partial()
        for name, kind in _types_of_settings():
            value = getattr(self, name)
            if value is not None and not _is_of_type(value, kind):
                raise ConfigurationValueError(wrong_type(name, value, kind))
        for name in ("objects", "processor_ids", "processor_types", "statuses", "run_sources", "run_source_ids"):
            if isinstance(getattr(self, name), str):
                raise ConfigurationValueError(f'{name} takes a list, for example ["..."], not one text.')
        refuse_keys("workspace_id", [self.workspace_id or ""])
        refuse_keys("processor_ids", self.processor_ids)
        refuse_keys("run_source_ids", self.run_source_ids)
        check_choices("objects", self.objects, tuple(GROUPS))
        if self.objects == []:
            raise ConfigurationValueError(f"objects takes at least one of {', '.join(GROUPS)}.")
        check_choices("file_contents", [self.file_contents], FILE_CONTENTS)
        check_choices("parse_output", [self.parse_output], PARSE_OUTPUTS)
        check_choices("table_format", [self.table_format] if self.table_format else None, TABLE_FORMATS)
        check_choices("log_format", [self.log_format] if self.log_format else None, LOG_FORMATS)
        check_choices("processor_types", self.processor_types, PROCESSOR_TYPES)
        check_choices("statuses", self.statuses, RUN_STATUSES)
        check_choices("run_sources", self.run_sources, RUN_SOURCES)
        if not 0 <= self.requests_per_second < float("inf"):
            raise ConfigurationValueError("requests_per_second takes a number from 0 (no limit) up.")
        for name in (
            "max_concurrency",
            "package_runs",
            "max_runs",
            "max_requests",
            "package_attempts",
            "max_pages_without_news",
        ):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ConfigurationValueError(f"{name} takes a whole number from 1 up.")
        for name in (
            "lookback",
            "reconcile_hours",
            "definitions_minutes",
            "quiet_log_minutes",
            "review_window_days",
            "max_rechecks",
        ):
            if not 0 <= getattr(self, name) <= _MAX_NUMBER:
                raise ConfigurationValueError(f"{name} takes a number from 0 to {_MAX_NUMBER:,}.")
        for name in (
            "package_minutes",
            "package_megabytes",
            "max_body_megabytes",
            "max_output_megabytes",
            "max_waiting_megabytes",
            "max_object_seconds",
            "max_seconds",
        ):
            value = getattr(self, name)
            if value is not None and not value > 0:
                raise ConfigurationValueError(f"{name} takes a number above 0.")
        if not 0 <= self.max_error_share <= 1:
            raise ConfigurationValueError("max_error_share takes a number from 0 to 1, such as 0.5.")
        if self.start_date is not None:
            parse_start_date(self.start_date)
        if self.credit_budget is not None and not 0 <= self.credit_budget <= _MAX_NUMBER:
            raise ConfigurationValueError(f"credit_budget takes a number from 0 to {_MAX_NUMBER:,}.")
        price_book(self.prices)
        self.privacy = resolved_privacy(self.privacy)

    @property
    def groups(self) -> frozenset[str]:
        """The groups of objects to load."""
        return frozenset(DEFAULT_GROUPS if self.objects is None else self.objects)

    @property
    def price_book(self) -> tuple[Price, ...]:
        """The prices, in the order of their days."""
        return price_book(self.prices)


def refuse_misspelt_settings() -> None:
    """Refuse settings that nobody reads, as their name, or that of their section, has a typing error.

    Raises:
        ConfigurationValueError: one line that names them and what was meant.
    """
    tables = {"privacy": PRIVACY_SETTINGS, "prices": (), LISTEN: LISTEN_SETTINGS}
    refuse_unread(SECTION, setting_names(), tables)


def setting_names() -> tuple[str, ...]:
    """Return the names of all settings."""
    return tuple(ExtendSettings.get_resolvable_fields())


def _types_of_settings() -> Iterator[tuple[str, type]]:
    """Yield the settings that hold one plain value, with its type."""
    for name, hint in ExtendSettings.get_resolvable_fields().items():
        for kind in _PLAIN_TYPES:
            if kind in (hint, *get_args(hint)):
                yield name, kind


def _is_of_type(value: Any, kind: type) -> bool:
    if isinstance(value, bool) or kind is bool:
        return isinstance(value, bool) and kind is bool
    return isinstance(value, int | float | Decimal if kind is float else kind)


def resolved_privacy(given: PrivacySettings | Mapping[str, Any] | None) -> PrivacySettings:
    """Find the privacy settings.

    Args:
        given: those that are known already; what they leave open is looked for where dlt finds settings.

    Returns:
        The settings; without any rules if there are none.

    Raises:
        ConfigurationValueError: there is something that is no privacy setting, or has a value that it does not take.
    """
    if isinstance(given, PrivacySettings) and given.is_resolved():
        return given
    for found in (given, *_privacy_in_config()):
        if found is not None and not isinstance(found, Mapping):
            raise ConfigurationValueError(
                "privacy takes a table with key, default, fields and columns; in the environment each has a variable "
                "of its own, such as SOURCES__EXTEND__PRIVACY__FIELDS."
            )
        if not isinstance(found, PrivacySettings):
            check_choices("privacy", list(found or ()), PRIVACY_SETTINGS)
    known = given.as_dict_nondefault() if isinstance(given, PrivacySettings) else given or {}
    explicit = {name: value for name, value in known.items() if value is not None}
    lookup = resolve_configuration(
        _PrivacyLookup(), sections=("sources", SECTION), explicit_value={"privacy": explicit} if explicit else {}
    )
    return lookup.privacy


def _privacy_in_config() -> Iterator[Any]:
    """What each place that dlt looks for settings in has under the name."""
    for provider in Container()[PluggableRunContext].providers.providers:
        yield provider.get_value("privacy", Any, "", "sources", SECTION)[0]


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
                f"start_date takes an ISO date or time such as 2026-01-31, not {shown_time(text)}."
            ) from None
    if not isinstance(value, date):
        raise ConfigurationValueError("start_date takes an ISO date or time such as 2026-01-31.")
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    try:
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)
    except OverflowError:
        raise ConfigurationValueError("start_date takes an ISO date or time such as 2026-01-31.") from None
