"""Webhook endpoints, and their subscriptions to one definition each."""

from __future__ import annotations

from collections.abc import Iterator

from extend_source.sandbox.clock import rfc3339
from extend_source.sandbox.generation_2026.kept_objects import Collection, equals, moments
from extend_source.sandbox.generation_2026.kinds import KIND_OF, definition_id
from extend_source.sandbox.records import KeptObject
from extend_source.sandbox.seeding import make_id, rng_for
from extend_source.sandbox.workspace import Workspace

STATUSES = ("enabled", "disabled")

HEADER_CANARY = "Bearer sandbox-webhook-header-secret"
"""The value of a header that customers set: it must land nowhere."""


def _endpoints(workspace: Workspace) -> Iterator[KeptObject]:
    for number, status in enumerate(STATUSES):
        created, _ = moments(workspace, 40 + number)
        options = {
            "headers": {"Authorization": HEADER_CANARY},
            "payload": {"format": "url", "urlThresholdBytes": 65536},
        }
        payload = {
            "object": "webhook_endpoint",
            "id": _endpoint_id(workspace, number),
            "url": f"https://hooks.sandbox.invalid/{number}",
            "name": f"Hook {number + 1}",
            "status": status,
            "enabledEvents": ["extract_run.processed", "extract_run.failed", "parse_run.processed"],
            "apiVersion": "2026-02-09",
            "advancedOptions": options if number == 0 else None,
            "createdAt": rfc3339(created),
            "createdBy": {"type": "user", "email": "ana.lopez@sandbox.invalid"} if number == 0 else None,
        }
        yield KeptObject(payload, created, created)


def _subscriptions(workspace: Workspace) -> Iterator[KeptObject]:
    for number, processor in enumerate(workspace.processors.values()):
        created, _ = moments(workspace, 30 + number)
        kind = KIND_OF[processor.type]
        payload = {
            "object": "webhook_subscription",
            "id": make_id("whes", rng_for(workspace.seed, "webhook subscription", number)),
            "webhookEndpointId": _endpoint_id(workspace, number % len(STATUSES)),
            "resourceType": kind.definition,
            "resourceId": definition_id(kind, processor.id),
            "enabledEvents": [f"{kind.run}.processed", f"{kind.run}.failed"],
            "createdAt": rfc3339(created),
        }
        yield KeptObject(payload, created, created)


def _endpoint_id(workspace: Workspace, number: int) -> str:
    return make_id("wh", rng_for(workspace.seed, "webhook endpoint", number))


WEBHOOK_ENDPOINTS = Collection(
    "webhook_endpoints",
    "webhook_endpoint",
    _endpoints,
    filters={"status": equals("status")},
    choices={"status": STATUSES},
    has_sort_by=False,
)
WEBHOOK_SUBSCRIPTIONS = Collection(
    "webhook_subscriptions",
    "webhook_subscription",
    _subscriptions,
    filters={"webhookEndpointId": equals("webhookEndpointId"), "resourceId": equals("resourceId")},
    has_sort_by=False,
)
