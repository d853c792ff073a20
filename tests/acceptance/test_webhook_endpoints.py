"""Webhook endpoints and subscriptions: two small lists, of which nothing secret lands."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from extend_source import SyncResult, plan
from extend_source.api import CURRENT_VERSION
from extend_source.sandbox import SandboxServer
from extend_source.sandbox.generation_2026.webhooks import HEADER_CANARY, WEBHOOK_ENDPOINTS, WEBHOOK_SUBSCRIPTIONS
from tests.acceptance.scenes import OpenWarehouse

SETTINGS: dict[str, Any] = {"api_version": CURRENT_VERSION, "objects": ["webhooks"]}
SECRETS = {"user": "hook-user", "query": "query-5e5e", "author": "ana.lopez@sandbox.invalid", "header": HEADER_CANARY}


@pytest.fixture
def warehouse(tmp_path: Path) -> Iterator[OpenWarehouse]:
    with SandboxServer(runs=0) as server:
        first = next(iter(WEBHOOK_ENDPOINTS.objects(server.workspace).values())).payload
        url = f"https://{SECRETS['user']}:pw@hooks.sandbox.invalid/0?token={SECRETS['query']}"
        WEBHOOK_ENDPOINTS.put(server.workspace, {**first, "url": url})
        yield OpenWarehouse(server, tmp_path)


def asked(result: SyncResult) -> list[str]:
    return sorted(result.requests)


@pytest.mark.slow
def test_both_lists_land_whole_and_no_secret_does(warehouse: OpenWarehouse) -> None:
    planned = plan(warehouse.pipeline, **warehouse.settings(**SETTINGS))
    result = warehouse.sync(**SETTINGS, keep_raw=True)

    workspace = warehouse.server.workspace
    assert set(warehouse.column("webhook_endpoints", "id")) == set(WEBHOOK_ENDPOINTS.ids(workspace))
    subscriptions = {
        kept.id: (kept.payload["webhookEndpointId"], kept.payload["resourceType"], kept.payload["resourceId"])
        for kept in WEBHOOK_SUBSCRIPTIONS.objects(workspace).values()
    }
    names = ("webhook_endpoint_id", "resource_type", "resource_id")
    rows = warehouse.rows("webhook_subscriptions")
    assert {row["id"]: tuple(row[name] for name in names) for row in rows} == subscriptions
    assert set(warehouse.column("webhook_endpoints", "url")) == {
        "https://hooks.sandbox.invalid/0",
        "https://hooks.sandbox.invalid/1",
    }
    assert [cell for cell in warehouse.cells() if any(secret in str(cell) for secret in SECRETS.values())] == []
    assert result.requests == {"list_webhook_endpoints": 1, "list_webhook_subscriptions": 1}
    assert (planned.requests, planned.groups) == (2, {"webhooks": 2})


@pytest.mark.slow
def test_they_are_read_now_and_then_one_list_at_a_time(warehouse: OpenWarehouse) -> None:
    warehouse.sync(**SETTINGS)

    soon, later, last = (warehouse.sync(**SETTINGS, definitions_minutes=minutes) for minutes in (60, 0, 0))

    assert asked(soon) == []
    assert {*asked(later), *asked(last)} == {"list_webhook_endpoints", "list_webhook_subscriptions"}
    assert len(asked(later)) == len(asked(last)) == 1


@pytest.mark.slow
def test_what_has_changed_is_written_anew_and_what_is_gone_is_noted(warehouse: OpenWarehouse) -> None:
    warehouse.sync(**SETTINGS)
    workspace = warehouse.server.workspace
    first, second = (kept.payload for kept in WEBHOOK_ENDPOINTS.objects(workspace).values())
    WEBHOOK_ENDPOINTS.put(workspace, {**first, "status": "disabled"})
    WEBHOOK_ENDPOINTS.delete(workspace, second["id"])

    result = warehouse.sync(**SETTINGS, reconcile=True)

    assert (
        dict.fromkeys([first["id"]], "disabled").items()
        <= {row["id"]: row["status"] for row in warehouse.rows("webhook_endpoints")}.items()
    )
    gone = [(row["id"], row["resource_type"], row["reason"]) for row in warehouse.rows("tombstones")]
    assert gone == [(second["id"], "webhook_endpoint", "not_found")]
    assert asked(result) == ["list_webhook_endpoints", "list_webhook_subscriptions"]


def test_the_older_version_has_none(warehouse: OpenWarehouse) -> None:
    assert asked(warehouse.sync(objects=["webhooks"], reconcile=True)) == []
