select
    run_id,
    stage,
    classification_id,
    type,
    confidence
from {{ source('extend', 'classifications') }}
