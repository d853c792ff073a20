"""The commands ``report`` and ``views``: what can be read from the loaded data."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated, Any

import typer

from extend_source.cli.app import app, consoles, print_json
from extend_source.cli.csv_output import print_csv
from extend_source.cli.display.reports import show_current_views, show_quality
from extend_source.cli.errors import WRONG_USE, clear_errors, fail
from extend_source.cli.options import Json, Place, grouped
from extend_source.error_codes import ErrorCode
from extend_source.reports import QUALITY_QUERIES, QualityReport, QueryResult, create_current_views, quality_report

report = typer.Typer(
    help="Report on what has landed. Needs no key and sends nothing.", no_args_is_help=True, rich_markup_mode="rich"
)
app.add_typer(report, name="report")

Csv = Annotated[bool, typer.Option("--csv", help="Print the result as CSV; of several queries, one after the other.")]
QueryNames = Annotated[
    list[str] | None,
    typer.Option("--query", metavar="NAME", help=f"Only this one; can be repeated: {', '.join(QUALITY_QUERIES)}."),
]


@report.callback()
def _reports() -> None:
    """Keep ``quality`` a word of its own, whatever the number of reports."""


@report.command(epilog="Example: extend-source report quality --query field_accuracy --csv")
@grouped
def quality(place: Place, query: QueryNames = None, as_json: Json = False, as_csv: Csv = False) -> None:
    """Say how complete, right, sure and fast the results are: fill rates, accuracy, confidences, failures."""
    if as_json and as_csv:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, "Choose --json or --csv, not both.")
    console, _ = consoles(as_json or as_csv)
    with clear_errors(), place.viewed_pipeline() as pipeline:
        result = quality_report(pipeline, query or None)
    if as_json:
        print_json(_for_machines(result))
    elif as_csv:
        _print_csv(result)
    else:
        show_quality(console, result)


@app.command(epilog="Example: extend-source views --pipeline extend_pipeline")
@grouped
def views(place: Place, as_json: Json = False) -> None:
    """Make views of the tables for readers who must never see a run of which a load has replaced a part."""
    console, _ = consoles(as_json)
    with clear_errors():
        result = create_current_views(place.existing_pipeline())
    if as_json:
        print_json(asdict(result))
    else:
        show_current_views(console, result)


def _for_machines(result: QualityReport) -> dict[str, Any]:
    """The report with each row as an object."""
    queries = [
        {**asdict(query), "rows": [dict(zip(query.columns, row, strict=True)) for row in query.rows]}
        for query in result.queries
    ]
    return {**asdict(result), "queries": queries}


def _print_csv(result: QualityReport) -> None:
    """Print one query as plain CSV, several with the name before and an empty line between them."""
    for number, query in enumerate(result.queries):
        if len(result.queries) > 1:
            typer.echo(f"{chr(10) if number else ''}# {query.name}")
        _write_csv(query)


def _write_csv(query: QueryResult) -> None:
    if query.message is not None:
        typer.echo(f"{query.title}: {query.message}", err=True)
    print_csv(query.columns, query.rows)
