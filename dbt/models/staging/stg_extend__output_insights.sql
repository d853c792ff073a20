select
    run_id,
    stage,
    path,
    position,
    type,
    content
from {{ source('extend', 'output_insights') }}
