"""The application that commands are added to. It and they are there at once: dlt comes with what a command does."""

from __future__ import annotations

import atexit
import gc
import io
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

import extend_source
from extend_source.cli.exit_codes import EXIT_CODES, FAILED, WRONG_USE, fail
from extend_source.error_codes import ErrorCode
from extend_source.text.wording import one_line, sentence

_WIDTH_OF_PIPED_HELP = "100"

_OBJECTS_PER_COLLECTION = 10_000
"""After how many new objects Python looks for garbage: with the 700 that are usual, and a last look at the end, it took
a quarter of the processor time of `status`."""

_EXIT_CODES = "; ".join(f"{code} {meaning.partition(':')[0]}" for code, meaning in EXIT_CODES.items())


_PANELS = {
    "First steps": ("demo", "init", "check"),
    "Every day": ("plan", "sync", "listen", "status", "reconcile"),
    "What has landed": ("report", "models", "views", "dbt", "explore"),
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
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


def main() -> None:
    """Run the shell."""
    # most commands are short: nearly all objects are of what is imported, and go with the process
    gc.set_threshold(_OBJECTS_PER_COLLECTION, 5, 5)
    atexit.register(gc.freeze)
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
        typer.echo(f"dlt-source-extend {extend_source.__version__}")
        raise typer.Exit()
