"""Every error as one line that says what to do, and with which code it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from dlt.common.configuration.exceptions import (
    ConfigFieldMissingException,
    ConfigurationException,
    ConfigValueCannotBeCoercedException,
)
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.exceptions import DestinationConnectionError

from extend_source.cli.exit_codes import DONE, FAILED, REFUSED, SOME_FAILED, STOPPED, WRONG_USE, fail
from extend_source.config.installation import pip
from extend_source.config.providers import missing_fields, wrong_type
from extend_source.error_codes import ErrorCode
from extend_source.errors import AccessRefused, ExtendError, InvalidRequest, UnsupportedApiVersion, UsageError
from extend_source.pipeline.connections import connection_failure
from extend_source.pipeline.failures import error_code_of
from extend_source.text.redaction import redact
from extend_source.text.wording import one_line

if TYPE_CHECKING:
    from extend_source.ingest.health import Health
    from extend_source.operations.rebuild import RebuildResult
    from extend_source.operations.sync import SyncResult

_ENDED_AT_ONCE = "Ended at once. Run the sync again: what has landed is not fetched twice."

_TELLING = (ExtendError, ConfigurationException, DestinationConnectionError)
"""What says more than its cause does."""


@contextmanager
def clear_errors() -> Iterator[None]:
    """Turn what went wrong into one line on stderr and an exit code."""
    try:
        yield
    except (typer.Exit, SystemExit):
        raise
    except KeyboardInterrupt:
        fail(*_explained(KeyboardInterrupt()))
    except Exception as error:
        fail(*_explained(error))


def code_of_result(result: SyncResult) -> int:
    """Return the exit code for what a sync did; that there is more to do counts more than what failed."""
    if result.stopped_by is not None:
        return STOPPED
    return DONE if result.complete else SOME_FAILED


def code_of_rebuild(result: RebuildResult) -> int:
    """Return the exit code for what a rebuild did."""
    if result.left:
        return STOPPED
    return SOME_FAILED if result.failed else DONE


def code_of_health(health: Health) -> int:
    """Return the exit code for whether a pipeline needs someone, where an age was asked for."""
    if health.state == "failing":
        return FAILED
    return DONE if health.state in ("healthy", "behind", "running") else STOPPED


def code_of_error(error: ExtendError) -> int:
    """Return the exit code for an error of the source."""
    if isinstance(error, AccessRefused):
        return REFUSED
    wrong_use = isinstance(error, UsageError | InvalidRequest | UnsupportedApiVersion)
    return WRONG_USE if wrong_use else FAILED


def explain(error: BaseException) -> tuple[int, str]:
    """Say what went wrong.

    Args:
        error: what was raised.

    Returns:
        The exit code, and one line: the code of what went wrong, and what to do.
    """
    code, cause, line = _explained(error)
    return code, cause.line(line)


def _explained(error: BaseException) -> tuple[int, ErrorCode, str]:
    code, line = _code_and_line(error)
    return code, error_code_of(error), line


def _code_and_line(error: BaseException) -> tuple[int, str]:
    while error.__cause__ is not None and not isinstance(error, _TELLING):
        error = error.__cause__
    if isinstance(error, KeyboardInterrupt):  # dlt wraps it
        return FAILED, _ENDED_AT_ONCE
    text = _one_line(error)
    if isinstance(error, ExtendError):
        return code_of_error(error), str(error)
    if isinstance(error, ConfigFieldMissingException):
        return (REFUSED if "api_key" in error.fields else WRONG_USE), missing_fields(error)
    if isinstance(error, ConfigValueCannotBeCoercedException):
        return WRONG_USE, wrong_type(error.field_name, error.field_value, error.hint)
    if isinstance(error, UnknownDestinationModule):
        return WRONG_USE, f"There is no destination {error.ref!r}. Try duckdb, postgres, snowflake or bigquery."
    if isinstance(error, MissingDependencyException):
        return WRONG_USE, f"A package is missing. Run: {pip(*error.dependencies)}"
    if isinstance(error, ConfigurationException):
        return WRONG_USE, text
    if isinstance(error, DestinationConnectionError):
        return FAILED, connection_failure(error)[1]
    return FAILED, text


def _one_line(error: BaseException) -> str:
    return redact(one_line(str(error)) or type(error).__name__)
