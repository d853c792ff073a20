select
    file_id,
    position,
    page_number,
    page_width,
    page_height,
    raw_text,
    markdown,
    html
from {{ source('extend', 'file_pages') }}
