"""What ``init`` does: the files of a project, with what the API accepts."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import typer
from dlt.common.configuration.exceptions import ConfigFieldMissingException

from extend_source.cli.config_files import Project
from extend_source.cli.console import consoles, print_json
from extend_source.cli.display.results import show_check
from extend_source.cli.display.terminal import show_lines
from extend_source.cli.errors import clear_errors, code_of_error
from extend_source.cli.options import Api, Place
from extend_source.cli.pipelines import is_new
from extend_source.error_codes import ErrorCode
from extend_source.errors import UsageError, WorkspaceRefused
from extend_source.ingest.resolution import resolved_settings
from extend_source.operations.check import CheckResult, check

Ask = Callable[[str, bool], str]
"""Asks a person for something; True: without showing what is typed."""

_MAX_CHECKS = 4
"""One for each of region, version and workspace that was wrong, and the last."""


@dataclass(frozen=True)
class InitResult:
    """What init did.

    Attributes:
        check: what the last check found out.
        notes: what was written, a line each; empty: all was there, or the check failed.
        next_command: what to type next; None: the check failed.
    """

    check: CheckResult
    notes: list[str]
    next_command: str | None


def init(api: Api, *, yes: bool, as_json: bool) -> None:
    """Write the files of a project into this folder, and print what was done; `yes`: without a question."""
    console, _ = consoles(as_json)
    with clear_errors():
        ask = None if yes or not sys.stdin.isatty() else _ask
        result = initialise(Project(Path()), api.arguments(), ask)
    if as_json:
        facts = {name: [asdict(each) for each in getattr(result.check, name)] for name in ("findings", "lists")}
        print_json({"ok": result.check.ok, "notes": result.notes, "next": result.next_command, **facts})
    else:
        if result.check.ok:
            show_lines(console, *(result.notes or ["All is there: nothing was written."]))
        show_check(console, result.check)
        show_lines(console, f"Next: {result.next_command}" if result.next_command else "Nothing was written.")
    if result.check.error is not None:
        raise typer.Exit(code_of_error(result.check.error))


def initialise(
    project: Project, given: dict[str, Any], ask: Ask | None, deployments: dict[str, str] | None = None
) -> InitResult:
    """Find the settings that the API accepts, then write what the project lacks of them.

    Args:
        project: where the files are.
        given: settings that were chosen; all others are found where dlt looks for settings.
        ask: asks for the key, and the workspace of an organisation's key, where they are nowhere; None: nobody can be.
        deployments: the public deployments, name to base URL; Extend's by default.

    Returns:
        What was found out and done; nothing is written unless all is well.

    Raises:
        ConfigFieldMissingException: the key is nowhere, and nobody can be asked.
        UsageError: a file is not to be added to.
    """
    chosen = dict(given)
    typed = _typed_key(chosen, ask)
    result = CheckResult([], None)
    for _ in range(_MAX_CHECKS):
        settings = resolved_settings(api_key=typed, **chosen)
        result = check(settings, deployments=deployments)
        more = dict(result.fitting)
        if isinstance(result.error, WorkspaceRefused) and not settings.workspace_id and ask is not None:
            more["workspace_id"] = ask("The key is of a whole organisation. Id of the workspace", False)
        if not more:
            break
        chosen.update(more)
    if result.error is not None:
        return InitResult(result, [], None)
    notes = [
        project.write_config(chosen),
        None if typed is None else project.write_key(typed),
        project.keep_secrets_out_of_git(),
    ]
    next_command = "extend-source plan" if is_new(Place()) else "extend-source sync"
    return InitResult(result, [note for note in notes if note is not None], next_command)


def _typed_key(given: dict[str, Any], ask: Ask | None) -> str | None:
    """Ask for the key where it is nowhere; None: it is somewhere."""
    try:
        resolved_settings(**given)
    except ConfigFieldMissingException as error:
        if ask is None or "api_key" not in error.fields:
            raise
        return ask("API key (not shown)", True).strip()
    return None


def _ask(question: str, hidden: bool) -> str:
    try:
        answer: str = typer.prompt(question, hide_input=hidden, err=True)
    except typer.Abort:
        raise UsageError(
            "Nothing was typed",
            "Run extend-source init again, or set SOURCES__EXTEND__API_KEY",
            error_code=ErrorCode.NO_KEY,
        ) from None
    return answer
