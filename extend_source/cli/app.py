"""The application that commands are added to, and what they share: consoles, JSON, and stopping on a signal."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from decimal import Decimal
from functools import partial
from types import FrameType
from typing import Annotated, Any

import typer
from rich.console import Console
from typer.core import TyperGroup

from extend_source import __version__
from extend_source.cli.errors import EXIT_CODES, FAILED, WRONG_USE, fail
from extend_source.error_codes import ErrorCode
from extend_source.ingest.progress import SyncProgress
from extend_source.text.wording import one_line, sentence

_WIDTH_OF_PIPED_HELP = "100"

_EXIT_CODES = "; ".join(f"{code} {meaning.partition(':')[0]}" for code, meaning in EXIT_CODES.items())


_PANELS = {
    "First steps": ("demo", "init", "check"),
    "Every day": ("plan", "sync", "status", "reconcile"),
    "What has landed": ("report", "models", "views"),
    "Care of a dataset": ("rebuild", "compact", "erase", "migrate"),
    "For tests of your own": ("sandbox",),
}
"""The commands in the order of use, by the heading that the help shows them under."""


class _Commands(TyperGroup):
    """The commands; what is wrong with a command line is told in one line, as all that goes wrong."""

    def list_commands(self, ctx: Any) -> list[str]:
        """Name the commands in the order of use, each with its heading."""
        for panel, names in _PANELS.items():
            for name in names:
                self.commands[name].rich_help_panel = panel  # type: ignore[attr-defined]
        return [name for names in _PANELS.values() for name in names]

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run a command line, and leave with its exit code."""
        extra["standalone_mode"] = False
        try:
            sys.exit(_run(partial(super().main, *args, **extra)))
        except typer.Exit as ended:
            sys.exit(ended.exit_code)


def _run(command: Callable[[], int | None]) -> int | None:
    try:
        return command()
    except typer.Abort:
        fail(FAILED, ErrorCode.ENDED_AT_ONCE, "Ended at once: there was nothing more to read.")
    except Exception as error:  # the class of these errors has no public name
        if not hasattr(error, "format_message"):
            raise
        if type(error).__name__ == "NoArgsIsHelpError":
            error.show()  # type: ignore[attr-defined]
            return WRONG_USE
        said = sentence(one_line(error.format_message()))
        command_path = getattr(getattr(error, "ctx", None), "command_path", "extend-source")
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, f"{said} See: {command_path} --help")


app = typer.Typer(
    cls=_Commands,
    help="Load Extend (extend.ai) processor runs into DuckDB or any dlt destination.",
    epilog=f"Exit codes: {_EXIT_CODES}. The key comes from SOURCES__EXTEND__API_KEY or .dlt/secrets.toml.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the shell."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names may have letters that the locale lacks
    if not sys.stdout.isatty():
        os.environ.setdefault("TERMINAL_WIDTH", _WIDTH_OF_PIPED_HELP)  # whatever COLUMNS says
    app()


@app.callback(invoke_without_command=True)
def _root(
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.")] = False,
) -> None:
    if version:
        typer.echo(f"dlt-source-extend {__version__}")
        raise typer.Exit()


def consoles(as_json: bool) -> tuple[Console, Console]:
    """Return the consoles for results and for progress; with --json stdout is left to the JSON."""
    plain: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    return Console(stderr=as_json, **plain), Console(stderr=True, **plain)


def print_json(value: dict[str, Any], *, on_one_line: bool = False) -> None:
    """Print a result for machines: times in ISO 8601, decimals as text."""
    typer.echo(json.dumps(value, default=as_text, indent=None if on_one_line else 2))


def as_text(value: Any) -> str:
    """Write a value for machines: a time in ISO 8601, a decimal with all of its digits."""
    if isinstance(value, datetime):
        return value.astimezone(timezone.utc).isoformat().replace("+00:00", "Z")
    return format(value, "f") if isinstance(value, Decimal) else str(value)


@contextmanager
def stoppable(progress: SyncProgress) -> Iterator[None]:
    """Let the first Ctrl-C or SIGTERM end a sync with what it has; the second one ends it at once."""

    def stop(number: int, frame: FrameType | None) -> None:
        if progress.stop_requested:
            signal.default_int_handler(signal.SIGINT, frame)
        progress.stop_requested = True

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
