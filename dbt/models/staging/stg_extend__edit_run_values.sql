select
    edit_run_id,
    path,
    path_template,
    field,
    parent_path,
    row_index,
    position,
    value_type,
    value_text,
    value_number,
    value_boolean,
    value_date
from {{ source('extend', 'edit_run_values') }}
