"""A few runs and what becomes of them, step by step, and the rows that every destination must show after each step."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

from extend_source.sandbox import SandboxServer

INVOICE, LETTER, BUNDLE = "dpr_invoice", "dpr_letter", "dpr_bundle"

_LINE = {"type": "object", "properties": {"sku": {"type": "string"}, "price": {"type": "number"}}}
_SCHEMA = {
    "type": "object",
    "properties": {
        "number": {"type": "string"},
        "total": {"type": "integer"},
        "paid": {"type": "boolean"},
        "issued": {"type": "string", "extend:type": "date"},
        "lines": {"type": "array", "items": _LINE},
    },
}
_VALUE = {
    "number": "Ä-1 📦",
    "total": 12,
    "paid": True,
    "issued": "2026-01-31",
    "lines": [{"sku": "a", "price": 1.5}, {"sku": "b", "price": 10.5}],
}
_METADATA = {"total": {"ocrConfidence": 0.75, "citations": [{"page": 1, "referenceText": "Total: 12"}]}}
_PAGES = [{"pageNumber": 1, "rawText": "first"}, {"pageNumber": 2, "rawText": "second"}]
_FILE = {
    "object": "file",
    "id": "file_1",
    "name": "it's one.pdf",
    "type": "PDF",
    "metadata": {"pageCount": 2},
    "usage": {"credits": 0.25},
    "contents": {"rawText": "first second", "pages": _PAGES},
}


def invoice(**more: Any) -> dict[str, Any]:
    """An extraction."""
    output = {"value": deepcopy(_VALUE), "metadata": _METADATA}
    return {
        "object": "document_processor_run",
        "id": INVOICE,
        "type": "EXTRACT",
        "status": "PROCESSED",
        "processorId": "dp_invoices",
        "processorVersionId": "dpv_1",
        "processorName": "Invoices",
        "config": {"type": "EXTRACT", "schema": _SCHEMA},
        "output": output,
        "files": [_FILE],
        "usage": {"credits": 2},
        **more,
    }


def letter(kind: str = "letter") -> dict[str, Any]:
    """A classification."""
    return {
        "object": "document_processor_run",
        "id": LETTER,
        "type": "CLASSIFY",
        "status": "PROCESSED",
        "processorId": "dp_kinds",
        "config": {"type": "CLASSIFY"},
        "output": {"id": kind, "type": kind, "confidence": 0.5},
        "usage": {"credits": 1},
    }


def bundle(*identifiers: str) -> dict[str, Any]:
    """A split."""
    splits = [
        {"classificationId": "c", "type": "part", "identifier": name, "startPage": page, "endPage": page}
        for page, name in enumerate(identifiers, 1)
    ]
    return {
        "object": "document_processor_run",
        "id": BUNDLE,
        "type": "SPLITTER",
        "status": "PROCESSED",
        "processorId": "dp_parts",
        "config": {"type": "SPLITTER"},
        "output": {"splits": splits},
        "usage": {"credits": 3},
    }


def put(server: SandboxServer, *runs: dict[str, Any]) -> None:
    """Serve runs; the listing shows that they have changed."""
    for run in runs:
        server.workspace.advance(60)
        server.workspace.put_run(run, created_at=server.workspace.now)


def put_first(server: SandboxServer) -> None:
    """The runs as they are at first."""
    put(server, invoice(), letter(), bundle("a", "b", "c"))


def shrink(server: SandboxServer) -> None:
    """A line, a split and all citations go; another class."""
    value = {**_VALUE, "lines": _VALUE["lines"][:1]}  # type: ignore[index]
    put(server, invoice(output={"value": value, "metadata": {}}), letter("reminder"), bundle("a"))


def review(server: SandboxServer) -> None:
    """Somebody corrects the total, and adds a note."""
    initial = {"value": deepcopy(_VALUE), "metadata": {}}
    reviewed = {"value": {**_VALUE, "total": 13}, "metadata": {}}
    edits = {"total": {"originalValue": 12, "editedValue": 13, "notes": "a typo"}}
    parts = {"output": reviewed, "initialOutput": initial, "reviewedOutput": reviewed, "edits": edits}
    put(server, invoice(reviewed=True, edited=True, **parts))


def retype(server: SandboxServer) -> None:
    """A new version of the processor has texts for totals, and nothing else."""
    schema = {"type": "object", "properties": {"total": {"type": "string"}}}
    output = {"value": {"total": "twelve"}, "metadata": {}}
    config = {"type": "EXTRACT", "schema": schema}
    put(server, invoice(processorVersionId="dpv_2", config=config, output=output, files=[]))


def delete(server: SandboxServer) -> None:
    """The letter goes."""
    server.workspace.advance(60)
    server.workspace.delete_run(LETTER)


STEPS: tuple[tuple[str, Callable[[SandboxServer], None], dict[str, Any]], ...] = (
    ("first load", put_first, {}),
    ("reload", lambda server: None, {"refresh": True}),
    ("shrunk", shrink, {}),
    ("by id", put_first, {"run_ids": [INVOICE, LETTER, BUNDLE], "refresh": True}),
    ("reviewed", review, {}),
    ("retyped", retype, {}),
    ("deleted", delete, {"reconcile": True}),
)
"""What each step is called, what happens at the source, and how the sync after it is asked for."""

COLUMNS = {
    "processor_runs": ("id", "status", "type", "credits", "reviewed", "output_format"),
    "extraction_fields": ("run_id", "path", "value_text", "value_number", "value_boolean", "value_date"),
    "extraction_citations": ("run_id", "path", "position", "page", "reference_text"),
    "extraction_edits": ("run_id", "path", "original_value", "edited_value", "notes"),
    "classifications": ("run_id", "stage", "type", "confidence"),
    "splits": ("run_id", "stage", "position", "identifier", "start_page"),
    "processor_run_files": ("run_id", "position", "file_id"),
    "files": ("id", "name", "page_count", "credits"),
    "file_pages": ("file_id", "position", "raw_text"),
    "credit_usage": ("resource_type", "resource_id", "credits", "basis"),
    "extraction_invoices": ("run_id", "number", "total", "paid", "issued"),
    "extraction_invoices__lines": ("run_id", "row_path", "sku", "price"),
}
"""The columns that are compared, by table."""

_LINES = {
    "extraction_fields": {
        (INVOICE, "lines[0].price", "1.5", 1.5, None, None),
        (INVOICE, "lines[0].sku", "a", None, None, None),
    },
    "extraction_invoices__lines": {(INVOICE, "lines[0]", "a", 1.5)},
}
_MORE_LINES = {
    "extraction_fields": {
        *_LINES["extraction_fields"],
        (INVOICE, "lines[1].price", "10.5", 10.5, None, None),
        (INVOICE, "lines[1].sku", "b", None, None, None),
    },
    "extraction_invoices__lines": {*_LINES["extraction_invoices__lines"], (INVOICE, "lines[1]", "b", 10.5)},
}
_UNTOUCHED = {
    (INVOICE, "number", "Ä-1 📦", None, None, None),
    (INVOICE, "paid", "true", None, True, None),
    (INVOICE, "issued", "2026-01-31", None, None, "2026-01-31"),
}
_TOTAL = (INVOICE, "total", "12", 12.0, None, None)
_AT_FIRST = {
    "processor_runs": {
        (INVOICE, "PROCESSED", "EXTRACT", 2.0, None, "schema"),
        (LETTER, "PROCESSED", "CLASSIFY", 1.0, None, "classification"),
        (BUNDLE, "PROCESSED", "SPLITTER", 3.0, None, "splits"),
    },
    "extraction_fields": {*_MORE_LINES["extraction_fields"], *_UNTOUCHED, _TOTAL},
    "extraction_citations": {(INVOICE, "total", 0, 1, "Total: 12")},
    "extraction_edits": set(),
    "classifications": {(LETTER, "final", "letter", 0.5)},
    "splits": {(BUNDLE, "final", 0, "a", 1), (BUNDLE, "final", 1, "b", 2), (BUNDLE, "final", 2, "c", 3)},
    "processor_run_files": {(INVOICE, 0, "file_1")},
    "files": {("file_1", "it's one.pdf", 2, 0.25)},
    "file_pages": {("file_1", 0, "first"), ("file_1", 1, "second")},
    "credit_usage": {
        ("file", "file_1", 0.25, "parsing"),
        ("processor_run", INVOICE, 2.0, "processing"),
        ("processor_run", LETTER, 1.0, "processing"),
        ("processor_run", BUNDLE, 3.0, "processing"),
    },
    "extraction_invoices": {(INVOICE, "Ä-1 📦", 12, True, "2026-01-31")},
    "extraction_invoices__lines": _MORE_LINES["extraction_invoices__lines"],
}
_SHRUNK = {
    **_AT_FIRST,
    "extraction_fields": {*_LINES["extraction_fields"], *_UNTOUCHED, _TOTAL},
    "extraction_invoices__lines": _LINES["extraction_invoices__lines"],
    "extraction_citations": set(),
    "classifications": {(LETTER, "final", "reminder", 0.5)},
    "splits": {(BUNDLE, "final", 0, "a", 1)},
}
_REVIEWED = {
    **_AT_FIRST,
    "processor_runs": {
        (INVOICE, "PROCESSED", "EXTRACT", 2.0, True, "schema"),
        (LETTER, "PROCESSED", "CLASSIFY", 1.0, None, "classification"),
        (BUNDLE, "PROCESSED", "SPLITTER", 3.0, None, "splits"),
    },
    "extraction_fields": {
        *(_MORE_LINES["extraction_fields"] | _UNTOUCHED),
        (INVOICE, "total", "13", 13.0, None, None),
    },
    "extraction_citations": set(),
    "extraction_edits": {(INVOICE, "total", "12", "13", "a typo")},
    "extraction_invoices": {(INVOICE, "Ä-1 📦", 13, True, "2026-01-31")},
}
_RETYPED = {
    **_AT_FIRST,
    "extraction_fields": {(INVOICE, "total", "twelve", None, None, None)},
    "extraction_citations": set(),
    "processor_run_files": set(),
    "extraction_invoices": {(INVOICE, None, None, None, None)},
    "extraction_invoices__lines": set(),
}

EXPECTED: dict[str, dict[str, set[tuple[Any, ...]]]] = {
    "first load": _AT_FIRST,
    "reload": _AT_FIRST,
    "shrunk": _SHRUNK,
    "by id": _AT_FIRST,
    "reviewed": _REVIEWED,
    "retyped": _RETYPED,
    "deleted": _RETYPED,
}
"""The rows after each step, on every destination: numbers as floats or ints, dates as text."""

BOOK_COLUMNS = {
    "processor_run_summaries": ("id", "status"),
    "tombstones": ("id", "reason"),
    "typed_columns": ("table_name", "path", "data_type", "column_name"),
}
"""The columns of tables that say what was listed, is gone and was named."""

BOOKS_AT_FIRST: dict[str, set[tuple[Any, ...]]] = {
    "processor_run_summaries": {(INVOICE, "PROCESSED"), (LETTER, "PROCESSED"), (BUNDLE, "PROCESSED")},
    "tombstones": set(),
    "typed_columns": {
        ("extraction_invoices", "$", "table", None),
        ("extraction_invoices", "number", "text", "number"),
        ("extraction_invoices", "total", "bigint", "total"),
        ("extraction_invoices", "paid", "bool", "paid"),
        ("extraction_invoices", "issued", "date", "issued"),
        ("extraction_invoices__lines", "lines[]", "table", None),
        ("extraction_invoices__lines", "lines[].sku", "text", "sku"),
        ("extraction_invoices__lines", "lines[].price", "double", "price"),
    },
}
BOOKS_AT_LAST = {
    **BOOKS_AT_FIRST,
    "tombstones": {(LETTER, "not_found")},
    "typed_columns": {*BOOKS_AT_FIRST["typed_columns"], ("extraction_invoices", "total", "text", "total__text")},
}
