"""The settings as the source will find them: in the arguments, the environment and dlt's config files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, TypedDict

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationValueError, ConfigValueCannotBeCoercedException

from extend_source.config.privacy_rules import PrivacySettings
from extend_source.config.providers import refuse_unknown_arguments, wrong_type
from extend_source.config.settings import (
    SECTION,
    ExtendSettings,
    FileContents,
    ParseOutput,
    TableFormat,
    resolved_privacy,
    setting_names,
)

if TYPE_CHECKING:
    from typing_extensions import Unpack


class Arguments(TypedDict, total=False):
    """The settings that functions take by name, so that editors and type checkers know them; see `ExtendSettings`.

    None stands for one that is not given.
    """

    api_key: str | None
    base_url: str | None
    api_version: str | None
    workspace_id: str | None
    objects: Sequence[str] | None
    start_date: str | date | datetime | None
    processor_ids: Sequence[str] | None
    processor_types: Sequence[str] | None
    statuses: Sequence[str] | None
    run_sources: Sequence[str] | None
    run_source_ids: Sequence[str] | None
    file_name_contains: str | None
    refresh: bool | None
    details: bool | None
    lookback: float | None
    reconcile_hours: float | None
    definitions_minutes: float | None
    quiet_log_minutes: float | None
    review_window_days: float | None
    max_rechecks: int | None
    requests_per_second: float | None
    max_concurrency: int | None
    file_contents: FileContents | None
    parse_output: ParseOutput | None
    verify_details: bool | None
    typed_tables: bool | None
    keep_raw: bool | None
    history: bool | None
    indexes: bool | None
    table_format: TableFormat | None
    package_runs: int | None
    package_minutes: float | None
    package_megabytes: float | None
    max_body_megabytes: float | None
    max_output_megabytes: float | None
    max_waiting_megabytes: float | None
    max_object_seconds: float | None
    max_pages_without_news: int | None
    max_runs: int | None
    max_requests: int | None
    max_seconds: float | None
    max_error_share: float | None
    package_attempts: int | None
    privacy: PrivacySettings | dict[str, Any] | None


def resolved_settings(
    *, needs_key: bool = True, needs_rules: bool = True, **arguments: Unpack[Arguments]
) -> ExtendSettings:
    """Find the settings as the source will.

    Args:
        needs_key: False: no request will be made, so that no API key is looked for.
        needs_rules: False: that the privacy rules can be kept is not looked at.
        **arguments: settings by name; None stands for one that is not given.

    Returns:
        The settings, from the arguments, the environment and dlt's config files.

    Raises:
        ConfigFieldMissingException: the API key is nowhere.
        ConfigurationValueError: a setting has a value that it does not take, there is no such setting, or a privacy
            rule cannot be kept.
    """
    refuse_unknown_arguments(arguments, setting_names())
    given: dict[str, Any] = {name: value for name, value in arguments.items() if value is not None}
    if not needs_key:
        given.setdefault("api_key", "")
    try:
        settings = resolve_configuration(ExtendSettings(), sections=("sources", SECTION), explicit_value=given)
    except ConfigValueCannotBeCoercedException as error:
        line = wrong_type(error.field_name, error.field_value, error.hint)
        raise ConfigurationValueError(line) from None
    if needs_rules and resolved_privacy(settings.privacy).has_rules:
        from extend_source.privacy import privacy_rules  # which knows the tables, and brings pyarrow

        privacy_rules(settings)
    return settings
