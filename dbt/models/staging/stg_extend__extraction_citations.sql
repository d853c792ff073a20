select
    run_id,
    path,
    position,
    page,
    reference_text,
    page_width,
    page_height,
    polygon,
    box_left,
    box_top,
    box_right,
    box_bottom,
    cell_range,
    file_id,
    reference_id,
    reference_field_name
from {{ source('extend', 'extraction_citations') }}
