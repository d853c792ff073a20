select
    file_id,
    position,
    start_page,
    end_page,
    markdown
from {{ source('extend', 'file_sections') }}
