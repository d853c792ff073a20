"""A workspace of five runs that have rows in every table, and what a user may do to the tables between two syncs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import Any

from dlt.pipeline.helpers import pipeline_drop

from extend_source import extend_source
from extend_source.sandbox import Workspace
from tests.acceptance.warehouse import AnyWarehouse, Row

LINES = {"dpr_1": 3, "dpr_2": 1, "dpr_3": 0}
"""The lines of the invoices, by run."""

SCHEMA = {
    "type": "object",
    "properties": {
        "vendor": {"type": "string"},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}}}},
    },
}

WHEN = {"sync_log": None, "replacements": None, "tombstones": "detected_at", "typed_columns": None}
"""Columns that say when something was noticed, by table; None: none, or all of the table is about that."""


def invoice(run_id: str, lines: int, file_id: str) -> dict[str, Any]:
    """An extraction of some lines from a file of two pages, reviewed, with a key that no table knows."""
    value = {"vendor": "", "lines": [{"sku": f"{run_id}-{number}"} for number in range(lines)]}
    initial = {"vendor": "ACME", "lines": value["lines"]}
    metadata = {
        "vendor": {"citations": [{"page": 1}], "insights": [{"type": "issue", "content": "?"}]},
    }
    pages = [{"pageNumber": 1, "rawText": "one"}, {"pageNumber": 2, "rawText": "two"}]
    contents = {"rawText": "one two", "pages": pages, "sheets": [{"sheetName": "a", "rawText": "b"}]}
    return {
        "object": "document_processor_run",
        "id": run_id,
        "processorId": "dp_invoices",
        "processorName": "Invoices",
        "processorVersionId": "dpv_1",
        "status": "PROCESSED",
        "type": "EXTRACT",
        "reviewed": True,
        "config": {
            "type": "EXTRACT",
            "schema": SCHEMA,
            "advancedOptions": {"pageRanges": [{"start": 1, "end": 2}]},
        },
        "output": {"value": value, "metadata": metadata},
        "initialOutput": {"value": initial, "metadata": {}},
        "reviewedOutput": {"value": value, "metadata": metadata},
        "files": [{"object": "file", "id": file_id, "name": "a.pdf", "contents": contents, "usage": {"credits": 2}}],
        "mergedProcessors": [{"processorId": "dp_other"}],
        "usage": {"credits": 3},
        "surprise": True,
    }


def fill(workspace: Workspace) -> None:
    """Put the five runs into a workspace: three invoices, two of them of one file, a classification and a split."""
    for run_id, lines in LINES.items():
        workspace.put_run(invoice(run_id, lines, "file_1" if run_id != "dpr_3" else "file_3"))
    classes = [{"id": "c1", "type": "invoice", "description": "Invoices"}]
    workspace.put_run(
        {
            "id": "dpr_4",
            "type": "CLASSIFY",
            "status": "PROCESSED",
            "processorId": "dp_classes",
            "config": {"type": "CLASSIFY", "classifications": classes},
            "output": {"id": "c1", "type": "invoice", "confidence": 0.9},
        }
    )
    workspace.put_run(
        {
            "id": "dpr_5",
            "type": "SPLITTER",
            "status": "PROCESSED",
            "processorId": "dp_splits",
            "config": {"type": "SPLITTER", "splitClassifications": classes},
            "output": {"splits": [{"id": "s1", "type": "invoice", "startPage": 1, "endPage": 2}]},
        }
    )


def contents(warehouse: AnyWarehouse) -> dict[str, list[Row]]:
    """All rows of all tables that a sync can bring back, without what says when and by which load they were written."""
    found = warehouse.snapshot()
    for name, column in WHEN.items():
        for row in found.get(name, ()) if column else ():
            row.pop(column)
    return found


def refresh(mode: Any, *resources: str) -> Callable[[AnyWarehouse], None]:
    """Load some resources, or all, through plain dlt in one of its modes of refresh."""

    def act(warehouse: AnyWarehouse) -> None:
        source = extend_source(**warehouse.settings())
        warehouse.pipeline.run(source.with_resources(*resources) if resources else source, refresh=mode)

    return act


def drop_resources(*names: str) -> Callable[[AnyWarehouse], None]:
    """Drop resources by dlt's own command; without names all of them."""

    def act(warehouse: AnyWarehouse) -> None:
        pipeline_drop(warehouse.pipeline, resources=names, drop_all=not names)()

    return act


def execute(sql: str) -> Callable[[AnyWarehouse], None]:
    """Change the destination behind the pipeline's back."""
    return lambda warehouse: warehouse.execute(sql)


def delete_working_folder(warehouse: AnyWarehouse) -> None:
    """Lose all that dlt keeps on this machine."""
    shutil.rmtree(warehouse.pipelines)
