"""The ledger: what each thing has cost, who started it, and for which products the credits were charged."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from extend_source.tables.building import TableSet
from extend_source.tables.contract import ANY_OBJECT, EXTRA, Column, TableSchema
from extend_source.tables.kinds import CREDITS, INTEGER, JSON, NUMBER, TEXT, TIMESTAMP, to_credits
from extend_source.tables.reading import DriftLog, Extra, ObjectReader

_EXTRA = Column(EXTRA, JSON, "What the API sent of this object beyond the known columns.")

CREDIT_USAGE = TableSchema(
    name="credit_usage",
    grain="thing that costs credits",
    description="The ledger. A file's parsing is here once, however many runs used it.",
    key=("resource_type", "resource_id"),
    latest_by="observed_at",
    columns=(
        Column("resource_type", TEXT, "processor_run, file, parse_run, or another of the API's names."),
        Column("resource_id", TEXT, "Its id: processor_runs.id, files.id, ...", about=ANY_OBJECT),
        Column("credits", CREDITS, "The credits, as last reported."),
        Column("basis", TEXT, "processing (a run, without parsing), parsing, or else the resource type."),
        Column("observed_at", TIMESTAMP, "When this source saw the figure."),
    ),
)

CREDIT_ATTRIBUTIONS = TableSchema(
    name="credit_attributions",
    grain="thing that a run, or what it started, has cost",
    description="Which run started what (API 2026-02-09). Runs share things: add credit_usage up, never these rows.",
    key=("run_id", "resource_type", "resource_id"),
    replaced_by="run_id",
    object_name="credit_line",
    handled=frozenset({"object", "charges"}),
    columns=(
        Column("run_id", TEXT, "The run: processor_runs.id.", about="processor_run"),
        Column("resource_type", TEXT, "As in credit_usage; the run itself is one of its things."),
        Column("resource_id", TEXT, "Its id.", api="id"),
        Column("credits", CREDITS, "Its credits, as reported with this run.", api="credits"),
        _EXTRA,
    ),
)

CREDIT_CHARGES = TableSchema(
    name="credit_charges",
    grain="product that a thing's credits were charged for",
    description="The lines behind a figure of credit_usage (API 2026-02-09, runs since 10 June 2026).",
    key=("resource_type", "resource_id", "position"),
    replaced_by="resource_id",
    object_name="credit_charge",
    columns=(
        Column("resource_type", TEXT, "As in credit_usage."),
        Column("resource_id", TEXT, "Its id.", about=ANY_OBJECT),
        Column("position", INTEGER, "Place in the API's list, from 0."),
        Column("product", TEXT, "What was charged, for example extraction_performance.", api="product"),
        Column("unit", TEXT, "page, cell or usd.", api="unit"),
        Column("quantity", NUMBER, "How many units.", api="quantity"),
        Column("credits", CREDITS, "The credits of the line.", api="credits"),
        Column("pages", JSON, "The pages charged, from 1; NULL: not said.", api="pages"),
        _EXTRA,
    ),
)

_CHARGE = ObjectReader.of(CREDIT_CHARGES)
_LINE = ObjectReader.of(CREDIT_ATTRIBUTIONS)

CURRENT_RUNS = ("extract_run", "classify_run", "split_run")
"""What processor runs are called in API 2026-02-09 (SDK 1.20.0)."""


def named_in_costs(object_name: str, usage: Any) -> list[Any]:
    """Name the objects of a type that a run's breakdown of its cost has lines of.

    Args:
        object_name: what the API calls them.
        usage: the API's RunUsage object, or what is in its place.

    Returns:
        What the lines have for ids.
    """
    lines = usage.get("breakdown") if isinstance(usage, dict) else None
    if not isinstance(lines, list):
        return []
    return [line.get("id") for line in lines if isinstance(line, dict) and line.get("object") == object_name]


_BASES = {"processor_run": "processing", "parse_run": "parsing", "file": "parsing"}


class CreditTables:
    """Writes what the runs of one load say of credits.

    Each thing's credits are written once, under its own name and id, whoever tells them: so what several runs share is
    never added up. Sums (``totalCredits``) are written nowhere but in the run's own row.
    """

    def __init__(self, tables: TableSet, drift: DriftLog, erased: frozenset[str] = frozenset()) -> None:
        """Start a load.

        Args:
            tables: where the rows go.
            drift: where unknown keys are noted.
            erased: ids of what was erased on request: others that started it still tell its cost.
        """
        self._erased = erased
        self._tables = tables
        self._drift = drift
        self._charged: set[tuple[str, str]] = set()

    def add(
        self, resource_type: str, run_id: str, usage: Any, credits: Decimal | None, observed_at: datetime
    ) -> Extra | None:
        """Add the usage of a run.

        Args:
            resource_type: processor_run, parse_run or workflow_run; what it has started is told of the first only, as
                a workflow run has its steps for that.
            run_id: the run.
            usage: the API's RunUsage object, or what is in its place (SDK 1.20.0, run_usage).
            credits: the run's own credits, without what it started; None: unknown.
            observed_at: when the figures were seen.

        Returns:
            What no table holds of the breakdown, for the run's ``extra``.
        """
        self.note(resource_type, run_id, credits, observed_at)
        lines = usage.get("breakdown") if isinstance(usage, dict) else None
        if lines is None:
            return None
        if not isinstance(lines, list):
            self._drift.unexpected_type(resource_type, "usage.breakdown", lines)
            return {"breakdown": lines}
        told: set[tuple[str, str]] = set()
        odd = [line for line in lines if not self._add_line(resource_type, run_id, credits, line, observed_at, told)]
        return {"breakdown": odd} if odd else None

    def note(self, resource_type: str, resource_id: str, credits: Decimal | None, observed_at: datetime) -> None:
        """Write what a thing has cost; None: unknown."""
        if credits is None:
            return
        self._tables[CREDIT_USAGE].add(
            resource_type=resource_type,
            resource_id=resource_id,
            credits=credits,
            basis=_BASES.get(resource_type, resource_type),
            observed_at=observed_at,
        )

    def forget(self) -> None:
        """Forget whose charges were written, so that later runs write theirs again."""
        self._charged.clear()

    def _add_line(
        self,
        owner_type: str,
        run_id: str,
        own_credits: Decimal | None,
        line: Any,
        observed_at: datetime,
        told: set[tuple[str, str]],
    ) -> bool:
        """Add one thing of a breakdown; tell whether it is one, has not been told before, and tables hold all of it."""
        try:
            name, resource_id, credits = line["object"], line["id"], to_credits(line["credits"])
        except (KeyError, TypeError, ValueError):
            name = resource_id = credits = None
        resource_type = "processor_run" if name in CURRENT_RUNS else name
        is_thing = isinstance(resource_type, str) and isinstance(resource_id, str)
        if credits is None or not is_thing or (resource_type, resource_id) in told:
            self._drift.unexpected_type(owner_type, "usage.breakdown", line)
            return False
        told.add((resource_type, resource_id))
        if resource_id in self._erased:
            return True
        values, extra = _LINE.read(line, self._drift)
        has_attributions = owner_type == "processor_run"  # a parse run starts nothing
        if has_attributions:
            attributions = self._tables[CREDIT_ATTRIBUTIONS]
            attributions.add(values, extra, run_id=run_id, resource_type=resource_type)
        is_own = (resource_type, resource_id) == (owner_type, run_id)
        if not is_own or own_credits is None:  # else the ledger has it from `usage.credits`
            self.note(resource_type, resource_id, credits, observed_at)
        charges = line.get("charges")
        if charges is not None and not isinstance(charges, list):
            self._drift.unexpected_type("credit_charge", "", charges)
            return False
        self._add_charges(resource_type, resource_id, charges)
        is_held = not is_own or own_credits in (None, credits)
        return has_attributions or (is_held and not extra)

    def _add_charges(self, resource_type: str, resource_id: str, charges: list[Any] | None) -> None:
        """Add what a thing's credits were charged for; several runs of a load may tell the same."""
        if charges is None or (resource_type, resource_id) in self._charged:
            return
        self._charged.add((resource_type, resource_id))
        builder = self._tables[CREDIT_CHARGES]
        builder.mark(resource_id)
        for position, charge in enumerate(charges):
            values, extra = _CHARGE.read(charge if isinstance(charge, dict) else {}, self._drift)
            if not isinstance(charge, dict):
                self._drift.unexpected_type("credit_charge", "", charge)
                extra = {"charge": charge}
            builder.add(values, extra, resource_type=resource_type, resource_id=resource_id, position=position)
