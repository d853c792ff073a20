"""Which failure of dlt, or of a destination, is which of ours."""

from __future__ import annotations

from collections.abc import Iterator

from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationException
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.exceptions import DatabaseException, DestinationConnectionError
from dlt.load.exceptions import LoadClientJobException
from dlt.pipeline.exceptions import PipelineStepFailed

from extend_source.error_codes import ErrorCode
from extend_source.pipeline.connections import connection_failure


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
