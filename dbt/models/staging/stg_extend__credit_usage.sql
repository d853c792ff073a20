select
    resource_type,
    resource_id,
    credits,
    basis,
    observed_at
from {{ source('extend', 'credit_usage') }}
