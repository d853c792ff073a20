select
    run_id,
    stage,
    position,
    split_id,
    type,
    classification_id,
    identifier,
    observation,
    name,
    start_page,
    end_page,
    file_id
from {{ source('extend', 'splits') }}
