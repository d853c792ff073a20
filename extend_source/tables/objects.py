"""Extend's objects as data: the tables of each type, and the rows that go with an object of it.

Another object is an entry in `OBJECT_TYPES` if it is fetched, in `LISTED_TYPES` if its list is read, the module with
its tables, and an entry in ``api/endpoints.py``, which names its group.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from extend_source.api import GROUP_OF
from extend_source.tables import (
    batch_runs,
    bookkeeping,
    edit_runs,
    evaluation,
    evaluation_runs,
    file_summaries,
    forms,
    history,
    parse_runs,
    processors,
    schemas,
    verify_runs,
    webhooks,
    workflow_runs,
    workflows,
)
from extend_source.tables.contract import ANY_OBJECT, TableSchema
from extend_source.tables.credits import CREDIT_ATTRIBUTIONS, CREDIT_CHARGES, CREDIT_USAGE


@dataclass(frozen=True)
class ObjectType:
    """A type of objects that have an id at Extend.

    Attributes:
        name: Extend's name for it, as in ``resource_type``.
        table: the table with one row for each, of which ``id`` is the key.
        carries: the types of the objects that it brings whole, so that these need no request of their own.
        parts: the type of its parts, which are listed under it and written before it: what has landed has all its
            parts. Empty: it has none.
        needs_parts: it has one part at least, so that it is fetched again where none has landed.
        named_by: the members that name one, by the type of the object that has them.
        named_in_costs: what other runs have cost names one.
        ends: it is a run: it moves until it has ended, and is fetched then.
    """

    name: str
    table: TableSchema
    carries: tuple[str, ...] = ()
    parts: str = ""
    needs_parts: bool = False
    named_by: Mapping[str, str] = field(default_factory=dict)
    named_in_costs: bool = False
    ends: bool = False

    @property
    def turn(self) -> int:
        """When it is fetched: what brings others whole comes first, what is made of parts comes last."""
        return 2 if self.parts else 0 if self.carries else 1


OBJECT_TYPES: dict[str, ObjectType] = {
    kind.name: kind
    for kind in (
        ObjectType("processor_run", schemas.PROCESSOR_RUNS, ends=True),
        ObjectType("file", schemas.FILES),
        ObjectType("parse_run", parse_runs.PARSE_RUNS, named_by={"processor_run": "parseRunId"}, ends=True),
        ObjectType("workflow_run", workflow_runs.WORKFLOW_RUNS, ("processor_run", "parse_run"), ends=True),
        ObjectType("workflow", workflows.WORKFLOWS, ("workflow_version",), "workflow_version", needs_parts=True),
        ObjectType("workflow_version", workflows.WORKFLOW_VERSIONS),
        ObjectType("processor", processors.PROCESSORS, ("processor_version",), "processor_version", needs_parts=True),
        ObjectType("processor_version", processors.PROCESSOR_VERSIONS),
        ObjectType("verify_run", verify_runs.VERIFY_RUNS, ends=True),
        ObjectType("edit_run", edit_runs.EDIT_RUNS, ends=True),
        ObjectType("form_detection_run", forms.FORM_DETECTION_RUNS, ends=True, named_in_costs=True),
        ObjectType("edit_template", forms.EDIT_TEMPLATES),
        ObjectType("evaluation_set", evaluation.EVALUATION_SETS, ("evaluation_set_item",), parts="evaluation_set_item"),
        ObjectType("evaluation_set_item", evaluation.EVALUATION_SET_ITEMS),
        ObjectType("evaluation_set_run", evaluation_runs.EVALUATION_SET_RUNS, ends=True),
        ObjectType("webhook_endpoint", webhooks.WEBHOOK_ENDPOINTS),
        ObjectType("webhook_subscription", webhooks.WEBHOOK_SUBSCRIPTIONS),
        ObjectType("batch_run", batch_runs.BATCH_RUNS, named_by={"parse_run": "batchId"}, ends=True),
    )
}
"""The object types that are fetched one by one, by name."""

SUMMED_TYPES = tuple(name for name, kind in OBJECT_TYPES.items() if "payload_sha256" in kind.table.column_names)
"""Those whose payload's sum is kept, and that are known to be gone once the API has them no longer: all but files."""

RUN_TYPES = tuple(name for name, kind in OBJECT_TYPES.items() if kind.ends)
"""Those of runs: they end, and are counted as such."""

FILE_COLUMNS: dict[str, tuple[str, ...]] = {
    name: columns
    for name, kind in OBJECT_TYPES.items()
    if name != "file" and (columns := tuple(each.name for each in kind.table.columns if each.about == "file"))
}
"""The columns with their files of those that hold nothing but what is of a file: where it is erased, they are."""


@dataclass(frozen=True)
class ListedType:
    """A type of objects of which is loaded what their list says.

    Attributes:
        name: Extend's name for it, as in ``resource_type``.
        table: the table with one row for each, of which ``id`` is the key; with ``workspace_id``, ``listed_at`` and
            ``summary_sha256``.
        children: by the member that holds them, the tables with a row for each item; with the owner's column and
            ``position``.
        has_credits: the list says what each has cost, which the ledger wants to know.
        is_sum: what it says that each has cost is a sum of what others have cost, which the ledger must not have.
        says_who_is_gone: where no such objects are fetched because of it, those that it no longer has are gone.
    """

    name: str
    table: TableSchema
    children: Mapping[str, TableSchema] = field(default_factory=dict)
    has_credits: bool = False
    is_sum: bool = False
    says_who_is_gone: bool = False


LISTED_TYPES: dict[str, ListedType] = {
    kind.name: kind
    for kind in (
        ListedType("processor_run", bookkeeping.PROCESSOR_RUN_SUMMARIES),
        ListedType("parse_run", parse_runs.PARSE_RUN_SUMMARIES, has_credits=True),
        ListedType("workflow_run", workflow_runs.WORKFLOW_RUN_SUMMARIES, is_sum=True),
        ListedType("verify_run", verify_runs.VERIFY_RUN_SUMMARIES, has_credits=True, says_who_is_gone=True),
        ListedType("file", file_summaries.FILE_SUMMARIES, says_who_is_gone=True),
        ListedType("edit_run", edit_runs.EDIT_RUN_SUMMARIES, has_credits=True),
    )
}
"""The object types that are listed, by name. Runs are compared by what has landed of the run itself."""

LISTED_TABLES: tuple[TableSchema, ...] = tuple(
    table for kind in LISTED_TYPES.values() for table in (kind.table, *kind.children.values())
)
"""The tables that lists fill."""

TABLES: dict[str, TableSchema] = {
    table.name: table
    for table in (
        schemas.PROCESSOR_RUNS,
        schemas.PROCESSOR_RUN_FILES,
        schemas.PROCESSOR_RUN_MERGED_PROCESSORS,
        schemas.FILES,
        schemas.FILE_CONTENTS,
        schemas.FILE_PAGES,
        schemas.FILE_SHEETS,
        schemas.FILE_SECTIONS,
        schemas.RUN_CONFIGS,
        schemas.RUN_CONFIG_CLASSIFICATIONS,
        schemas.RUN_CONFIG_FIELDS,
        schemas.RUN_CONFIG_PAGE_RANGES,
        schemas.EXTRACTION_FIELDS,
        schemas.EXTRACTION_CITATIONS,
        schemas.OUTPUT_INSIGHTS,
        schemas.EXTRACTION_EDITS,
        schemas.CLASSIFICATIONS,
        schemas.SPLITS,
        *parse_runs.PARSE_OUTPUT_TABLES["words"],
        workflow_runs.WORKFLOW_RUNS,
        workflow_runs.WORKFLOW_RUN_FILES,
        workflow_runs.WORKFLOW_STEP_RUNS,
        workflow_runs.WORKFLOW_STEP_RUN_FILES,
        workflow_runs.WORKFLOW_STEP_CHECKS,
        workflows.WORKFLOWS,
        workflows.WORKFLOW_VERSIONS,
        workflows.WORKFLOW_STEPS,
        workflows.WORKFLOW_STEP_LINKS,
        processors.PROCESSORS,
        processors.PROCESSOR_VERSIONS,
        *verify_runs.DETAIL_TABLES,
        edit_runs.EDIT_RUNS,
        edit_runs.EDIT_RUN_VALUES,
        forms.FORM_DETECTION_RUNS,
        forms.EDIT_TEMPLATES,
        evaluation.EVALUATION_SETS,
        evaluation.EVALUATION_SET_ITEMS,
        evaluation.EVALUATION_SET_ITEM_FILES,
        evaluation_runs.EVALUATION_SET_RUNS,
        evaluation_runs.EVALUATION_SET_RUN_METRICS,
        webhooks.WEBHOOK_ENDPOINTS,
        webhooks.WEBHOOK_SUBSCRIPTIONS,
        batch_runs.BATCH_RUNS,
        CREDIT_USAGE,
        CREDIT_ATTRIBUTIONS,
        CREDIT_CHARGES,
        *history.HISTORY_TABLES,
        bookkeeping.TYPED_COLUMNS,
        *LISTED_TABLES,
        bookkeeping.TOMBSTONES,
        bookkeeping.FETCH_ERRORS,
        bookkeeping.ERASURES,
        bookkeeping.REPLACEMENTS,
        bookkeeping.SCHEMA_DRIFT,
        bookkeeping.SYNC_LOG,
        bookkeeping.SYNC_LOG_OBJECTS,
        bookkeeping.RAW_PAYLOADS,
        bookkeeping.WEBHOOK_EVENTS,
    )
}
"""All tables by name, in the order in which the docs list them."""

TABLE_OF: dict[str, TableSchema] = {
    **{name: kind.table for name, kind in LISTED_TYPES.items()},
    **{name: kind.table for name, kind in OBJECT_TYPES.items()},
    "config": schemas.RUN_CONFIGS,
}
"""The table with one row for each of what columns are about or refer to. A config has no id at Extend."""


def tables_of(name: str) -> tuple[TableSchema, ...]:
    """Name the tables with one row for each object of a type: of the object itself, and of what its list says.

    Args:
        name: a key of `OBJECT_TYPES` or of `LISTED_TYPES`.

    Returns:
        One table, or both.
    """
    kinds = (OBJECT_TYPES.get(name), LISTED_TYPES.get(name))
    return tuple(kind.table for kind in kinds if kind is not None)


class ConfigUsers(NamedTuple):
    """The rows that name a config in ``config_id``.

    Attributes:
        object_type: the type of the objects that they belong to.
        table: the table.
        column: the column with the object's id.
    """

    object_type: str
    table: TableSchema
    column: str


CONFIG_USERS = tuple(
    ConfigUsers(table.owner.about or "", table, table.owner.name)
    for table in TABLES.values()
    if table.owner is not None and any(column.references == "config" for column in table.columns)
)
"""Who uses configs: to fetch one of these again brings its config back."""


class Rows(NamedTuple):
    """The rows of a table that name an object of one type.

    Attributes:
        table: the table.
        column: the column with the object's id.
        resource_type: the value of ``resource_type`` in these rows; None: the table has no such column.
    """

    table: TableSchema
    column: str
    resource_type: str | None = None


def rows_about(name: str) -> Iterator[Rows]:
    """Find the rows that go with objects of one type, those of typed tables left out.

    Args:
        name: a key of `TABLE_OF`.

    Yields:
        Where they are.
    """
    for table in (*TABLES.values(), bookkeeping.MIGRATED_IDS):
        for column in table.columns:
            if column.about == name:
                yield Rows(table, column.name)
            elif column.about == ANY_OBJECT and name in OBJECT_TYPES:
                yield Rows(table, column.name, name)


def rows_owned_by(name: str) -> tuple[Rows, ...]:
    """Find the rows that an object's payload gives beside the object's own row, those of typed tables left out.

    Args:
        name: a key of `TABLE_OF`.

    Returns:
        Where they are.
    """
    return tuple(
        rows
        for rows in rows_about(name)
        if not rows.table.is_book
        and rows.table is not TABLE_OF[name]
        and rows.table.owner is not None
        and rows.table.owner.name == rows.column
    )


def group_of(table: TableSchema) -> str:
    """Say what the setting `objects` calls the choice that a table belongs to; empty: it comes with all of them."""
    if table is bookkeeping.TYPED_COLUMNS:
        return "runs"
    if table.owner is None or (table.owner.about == "file" and table not in LISTED_TABLES):
        return ""
    return GROUP_OF.get(str(table.owner.about), "")
