-- generated from extend_source/reports/sql/credit_reconciliation.sql by `make docs-write`
WITH pairs AS (
  SELECT
    'ledger_with_runs' AS comparison,
    ledger.resource_id AS here,
    own.id AS there,
    ledger.credits AS ledger_credits,
    own.credits AS other_credits
  FROM (
    SELECT
      resource_id,
      credits
    FROM {{ ref('credit_ledger') }} AS credit_ledger
    WHERE
      kind = 'processing'
  ) AS ledger
  FULL JOIN {{ source('extend', 'processor_runs') }} AS own
    ON own.id = ledger.resource_id
  UNION ALL
  SELECT
    'ledger_with_files',
    ledger.resource_id,
    own.id,
    ledger.credits,
    own.credits
  FROM (
    SELECT
      resource_id,
      credits
    FROM {{ ref('credit_ledger') }} AS credit_ledger
    WHERE
      resource_type = 'file'
  ) AS ledger
  FULL JOIN {{ source('extend', 'files') }} AS own
    ON own.id = ledger.resource_id
  UNION ALL
  SELECT
    'ledger_with_listing',
    ledger.resource_id,
    own.id,
    ledger.credits,
    own.credits
  FROM (
    SELECT
      resource_id,
      credits
    FROM {{ ref('credit_ledger') }} AS credit_ledger
    CROSS JOIN (
      SELECT
        COUNT(*) AS number
      FROM {{ source('extend', 'processor_run_summaries') }} AS processor_run_summaries
    ) AS listed
    WHERE
      kind = 'processing' AND listed.number > 0
  ) AS ledger
  FULL JOIN {{ source('extend', 'processor_run_summaries') }} AS own
    ON own.id = ledger.resource_id
  UNION ALL
  SELECT
    'ledger_with_totals',
    ledger.run_id,
    own.id,
    ledger.credits,
    own.total_credits
  FROM (
    SELECT
      lines.run_id,
      SUM(ledger.credits) AS credits
    FROM {{ source('extend', 'credit_attributions') }} AS lines
    JOIN {{ ref('credit_ledger') }} AS ledger
      ON ledger.resource_type = lines.resource_type
      AND ledger.resource_id = lines.resource_id
    GROUP BY
      lines.run_id
  ) AS ledger
  FULL JOIN (
    SELECT
      id,
      total_credits
    FROM {{ source('extend', 'processor_runs') }} AS processor_runs
    WHERE
      NOT total_credits IS NULL
  ) AS own
    ON own.id = ledger.run_id
), named AS (
  SELECT
    comparison,
    ledger_credits,
    other_credits,
    CASE
      WHEN there IS NULL AND comparison = 'ledger_with_listing'
      THEN 'not_listed'
      WHEN there IS NULL AND comparison = 'ledger_with_runs' AND NOT listed.id IS NULL
      THEN 'not_landed'
      WHEN there IS NULL
      THEN 'ledger_only'
      WHEN here IS NULL
      THEN 'not_in_ledger'
      WHEN ledger_credits = other_credits
      OR (
        ledger_credits IS NULL AND other_credits IS NULL
      )
      THEN 'equal'
      ELSE 'figures_differ'
    END AS cause
  FROM pairs
  LEFT JOIN {{ source('extend', 'processor_run_summaries') }} AS listed
    ON listed.id = pairs.here
  WHERE
    comparison <> 'ledger_with_files' OR NOT here IS NULL OR NOT other_credits IS NULL
)
SELECT
  comparison,
  cause,
  COUNT(*) AS things,
  SUM(ledger_credits) AS ledger_credits,
  SUM(other_credits) AS other_credits,
  COALESCE(SUM(ledger_credits), 0) - COALESCE(SUM(other_credits), 0) AS gap
FROM named
GROUP BY
  comparison,
  cause
