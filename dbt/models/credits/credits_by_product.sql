-- generated from extend_source/reports/sql/credits_by_product.sql by `make docs-write`
WITH charged AS (
  SELECT
    resource_type,
    resource_id,
    SUM(credits) AS credits
  FROM {{ source('extend', 'credit_charges') }} AS credit_charges
  GROUP BY
    resource_type,
    resource_id
), parts AS (
  SELECT
    ledger.spent_on,
    ledger.processor_id,
    ledger.processor_name,
    charges.product,
    charges.unit,
    1 AS charges,
    charges.quantity,
    charges.credits
  FROM {{ ref('credit_ledger') }} AS ledger
  JOIN {{ source('extend', 'credit_charges') }} AS charges
    ON charges.resource_type = ledger.resource_type
    AND charges.resource_id = ledger.resource_id
  WHERE
    NOT ledger.credits IS NULL
  UNION ALL
  SELECT
    ledger.spent_on,
    ledger.processor_id,
    ledger.processor_name,
    NULL,
    NULL,
    0,
    NULL,
    ledger.credits - COALESCE(charged.credits, 0)
  FROM {{ ref('credit_ledger') }} AS ledger
  LEFT JOIN charged
    ON charged.resource_type = ledger.resource_type
    AND charged.resource_id = ledger.resource_id
  WHERE
    ledger.credits IS NULL
    OR charged.credits IS NULL
    OR ledger.credits <> charged.credits
)
SELECT
  spent_on,
  processor_id,
  MAX(processor_name) AS processor_name,
  product,
  unit,
  CAST(SUM(charges) AS BIGINT) AS charges,
  SUM(quantity) AS quantity,
  SUM(credits) AS credits,
  CASE WHEN unit = 'page' AND COUNT(quantity) = COUNT(*) THEN SUM(quantity) END AS pages
FROM parts
GROUP BY
  spent_on,
  processor_id,
  product,
  unit
