"""Privacy rules and what parse runs have read: hidden before anything else is done with it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION, lists_of
from extend_source.tables import Flattener, Origin
from extend_source.text.json_codec import decode_json, encode_json
from tests.tables.flat import NOW, rows_of
from tests.test_privacy import CANARY, rules

GOLDEN = Path(__file__).parent / "golden" / "parse_run.2026-02-09.json"
KNOWN = {"page", "heading", "table", "table_head", "figure", "barcode", "formula"}


@pytest.fixture
def run() -> dict[str, Any]:
    """The parse run of the golden file as the client hands it on."""
    payload = decode_json(GOLDEN.read_bytes())["payload"]
    return lists_of(CURRENT_VERSION, "parse_run")[0].adapt(payload)


def with_canaries(value: Any) -> Any:
    """The same value with the canary in each text, and under an unknown key of each object."""
    if isinstance(value, dict):
        return {**{key: with_canaries(item) for key, item in value.items()}, "new": CANARY}
    if isinstance(value, list):
        return [with_canaries(item) for item in value]
    return CANARY if isinstance(value, str) and value not in KNOWN else value


def landed(run: dict[str, Any], **privacy: Any) -> dict[str, list[dict[str, Any]]]:
    flattener = Flattener(privacy=rules(**privacy), keep_raw=True)
    flattener.add("parse_run", run, Origin(CURRENT_VERSION, None, NOW))
    return rows_of(flattener)


@pytest.mark.parametrize("action", ["hash", "mask", "drop"])
def test_where_a_field_is_hidden_no_text_of_the_document_is_left(run: dict[str, Any], action: str) -> None:
    run["output"] = {key: with_canaries(value) for key, value in run["output"].items()} | {"new": CANARY}
    run["output"]["metadata"] |= {"originalMimeType": "image/jpeg", "finalMimeType": "application/pdf"}
    before, compiled = copy.deepcopy(run), rules({"iban": action})

    clean = compiled.clean("parse_run", run)
    tables = landed(run, fields={"iban": action})

    assert run == before
    assert CANARY not in encode_json(clean)
    assert encode_json(compiled.clean("parse_run", clean)) == encode_json(clean)
    assert CANARY not in str(tables)
    assert {name: len(tables[name]) for name in ("parse_runs", "parse_pages", "parse_chunks", "parse_words")} == {
        "parse_runs": 1,
        "parse_pages": 2,
        "parse_chunks": 0,
        "parse_words": 0,
    }


def test_where_a_field_is_hidden_sizes_the_config_and_credits_are_kept(run: dict[str, Any]) -> None:
    tables, plain = landed(run, fields={"iban": "mask"}), landed(run, columns={"parse_lines.content": "mask"})

    for name in ("parse_pages", "run_configs", "credit_usage", "credit_charges", "files"):
        assert tables[name] == plain[name] != [], name


def test_where_a_field_is_hidden_it_is_still_known_what_a_run_has_started_and_what_that_cost() -> None:
    charges = [{"product": "parse_light", "unit": "page", "quantity": 2, "credits": 1, "new": CANARY}]
    line = {"object": "parse_run", "id": "pr_1", "credits": 1, "charges": charges, "new": CANARY}
    run = {"object": "extract_run", "id": "exr_1", "type": "EXTRACT", "usage": {"credits": 2, "breakdown": [line]}}
    flattener = Flattener(privacy=rules({"iban": "mask"}))

    flattener.add("processor_run", run, Origin(CURRENT_VERSION, None, NOW))

    tables = rows_of(flattener)
    assert [(row["resource_id"], row["credits"]) for row in tables["credit_attributions"]] == [("pr_1", 1)]
    assert [(row["resource_id"], row["product"]) for row in tables["credit_charges"]] == [("pr_1", "parse_light")]
    assert CANARY not in str(tables)


def test_rules_for_columns_hold_for_each_table_and_for_the_payload(run: dict[str, Any]) -> None:
    columns = {
        "parse_chunks.content": "mask",
        "parse_blocks.content": "drop",
        "parse_blocks.decoded_value": "mask",
        "parse_words.content": "hash",
        "parse_runs.metadata": "drop",
        "files.name": "mask",
    }

    tables = landed(run, fields={}, columns=columns)

    assert [row["content"] for row in tables["parse_chunks"]] == ["***", "***"]
    assert {row["content"] for row in tables["parse_blocks"]} == {None}
    assert [row["decoded_value"] for row in tables["parse_blocks"] if row["decoded_value"]] == ["***"]
    assert [row["content"][:5] for row in tables["parse_words"]] == ["hash:"]
    assert [row["content"] for row in tables["parse_lines"]] == ["Letter"]
    assert [row["metadata"] for row in tables["parse_runs"]] == [None]
    assert [row["name"] for row in tables["files"]] == ["***"]
    (raw,) = tables["raw_payloads"]
    for text in ("# Letter\\n", "sku | price", "4006381333931", "c-17", "letter.jpg"):
        assert text not in raw["payload"], text
