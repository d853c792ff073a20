select
    workflow_version_id,
    position,
    type,
    name,
    processor_id,
    processor_version,
    config_id,
    config
from {{ source('extend', 'workflow_steps') }}
