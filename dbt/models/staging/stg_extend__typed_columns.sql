select
    processor_id,
    path,
    data_type,
    table_name,
    column_name,
    processor_name,
    description,
    first_version_id,
    first_seen_at,
    last_version_id,
    last_seen_at,
    recorded_at
from {{ source('extend', 'typed_columns') }}
