select
    id,
    object,
    api_version,
    workspace_id,
    evaluation_set_id,
    expected_output,
    created_by_type,
    created_by_email,
    created_by_name,
    fetched_at,
    loaded_tables
from {{ source('extend', 'evaluation_set_items') }}
