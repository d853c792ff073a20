select
    run_id,
    resource_type,
    resource_id,
    credits
from {{ source('extend', 'credit_attributions') }}
