"""Members of another type than the API has promised: nothing of them is lost, and nothing stops a load."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extend_source.api import CURRENT_VERSION, lists_of
from extend_source.tables import Flattener
from tests.landing import lost, lost_of_list
from tests.tables.flat import NOW, rows_of

GOLDEN = Path(__file__).parent.parent / "golden"
ODD = ["odd", 7, {"odd": "member"}, ["odd", 7], [{"odd": "member"}]]
NOT_KEPT = {"webhook_endpoint": {"url", "signingSecret"}}
"""What may be secret, whatever it looks like."""


def golden(object_type: str) -> dict[str, Any]:
    payload = json.loads((GOLDEN / f"{object_type}.2026-02-09.json").read_bytes())["payload"]
    return {key: value for key, value in payload.items() if key not in NOT_KEPT.get(object_type, ())}


def oddities(payload: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the payload with another value in the place of each member of its own, and of each within these."""
    for key, value in payload.items():
        if key == "id":
            continue
        yield from ({**payload, key: odd} for odd in ODD)
        if isinstance(value, dict):
            yield from ({**payload, key: inner} for inner in oddities(value))
        if isinstance(value, list) and value and isinstance(value[0], dict):
            yield from ({**payload, key: [inner, *value[1:]]} for inner in oddities(value[0]))


@pytest.mark.slow
@pytest.mark.parametrize("object_type", ["verify_run", "webhook_endpoint", "webhook_subscription", "batch_run"])
def test_odd_members_of_an_object_land(object_type: str) -> None:
    for payload in oddities(golden(object_type)):
        before = copy.deepcopy(payload)
        missing = lost(object_type, payload, CURRENT_VERSION)
        left_out = [place for place in missing if "breakdown" not in place and "headers" not in place]
        assert left_out == [], payload
        assert payload == before


@pytest.mark.slow
def test_odd_members_of_a_row_of_the_list_of_verify_runs_land() -> None:
    run = golden("verify_run")
    summary = {key: value for key, value in run.items() if key not in ("output", "file")} | {"riskLevel": "HIGH"}
    for payload in oddities(summary):
        missing = lost_of_list("verify_run", payload, CURRENT_VERSION)
        assert [place for place in missing if "breakdown" not in place] == [], payload


@pytest.mark.parametrize("file", ["odd", 7, [], ["odd"], {}, {"id": 7, "name": ["odd"]}])
def test_an_odd_file_of_a_verify_run_stops_nothing(file: Any) -> None:
    flattener = Flattener()
    adapt = lists_of(CURRENT_VERSION, "verify_run")[0].adapt_summary

    flattener.add_summary("verify_run", adapt({"id": "vr_1", "file": file}), None, NOW)

    assert [row["id"] for row in rows_of(flattener)["verify_run_summaries"]] == ["vr_1"]
    assert lost("verify_run", {"id": "vr_1", "file": file}, CURRENT_VERSION) == []


def test_the_costs_that_a_list_tells_are_lines_of_the_ledger_and_sums_are_none() -> None:
    flattener = Flattener()
    line = {"object": "parse_run", "id": "pr_1", "credits": 8}
    usage = {"credits": 10, "totalCredits": 18, "breakdown": [line, "odd"]}

    flattener.add_summary("verify_run", {"id": "vr_1", "usage": usage}, None, NOW)

    tables = rows_of(flattener)
    ledger = {(row["resource_type"], row["resource_id"]): row["credits"] for row in tables["credit_usage"]}
    assert ledger == {("verify_run", "vr_1"): 10, ("parse_run", "pr_1"): 8}
    assert [row["extra"] for row in tables["verify_run_summaries"]] == ['{"usage":{"breakdown":["odd"]}}']
