select
    config_id,
    position,
    id,
    type,
    description,
    identifier_key
from {{ source('extend', 'run_config_classifications') }}
