select
    id,
    object,
    api_version,
    workspace_id,
    type,
    name,
    created_at,
    updated_at,
    fetched_at,
    loaded_tables
from {{ source('extend', 'processors') }}
