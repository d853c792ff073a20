"""Nothing that the API sends is lost, whatever it is, and nothing secret is kept."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from extend_source.api import CURRENT_VERSION, lists_of
from extend_source.tables import TABLES, Flattener, Origin
from tests.leaves import missing_leaves
from tests.tables.flat import NOW, Rows, cells, flatten, is_marker, rows_of
from tests.tables.payloads import DOCUMENTS, KEYS, METADATA_KEYS, SIGNATURE, current_runs, parse_runs, runs

pytestmark = pytest.mark.slow

TYPE_OF = {"extract_run": "EXTRACT", "classify_run": "CLASSIFY", "split_run": "SPLITTER"}

SAMPLE = Path(__file__).parent.parent / "samples" / "get-processor-run.2025-04-21.json"


def assert_unique_keys(tables: dict[str, Rows]) -> None:
    """The rows of each table have a key of their own, of which no part is missing."""
    for name, rows in tables.items():
        keys = [tuple(row[column] for column in TABLES[name].key) for row in rows]
        assert len(set(keys)) == len(keys), name
        assert None not in {part for key in keys for part in key}, name


def assert_no_signature(tables: dict[str, Rows]) -> None:
    """No part of a signed URL has landed."""
    assert SIGNATURE not in json.dumps(list(cells(tables)), default=str)


def without_markers(tables: dict[str, Rows]) -> dict[str, Rows]:
    return {name: [row for row in rows if not is_marker(name, row)] for name, rows in tables.items()}


@settings(max_examples=200)
@given(run=runs())
def test_every_leaf_of_any_payload_lands_under_a_key_of_its_own_and_every_owned_table_is_marked(
    run: dict[str, Any],
) -> None:
    tables = flatten(run, markers=True)

    assert missing_leaves(run, cells(without_markers(tables))) == []
    assert_no_signature(tables)
    assert_unique_keys(tables)
    owned = {name for name, table in TABLES.items() if table.replaced_by == "run_id"}
    assert tables["credit_attributions"] == []  # runs of API 2025-04-21 never have any
    for name in owned - {"credit_attributions"}:
        assert [row["run_id"] for row in tables[name] if is_marker(name, row)] == ["dpr_1"], name


LEFT_TO_OTHERS = re.compile(
    r"\.(extractor|classifier|splitter)(\.(object|createdAt|updatedAt)|Version\.(object|description|createdAt|createdBy)).*"
    r"|\.usage\.breakdown\[\d+\]\.object"
)
"""What a run of API 2026-02-09 says of its processor, which is no part of the run, and what the ledger calls a run."""


@settings(max_examples=150)
@given(run=current_runs())
def test_every_leaf_of_any_payload_of_2026_lands_under_a_key_of_its_own(run: dict[str, Any]) -> None:
    wire = deepcopy(run)

    tables = flatten(canonical_of(run), markers=True)

    landed = cells(without_markers(tables))
    missing = [place for place, _ in missing_leaves(wire, landed) if not LEFT_TO_OTHERS.fullmatch(place)]
    assert missing == []
    assert_no_signature(tables)
    assert_unique_keys(tables)
    assert [row["run_id"] for row in tables["credit_attributions"] if is_marker("credit_attributions", row)] == [
        "dpr_1"
    ]


OF_PARSE_RUNS = re.compile(
    r"(?s)\.output\.chunks\[\d+\](\.blocks\[\d+\](\.children\[\d+\])*)?\.(object|details\.type).*"
    r"|\.usage\.breakdown\[\d+\]\.object"
)
"""What the API calls chunks, blocks and their details, which their tables say."""


def is_beyond_a_double(leaf: Any) -> bool:
    """Tell whether a column of numbers, such as the width of a page, may round a leaf."""
    return isinstance(leaf, int | Decimal) and abs(leaf) > 2**53


@settings(max_examples=150)
@given(run=parse_runs())
def test_every_leaf_of_any_parse_run_lands_in_some_column(run: dict[str, Any]) -> None:
    wire = deepcopy(run)
    endpoint = lists_of(CURRENT_VERSION, "parse_run")[0]
    flattener = Flattener()

    flattener.add("parse_run", endpoint.adapt(run), Origin(CURRENT_VERSION, "ws_1", NOW))

    tables = rows_of(flattener, markers=True)
    missing = [
        place
        for place, leaf in missing_leaves(wire, cells(without_markers(tables)))
        if not OF_PARSE_RUNS.fullmatch(place) and not is_beyond_a_double(leaf)
    ]
    assert missing == []
    assert_no_signature(tables)
    assert_unique_keys(tables)
    owned = {name for name, table in TABLES.items() if table.replaced_by == "parse_run_id"}
    assert [name for name in owned if sum(is_marker(name, row) for row in tables[name]) != 1] == []


def canonical_of(run: dict[str, Any]) -> dict[str, Any]:
    """A payload as the client hands it on."""
    endpoint = next(
        each for each in lists_of(CURRENT_VERSION, "processor_run") if each.run_type == TYPE_OF[run["object"]]
    )
    return endpoint.adapt(run)


@settings(max_examples=150)
@given(
    value=st.dictionaries(KEYS, DOCUMENTS, max_size=4),
    metadata=st.dictionaries(METADATA_KEYS, st.fixed_dictionaries({"ocrConfidence": st.floats(0, 1)}), max_size=4),
)
def test_each_metadata_entry_lands_exactly_once(value: dict[str, Any], metadata: dict[str, Any]) -> None:
    run = {"id": "dpr_1", "type": "EXTRACT", "config": {"schema": {}}, "output": {"value": value, "metadata": metadata}}

    rows = flatten(run)["extraction_fields"]

    landed = sorted(row["ocr_confidence"] for row in rows if row["ocr_confidence"] is not None)
    assert landed == sorted(entry["ocrConfidence"] for entry in metadata.values())


@settings(max_examples=150)
@given(value=st.dictionaries(KEYS, DOCUMENTS, min_size=1, max_size=4))
def test_a_document_can_be_rebuilt_from_its_rows(value: dict[str, Any]) -> None:
    run = {"id": "dpr_1", "type": "EXTRACT", "config": {"schema": {}}, "output": {"value": value}}

    rows = flatten(run)["extraction_fields"]

    assert rebuild(rows) == value


def test_every_leaf_of_the_published_sample_lands_in_some_column() -> None:
    run = json.loads(SAMPLE.read_text())["processorRun"]

    assert missing_leaves(run, cells(flatten(run))) == []


def test_the_search_for_missing_leaves_can_fail() -> None:
    run = json.loads(SAMPLE.read_text())["processorRun"]
    tables = flatten(run)
    tables["file_sheets"] = []

    assert missing_leaves(run, cells(tables)) == [
        (".files[0].contents.sheets[0].sheetName", "Sheet1"),
        (".files[0].contents.sheets[0].rawText", "This is the raw text of the sheet."),
    ]


def rebuild(rows: list[dict[str, Any]]) -> Any:
    """Build a document from its rows of `extraction_fields`: an independent reading of the path grammar."""
    document: dict[str, Any] = {}
    for row in sorted(rows, key=lambda row: row["position"]):
        target: Any = document
        steps = parse_path(row["path"])
        for step, following in zip(steps, [*steps[1:], None], strict=True):
            made: Any = scalar(row) if following is None else ([] if isinstance(following, int) else {})
            if isinstance(step, int):
                if len(target) == step:
                    target.append(made)
                target = target[step]
            else:
                target = target.setdefault(step, made)
    return document


def scalar(row: dict[str, Any]) -> Any:
    """The JSON value of a row."""
    text = row["value_text"]
    return {
        "string": lambda: text,
        "integer": lambda: int(text),
        "number": lambda: Decimal(text),
        "boolean": lambda: text == "true",
        "null": lambda: None,
        "object": dict,
        "array": list,
    }[row["value_type"]]()


def parse_path(path: str) -> list[str | int]:
    """Read a path: keys joined by dots, [n] for array items, ["..."] for quoted keys."""
    steps: list[str | int] = []
    rest = path
    while rest:
        if rest.startswith('["'):
            key, end = json.JSONDecoder().raw_decode(rest[1:])
            steps.append(key)
            rest = rest[end + 2 :]
        elif rest.startswith("["):
            end = rest.index("]")
            steps.append(int(rest[1:end]))
            rest = rest[end + 1 :]
        else:
            rest = rest.removeprefix(".")
            end = min((rest.index(stop) for stop in ".[" if stop in rest), default=len(rest))
            steps.append(rest[:end])
            rest = rest[end:]
    return steps


def test_charges_that_are_no_list_stay_with_their_line() -> None:
    line = {"object": "parse_run", "id": "pr_1", "credits": 2, "charges": "none so far"}
    run = {"id": "dpr_1", "config": {"type": "CLASSIFY"}, "files": [], "usage": {"credits": 1, "breakdown": [line]}}

    tables = flatten(run)

    (row,) = tables["processor_runs"]
    assert json.loads(row["extra"]) == {"usage": {"breakdown": [line]}}
    assert [(row["resource_id"], row["credits"]) for row in tables["credit_attributions"]] == [("pr_1", 2)]
    assert tables["credit_charges"] == []
