select
    id,
    object,
    api_version,
    workspace_id,
    webhook_endpoint_id,
    resource_type,
    resource_id,
    enabled_events,
    created_at,
    fetched_at,
    loaded_tables
from {{ source('extend', 'webhook_subscriptions') }}
