select
    file_id,
    position,
    sheet_name,
    raw_text
from {{ source('extend', 'file_sheets') }}
