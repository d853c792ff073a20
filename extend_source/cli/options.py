"""The options that commands share, by the group: a dataclass each, which a command takes as one argument."""

from __future__ import annotations

import inspect
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, fields, is_dataclass
from datetime import timedelta
from enum import Enum
from functools import wraps
from pathlib import Path
from typing import Annotated, Any, get_type_hints

import dlt
import msgspec
import typer
from dlt.common.pipeline import get_dlt_pipelines_dir

from extend_source.cli.display.progress import DltStep
from extend_source.cli.errors import WRONG_USE, fail
from extend_source.cli.existence import notes_of, pipelines_in, require_existing
from extend_source.error_codes import ErrorCode
from extend_source.operations.run_ids import run_ids_from_file, run_ids_from_sql

DEFAULT_PIPELINE = "extend_pipeline"
"""Not ``extend``: the DuckDB file is called after the pipeline and must not have the name of the dataset."""

_PLACE, _RUNS, _FILTERS, _FETCHING, _LIMITS, _API = (
    "Where to",
    "Which runs",
    "Filters of the listing",
    "How to fetch",
    "Limits",
    "The API",
)

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

    def pipeline(self, step: DltStep | None = None) -> dlt.Pipeline:
        """Open the pipeline; `step` learns what dlt is doing."""
        watcher = step or DltStep()
        return dlt.pipeline(
            self.pipeline_name, destination=self.destination, dataset_name=self.dataset, progress=watcher
        )

    @contextmanager
    def viewed_pipeline(self, *, may_be_new: bool = False) -> Iterator[dlt.Pipeline]:
        """Open the pipeline to look at it: one that this machine does not know yet leaves no trace on it.

        Args:
            may_be_new: it need not exist.

        Yields:
            The pipeline.

        Raises:
            UsageError: it does not exist, or its dataset does not.
        """
        with tempfile.TemporaryDirectory(prefix="extend-unknown-") as folder:
            pipeline = dlt.pipeline(
                self.pipeline_name,
                pipelines_dir=str(_pipelines_folder()) if self._is_noted() else folder,
                destination=self.destination,
                dataset_name=self.dataset,
            )
            if not may_be_new:
                require_existing(pipeline, _pipelines_folder())
            yield pipeline

    def existing_pipeline(self, step: DltStep | None = None) -> dlt.Pipeline:
        """Open the pipeline to change what it has loaded.

        Raises:
            UsageError: it does not exist, or its dataset does not.
        """
        with self.viewed_pipeline():
            return self.pipeline(step)

    def is_new(self) -> bool:
        """Tell whether this machine has no notes of the pipeline."""
        return notes_of(_pipelines_folder() / self.pipeline_name) is None

    def others(self) -> list[str]:
        """Return the names of the pipelines that have loaded on this machine."""
        return pipelines_in(_pipelines_folder())

    def _is_noted(self) -> bool:
        """Tell whether dlt's notes are of this dataset: to open it with another one would change them."""
        notes = notes_of(_pipelines_folder() / self.pipeline_name) or {}
        kind = str(notes.get("destination_type") or self.destination).rpartition(".")[2]
        return bool(notes) and (
            notes.get("dataset_name") in (None, self.dataset)
            and self.destination.rpartition(".")[2] in (kind, notes.get("destination_name"))
        )


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


def _pipelines_folder() -> Path:
    configured: Any = dlt.config.get("pipelines_dir")
    return Path(configured or get_dlt_pipelines_dir())


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
    keep_raw: Annotated[bool, _option(_FETCHING, "Keep the payloads, for rebuild.", "--keep-raw")] = False
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

    def ids(self, pipeline: dlt.Pipeline) -> list[str] | None:
        """Return the ids; None: none were asked for, which is not the same as a query without rows."""
        if not self.run_id and self.run_ids_file is None and self.run_ids_sql is None:
            return None
        ids = list(self.run_id or ())
        if self.run_ids_file is not None:
            ids += run_ids_from_file(self.run_ids_file)
        if self.run_ids_sql is not None:
            ids += run_ids_from_sql(pipeline, self.run_ids_sql)
        return ids


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
