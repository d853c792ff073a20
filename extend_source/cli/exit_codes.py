"""Exit codes, and what is said where a command ends with one."""

from __future__ import annotations

from typing import NoReturn

import typer

from extend_source.error_codes import ErrorCode
from extend_source.text.wording import one_line

DONE, FAILED, WRONG_USE, SOME_FAILED, REFUSED, STOPPED = 0, 1, 2, 3, 4, 5

EXIT_CODES = {
    DONE: "done",
    FAILED: "failed: the API or the destination could not be reached, loading failed, too many runs could not be "
    "loaded (`max_error_share`), or the pipeline is being synced already; of `status --max-age`: the last sync failed",
    WRONG_USE: "wrong use: an option or setting has a value it does not take",
    SOME_FAILED: "done, but some runs or files are in fetch_errors",
    REFUSED: "refused: key, permission, credits or workspace",
    STOPPED: "stopped early, more to do: by Ctrl-C, SIGTERM, `--max-requests` or `--max-seconds`; of "
    "`status --max-age`: no sync was good in time",
}
"""What each exit code means."""


def fail(code: int, cause: ErrorCode, line: str) -> NoReturn:
    """End the command with one line on stderr.

    Args:
        code: the exit code.
        cause: the code of what went wrong.
        line: what went wrong and what to do.
    """
    warn(cause, line)
    raise typer.Exit(code)


def warn(cause: ErrorCode, line: str) -> None:
    """Say on stderr, in one line, what someone may have to act on."""
    typer.echo(f"extend-source: {cause.line(one_line(line))}", err=True)
