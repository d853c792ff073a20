select
    file_id,
    raw_text,
    markdown,
    fetched_at
from {{ source('extend', 'file_contents') }}
