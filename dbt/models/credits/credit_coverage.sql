-- generated from extend_source/reports/sql/credit_coverage.sql by `make docs-write`
WITH charges AS (
  SELECT DISTINCT
    resource_type,
    resource_id
  FROM {{ source('extend', 'credit_charges') }} AS credit_charges
)
SELECT
  CAST(DATE_TRUNC('MONTH', CAST(ledger.spent_on AS DATE)) AS DATE) AS month,
  kind,
  COUNT(*) AS things,
  COUNT(ledger.credits) AS reported,
  SUM(CASE WHEN usage = 'pending' THEN 1 ELSE 0 END) AS pending,
  SUM(CASE WHEN usage = 'not_reported' THEN 1 ELSE 0 END) AS not_reported,
  ROUND(
    CAST(COUNT(ledger.credits) AS DECIMAL(18, 6)) / NULLIF(SUM(CASE WHEN usage <> 'pending' THEN 1 ELSE 0 END), 0),
    4
  ) AS share_known,
  SUM(ledger.credits) AS credits,
  COUNT(runs.total_credits) AS totals,
  COUNT(charges.resource_id) AS charged
FROM {{ ref('credit_ledger') }} AS ledger
LEFT JOIN {{ source('extend', 'processor_runs') }} AS runs
  ON runs.id = CASE WHEN ledger.resource_type = 'processor_run' THEN ledger.resource_id END
LEFT JOIN charges
  ON charges.resource_type = ledger.resource_type
  AND charges.resource_id = ledger.resource_id
GROUP BY
  CAST(DATE_TRUNC('MONTH', CAST(ledger.spent_on AS DATE)) AS DATE),
  kind
