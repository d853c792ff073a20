"""The commands about credits: ``report credits`` and ``models``."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from extend_source.cli.app import app, consoles, print_json
from extend_source.cli.csv_output import print_csv
from extend_source.cli.display.credits import PARSING_LEFT_OUT, show_credits, show_listed_credits, show_models
from extend_source.cli.errors import FAILED, WRONG_USE, clear_errors, fail
from extend_source.cli.options import Api, Json, Place, grouped
from extend_source.cli.reports import report
from extend_source.error_codes import ErrorCode
from extend_source.reports import (
    CreditFigures,
    ProductCredits,
    Spend,
    create_models,
    credit_report,
    listed_credits,
    spend_by,
    spend_by_product,
)
from extend_source.reports.grouping import BY, By
from extend_source.text.wording import figure, printable

_SPAN, _OUTPUT, _BUDGET = "Which days", "How to show it", "Budget"
_GROUPS = (*BY, "product")


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

    def days(self) -> dict[str, date | None]:
        """Return the days as arguments."""
        return {"first_day": _day("--from", self.first), "last_day": _day("--to", self.last)}


@dataclass(frozen=True)
class Output:
    """How to show a report."""

    by: Annotated[str, typer.Option(metavar="GROUP", help=f"{', '.join(_GROUPS)}.", rich_help_panel=_OUTPUT)] = (
        "processor"
    )
    as_csv: Annotated[bool, typer.Option("--csv", help="Print the groups as CSV.", rich_help_panel=_OUTPUT)] = False
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a page with charts.", rich_help_panel=_OUTPUT)
    ] = None
    title: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Whose page it is; by default the workspaces.", rich_help_panel=_OUTPUT),
    ] = None
    png: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write the charts as pictures.", rich_help_panel=_OUTPUT)
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


@report.command("credits", epilog="Example: extend-source report credits --by month --fail-over 20000")
@grouped
def credits_(
    place: Place,
    span: ReportDays,
    output: Output,
    limit: Budget,
    api: Api,
    from_listing: Annotated[
        bool, typer.Option("--from-listing", help="Ask the listing, 1 request for 1,000 runs; no parsing. Needs a key.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what has been spent, where the month is heading, and what of it is known."""
    by, days, (budget, most) = output.grouping(), span.days(), limit.limits()
    if output.title is not None and output.html is None:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, "--title is the title of the page: it goes with --html.")
    if as_json and output.as_csv:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, "Choose --json or --csv, not both.")
    if from_listing:
        if output.html or output.png or budget is not None or most is not None:
            fail(
                WRONG_USE,
                ErrorCode.BAD_COMMAND,
                "--from-listing goes with --json and --csv only: the listing has no parsing in it.",
            )
        if by == "version":
            fail(
                WRONG_USE,
                ErrorCode.BAD_COMMAND,
                "--from-listing takes no --by version: the listing does not say which version ran.",
            )
        if by is None:
            fail(
                WRONG_USE,
                ErrorCode.BAD_COMMAND,
                "--from-listing takes no --by product: the listing does not say what was charged.",
            )
        _report_listing(days, by, api, as_json=as_json, as_csv=output.as_csv)
        return
    console, _ = consoles(as_json or output.as_csv)
    with clear_errors(), place.viewed_pipeline() as pipeline:
        figures = credit_report(pipeline, **days, budget=budget)
        if by is None:
            _show(console, figures, output, as_json, spend_by_product(figures.products))
        else:
            _show(console, figures, output, as_json, spend_by(figures.days, by))
        _write_files(figures, output)
    if most is not None:
        _fail_over(figures.month.projected, most)


def _show(
    console: Console,
    figures: CreditFigures,
    output: Output,
    as_json: bool,
    rows: list[Spend] | list[ProductCredits],
) -> None:
    if as_json:
        print_json({**asdict(figures), "by": output.by, "groups": [asdict(row) for row in rows]})
    elif output.as_csv:
        _print_csv(ProductCredits if output.by == "product" else Spend, rows)
    else:
        show_credits(console, figures, output.by, rows)


def _fail_over(projected: Decimal | None, most: Decimal) -> None:
    if projected is None:
        line = f"Where the month is heading is unknown: it may or may not be above {figure(most)} credits."
        typer.echo(line, err=True)
    elif projected > most:
        fail(
            FAILED,
            ErrorCode.OVER_BUDGET,
            f"The month is heading for {figure(projected)} credits, above {figure(most)}.",
        )


@app.command(epilog="Example: extend-source models --pipeline extend_pipeline")
@grouped
def models(place: Place, as_json: Json = False) -> None:
    """Make the credit models views: ledger, days, products, coverage, unit costs, waste, anomalies, reconciliation."""
    console, _ = consoles(as_json)
    with clear_errors():
        result = create_models(place.existing_pipeline())
    if as_json:
        print_json(asdict(result))
    else:
        show_models(console, result)


def _report_listing(days: dict[str, Any], by: By, api: Api, *, as_json: bool, as_csv: bool) -> None:
    console, _ = consoles(as_json or as_csv)
    with clear_errors():
        listed = listed_credits(**days, **api.arguments())
    rows = spend_by(listed.days, by, includes_parsing=listed.includes_parsing)
    if as_json:
        print_json({**asdict(listed), "by": by, "groups": [asdict(row) for row in rows]})
    elif as_csv:
        typer.echo(PARSING_LEFT_OUT, err=True)
        _print_csv(Spend, rows)
    else:
        show_listed_credits(console, listed, by, rows)


def _write_files(figures: CreditFigures, output: Output) -> None:
    if output.html is None and output.png is None:
        return
    from extend_source.reports.page import write_page, write_pictures  # needs the extra `report`

    written = []
    if output.html is not None:
        write_page(figures, output.html, output.title)
        written.append(output.html)
    if output.png is not None:
        written += write_pictures(figures, output.png)
    for path in written:
        typer.echo(f"Written: {printable(str(path))}", err=True)


def _print_csv(kind: type[Spend | ProductCredits], rows: Sequence[Spend | ProductCredits]) -> None:
    print_csv(kind.__dataclass_fields__, (vars(row).values() for row in rows))


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
