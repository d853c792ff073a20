"""Every error that can be printed has a code, and every code has an entry in the page of troubleshooting."""

from __future__ import annotations

import ast
import inspect
import pickle
import re
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from dlt.common.configuration.exceptions import ConfigFieldMissingException, ConfigurationValueError
from dlt.common.destination.exceptions import UnknownDestinationModule
from dlt.common.exceptions import MissingDependencyException
from dlt.destinations.exceptions import DatabaseTerminalException, DestinationConnectionError
from dlt.destinations.impl.postgres.configuration import PostgresCredentials
from dlt.pipeline.exceptions import PipelineStepFailed
from typer.testing import CliRunner

from docs.generator.pages import DOCS
from extend_source import errors
from extend_source.cli import app
from extend_source.cli.errors import explain
from extend_source.config.settings import ExtendSettings
from extend_source.error_codes import ErrorCode
from extend_source.pipeline.failures import error_code_of

PACKAGE = Path(errors.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): ast.parse(path.read_text("utf-8")) for path in PACKAGE.rglob("*.py")}
PAGE = (DOCS / "how-to" / "troubleshooting.md").read_text("utf-8")

KINDS = {
    name: kind for name, kind in vars(errors).items() if inspect.isclass(kind) and issubclass(kind, errors.ExtendError)
}
WITHOUT = {name for name, kind in KINDS.items() if kind.default_error_code is ErrorCode.UNEXPECTED}
"""The kinds of errors that say nothing of the remedy: whoever raises one names the code."""


def calls(*modules: str) -> Iterator[tuple[str, ast.Call]]:
    """Every call in some modules, by default in all but the stand-in, with where it is."""
    for module in modules or [name for name in MODULES if not name.startswith("sandbox/")]:
        for node in ast.walk(MODULES[module]):
            if isinstance(node, ast.Call):
                yield f"{module}:{node.lineno}", node


def called(node: ast.Call) -> str:
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def is_code(node: ast.expr) -> bool:
    return (
        isinstance(node, ast.Attribute)
        and ast.unparse(node.value) == "ErrorCode"
        and node.attr in ErrorCode.__members__
    )


def entries() -> dict[str, str]:
    """The entries of the page, by their headings."""
    parts = re.split(r"^(#+ .*)$", PAGE, flags=re.MULTILINE)
    found = {heading: text.strip() for heading, text in zip(parts[1::2], parts[2::2], strict=True)}
    return {heading.removeprefix("### "): text for heading, text in found.items() if "EXT-" in heading}


def test_every_code_is_one_of_its_own_and_says_what_happened() -> None:
    assert list(ErrorCode.__members__) == [code.name for code in ErrorCode]  # two names of one code would be an alias
    assert [code.value for code in ErrorCode] == sorted(code.value for code in ErrorCode)
    assert all(re.fullmatch(r"EXT-\d{3}", code.value) for code in ErrorCode)
    assert len({code.title for code in ErrorCode}) == len(ErrorCode)
    assert ErrorCode.KEY_REFUSED.line("No.") == "EXT-209: No."


def test_only_the_branches_of_the_tree_have_no_code() -> None:
    marks = {"ExtendError", "ExtendTransientError", "ExtendTerminalError"}

    assert marks | {"ApiError", "UsageError", "SyncError"} == WITHOUT
    leaves = [kind.default_error_code for name, kind in KINDS.items() if name not in WITHOUT]
    assert len(leaves) == len(set(leaves)) == 21


def test_whoever_raises_an_error_without_a_code_names_one() -> None:
    raised = [(place, node) for place, node in calls() if called(node) in WITHOUT]

    assert len(raised) > 25
    named = {place: {word.arg: word.value for word in node.keywords}.get("error_code") for place, node in raised}
    assert [place for place, code in named.items() if code is None or not is_code(code)] == []


def test_every_line_that_the_shell_ends_or_warns_with_has_a_code() -> None:
    shell = [name for name in MODULES if name.startswith("cli/")]
    ends = [(place, node) for place, node in calls(*shell) if called(node) in ("fail", "warn")]
    others = [place for place, node in ends if not any(is_code(each) for each in node.args)]

    assert len(ends) > 15
    # what `clear_errors` ends with, and `fail` itself
    assert {place.partition(":")[0] for place in others} == {"cli/errors.py", "cli/exit_codes.py"}
    assert len(others) == 3
    said = [place for place, node in calls(*shell) if "extend-source: " in ast.unparse(node) and called(node) == "echo"]
    assert len(said) == 1  # in `warn`


def test_the_shell_writes_nothing_else_on_stderr_but_notes_beside_a_result() -> None:
    to_stderr = [
        (place, ast.unparse(node.args[0]))
        for place, node in calls(*(name for name in MODULES if name.startswith("cli/")))
        if called(node) == "echo" and any(word.arg == "err" for word in node.keywords)
    ]

    assert sorted(text for place, text in to_stderr if not place.startswith("cli/exit_codes.py")) == [
        "PARSING_LEFT_OUT",
        "f'Written: {printable(str(path))}'",
        "f'{moment(datetime.now(timezone.utc))} {line}'",
        "f'{query.title}: {query.message}'",
        "line",
    ]


def test_no_code_is_there_for_nothing() -> None:
    used = {
        node.attr
        for name, tree in MODULES.items()
        for node in ast.walk(tree)
        if name != "error_codes.py" and isinstance(node, ast.Attribute) and is_code(node)
    }

    assert used == set(ErrorCode.__members__)


def test_every_code_has_an_entry_and_every_entry_a_code() -> None:
    assert list(entries()) == [f"{code.value}: {code.title}" for code in ErrorCode]


@pytest.mark.parametrize("heading", list(entries()))
def test_every_entry_says_what_to_do(heading: str) -> None:
    said = re.sub(r"<!-- \[\[\[cog .*?<!-- \[\[\[end\]\]\] -->", "", entries()[heading], flags=re.DOTALL)

    assert len(said.split()) >= 8


def test_codes_named_in_other_pages_are_there() -> None:
    named = {code for path in DOCS.rglob("*.md") for code in re.findall(r"EXT-\d{3}", path.read_text("utf-8"))}

    assert named >= {code.value for code in ErrorCode}
    assert named <= {code.value for code in ErrorCode}


# ---- what carries a code


def test_the_code_is_an_attribute_and_not_in_the_text() -> None:
    error = errors.UsageError("It is so", "Do that", code="THEIRS", error_code=ErrorCode.BAD_RUN_IDS)

    assert (str(error), error.code, error.error_code) == ("It is so. Do that.", "THEIRS", "EXT-110")
    assert vars(pickle.loads(pickle.dumps(error))) == vars(error)
    assert errors.AccessRefused("No").of_one_object().error_code == "EXT-217"
    assert errors.ApiUnreachable("No").of_one_object().error_code == "EXT-203"


def caused(cause: BaseException, step: str) -> PipelineStepFailed:
    """What dlt raises where a step of a pipeline fails."""
    try:
        pipeline: Any = SimpleNamespace(has_pending_data=False, pipeline_name="p")
        raise PipelineStepFailed(pipeline, step, "1.5", cause) from cause  # type: ignore[arg-type]
    except PipelineStepFailed as failure:
        return failure


@pytest.mark.parametrize(
    ("failure", "code"),
    [
        (ConfigurationValueError("x"), ErrorCode.BAD_SETTING),
        (ErrorCode.UNMATCHED_RULE.on(ConfigurationValueError("x")), ErrorCode.UNMATCHED_RULE),
        (ConfigFieldMissingException(ExtendSettings(), {"api_key": []}), ErrorCode.NO_KEY),
        (ConfigFieldMissingException(PostgresCredentials(), {"password": []}), ErrorCode.NO_CREDENTIALS),
        (MissingDependencyException("x", ["y"]), ErrorCode.MISSING_PACKAGE),
        (DatabaseTerminalException(OSError("disk full")), ErrorCode.LOADING_FAILED),
        (DestinationConnectionError("c", "d", "r", OSError("refused")), ErrorCode.DESTINATION_UNREACHABLE),
        (DestinationConnectionError("c", "d", "r", OSError("Could not set lock on file")), ErrorCode.FILE_IN_USE),
        (DestinationConnectionError("c", "d", "r", OSError("not a valid DuckDB file")), ErrorCode.DAMAGED_FILE),
        (caused(errors.RateLimited("x"), "extract"), ErrorCode.RATE_LIMITED),
        (caused(OSError("disk full"), "load"), ErrorCode.LOADING_FAILED),
        (caused(ValueError("a defect"), "extract"), ErrorCode.UNEXPECTED),
        (ValueError("a defect"), ErrorCode.UNEXPECTED),
        (KeyboardInterrupt(), ErrorCode.ENDED_AT_ONCE),
    ],
    ids=lambda value: value.name if isinstance(value, ErrorCode) else type(value).__name__,
)
def test_the_errors_of_dlt_and_defects_have_a_code_too(failure: BaseException, code: ErrorCode) -> None:
    assert error_code_of(failure) is code
    assert explain(failure)[1].startswith(f"{code.value}: ")


def test_an_unknown_destination_has_its_code() -> None:
    assert error_code_of(UnknownDestinationModule("x", "y", [])) is ErrorCode.UNKNOWN_DESTINATION


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["sync", "--bogus"], "No such option: --bogus. See: "),
        (["syn"], "No such command 'syn'. Did you mean 'sync'? See: "),
        (["demo", "--runs", "many"], "Invalid value for '--runs': "),
        (["sync", "--max-runs"], "Option '--max-runs' requires an argument. See: "),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_command_line_that_is_not_understood_is_one_line(arguments: list[str], line: str) -> None:
    outcome = CliRunner().invoke(app, arguments)

    assert (outcome.exit_code, outcome.stdout) == (2, "")
    (said,) = outcome.stderr.splitlines()
    assert said.startswith(f"extend-source: EXT-101: {line}")
    assert said.endswith(" --help")


def test_without_a_command_the_help_is_shown() -> None:
    outcome = CliRunner().invoke(app, [])

    assert outcome.exit_code == 2
    assert "First steps" in outcome.output
    assert "EXT-101" not in outcome.output
