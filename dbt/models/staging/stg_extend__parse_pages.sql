select
    parse_run_id,
    position,
    page_number,
    rotation_applied,
    rotation,
    original_width,
    original_height,
    dpi
from {{ source('extend', 'parse_pages') }}
