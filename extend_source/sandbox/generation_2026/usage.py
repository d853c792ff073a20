"""Credits as 2026-02-09 reports them: a run's own, the total with the parses it caused, and every line of both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal

from extend_source.sandbox.credits import credits_of
from extend_source.sandbox.generation_2026.files import files_of
from extend_source.sandbox.generation_2026.kinds import Kind, run_id
from extend_source.sandbox.generation_2026.parses import Parse, parses_created_by
from extend_source.sandbox.records import Json, RunRecord, json_number
from extend_source.sandbox.workspace import Workspace

_REVIEW_AGENT_RATE = Decimal(1)
"""Credits a page."""


def run_usage(workspace: Workspace, kind: Kind, run: RunRecord, *, full: bool) -> Json | None:
    """Return the ``usage`` of a run; None unless it was processed and reports credits.

    Args:
        workspace: Where the run is.
        kind: Its kind.
        run: The run.
        full: Whether the lines of the total are named.
    """
    own = credits_of(run.payload)
    if own is None or run.status != "PROCESSED":
        return None
    lines = [_parse_line(parse) for parse in parses_created_by(workspace, run) if parse.credits is not None]
    lines.append(
        _Line(
            kind.run,
            run_id(kind, run.id, same_suffix=workspace.same_id_suffixes),
            own,
            lambda: _run_charges(workspace, run, own),
        )
    )
    return _usage(workspace, run.created_at, own, lines, full)


def parse_usage(workspace: Workspace, parse: Parse, *, full: bool) -> Json | None:
    """Return the ``usage`` of a parse run; None unless it was processed and reports credits.

    Args:
        workspace: Where the parse run is.
        parse: The parse run.
        full: Whether the line of the total is named.
    """
    if parse.credits is None or parse.status != "PROCESSED":
        return None
    return _usage(workspace, parse.sort_key[0], parse.credits, [_parse_line(parse)], full)


@dataclass(frozen=True)
class _Line:
    """A line of a total; its charges are made only where they are shown."""

    object: str
    id: str
    credits: Decimal
    charges: Callable[[], list[Json]]


def _usage(workspace: Workspace, created_at: datetime, own: Decimal, lines: list[_Line], full: bool) -> Json:
    usage: Json = {"credits": json_number(own)}
    if _is_before(created_at, workspace.totals_since):
        return usage
    usage["totalCredits"] = json_number(sum((line.credits for line in lines), Decimal(0)))
    if not full:
        return usage
    charged = not _is_before(created_at, workspace.charges_since)
    return {**usage, "breakdown": [_breakdown_entry(line, charged) for line in lines]}


def _breakdown_entry(line: _Line, charged: bool) -> Json:
    entry: Json = {"object": line.object, "id": line.id, "credits": json_number(line.credits)}
    return {**entry, "charges": line.charges()} if charged else entry


def _is_before(moment: datetime, since: datetime | None) -> bool:
    return since is not None and moment < since


def _charge(product: str, pages: int, credits: Decimal) -> Json:
    return {"product": product, "unit": "page", "quantity": pages, "credits": json_number(credits)}


def _parse_line(parse: Parse) -> _Line:
    credits = parse.credits or Decimal(0)
    return _Line(
        "parse_run", parse.id, credits, lambda: [_charge(str(parse.config["engine"]), parse.file.pages, credits)]
    )


def _run_charges(workspace: Workspace, run: RunRecord, own: Decimal) -> list[Json]:
    """Return the charges of a run's own line: its processor, and the review agent where that is on."""
    config = run.payload.get("config") or {}
    known = [workspace.files.get(str(file.get("id"))) for file in files_of(workspace, run)]
    pages = sum(file.pages for file in known if file is not None) or 1
    product = str(config.get("baseProcessor", "extraction_performance"))
    reviewing = pages * _REVIEW_AGENT_RATE
    agent = (config.get("advancedOptions") or {}).get("reviewAgent") or {}
    if not agent.get("enabled") or own <= reviewing:
        return [_charge(product, pages, own)]
    review = {**_charge("review_agent", pages, reviewing), "pages": list(range(1, pages + 1))}
    return [_charge(product, pages, own - reviewing), review]
