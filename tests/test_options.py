"""How a command is told to print its result."""

from __future__ import annotations

from typing import Annotated

import pytest
import typer
from typer.testing import CliRunner

from extend_source.cli.options import Json, grouped

Csv = Annotated[bool, typer.Option("--csv")]


def run(*words: str, has_csv: bool = True) -> tuple[int, str]:
    """Run a command that prints which formats it was asked for."""
    app = typer.Typer()

    def both(as_json: Json = False, as_csv: Csv = False) -> None:
        typer.echo(f"json {as_json}, csv {as_csv}")

    def one(as_json: Json = False) -> None:
        typer.echo(f"json {as_json}")

    app.command()(grouped(both if has_csv else one))
    outcome = CliRunner().invoke(app, words)
    return outcome.exit_code, outcome.output


@pytest.mark.parametrize(
    ("words", "printed"),
    [
        ("", "json False, csv False"),
        ("--output table", "json False, csv False"),
        ("--output json", "json True, csv False"),
        ("--output csv", "json False, csv True"),
        ("--json", "json True, csv False"),
        ("--output json --json", "json True, csv False"),
    ],
)
def test_output_says_the_format_as_the_flags_do(words: str, printed: str) -> None:
    assert run(*words.split()) == (0, f"{printed}\n")


def test_two_formats_at_once_are_refused() -> None:
    line = "extend-source: EXT-101: Choose --output table or --json, not both.\n"

    assert run("--output", "table", "--json") == (2, line)


def test_a_command_without_csv_offers_none() -> None:
    code, said = run("--output", "csv", has_csv=False)

    assert code == 2
    assert "'csv' is not one of" in said
    assert run("--output", "json", has_csv=False) == (0, "json True\n")
