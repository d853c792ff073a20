"""What people see of a migration."""

from __future__ import annotations

import math
from collections.abc import Iterator

from rich.console import Console

from extend_source.api import CURRENT_VERSION
from extend_source.cli.display.terminal import show_lines, show_rows
from extend_source.config.settings import API_VERSION
from extend_source.migration.comparison import Comparison
from extend_source.migration.migrate import MigrateResult
from extend_source.text.wording import counted, duration, figure

_MATCHED_BY = {
    "suffix": "what follows the prefix of an id is the same in both versions",
    "attributes": "by creation time, type, processor and file",
}
_REASONS = {
    "not_listed": "not listed in the new version",
    "ambiguous": "several alike",
    "files_differ": "the one like it has another file",
    "no_run": "no run that is matched names it",
}
_CONSEQUENCES = {
    "not_listed": "in the backup alone from then on",
    **dict.fromkeys(("ambiguous", "files_differ"), "loaded all the same, but which new id is whose is not known"),
}


def show_migration(console: Console, result: MigrateResult) -> None:
    """Print what a migration would do, or did."""
    if result.state == "nothing_to_do":
        show_lines(
            console,
            f"Nothing to do: {result.destination}, dataset {result.dataset}, holds no runs of API {API_VERSION}.",
            f'Syncs need api_version = "{CURRENT_VERSION}".',
        )
        return
    show_lines(console, *_found(result))
    if result.comparison is not None:
        _show_comparison(console, result, result.comparison)
    show_lines(console, *_ENDS[result.state](result))


def _found(result: MigrateResult) -> Iterator[str]:
    if result.matched_by is None:
        return
    of_type = ", ".join(f"{count:,} {kind}" for kind, count in result.listed.items())
    yield f"{counted(result.runs, 'run')} of API {API_VERSION} in dataset {result.dataset} of {result.destination}"
    yield f"API {CURRENT_VERSION} lists {of_type or 'no runs'}"
    yield f"{result.matched:,} matched ({_MATCHED_BY[result.matched_by]}), {result.processors:,} processors"
    for reason, count in result.unmatched.items():
        yield f"{counted(count, 'run')} not matched: {_REASONS[reason]}; {_CONSEQUENCES[reason]}"
    if result.gone:
        yield f"  {result.gone:,} of these are known to be gone at Extend"
    if result.keeps_file_ids is False:
        yield "Files have other ids in the new version, which are not mapped"
    if result.erasures:
        yield f"{counted(result.erasures, 'erasure')} carried over before anything is loaded"
    if result.unknown_erasures:
        named = ", ".join(f"{each} ({_REASONS[reason]})" for each, reason in result.unknown_erasures.items())
        yield f"Erased, and would come back, as nothing tells their new ids: {named}"
    if result.loaded:
        yield f"{counted(result.loaded, 'run')} loaded into dataset {result.staged_dataset}"


def _show_comparison(console: Console, result: MigrateResult, comparison: Comparison) -> None:
    rows = [(name, old, new, _change(old, new)) for name, (old, new) in comparison.figures.items()]
    show_rows(console, "Before the switch", ["", API_VERSION, CURRENT_VERSION, "difference"], rows)
    show_lines(
        console,
        f"{counted(comparison.pairs, 'run')} in both; {comparison.only_old:,} only in {API_VERSION} "
        f"({figure(comparison.only_old_credits)} credits), {comparison.only_new:,} only in {CURRENT_VERSION} "
        f"({figure(comparison.only_new_credits)} credits)",
    )
    for difference in comparison.differences:
        named = ", ".join(f"{run_id} {figure(old)} -> {figure(new)}" for run_id, old, new in difference.named)
        show_lines(console, f"Other {difference.what} in {counted(difference.runs, 'run')}: {named}")
    if not comparison.differences:
        show_lines(console, "Runs in both have the same status, the same credits and as many fields.")


def _change(old: object, new: object) -> str:
    if old == new:
        return "none"
    return f"{figure(old)} -> {figure(new)}" if old is None or new is None else figure(new - old)  # type: ignore[operator]


def _planned(result: MigrateResult) -> Iterator[str]:
    minutes = "" if result.minutes is None else f", at least {duration(math.ceil(result.minutes * 60))}"
    yield f"It takes about {counted(result.requests, 'request')} and one for each parse run{minutes}"
    yield f"Nothing was written. With --yes, {CURRENT_VERSION} is loaded into dataset {result.staged_dataset}, and then"
    yield f"takes the place of {result.dataset}; the old rows stay in {result.backup_dataset}."


def _stopped(result: MigrateResult) -> Iterator[str]:
    yield f"Stopped after {counted(result.requests, 'request')}: run the same command again, and it goes on from here."
    yield f"Dataset {result.dataset} is as it was."


def _incomplete(result: MigrateResult) -> Iterator[str]:
    yield f"Runs could not be loaded under their new ids, among them {', '.join(result.missing)}."
    yield f"Dataset {result.dataset} is as it was. See the table fetch_errors in {result.staged_dataset}, and run the"
    yield "same command again; or switch without them: --leave-missing."


def _done(result: MigrateResult) -> Iterator[str]:
    if result.missing:
        yield f"Not loaded, and only in the backup: {', '.join(result.missing)} ..."
    if result.kept:
        yield f"Not made by this source, and still in {result.dataset}: {', '.join(result.kept)}"
    if result.on_old_rows:
        yield f"These views read the backup, as they do not fit the new tables: {', '.join(result.on_old_rows)}"
    yield f"Dataset {result.dataset} holds API {CURRENT_VERSION} now, after {counted(result.requests, 'request')}."
    yield f"The old rows are in {result.backup_dataset}; the table migrated_ids has the ids of both versions."
    yield f'From now on, syncs need api_version = "{CURRENT_VERSION}" under [sources.extend] in .dlt/config.toml.'


_ENDS = {"planned": _planned, "stopped": _stopped, "incomplete": _incomplete, "done": _done}
