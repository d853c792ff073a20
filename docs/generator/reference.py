"""Reference tables in Markdown, from the contract of the tables, the settings and the commands."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import click
import typer

from extend_source.cli import app
from extend_source.cli.config_files import meanings_of
from extend_source.cli.exit_codes import EXIT_CODES
from extend_source.config.listening import ListenSettings
from extend_source.config.privacy_rules import PrivacySettings
from extend_source.config.settings import LISTEN, ExtendSettings
from extend_source.reports.models import DOCUMENT_MODELS, load_model
from extend_source.tables import TABLES, TableSchema


def table_map() -> str:
    """Return a row for each table: name, grain, key."""
    rows = (
        (f"[`{table.name}`](columns.md#{table.name})", table.grain, ", ".join(f"`{name}`" for name in table.key))
        for table in TABLES.values()
    )
    return _table(("table", "one row per", "key"), rows)


def columns() -> str:
    """Return a section for each table: its columns with their types and meaning."""
    return "\n\n".join(_columns_of(table) for table in TABLES.values())


def _columns_of(table: TableSchema) -> str:
    key = ", ".join(f"`{name}`" for name in table.key)
    heading = f"## {table.name}\n\n**One row per {table.grain}**, by {key}. {table.description}"
    rows = ((f"`{column.name}`", column.kind.name, column.description) for column in table.columns)
    return f"{heading}\n\n{_table(('column', 'type', 'meaning'), rows)}"


def views() -> str:
    """Return a section for each view to ask first: its columns with their meaning."""
    return "\n\n".join(_view(name) for name in DOCUMENT_MODELS)


def _view(name: str) -> str:
    model = load_model(name)
    key = ", ".join(f"`{column}`" for column in model.key)
    heading = f"## {name}\n\n**One row per {model.grain}**, by {key}. {' '.join(model.notes)}"
    rows = ((f"`{column}`", meaning) for column, meaning in model.columns.items())
    return f"{heading}\n\n{_table(('column', 'meaning'), rows)}"


def settings() -> str:
    """Return a row for each setting: name, default, meaning; those that have a section of their own last."""
    rows = _settings_of(ExtendSettings)
    for section, spec in {"privacy": PrivacySettings, LISTEN: ListenSettings}.items():
        rows += [(f"`{section}.{name[1:-1]}`", default, meaning) for name, default, meaning in _settings_of(spec)]
    return _table(("setting", "default", "meaning"), rows)


def _settings_of(spec: type[Any]) -> list[tuple[str, str, str]]:
    meanings = meanings_of(spec)
    defaults = {field.name: field.default for field in fields(spec)}
    return [(f"`{name}`", _default(name, defaults[name]), meaning) for name, meaning in meanings.items()]


def _default(name: str, value: object) -> str:
    if name == "api_key":
        return "required"
    if value is None:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def exit_codes() -> str:
    """Return a row for each exit code."""
    return _table(("code", "meaning"), ((str(code), meaning) for code, meaning in EXIT_CODES.items()))


def make_targets() -> str:
    """Return a row for each target that the Makefile describes."""
    text = (Path(__file__).parents[2] / "Makefile").read_text("utf-8")
    targets = re.findall(r"^([a-z-]+):.*##  ?(.*)", text, re.MULTILINE)
    return _table(("", "what it does"), ((f"`make {name}`", meaning) for name, meaning in targets))


def commands() -> str:
    """Return a section for each command: what it does, an example, its arguments and options."""
    return "\n\n".join(_section(name, command) for name, command in _commands(typer.main.get_command(app)))


def _commands(group: Any, before: str = "extend-source") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        full = f"{before} {name}"
        yield from _commands(command, full) if hasattr(command, "commands") else [(full, command)]


def _section(name: str, command: Any) -> str:
    example = (command.epilog or "").removeprefix("Example: ")
    shown = f"```sh\n{example}\n```\n\n" if example else ""
    rows = [_option(parameter) for parameter in command.params if not getattr(parameter, "hidden", False)]
    return f"## {name}\n\n{command.help}\n\n{shown}{_table(('option', 'meaning', 'default'), rows)}"


def _option(parameter: Any) -> tuple[str, str, str]:
    names = ", ".join(f"`{name}`" for name in (*parameter.opts, *parameter.secondary_opts))
    default = parameter.default
    is_shown = isinstance(default, str | int | float) and not isinstance(default, bool)
    is_shown = is_shown or isinstance(default, Path)
    return names, getattr(parameter, "help", None) or "", f"`{default}`" if is_shown else ""


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [_row(header), "|---" * len(header) + "|", *map(_row, rows)]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"
