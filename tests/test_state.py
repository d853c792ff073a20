"""The state: small, per choice of filters and tables, and never believed against reason."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from extend_source.config.settings import ExtendSettings
from extend_source.ingest.state import MAX_POSITIONS, Position, Scope, SyncState, scope_of

NOW = datetime(2026, 2, 1, tzinfo=timezone.utc)
EARLIER = NOW - timedelta(hours=2, microseconds=123)
SCOPE = Scope({"base_url": "https://api.extend.ai"})
POSITION = Position(EARLIER, "1795.1", None, EARLIER - timedelta(hours=1))

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["2099-01-01T00:00:00Z"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=12), inner, max_size=3),
    max_leaves=6,
)


def test_a_position_is_read_as_it_was_written() -> None:
    values: dict[str, Any] = {}
    SyncState(values).advance(SCOPE, POSITION)

    assert SyncState(json.loads(json.dumps(values))).position(SCOPE, None, NOW) == POSITION


def test_another_scope_has_no_position() -> None:
    values: dict[str, Any] = {}
    SyncState(values).advance(SCOPE, POSITION)

    assert SyncState(values).position(Scope({"base_url": "https://elsewhere"}), None, NOW) == Position()


@pytest.mark.parametrize(
    ("start", "found"),
    [(None, False), (EARLIER - timedelta(days=2), False), (EARLIER - timedelta(days=1), True), (EARLIER, True)],
)
def test_a_watermark_that_left_out_what_is_asked_for_now_is_not_used(start: datetime | None, found: bool) -> None:
    values: dict[str, Any] = {}
    position = Position(EARLIER, "1795.1", EARLIER - timedelta(days=1), EARLIER)
    SyncState(values).advance(SCOPE, position)

    assert SyncState(values).position(SCOPE, start, NOW) == (position if found else Position())


def test_a_watermark_from_the_future_is_not_believed() -> None:
    values: dict[str, Any] = {}
    SyncState(values).advance(SCOPE, Position(datetime(2099, 1, 1, tzinfo=timezone.utc), "1795.1", None, EARLIER))

    assert SyncState(values).position(SCOPE, None, NOW) == Position()


@given(json_values)
def test_garbage_is_no_position(garbage: Any) -> None:
    assert SyncState({"positions": garbage}).position(SCOPE, None, NOW) == Position()


@given(st.fixed_dictionaries({"watermark": json_values, "load_id": json_values, "start": json_values}))
def test_a_damaged_entry_gives_no_watermark_in_the_future(entry: dict[str, Any]) -> None:
    position = SyncState({"positions": {SCOPE.key: entry}}).position(SCOPE, None, NOW)

    assert position.watermark is None or position.watermark <= NOW + timedelta(hours=1)


def test_only_the_scopes_used_last_are_remembered() -> None:
    values: dict[str, Any] = {}
    scopes = [Scope({"processor_ids": [f"dp_{number}"]}) for number in range(MAX_POSITIONS + 3)]
    for scope in [*scopes, scopes[4]]:
        SyncState(values).advance(scope, Position(EARLIER, "1795123456.7890123", EARLIER, EARLIER))

    remembered = [scope for scope in scopes if SyncState(values).position(scope, EARLIER, NOW).watermark]
    assert remembered == scopes[3:]
    assert [*values["positions"]][-1] == scopes[4].key
    assert len(json.dumps(values)) < 2048


def test_a_scope_is_what_a_watermark_holds_for() -> None:
    def key(tables: str | None = None, **settings: Any) -> str:
        return scope_of(ExtendSettings(api_key="sk_x", **settings), tables).key

    assert key() == key(start_date="2026-01-01") == key(base_url="https://api.extend.ai/")
    assert key(processor_ids=["a", "b"]) == key(processor_ids=["b", "a", "b"])
    different = {key(), key("files"), key(workspace_id="ws_1"), key(statuses=["FAILED"]), key(run_sources=["API"])}
    assert len(different) == 5
