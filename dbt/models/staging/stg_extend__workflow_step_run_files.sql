select
    workflow_run_id,
    step_position,
    position,
    file_id
from {{ source('extend', 'workflow_step_run_files') }}
