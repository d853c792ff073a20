select
    config_id,
    path,
    position,
    field_id,
    name,
    value_type,
    extend_type,
    nullable,
    description,
    enum_values
from {{ source('extend', 'run_config_fields') }}
