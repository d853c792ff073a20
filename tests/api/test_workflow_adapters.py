"""Workflows and their runs: what must not be kept of them is left out wherever it stands, and nothing else is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from extend_source.api.endpoints import CURRENT_VERSION, endpoints_for
from extend_source.config.settings import API_VERSION

OUTSIDE = {
    "url": "https://erp.test/check",
    "requestOptions": {"headers": {"X-Api-Key": "sk_customer"}, "method": "POST"},
}
CREATOR = {"type": "api_key", "name": "ana@customer.test", "email": "ana@customer.test"}


def canonical(object_type: str, payload: dict[str, Any], version: str = CURRENT_VERSION) -> dict[str, Any]:
    return endpoints_for(version, object_type, str(payload.get("id")))[0].adapt(payload)


@pytest.mark.parametrize(
    ("object_type", "payload"),
    [
        ("workflow", {"draftVersion": {"id": "v1", "steps": [{"config": OUTSIDE}]}}),
        ("workflow", {"draftVersion": {"steps": [{"config": OUTSIDE}]}}),
        ("workflow", {"draftVersion": [{"config": OUTSIDE}]}),
        ("workflow", {"deployedVersion": {"steps": [{"config": OUTSIDE, "createdBy": CREATOR}]}}),
        ("workflow_version", {"steps": {"first": {"config": OUTSIDE}}}),
        ("workflow_version", {"steps": [{"config": [OUTSIDE]}, {"config": None, **OUTSIDE}, OUTSIDE]}),
        ("workflow_version", {"steps": [{"config": {"Headers": OUTSIDE}}], "trigger": OUTSIDE}),
        ("workflow_run", {"stepRuns": [{"id": "s1", "step": {"id": "x", "config": OUTSIDE, "createdBy": CREATOR}}]}),
        ("workflow_run", {"stepRuns": [{"id": "s1", "result": {"mergedExtractors": [{"createdBy": CREATOR}]}}]}),
    ],
)
def test_headers_and_makers_of_parts_are_left_out(object_type: str, payload: dict[str, Any]) -> None:
    text = json.dumps(canonical(object_type, {"id": "o1", **payload}))

    assert "sk_customer" not in text
    assert "customer.test" not in text


def test_so_they_are_in_the_older_generation() -> None:
    step = {"id": "s1", "step": {"id": "x", "type": "EXTRACT", "config": OUTSIDE}}
    run = {
        "id": "r1",
        "workflow": {"id": "w1", "createdBy": CREATOR},
        "reviewedByUser": "bo@x.test",
        "stepRuns": [step],
    }

    made = canonical("workflow_run", run, API_VERSION)

    assert "sk_customer" not in json.dumps(made)
    assert made["workflow"] == {"id": "w1"}
    assert made["reviewedBy"] == "bo@x.test"  # which the rules of privacy know by this name
    assert "reviewedByUser" not in made


def test_a_field_of_a_document_may_be_called_headers_or_created_by() -> None:
    schema = {"properties": {"headers": {"type": "string"}, "createdBy": {"type": "string"}}}
    made = canonical("workflow_version", {"id": "v1", "steps": [{"config": {"extractorConfig": {"schema": schema}}}]})

    assert made["steps"][0]["runConfig"] == {"type": "EXTRACT", "schema": schema}


def test_what_a_customer_has_answered_stays_whole() -> None:
    answer = {"status": 200, "data": {"headers": ["a"], "createdBy": "erp"}}
    made = canonical("workflow_run", {"id": "r1", "stepRuns": [{"id": "s1", "result": {"response": answer}}]})

    assert made["stepRuns"][0]["result"] == {"response": answer}


def test_of_who_made_the_version_of_a_run_the_kind_alone_stays() -> None:
    version = {"id": "exv_1", "version": "1.0", "createdBy": CREATOR}
    run = {"id": "exr_1", "extractor": {"id": "ex_1", "createdBy": "ana@customer.test"}, "extractorVersion": version}

    made = canonical("processor_run", run)

    assert made["extractorVersion"] == {"createdBy": {"type": "api_key"}}
    assert "customer.test" not in json.dumps(made)
