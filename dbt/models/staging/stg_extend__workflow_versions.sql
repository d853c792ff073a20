select
    id,
    object,
    api_version,
    workspace_id,
    workflow_id,
    version,
    is_draft,
    name,
    created_by_type,
    created_by_email,
    created_by_name,
    created_at,
    updated_at,
    fetched_at,
    loaded_tables
from {{ source('extend', 'workflow_versions') }}
