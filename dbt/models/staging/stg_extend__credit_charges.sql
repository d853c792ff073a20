select
    resource_type,
    resource_id,
    position,
    product,
    unit,
    quantity,
    credits,
    pages
from {{ source('extend', 'credit_charges') }}
