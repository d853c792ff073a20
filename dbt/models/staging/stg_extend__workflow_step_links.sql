select
    workflow_version_id,
    step_position,
    position,
    target,
    classification_id,
    condition_id,
    branch_id,
    result
from {{ source('extend', 'workflow_step_links') }}
