select
    workflow_run_id,
    step_position,
    position,
    kind,
    check_id,
    name,
    passed,
    valid_array,
    failure_reason,
    error,
    reasoning
from {{ source('extend', 'workflow_step_checks') }}
