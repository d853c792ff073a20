select
    workflow_run_id,
    position,
    id,
    step_type,
    step_id,
    step_name,
    status,
    result_object,
    result_id,
    valid,
    matched_branch_id,
    matched_branch_name,
    merged_processors,
    response_status,
    response_data
from {{ source('extend', 'workflow_step_runs') }}
