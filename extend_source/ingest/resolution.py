"""The settings as the source will find them: in the arguments, the environment and dlt's config files."""

from __future__ import annotations

from typing import Any

from dlt.common.configuration import resolve_configuration
from dlt.common.configuration.exceptions import ConfigurationValueError, ConfigValueCannotBeCoercedException

from extend_source.config import SECTION, ExtendSettings, setting_names
from extend_source.privacy import privacy_rules
from extend_source.providers import refuse_unknown_arguments, wrong_type


def resolved_settings(*, needs_key: bool = True, **arguments: Any) -> ExtendSettings:
    """Find the settings as the source will.

    Args:
        needs_key: False: no request will be made, so that no API key is looked for.
        **arguments: settings by name; None stands for one that is not given.

    Returns:
        The settings, from the arguments, the environment and dlt's config files.

    Raises:
        ConfigFieldMissingException: the API key is nowhere.
        ConfigurationValueError: a setting has a value that it does not take, there is no such setting, or a privacy
            rule cannot be kept.
    """
    refuse_unknown_arguments(arguments, setting_names())
    given = {name: value for name, value in arguments.items() if value is not None}
    if not needs_key:
        given.setdefault("api_key", "")
    try:
        settings = resolve_configuration(ExtendSettings(), sections=("sources", SECTION), explicit_value=given)
    except ConfigValueCannotBeCoercedException as error:
        line = wrong_type(error.field_name, error.field_value, error.hint)
        raise ConfigurationValueError(line) from None
    privacy_rules(settings)
    return settings
