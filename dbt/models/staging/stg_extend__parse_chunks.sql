select
    parse_run_id,
    position,
    type,
    start_page,
    end_page,
    content,
    min_ocr_confidence,
    avg_ocr_confidence,
    block_count
from {{ source('extend', 'parse_chunks') }}
