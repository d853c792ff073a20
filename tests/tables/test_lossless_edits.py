"""Nothing that SDK 0.2.0 declares of edit runs is lost; SDK 1.20.0 has a process of its own."""

from __future__ import annotations

from extend_ai import types

from extend_source.config.settings import API_VERSION
from tests.landing import lost
from tests.sandbox.sdk_payloads import payloads


def test_every_value_of_an_edit_run_lands() -> None:
    made = payloads(types.EditRun)
    assert len(made) >= 4
    for payload in made:
        assert lost("edit_run", payload, API_VERSION) == []


def test_whatever_comes_in_the_place_of_a_member_lands() -> None:
    odd = ["a text", 12.5, [1, {"a": "b"}], {"new": "member"}, True]
    for member in ("fileId", "editedFile", "status", "config", "output", "metrics", "usage", "failureReason"):
        for value in odd:
            assert lost("edit_run", {"id": "edit_run_1", member: value}, API_VERSION) == [], (member, value)


def test_whatever_comes_in_the_place_of_an_output_of_2026_lands() -> None:
    for output in ("a text", {"filledValues": "a text", "editedFile": "another"}, {"editedFile": {"new": [7]}, "x": 2}):
        for object_type in ("edit_run", "form_detection_run"):
            payload = {"id": "edr_1", "file": ["no file"], "output": output}
            assert lost(object_type, payload, "2026-02-09") == [], output
