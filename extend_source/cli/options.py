"""The options that commands share, by the group: a dataclass each, which a command takes as one argument."""

from __future__ import annotations

import inspect
import math
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, TypedDict, get_type_hints

import msgspec
import typer

from extend_source.cli.exit_codes import WRONG_USE, fail
from extend_source.config.groups import GROUPS
from extend_source.error_codes import ErrorCode
from extend_source.reports.grouping import BY, By

DEFAULT_PIPELINE = "extend_pipeline"
"""Not ``extend``: the DuckDB file is called after the pipeline and must not have the name of the dataset."""

_PLACE, _RUNS, _FILTERS, _FETCHING, _LIMITS, _API, _SPAN, _DISPLAY, _BUDGET = (
    "Where to",
    "Which runs",
    "Filters of the listing",
    "How to fetch",
    "Limits",
    "The API",
    "Which days",
    "How to show it",
    "Budget",
)

_GROUPS = (*BY, "product")

DEMO_DATABASE = Path("extend_demo.duckdb")

_AGE = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")

_FORMATS = ("json", "csv")
_OUTPUT_FORMAT = "output_format"

Json = Annotated[bool, typer.Option("--json", help="Print the result as JSON, for machines.")]


def _option(panel: str, help_text: str, *names: str) -> Any:
    return typer.Option(*names, help=help_text, rich_help_panel=panel)


@dataclass(frozen=True)
class Place:
    """The pipeline, and where its rows go."""

    pipeline_name: Annotated[str, _option(_PLACE, "The dlt pipeline.", "--pipeline")] = DEFAULT_PIPELINE
    destination: Annotated[str, _option(_PLACE, "Any dlt destination.")] = "duckdb"
    dataset: Annotated[str, _option(_PLACE, "The dataset (schema) to load into.")] = "extend"


def parse_age(option: str, text: str) -> timedelta:
    """Read a length of time such as ``30m``, ``1h30m`` or, in ISO 8601, ``PT2H``.

    Args:
        option: the option that takes it.
        text: what was given.

    Returns:
        The time, more than none; the command ends where the text is something else.
    """
    plain = _AGE.fullmatch(text.strip().lower())
    days, hours, minutes, seconds = (part or "0" for part in plain.groups()) if plain else ("0",) * 4
    written = f"P{days}DT{hours}H{minutes}M{seconds}S" if plain else text.strip().upper()
    with suppress(msgspec.ValidationError):
        age = msgspec.convert(written, timedelta)
        if age > timedelta():
            return age
    accepted = "a time such as 90s, 30m, 2h, 1d, 1h30m or PT2H"
    fail(WRONG_USE, ErrorCode.BAD_COMMAND, f"{option} takes {accepted}; not {text!r}.")


class _Settings:
    """Options whose fields have the names of the settings."""

    def arguments(self) -> dict[str, Any]:
        """Return what was chosen, as arguments of the source."""
        defaults = {each.name: each.default for each in fields(type(self))}  # type: ignore[arg-type]
        return {name: value for name, value in vars(self).items() if value not in (defaults[name], [])}


@dataclass(frozen=True)
class Api(_Settings):
    """The deployment and the workspace."""

    base_url: Annotated[str | None, _option(_API, "The deployment's address; by default the setting base_url.")] = None
    workspace_id: Annotated[str | None, _option(_API, "The workspace; needed with an organisation-wide key.")] = None
    api_version: Annotated[str | None, _option(_API, "The API version to ask for.")] = None


@dataclass(frozen=True)
class Choices(_Settings):
    """What to load and how."""

    objects: Annotated[
        list[str] | None,
        _option(_FETCHING, f"{', '.join(GROUPS)}; can be repeated.", "--object"),
    ] = None
    start_date: Annotated[str | None, _option(_FILTERS, "Only runs updated since: 2026-01-31.")] = None
    processor_ids: Annotated[
        list[str] | None, _option(_FILTERS, "Only this processor; can be repeated.", "--processor-id")
    ] = None
    processor_types: Annotated[
        list[str] | None, _option(_FILTERS, "EXTRACT, CLASSIFY or SPLITTER.", "--processor-type")
    ] = None
    statuses: Annotated[list[str] | None, _option(_FILTERS, "PROCESSED, FAILED, ...; can be repeated.", "--status")] = (
        None
    )
    run_sources: Annotated[
        list[str] | None, _option(_FILTERS, "What created it: API, WORKFLOW_RUN, ...", "--source")
    ] = None
    run_source_ids: Annotated[
        list[str] | None, _option(_FILTERS, "The very workflow run, ..., that created it.", "--source-id")
    ] = None
    file_name_contains: Annotated[
        str | None, _option(_FILTERS, "Only files with this in their name.", "--file-name")
    ] = None
    refresh: Annotated[bool, _option(_FETCHING, "Fetch again what has landed.", "--refresh")] = False
    details: Annotated[
        bool | None,
        _option(_FETCHING, "Fetch runs; or read the lists alone, for cost reports.", "--details/--no-details"),
    ] = None
    file_contents: Annotated[str | None, _option(_FETCHING, "Text of files: embedded, fetch or none.")] = None
    parse_output: Annotated[str | None, _option(_FETCHING, "Of parse runs: none, chunks, blocks or words.")] = None
    verify_details: Annotated[
        bool,
        _option(
            _FETCHING,
            "Fetch verify runs. GET /verify_runs/{id} of a zero-retention run starts the purge of its result.",
            "--verify-details",
        ),
    ] = False
    keep_raw: Annotated[bool, _option(_FETCHING, "Keep the payloads, for rebuild.", "--keep-raw")] = False
    history: Annotated[bool, _option(_FETCHING, "Keep what runs and values were before.", "--history")] = False
    requests_per_second: Annotated[float | None, _option(_LIMITS, "The request budget; 0: no limit.")] = None
    max_runs: Annotated[int | None, _option(_LIMITS, "Load at most this many runs, newest first.")] = None
    max_requests: Annotated[int | None, _option(_LIMITS, "Stop after this many requests.")] = None
    max_seconds: Annotated[float | None, _option(_LIMITS, "Stop after this many seconds.")] = None
    max_error_share: Annotated[float | None, _option(_LIMITS, "Fail if more of the runs fail: 0 to 1.")] = None


@dataclass(frozen=True)
class NamedRuns:
    """The runs asked for by id."""

    run_id: Annotated[list[str] | None, _option(_RUNS, "Load this run only; can be repeated.")] = None
    run_ids_file: Annotated[
        str | None, _option(_RUNS, "One id a line, or a CSV with a column run_id; -: standard input.")
    ] = None
    run_ids_sql: Annotated[str | None, _option(_RUNS, "A query on the destination, the ids in its first column.")] = (
        None
    )


class Days(TypedDict):
    """The arguments of a report that say which days."""

    first_day: date | None
    last_day: date | None


@dataclass(frozen=True)
class ReportDays:
    """The days of a report."""

    first: Annotated[
        str | None,
        typer.Option("--from", metavar="DAY", help="The first day, UTC; by default 90 days.", rich_help_panel=_SPAN),
    ] = None
    last: Annotated[
        str | None, typer.Option("--to", metavar="DAY", help="The last day; by default today.", rich_help_panel=_SPAN)
    ] = None

    def days(self) -> Days:
        """Return the first and the last day, as arguments."""
        return {"first_day": _day("--from", self.first), "last_day": _day("--to", self.last)}


@dataclass(frozen=True)
class Output:
    """How to show a report."""

    by: Annotated[str, typer.Option(metavar="GROUP", help=f"{', '.join(_GROUPS)}.", rich_help_panel=_DISPLAY)] = (
        "processor"
    )
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the groups as CSV.", rich_help_panel=_DISPLAY)] = False
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts.", rich_help_panel=_DISPLAY)
    ] = None
    title: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose page it is; by default the workspaces.", rich_help_panel=_DISPLAY),
    ] = None
    png: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the charts as pictures.", rich_help_panel=_DISPLAY)
    ] = None

    def grouping(self) -> By | None:
        """Return what makes a group; None: the product."""
        for name in BY:
            if name == self.by:
                return name
        if self.by in _GROUPS:
            return None
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, f"--by takes {', '.join(_GROUPS)}; not {self.by!r}.")


@dataclass(frozen=True)
class Budget:
    """What may be spent."""

    budget: Annotated[
        float | None, typer.Option(min=0, help="Credits a month; by default the setting.", rich_help_panel=_BUDGET)
    ] = None
    fail_over: Annotated[
        float | None,
        typer.Option(min=0, metavar="CREDITS", help="Exit 1 if the month heads for more.", rich_help_panel=_BUDGET),
    ] = None

    def limits(self) -> tuple[Decimal | None, Decimal | None]:
        """Return the budget to show, and the credits above which to fail."""
        return _limit("--budget", self.budget), _limit("--fail-over", self.fail_over)


def grouped(command: Callable[..., None]) -> Callable[..., None]:
    """Let a command take options by the group.

    Args:
        command: a function; where the type of a parameter is a dataclass, the fields of that become options, and the
            function is passed an instance.

    Returns:
        The command as typer wants it, with one parameter for each option. One that has ``--json`` gets ``--output``.
    """
    hints = get_type_hints(command, include_extras=True)
    groups = {name: kind for name, kind in hints.items() if is_dataclass(kind) and isinstance(kind, type)}
    options = {name: _parameters(kind) for name, kind in groups.items()}
    parameters = [each for name, each in inspect.signature(command).parameters.items() if name not in groups]
    own = [each.replace(annotation=hints[each.name]) for each in parameters]

    shared = [option for name in groups for option in options[name]]
    formats = [name for name in _FORMATS if f"as_{name}" in {option.name for option in (*own, *shared)}]
    own += [_output(formats)] if formats else []

    @wraps(command)
    def flat(**values: Any) -> None:
        _choose_format(formats, values)
        for name, kind in groups.items():
            values[name] = kind(**{option.name: values.pop(option.name) for option in options[name]})
        command(**values)

    flat.__signature__ = inspect.Signature([*own, *shared])  # type: ignore[attr-defined]
    flat.__annotations__ = {option.name: option.annotation for option in (*own, *shared)}
    return flat


def _output(formats: list[str]) -> inspect.Parameter:
    """The option that chooses one of some formats, or the table."""
    choices = Enum("OutputFormat", {name: name for name in ("table", *formats)}, type=str)  # type: ignore[misc]
    same = " and ".join(f"{name} is what --{name} says" for name in formats)
    option = typer.Option("--output", help=f"How to print the result: by default as a table; {same}.")
    return inspect.Parameter(
        _OUTPUT_FORMAT, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[choices | None, option]
    )


def _choose_format(formats: list[str], values: dict[str, Any]) -> None:
    """Set the flags of the formats as ``--output`` says."""
    chosen = values.pop(_OUTPUT_FORMAT, None)
    for name in formats if chosen is not None else ():
        if values[f"as_{name}"] and chosen.value != name:
            fail(WRONG_USE, ErrorCode.BAD_COMMAND, f"Choose --output {chosen.value} or --{name}, not both.")
        values[f"as_{name}"] = chosen.value == name


def _parameters(group: type[Any]) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(each.name, inspect.Parameter.KEYWORD_ONLY, default=each.default, annotation=hints[each.name])
        for each in fields(group)
    ]


def _limit(option: str, credits: float | None) -> Decimal | None:
    if credits is not None and not math.isfinite(credits):
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, f"{option} takes a number of credits; not {credits}.")
    return None if credits is None else Decimal(str(credits))


def _day(option: str, text: str | None) -> date | None:
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, f"{option} takes a day such as 2026-01-31; not {text!r}.")
