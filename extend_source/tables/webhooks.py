"""Webhook endpoints and subscriptions: whom Extend tells what (API 2026-02-09)."""

from __future__ import annotations

from extend_source.tables.contract import Column, TableSchema
from extend_source.tables.kinds import INTEGER, JSON, TEXT, TIMESTAMP
from extend_source.tables.object_rows import AFTER, BEFORE, CREATED_BY

_CREATED_AT = Column("created_at", TIMESTAMP, "Creation.", api="createdAt")
_EVENTS = Column("enabled_events", JSON, "The types of events that it gets, as a list.", api="enabledEvents")

WEBHOOK_ENDPOINTS = TableSchema(
    name="webhook_endpoints",
    grain="webhook endpoint",
    description="Where Extend sends events to (API 2026-02-09). Headers and secrets of these requests are not kept.",
    key=("id",),
    object_name="webhook_endpoint",
    columns=(
        Column("id", TEXT, "The endpoint's id.", api="id", about="webhook_endpoint"),
        *BEFORE,
        Column("name", TEXT, "Its name.", api="name"),
        Column("url", TEXT, "Its address, without query, user and password.", api="url"),
        Column("status", TEXT, "enabled or disabled.", api="status"),
        _EVENTS,
        Column("event_api_version", TEXT, "The API version of the events that it gets.", api="apiVersion"),
        Column("payload_format", TEXT, "json, or url: a link.", api="advancedOptions.payload.format"),
        Column(
            "url_threshold_bytes",
            INTEGER,
            "Larger payloads come as a link.",
            api="advancedOptions.payload.urlThresholdBytes",
        ),
        *CREATED_BY,
        _CREATED_AT,
        *AFTER,
    ),
)

WEBHOOK_SUBSCRIPTIONS = TableSchema(
    name="webhook_subscriptions",
    grain="webhook subscription",
    description="Which endpoint gets the events of one processor or workflow (API 2026-02-09).",
    key=("id",),
    object_name="webhook_subscription",
    columns=(
        Column("id", TEXT, "The subscription's id.", api="id", about="webhook_subscription"),
        *BEFORE,
        Column(
            "webhook_endpoint_id",
            TEXT,
            "The endpoint: webhook_endpoints.id.",
            api="webhookEndpointId",
            references="webhook_endpoint",
        ),
        Column("resource_type", TEXT, "extractor, classifier, splitter or workflow.", api="resourceType"),
        Column("resource_id", TEXT, "Its id: processors.id or workflows.id.", api="resourceId"),
        _EVENTS,
        _CREATED_AT,
        *AFTER,
    ),
)
