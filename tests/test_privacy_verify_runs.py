"""What verify runs have found quotes the document: it is hidden with the document's fields. Makers of webhooks are people."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION, lists_of
from extend_source.text.json_codec import decode_json
from tests.test_privacy import rules

GOLDEN = Path(__file__).parent / "golden"


def golden(object_type: str) -> dict[str, Any]:
    """The object of a golden file as the client hands it on."""
    payload = decode_json((GOLDEN / f"{object_type}.2026-02-09.json").read_bytes())["payload"]
    return lists_of(CURRENT_VERSION, object_type)[0].adapt(payload)


def test_without_rules_a_verify_run_stays_as_it_is() -> None:
    run = golden("verify_run")
    assert rules().clean("verify_run", run) == run


@pytest.mark.parametrize("privacy", [{"fields": {"iban": "mask"}}, {"default": "drop"}], ids=str)
def test_where_fields_are_hidden_the_kinds_and_risks_of_signals_stay_alone(privacy: dict[str, Any]) -> None:
    run = golden("verify_run")
    before = copy.deepcopy(run)

    clean = rules(**privacy).clean("verify_run", run)

    assert clean["output"] == {
        "riskLevel": "HIGH",
        "summary": None,
        "signals": [
            {
                "id": "vs_masked",
                "type": "PDF_LAYERS_TEXT_AND_FORMS",
                "riskAssessment": {"type": "LEVEL", "level": "HIGH"},
                "summary": None,
                "evidence": [
                    {"evidenceId": "pdf.mask:001", "type": "structural_pattern", "data": None, "locations": None},
                    {
                        "evidenceId": "pdf.mask:002",
                        "type": "model_prediction",
                        "data": None,
                        "locations": None,
                        "score": None,
                    },
                ],
            },
            {
                "id": "vs_sums",
                "type": "FINANCIAL_RECONCILIATION_AND_SEQUENCE_CONTINUITY",
                "riskAssessment": {"type": "LEVEL", "level": "MEDIUM"},
                "summary": None,
                "evidence": [],
            },
        ],
    }
    assert clean["reviewer"] is None
    assert run == before
    assert rules(**privacy).clean("verify_run", clean) == clean


@pytest.mark.parametrize(
    ("output", "left"),
    [
        ("DE89", None),
        (["DE89"], None),
        (None, None),
        ({"signals": "DE89"}, {"signals": None}),
        ({"signals": ["DE89"]}, {"signals": None}),
        ({"signals": [{"evidence": {"iban": "DE89"}}]}, {"signals": [{"evidence": None}]}),
        ({"iban": "DE89"}, {"iban": None}),
    ],
)
def test_what_cannot_be_placed_is_hidden(output: Any, left: Any) -> None:
    run = {"id": "vr_1", "output": output, "file": "DE89"}
    assert rules(fields={"iban": "drop"}).clean("verify_run", run) == {"id": "vr_1", "output": left, "file": None}


def test_who_made_a_webhook_endpoint_is_dropped_unless_a_rule_keeps_it() -> None:
    endpoint = golden("webhook_endpoint")
    kept = {"webhook_endpoints.created_by_email": "keep", "webhook_endpoints.created_by_name": "keep"}

    assert rules().clean("webhook_endpoint", endpoint)["createdBy"] == {"type": "user"}
    assert rules(columns=kept).clean("webhook_endpoint", endpoint)["createdBy"] == endpoint["createdBy"]


def test_the_address_of_a_webhook_endpoint_can_be_left_out() -> None:
    clean = rules(columns={"webhook_endpoints.url": "drop"}).clean("webhook_endpoint", golden("webhook_endpoint"))
    assert "url" not in clean
