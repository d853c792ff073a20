select
    evaluation_set_run_id,
    position,
    scope,
    subject,
    metric,
    value
from {{ source('extend', 'evaluation_set_run_metrics') }}
