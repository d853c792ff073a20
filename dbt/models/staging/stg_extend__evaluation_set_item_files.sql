select
    evaluation_set_item_id,
    position,
    file_id
from {{ source('extend', 'evaluation_set_item_files') }}
