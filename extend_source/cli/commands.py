"""The commands: their options and what is said of them. What they do is in the modules of `bodies`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from extend_source.cli import bodies
from extend_source.cli.app import app
from extend_source.cli.exit_codes import WRONG_USE, fail
from extend_source.cli.options import (
    DEMO_DATABASE,
    Api,
    Budget,
    Choices,
    Json,
    NamedRuns,
    Output,
    Place,
    ReportDays,
    grouped,
    parse_age,
)
from extend_source.config.groups import GROUPS
from extend_source.error_codes import ErrorCode
from extend_source.reports.catalogue import QUALITY_QUERIES

Now = Annotated[
    str | None,
    typer.Option("--now", metavar="TIME", help="When the newest runs were made: 2026-01-31T09:00; by default now."),
]
Csv = Annotated[bool, typer.Option("--csv", help="Print the result as CSV; of several queries, one after the other.")]
QueryNames = Annotated[
    list[str] | None,
    typer.Option("--query", metavar="NAME", help=f"Only this one; can be repeated: {', '.join(QUALITY_QUERIES)}."),
]


@app.command(epilog="Example: extend-source compact --destination filesystem")
@grouped
def compact(place: Place, as_json: Json = False) -> None:
    """Write the many small files of a lake anew as few, or a DuckDB file without free space. Needs no key."""
    bodies.compaction.compact(place, as_json=as_json)


report = typer.Typer(
    help="Report on what has landed. Needs no key and sends nothing, but for --from-listing of credits.",
    no_args_is_help=True,
    rich_markup_mode="rich",
)
app.add_typer(report, name="report")


@report.callback()
def _reports() -> None:
    """Keep ``quality`` a word of its own, whatever the number of reports."""


@report.command(epilog="Example: extend-source report quality --query field_accuracy --csv")
@grouped
def quality(place: Place, query: QueryNames = None, as_json: Json = False, as_csv: Csv = False) -> None:
    """Say how complete, right, sure and fast the results are: fill rates, accuracy, confidences, failures."""
    if as_json and as_csv:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, "Choose --json or --csv, not both.")
    bodies.reports.quality(place, query or None, as_json=as_json, as_csv=as_csv)


@app.command(epilog="Example: extend-source views --pipeline extend_pipeline")
@grouped
def views(place: Place, as_json: Json = False) -> None:
    """Make views of the tables for readers who must never see a run of which a load has replaced a part."""
    bodies.reports.views(place, as_json=as_json)


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
    if not from_listing:
        bodies.credits.report(place, days, by, output, budget=budget, most=most, as_json=as_json)
        return
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
    bodies.credits.report_listing(days, by, api, as_json=as_json, as_csv=output.as_csv)


@app.command(epilog="Example: extend-source models --pipeline extend_pipeline")
@grouped
def models(place: Place, as_json: Json = False) -> None:
    """Make views to ask first (documents, splits, classes, edits, quality of fields), and the credit models."""
    bodies.credits.models(place, as_json=as_json)


@app.command(epilog="Example: extend-source dbt >models/sources.yml")
@grouped
def dbt(
    place: Place,
    landed: Annotated[
        bool, typer.Option("--landed", help="The tables that a pipeline has loaded, typed ones among them.")
    ] = False,
) -> None:
    """Print the tables as a source for dbt: meanings, keys, references and times. Needs no key and no dbt."""
    bodies.reports.dbt(place if landed else None)


@app.command(epilog="Example: extend-source explore --database extend_pipeline.duckdb")
def explore(
    database: Annotated[Path, typer.Option(help="The DuckDB file to look into.")] = DEMO_DATABASE,
    dataset: Annotated[str, typer.Option(help="The dataset (schema) in it.")] = "extend",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0: a free one.")] = 0,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open it in a browser.")] = True,
) -> None:
    """Open a notebook on a DuckDB file: documents, doubtful fields, what reviewers changed, credits. Needs no key."""
    bodies.notebook.explore(database=database, dataset=dataset, port=port, browser=browser)


@app.command(epilog="Example: extend-source demo")
def demo(
    database: Annotated[
        Path, typer.Option(help="The DuckDB file to write; the default one is replaced.")
    ] = DEMO_DATABASE,
    runs: Annotated[int, typer.Option(min=1, max=100_000, help="Runs that the stand-in API has.")] = 500,
    seed: Annotated[int, typer.Option(help="What the sample data grow from.")] = 7,
    now: Now = None,
    as_json: Json = False,
) -> None:
    """Load sample runs from a stand-in API into DuckDB. Needs no key and no network."""
    bodies.first_steps.demo(database=database, runs=runs, seed=seed, now=now, as_json=as_json)


@app.command(epilog="Example: extend-source check --base-url https://api.eu1.extend.ai")
@grouped
def check(
    api: Api,
    compare: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Then read a few objects, and write into this file where the API differs from what is expected: "
            "names of keys, types and counts, nothing of your data.",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say whether key, region, version and workspace are right, and which of them is wrong."""
    bodies.first_steps.check(api, compare=compare, as_json=as_json)


@app.command(epilog="Example: extend-source sandbox --port 8080 --fault 429:0.2 --fault truncated:0.05@run")
def sandbox(
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0: a free one.")] = 0,
    seed: Annotated[int, typer.Option(help="What the sample data grow from.")] = 7,
    runs: Annotated[int, typer.Option(min=0, max=1_000_000, help="How many runs there are.")] = 500,
    now: Now = None,
    fault: Annotated[list[str] | None, typer.Option(help="What goes wrong, and how often; can be repeated.")] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print address and key as one line of JSON once it serves.")
    ] = False,
) -> None:
    """Serve a stand-in for the Extend API on the loopback, for tests of your own pipelines."""
    bodies.first_steps.sandbox(port=port, seed=seed, runs=runs, now=now, fault=fault, as_json=as_json)


@app.command(epilog="Example: extend-source init")
@grouped
def init(
    api: Api,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing, as where there is no terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Find out region, version and workspace of the key, and write .dlt/config.toml with all that is usually set."""
    bodies.initialisation.init(api, yes=yes, as_json=as_json)


@app.command(epilog="Example: extend-source migrate --yes")
@grouped
def migrate(
    place: Place,
    choices: Choices,
    api: Api,
    yes: Annotated[bool, typer.Option("--yes", help="Do it; without this, only say what would be done.")] = False,
    load_unknown_erasures: Annotated[
        bool, typer.Option("--load-unknown-erasures", help="Go on although what was erased comes back.")
    ] = False,
    leave_missing: Annotated[
        bool, typer.Option("--leave-missing", help="Switch although runs could not be loaded under their new ids.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Take a dataset from API 2025-04-21 to 2026-02-09, under the same name; the old rows stay in a backup."""
    bodies.migration.migrate(
        place,
        choices,
        api,
        yes=yes,
        load_unknown_erasures=load_unknown_erasures,
        leave_missing=leave_missing,
        as_json=as_json,
    )


@app.command(epilog="Example: extend-source plan --start-date 2026-01-01 --status PROCESSED")
@grouped
def plan(
    place: Place,
    named: NamedRuns,
    choices: Choices,
    api: Api,
    reconcile: Annotated[bool, typer.Option("--reconcile", help="Plan a reconcile instead of a sync.")] = False,
    as_json: Json = False,
) -> None:
    """Say what a sync would fetch and how long it would take. Only lists; writes nothing."""
    bodies.plans.plan(place, named, choices, api, reconcile=reconcile, as_json=as_json)


@app.command(epilog="Example: extend-source sync --start-date 2026-01-01 --status PROCESSED")
@grouped
def sync(place: Place, named: NamedRuns, choices: Choices, api: Api, as_json: Json = False) -> None:
    """Load the runs that are new or have changed, or the ones named."""
    bodies.syncs.sync(place, named, choices, api, reconcile=False, as_json=as_json)


@app.command(epilog="Example: extend-source reconcile --max-seconds 3600")
@grouped
def reconcile(place: Place, choices: Choices, api: Api, as_json: Json = False) -> None:
    """Compare the whole listing with what has landed, find deleted runs, and recheck reviewed ones."""
    bodies.syncs.sync(place, NamedRuns(), choices, api, reconcile=True, as_json=as_json)


@app.command(epilog="Example: extend-source listen --port 8090 --sync-every 1h")
@grouped
def listen(
    place: Place,
    api: Api,
    host: Annotated[str, typer.Option(help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="The port; 0: a free one.")] = 8090,
    receives: Annotated[
        bool, typer.Option("--receive/--no-receive", help="Receive events; or leave that to another process.")
    ] = True,
    loads: Annotated[
        bool, typer.Option("--load/--no-load", help="Load what they name; or leave that to another process.")
    ] = True,
    sync_every: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="Sync by listing as well, this often: 15m, 1h. By default nothing does."),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the address as one line of JSON once it listens.")
    ] = False,
) -> None:
    """Receive webhooks of Extend and load the runs that they name, seconds after these have ended."""
    if not receives and not loads:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, "--no-receive and --no-load leave nothing to do: choose one.")
    every = None if sync_every is None else parse_age("--sync-every", sync_every)
    if every is not None and not loads:
        fail(WRONG_USE, ErrorCode.BAD_COMMAND, "--sync-every goes with loading: leave out --no-load.")
    parts = bodies.listening.Parts(receives, loads, every)
    bodies.listening.listen(place, api, parts, host=host, port=port, as_json=as_json)


@app.command(epilog="Example: extend-source status --max-age 2h")
@grouped
def status(
    place: Place,
    max_age: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How old the last good sync may be: 30m, 2h, 1d. Exit 1: failing, 5: late."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Say how a pipeline is, and where it stands: watermark, last loads, errors. Needs no key and sends nothing."""
    age = None if max_age is None else parse_age("--max-age", max_age)
    bodies.status.show(place, age, as_json=as_json)


@app.command(epilog="Example: extend-source rebuild")
@grouped
def rebuild(
    place: Place,
    objects: Annotated[
        list[str] | None,
        typer.Option("--object", help=f"Only these, whatever the settings say: {', '.join(GROUPS)}; can be repeated."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Write all tables anew from the payloads kept with keep_raw. Needs no key and sends nothing."""
    bodies.rewriting.rebuild(place, objects=objects, as_json=as_json)


@app.command(
    epilog="Example: extend-source erase --run-id dpr_Xj8mK2pL9nR4vT7qY5wZ --file-id file_xK9mLPqRtN3vS8wF5hB2cQ"
)
@grouped
def erase(
    place: Place,
    run_id: Annotated[list[str] | None, typer.Option("--run-id", metavar="ID", help="A run; repeat for more.")] = None,
    file_id: Annotated[
        list[str] | None, typer.Option("--file-id", metavar="ID", help="A file; repeat for more.")
    ] = None,
    compact: Annotated[
        bool, typer.Option("--compact", help="Then write the DuckDB file anew, without the bytes of deleted rows.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Delete every row of runs and files from every table, for good. Needs no key and sends nothing."""
    bodies.rewriting.erase(place, run_ids=run_id or (), file_ids=file_id or (), compact=compact, as_json=as_json)
