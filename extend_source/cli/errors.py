"""Every error as one line that says what to do, and with which code it ends."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import typer
from dlt.common.configuration.exceptions import ConfigFieldMissingException

from extend_source.cli.exit_codes import DONE, FAILED, REFUSED, SOME_FAILED, STOPPED, WRONG_USE, fail
from extend_source.error_codes import ErrorCode
from extend_source.errors import AccessRefused, ExtendError
from extend_source.pipeline.failures import error_code_of, line_of, needs_person, telling

if TYPE_CHECKING:
    from extend_source.ingest.health import Health
    from extend_source.operations.rebuild import RebuildResult
    from extend_source.operations.sync import SyncResult


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
    return WRONG_USE if needs_person(error) else FAILED


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
    return _code(telling(error)), error_code_of(error), line_of(error)


def _code(error: BaseException) -> int:
    if isinstance(error, ExtendError):
        return code_of_error(error)
    if isinstance(error, ConfigFieldMissingException) and "api_key" in error.fields:
        return REFUSED
    return WRONG_USE if needs_person(error) else FAILED
