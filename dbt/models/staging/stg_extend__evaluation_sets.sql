select
    id,
    object,
    api_version,
    workspace_id,
    name,
    description,
    processor_id,
    processor_name,
    processor_type,
    created_by_type,
    created_by_email,
    created_by_name,
    created_at,
    updated_at,
    fetched_at,
    loaded_tables
from {{ source('extend', 'evaluation_sets') }}
