select
    config_id,
    scope,
    position,
    range_start,
    range_end
from {{ source('extend', 'run_config_page_ranges') }}
