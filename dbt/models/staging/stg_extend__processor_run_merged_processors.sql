select
    run_id,
    position,
    processor_id,
    processor_version_id,
    processor_name
from {{ source('extend', 'processor_run_merged_processors') }}
