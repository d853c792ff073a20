"""Which failure of dlt, or of a destination, is which of ours, and what is said of it."""

from __future__ import annotations

from collections.abc import Iterator

from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
)
from dlt.common.configuration.providers.toml import TomlProviderReadException
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.exceptions import DatabaseException, DestinationConnectionError
from dlt.load.exceptions import LoadClientJobException
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.config.installation import pip
from extend_source.config.providers import missing_fields, wrong_type
from extend_source.error_codes import ErrorCode
from extend_source.errors import AccessRefused, ExtendError, InvalidRequest, UnsupportedApiVersion, UsageError
from extend_source.pipeline.connections import connection_failure
from extend_source.text.redaction import redact
from extend_source.text.wording import one_line

_ENDED_AT_ONCE = "Ended at once. Run the sync again: what has landed is not fetched twice."

_TELLING = (ExtendError, ConfigurationException, DestinationConnectionError)
"""What says more than its cause does."""

_FOR_A_PERSON = (
    AccessRefused,
    UsageError,
    InvalidRequest,
    UnsupportedApiVersion,
    ConfigurationException,
    UnknownDestinationModule,
    MissingDependencyException,
)
"""What no retry can mend: the key, a setting, or what is installed."""


_BY_SQLALCHEMY = ("sqlite", "mysql", "mariadb")
"""Databases that people look for by their names."""

_TOML = "In TOML, texts have quotes, true and false are lower case, and a [section] stands once"


def telling(error: BaseException) -> BaseException:
    """Return the error behind one that says most."""
    while error.__cause__ is not None and not isinstance(error, _TELLING):
        error = error.__cause__
    return error


def needs_person(error: BaseException) -> bool:
    """Tell whether only a person can help: the same would happen again until the key or a setting is changed."""
    return isinstance(telling(error), _FOR_A_PERSON)


def line_of(error: BaseException) -> str:
    """Say in one line what went wrong and what to do, free of secrets."""
    error = telling(error)
    if isinstance(error, KeyboardInterrupt):  # dlt wraps it
        return _ENDED_AT_ONCE
    if isinstance(error, ExtendError):
        return str(error)
    if isinstance(error, ConfigFieldMissingException):
        return missing_fields(error)
    if isinstance(error, ConfigValueCannotBeCoercedException):
        return wrong_type(error.field_name, error.field_value, error.hint)
    if isinstance(error, UnknownDestinationModule):
        is_known = error.ref in _BY_SQLALCHEMY
        advice = "Its destination is sqlalchemy" if is_known else "Try duckdb, postgres, snowflake or bigquery"
        return f"There is no destination {error.ref!r}. {advice}."
    if isinstance(error, TomlProviderReadException):
        return f"{redact(one_line(str(error))).rstrip('.')}. {_TOML}."
    if isinstance(error, MissingDependencyException):
        return f"A package is missing. Run: {pip(*error.dependencies)}"
    if isinstance(error, DestinationConnectionError):
        return connection_failure(error)[1]
    return redact(one_line(str(error)) or type(error).__name__)


def error_code_of(failure: BaseException) -> ErrorCode:
    """Return the code of anything that was raised: that of the first error behind it that has one."""
    chain = list(_chain(failure))
    for error in chain:
        if (code := _code(error)) is not None:
            return code
    if any(isinstance(error, PipelineStepFailed) and error.step == "load" for error in chain):
        return ErrorCode.LOADING_FAILED
    return ErrorCode.UNEXPECTED


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """The failure, and what has led to it; dlt keeps that in an attribute or as the cause."""
    error: BaseException | None = failure
    while error is not None:
        yield error
        error = getattr(error, "exception", None) or error.__cause__


def _code(error: BaseException) -> ErrorCode | None:
    given = getattr(error, "error_code", None)
    if isinstance(given, str):
        return ErrorCode(given)
    if isinstance(error, ConfigFieldMissingException):
        return ErrorCode.NO_KEY if "api_key" in error.fields else ErrorCode.NO_CREDENTIALS
    if isinstance(error, DestinationConnectionError):
        return connection_failure(error)[0]
    for kind, code in _CODES.items():
        if isinstance(error, kind):
            return code
    return None


_CODES: dict[type[BaseException], ErrorCode] = {
    KeyboardInterrupt: ErrorCode.ENDED_AT_ONCE,
    UnknownDestinationModule: ErrorCode.UNKNOWN_DESTINATION,
    MissingDependencyException: ErrorCode.MISSING_PACKAGE,
    ConfigurationException: ErrorCode.BAD_SETTING,
    DatabaseException: ErrorCode.LOADING_FAILED,
    LoadClientJobException: ErrorCode.LOADING_FAILED,
}
"""The codes of dlt's own errors, the first kind that fits."""
