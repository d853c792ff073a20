"""Privacy rules and forms: what was filled in is hidden as the fields of any document, and so is what callers say of it."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION
from extend_source.api.endpoints import endpoints_for
from extend_source.tables import Flattener, Origin
from extend_source.text.json_codec import decode_json, encode_json
from tests.tables.flat import NOW, rows_of
from tests.test_privacy import CANARY, rules

GOLDEN = Path(__file__).parent / "golden"
TABLES = {
    "edit_run": "edit_runs",
    "form_detection_run": "form_detection_runs",
    "edit_template": "edit_templates",
}


def payload_of(object_type: str) -> dict[str, Any]:
    """The object of the golden file as the client hands it on."""
    payload = decode_json((GOLDEN / f"{object_type}.2026-02-09.json").read_bytes())["payload"]
    return endpoints_for(CURRENT_VERSION, object_type, payload["id"])[0].adapt(payload)


def landed(object_type: str, payload: dict[str, Any], **privacy: Any) -> dict[str, list[dict[str, Any]]]:
    flattener = Flattener(privacy=rules(**privacy), keep_raw=True)
    flattener.add(object_type, payload, Origin(CURRENT_VERSION, None, NOW))
    return rows_of(flattener)


@pytest.mark.parametrize(("action", "shown"), [("mask", ["***"]), ("drop", [])])
def test_a_hidden_field_is_hidden_where_it_was_filled_in_and_the_others_stay(action: str, shown: list[str]) -> None:
    tables = landed("edit_run", payload_of("edit_run"), fields={"tenant": action, "pets[].name": action})

    values = {row["path"]: row["value_text"] for row in tables["edit_run_values"]}
    assert [text for path, text in values.items() if path == "tenant"] == shown
    assert (values["rent"], values["starts_on"]) == ("1250.25", "2026-04-01")
    assert "Ada Reyes" not in str(tables)
    assert "Tom" not in str(tables)


def test_where_a_field_is_hidden_nothing_is_left_of_what_the_caller_asked_to_be_filled_in() -> None:
    payload = payload_of("edit_run")
    payload["config"] |= {"instructions": CANARY, "schemaGenerationInstructions": CANARY, "schema": {CANARY: CANARY}}
    payload |= {"outputNews": {"new": CANARY}, "new": CANARY}
    payload["file"]["new"] = CANARY
    before, compiled = copy.deepcopy(payload), rules({"iban": "mask"})

    clean = compiled.clean("edit_run", payload)

    assert payload == before
    assert CANARY not in encode_json(clean)
    assert encode_json(compiled.clean("edit_run", clean)) == encode_json(clean)
    (row,) = landed("edit_run", payload, fields={"iban": "mask"})["edit_runs"]
    assert (row["engine_version"], row["flatten_pdf"], row["credits"]) == ("2.1.0", False, 6)
    assert (row["instructions"], row["form_schema"]) == (None, None)


@pytest.mark.parametrize("object_type", ["form_detection_run", "edit_template"])
def test_where_a_field_is_hidden_nothing_is_left_of_the_words_of_the_form(object_type: str) -> None:
    payload = payload_of(object_type)
    payload["config"] |= dict.fromkeys(("instructions", "schema", "inputSchema", "new"), CANARY)
    payload |= {"schemaConfig": {"instructions": CANARY, "inputSchema": {"type": CANARY}}, "new": CANARY}
    if "output" in payload:
        payload["output"] = {"schema": {"properties": {CANARY: {}}}, "mappingResult": {"matches": [CANARY]}}

    tables = landed(object_type, payload, fields={"iban": "hash"})

    assert len(tables[TABLES[object_type]]) == 1
    assert CANARY not in str(tables)


@pytest.mark.parametrize("object_type", list(TABLES))
def test_without_a_rule_all_of_it_lands(object_type: str) -> None:
    payload = payload_of(object_type)
    assert rules().clean(object_type, payload) == payload


def test_rules_for_fields_note_that_they_were_met_in_what_was_filled_in() -> None:
    compiled = rules({"tenant": "mask", "iban": "mask"})

    compiled.clean("edit_run", payload_of("edit_run"))

    assert [each.rule for each in compiled.usage.unmatched()] == ["iban"]
