select
    workflow_run_id,
    position,
    file_id
from {{ source('extend', 'workflow_run_files') }}
