"""What people see in the shell once a command is done."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from extend_source.api import GROUP_OF, OF_ANY_GROUP
from extend_source.cli.display.health import headline, style
from extend_source.cli.display.terminal import first_of, show_lines, show_pairs, show_rows
from extend_source.text.wording import counted, duration, megabytes, moment, noun_of, printable

if TYPE_CHECKING:  # one result is shown; the others need not be imported
    from extend_source.ingest.beacon import SyncUnderWayStatus
    from extend_source.ingest.forecast import SyncForecast, SyncPart
    from extend_source.ingest.progress import ObjectCounts
    from extend_source.operations.check import CheckResult
    from extend_source.operations.plan import PlanResult
    from extend_source.operations.rebuild import RebuildResult
    from extend_source.operations.status import LoggedLoad, ScopeStatus, StatusResult
    from extend_source.operations.sync import SyncResult
    from extend_source.survey import CompareResult

_MODES = {
    "full": "Full listing",
    "incremental": "Incremental listing",
    "reconcile": "Reconcile",
    "quiet": "Quiet",
    "by_id": "By id",
}
_STOPS = {
    "request": "Stopped as asked",
    "max_runs": "Stopped at the limit of runs",
    "max_requests": "Stopped at the limit of requests",
    "max_seconds": "Stopped at the limit of time",
}
_REASONS = {
    "listed": "new, or changed since they landed",
    "asked": "asked for by id",
    "in_flight": "had not ended when they landed",
    "incomplete": "have lost rows in the destination",
    "failed": "could not be loaded before",
    "vanished": "are not listed any longer",
    "recheck": "may have been reviewed without a trace",
}
_APART = ("processor_run", "parse_run", "file")
"""The types that have lines of their own."""

_STYLES = {"ok": "green", "wrong": "red", "not checked": "dim"}
_ATTENTION = "yellow"
_WIDE = 92

_Row = tuple[str, str, str]
"""A name, a text and its style."""


def show_result(console: Console, result: SyncResult) -> None:
    """Print what a sync did."""
    requests = sum(result.requests.values())
    by_endpoint = ", ".join(f"{count:,} {name}" for name, count in sorted(result.requests.items()))
    lines = [_loaded(result), _found(result)]
    if result.files_fetched or result.files_failed:
        lines.append(f"{result.files_fetched:,} file contents loaded, {result.files_failed:,} failed")
    parse_runs = result.objects.get("parse_run")
    if parse_runs is not None and (parse_runs.fetched or parse_runs.failed):
        lines.append(f"{counted(parse_runs.fetched, 'parse run')} loaded, {parse_runs.failed:,} failed")
    if parse_runs is not None and parse_runs.listed and not result.details:
        news = parse_runs.listed - parse_runs.known
        lines.append(f"{counted(parse_runs.listed, 'parse run')} listed, {news:,} new or changed")
    lines += _others(result.objects, "loaded")
    lines += [
        f"{counted(requests, 'request')} ({by_endpoint or 'none'}), {megabytes(result.bytes_received)} received"
        + (f", {result.retries:,} retries" if result.retries else "")
        + (f", {result.throttled:,} answers were 429" if result.throttled else ""),
        f"Loaded into {result.destination}, dataset {result.dataset}",
    ]
    if result.stopped_by:
        rest = f"{_left(result)} {'is' if result.left == 1 else 'are'} left for the next sync"
        lines.append(f"{_STOPS[result.stopped_by]}: {rest if result.left else 'the next sync goes on from here'}.")
        if not result.listing_complete and result.stopped_by != "max_runs":
            lines.append(
                "It was not listed to the end. If that happens again and again, raise the limit: a listing takes "
                "a request for each 1,000 runs."
            )
    if result.errors:
        lines += [f"  {object_id}: {message}" for object_id, message in result.errors.items()]
        lines.append("The table fetch_errors has all that could not be loaded; a sync that lists it tries it again.")
    show_lines(console, *lines)


def _left(result: SyncResult) -> str:
    """Say what a sync has left for the next one, by type where that adds up."""
    left = {name: counts.wanted - counts.done for name, counts in result.objects.items() if name != "file"}
    named = [counted(left[name], noun_of(name)) for name in (*GROUP_OF, *OF_ANY_GROUP) if left.get(name, 0) > 0]
    if sum(number for number in left.values() if number > 0) != result.left or not named:
        return counted(result.left, "object")
    return f"{', '.join(named[:-1])} and {named[-1]}" if len(named) > 1 else named[0]


def _loaded(result: SyncResult) -> str:
    took = duration(result.seconds)
    if result.mode == "quiet":
        return f"Nothing new: the lists are as the last sync saw them, in {took}"
    if not result.details:
        return f"The lists alone were read, no run was fetched (details = false), in {took}"
    runs = counted(result.fetched, "run")
    return f"{runs} loaded, {result.known:,} already there, {result.failed:,} failed in {took}"


def _found(result: SyncResult) -> str:
    """Say how the runs were found, and what was found out about them."""
    parts = [] if result.mode == "by_id" else [f"{result.listed:,} listed"]
    parts.append(f"{result.changed if result.details else result.listed - result.known:,} new or changed")
    if result.gone:
        parts.append(f"{result.gone:,} gone at the source")
    if result.restored:
        parts.append(f"{result.restored:,} written again, as rows of theirs were gone")
    if result.rechecked:
        parts.append(f"{result.drifted:,} of {result.rechecked:,} rechecked had changed unnoticed")
    watermark = "" if result.watermark is None else f"; watermark {moment(result.watermark)}"
    return f"{_MODES.get(result.mode, result.mode)}: {', '.join(parts)}{watermark}"


def _others(objects: dict[str, ObjectCounts], done: str) -> list[str]:
    """Say what was done with workflow runs, processors and so on."""
    found = [(name, objects[name]) for name in (*GROUP_OF, *OF_ANY_GROUP) if name in objects and name not in _APART]
    named = [counted(counts.fetched, noun_of(name)) for name, counts in found if counts.fetched]
    failed = sum(counts.failed for _, counts in found)
    return [f"{', '.join(named) or 'No other object'} {done}, {failed:,} failed"] if named or failed else []


def show_rebuild(console: Console, result: RebuildResult) -> None:
    """Print what a rebuild did."""
    parsed = f", {counted(result.parse_runs, 'parse run')}" if result.parse_runs else ""
    lines = [
        f"{counted(result.runs, 'run')}{parsed} and {counted(result.files, 'file')} written anew, "
        f"{result.failed:,} failed in {duration(result.seconds)}",
        *_others(result.objects, "written anew"),
        f"{counted(sum(result.tables.values()), 'row')} in "
        f"{counted(sum(1 for rows in result.tables.values() if rows), 'table')}, without a request",
        f"Loaded into {result.destination}, dataset {result.dataset}",
    ]
    if result.without_payload:
        lines.append(f"{counted(result.without_payload, 'run')} landed without a payload and stayed as they were.")
    if result.outdated:
        lines.append(f"{counted(result.outdated, 'run')} landed later than the raw payload and stayed as they were.")
    if result.left:
        lines.append(
            f"{_STOPS['request']}: {counted(result.left, 'payload')} left; a rebuild starts from the beginning."
        )
    lines += [f"  {object_id}: {message}" for object_id, message in result.errors.items()]
    show_lines(console, *lines)


def show_plan(console: Console, plan: PlanResult, options: str = "") -> None:
    """Print what a sync would do; `options` are repeated in the commands that are offered."""
    found = [] if plan.mode == "by_id" else [f"{plan.listed:,} listed"]
    found.append(f"{plan.known:,} already there")
    watermark = "" if plan.watermark is None else f"; watermark {moment(plan.watermark)}"
    lines = [f"{_MODES[plan.mode]}: {', '.join(found)}{watermark}", f"{counted(plan.runs, 'run')} to fetch:"]
    lines += [
        f"  {plan.to_fetch[reason]:>9,}  {text}" for reason, text in _REASONS.items() if plan.to_fetch.get(reason)
    ]
    if not plan.runs:
        lines[-1] = "No run to fetch" + ("" if plan.details else ": the lists alone are read (details = false)")
    if plan.stopped_by:
        lines.append(f"{_STOPS[plan.stopped_by]}, before the end of the listing: there may be more.")
    lines += _effort(plan)
    if plan.parts:
        lines.append("To begin with a part; a sync without that option goes on from there:")
        lines += [f"  {_part(part)}: extend-source sync{options} {part.option}" for part in plan.parts]
    show_lines(console, *lines, f"Nothing was written to {plan.destination}, dataset {plan.dataset}")


def _part(part: SyncPart) -> str:
    chosen = "the newest" if part.setting == "max_runs" else f"changed since {part.value}:"
    return f"{chosen} {counted(part.runs, 'run')}, {duration(math.ceil(part.minutes * 60))}"


def show_forecast(console: Console, forecast: SyncForecast, budget: float) -> None:
    """Say, before anything is fetched, that a first sync takes long, and what to begin with."""
    takes = duration(math.ceil(forecast.minutes * 60))
    parts = " or ".join(f"{part.option} ({_part(part)})" for part in forecast.parts)
    show_lines(
        console,
        f"{counted(forecast.runs, 'run')} to fetch take at least {takes} at {budget:g} requests/s; Ctrl-C keeps what "
        f"has been fetched{f'. To begin with a part: {parts}' if parts else ''}",
    )


def _effort(plan: PlanResult) -> list[str]:
    """Say what it takes."""
    parts = [f"{plan.listing_requests:,} to list again"] if plan.listing_requests else []
    parts += [f"{plan.runs:,} for runs"] if plan.runs else []
    parts += [f"{plan.parse_runs:,} for parse runs"] if plan.parse_runs else []
    parts += [f"{plan.others:,} for workflow runs, workflows and processors"] if plan.others else []
    parts += [f"{plan.with_workflow_runs:,} less, as these come with workflow runs"] if plan.with_workflow_runs else []
    parts += [f"{plan.file_backlog:,} for files that landed without text"] if plan.file_backlog else []
    lines = [f"{counted(plan.requests, 'request')} ({', '.join(parts) or 'none'}) in {counted(plan.loads, 'load')}"]
    if plan.minutes is not None:
        lines[0] += f", at least {duration(math.ceil(plan.minutes * 60))}"
    if plan.groups.keys() & {"workflows", "processors"}:
        lines.append(f"By group: {', '.join(f'{name} {number:,}' for name, number in plan.groups.items())}")
    if plan.file_backlog is not None:
        lines.append("The text of files takes up to one request more for each new file; how many, only the runs tell.")
    if plan.pending_loads:
        lines.append(
            f"First, {counted(plan.pending_loads, 'load')} that an earlier sync left behind will be finished; "
            "what is in there will not be fetched again."
        )
    if plan.stops_at:
        lines.append(f"{plan.stops_at} will end the sync before that; the next one goes on from there.")
    return lines


def show_status(console: Console, status: StatusResult) -> None:
    """Print where a pipeline stands."""
    show_lines(console, headline(status), style=style(status))
    if not status.has_run:
        return
    place = f"{status.destination}, dataset {status.dataset}"
    by_status = ", ".join(f"{count:,} {name}" for name, count in status.runs.items())
    rows: list[_Row] = [
        ("Pipeline", status.pipeline, ""),
        ("Destination", place, ""),
        *_under_way_rows(status.under_way),
        *_failure_rows(status),
    ]
    if not status.has_read:
        show_pairs(console, rows)
        show_lines(console, "", "What has landed can be read when the sync has ended: it holds the DuckDB file.")
        return
    rows += [
        *_scope_rows(status),
        ("Runs landed", f"{sum(status.runs.values()):,}: {by_status}" if status.runs else "none", ""),
        *_listed_rows(status),
        ("In flight", f"{status.in_flight:,} had not ended when they landed" if status.in_flight else "none", ""),
        *_trouble_rows(console, status),
    ]
    show_pairs(console, rows)
    if status.last_loads:
        console.print()
        _show_loads(console, status.last_loads)


def _under_way_rows(sync: SyncUnderWayStatus | None) -> Iterator[_Row]:
    if sync is None:
        return
    since = duration((sync.at - sync.started_at).total_seconds())
    yield "Under way", f"a sync in process {sync.pid}, for {since} now: {sync.mode or 'not listing yet'}", ""
    text = f"{sync.listed:,} listed, {sync.runs_done:,} of {sync.wanted:,} runs done, {sync.failed:,} failed"
    yield "Done so far", f"{text}; {counted(sync.requests, 'request')}, {counted(sync.loads, 'load')} begun", ""


def _failure_rows(status: StatusResult) -> Iterator[_Row]:
    """How the last load failed, unless the first line says it: it may have been one by id."""
    failure = status.failure
    if failure is not None and status.health.state != "failing":
        yield "Last sync", f"failed {_dated(failure.fetched_at, status.at)}: {failure.error}", _ATTENTION


def _scope_rows(status: StatusResult) -> Iterator[_Row]:
    """Two lines for each choice of filters and tables."""
    if not status.scopes:
        yield "Watermark", "none: no listing has been worked off yet", ""
    for scope, text in zip(status.scopes, _scope_texts(status.scopes), strict=True):
        yield "Watermark", _dated(scope.watermark, status.at) + text, ""
        due = scope.reconcile_due_at
        if scope.reconciled_at is None:
            yield "Reconciled", "never; due with the next sync", ""
        elif due is None:
            yield "Reconciled", f"{_dated(scope.reconciled_at, status.at)}; again on demand only", ""
        else:
            left = (due - status.at).total_seconds()
            when = f"next in {duration(left)}" if left > 0 else "due with the next sync"
            yield "Reconciled", f"{_dated(scope.reconciled_at, status.at)}; {when}", ""


def _listed_rows(status: StatusResult) -> Iterator[_Row]:
    if status.quiet_at is not None:
        yield "Last checked", f"{_dated(status.quiet_at, status.at)}: the lists were as the last sync had seen them", ""
    if status.listed_only:
        yield "Runs listed", f"{status.listed_only:,} of which the list alone is known", ""


def _trouble_rows(console: Console, status: StatusResult) -> Iterator[_Row]:
    """What may need a look: pending loads, errors, deleted runs, unnoticed changes, what no column holds."""
    pending = f"{counted(status.pending_loads, 'load')}, which the next sync finishes first"
    yield ("Pending", pending, _ATTENTION) if status.pending_loads else ("Pending", "none", "")
    codes = ", ".join(f"{error.count:,} {error.code} (tried {_times(error.most_attempts)})" for error in status.errors)
    errors = f"{sum(error.count for error in status.errors):,} in fetch_errors: {codes}"
    yield ("Errors", errors, _ATTENTION) if status.errors else ("Errors", "none", "")
    yield "Gone", f"{counted(status.gone, 'run')} no longer at the source" if status.gone else "none", ""
    drift = status.drift
    if drift is None:
        yield "Drift", "unknown: no run has been rechecked yet", ""
    else:
        found = f"{drift.drifted:,} of {drift.rechecked:,} rechecked runs had changed unnoticed"
        yield "Drift", f"{drift.rate:.1%}: {found}, {_ago(drift.at, status.at)}", ""
    keys = status.unknown_keys
    yield "Unknown keys", f"{len(keys):,} in schema_drift: {first_of(console, keys)}" if keys else "none", ""
    misfits = f"{counted(len(status.misfits), 'column')} could not hold a value, see schema_drift"
    yield "Misfits", misfits if status.misfits else "none", ""


def _show_loads(console: Console, loads: Sequence[LoggedLoad]) -> None:
    columns: dict[str, list[Any]] = {
        "ended (UTC)": [f"{load.fetched_at:%m-%d %H:%M}" for load in loads],
        "mode": [load.mode for load in loads],
        "listed": [load.runs_listed for load in loads],
        "fetched": [load.runs_fetched for load in loads],
        "changed": [load.runs_changed for load in loads],
        "failed": [load.runs_failed for load in loads],
        "left": [load.runs_pending for load in loads],
        "requests": [load.requests for load in loads],
        "stopped by": [_failure_of(load) or load.stopped_by or "" for load in loads],
    }
    if not any(columns["stopped by"]):
        del columns["stopped by"]
    elif console.is_terminal and console.width < _WIDE:
        del columns["requests"]
    show_rows(console, "Last loads", list(columns), zip(*columns.values(), strict=True))


def _failure_of(load: LoggedLoad) -> str:
    """The code of what a load failed with; a row of an older version has none."""
    return "" if load.error is None else load.error_code or "an error"


def _scope_texts(scopes: Sequence[ScopeStatus]) -> list[str]:
    """Say what each watermark holds for; empty where there is one alone and it holds for all runs."""
    several = len({scope.scope.get("base_url") for scope in scopes}) > 1
    texts = []
    for scope in scopes:
        chosen = {name: value for name, value in scope.scope.items() if name not in ("base_url", "api_version")}
        parts = [str(scope.scope.get("base_url"))] if several else []
        parts += ["the lists alone"] if chosen.pop("details", True) is False else []
        parts += [f"{name} {', '.join(value) if isinstance(value, list) else value}" for name, value in chosen.items()]
        is_all = not parts or (chosen.keys() == {"tables"} and chosen["tables"].startswith("standard"))
        texts.append("" if is_all and len(scopes) == 1 else f" [{'; '.join(parts) or 'all runs'}]")
    return texts


def _times(number: int) -> str:
    return "once" if number == 1 else f"up to {number:,} times"


def _dated(time: datetime, now: datetime) -> str:
    return f"{moment(time)}, {_ago(time, now)}"


def _ago(time: datetime, now: datetime) -> str:
    return f"{duration(max(0.0, (now - time).total_seconds()))} ago"


def show_check(console: Console, result: CheckResult) -> None:
    """Print what a check found out."""
    for finding in result.findings:
        state = (f"{finding.state:<12}", _STYLES[finding.state])
        code = f"{result.error.error_code}: " if result.error is not None and finding.state == "wrong" else ""
        text = Text.assemble(f"{finding.part:<10} ", state, printable(code + finding.text))
        console.print(text, soft_wrap=True)
    if any(each.answer != "not asked" for each in result.lists):
        answers = ", ".join(f"{each.path} {each.answer}" for each in result.lists)
        console.print(f"{'may read':<23}{answers}", soft_wrap=True)


def show_comparison(console: Console, result: CompareResult) -> None:
    """Print what a comparison with the real API found."""
    show_lines(
        console,
        f"Wrote {result.file}: {counted(result.differences, 'difference')} in what was read; of the open questions "
        f"{result.confirmed:,} are as expected, {result.differing:,} are not",
        f"{counted(result.requests, 'request')}. It holds nothing of your data: read it, then send it as it says.",
    )
