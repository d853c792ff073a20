select
    run_id,
    position,
    file_id
from {{ source('extend', 'processor_run_files') }}
