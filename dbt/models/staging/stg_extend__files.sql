select
    id,
    object,
    name,
    type,
    page_count,
    parent_file_id,
    parent_split_id,
    parent_split_type,
    parent_split_identifier,
    parent_split_start_page,
    parent_split_end_page,
    credits,
    created_at,
    updated_at,
    fetched_at
from {{ source('extend', 'files') }}
