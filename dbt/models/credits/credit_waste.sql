-- generated from extend_source/reports/sql/credit_waste.sql by `make docs-write`
WITH good AS (
  SELECT
    id,
    parse_run_id
  FROM {{ source('extend', 'processor_runs') }} AS processor_runs
  WHERE
    NOT status IN ('FAILED', 'CANCELLED')
), served AS (
  SELECT
    'file' AS resource_type,
    uses.file_id AS resource_id
  FROM {{ source('extend', 'processor_run_files') }} AS uses
  JOIN good
    ON good.id = uses.run_id
  WHERE
    good.parse_run_id IS NULL
  UNION
  SELECT
    'parse_run',
    parse_run_id
  FROM good
  WHERE
    NOT parse_run_id IS NULL
  UNION
  SELECT
    lines.resource_type,
    lines.resource_id
  FROM {{ source('extend', 'credit_attributions') }} AS lines
  JOIN good
    ON good.id = lines.run_id
), processed AS (
  SELECT
    *
  FROM {{ ref('credit_ledger') }} AS credit_ledger
  WHERE
    kind = 'processing'
    AND status = 'PROCESSED'
    AND NOT file_id IS NULL
    AND NOT processor_version_id IS NULL
), first_times AS (
  SELECT
    file_id,
    processor_version_id,
    MIN(spent_at) AS spent_at
  FROM processed
  GROUP BY
    file_id,
    processor_version_id
  HAVING
    COUNT(*) > 1
), firsts AS (
  SELECT
    processed.file_id,
    processed.processor_version_id,
    MIN(processed.resource_id) AS run_id
  FROM processed
  JOIN first_times
    ON first_times.file_id = processed.file_id
    AND first_times.processor_version_id = processed.processor_version_id
    AND first_times.spent_at = processed.spent_at
  GROUP BY
    processed.file_id,
    processed.processor_version_id
), waste AS (
  SELECT
    resource_type,
    resource_id,
    credits,
    spent_on,
    run_id,
    processor_id,
    processor_name,
    processor_version_id,
    CASE WHEN status = 'FAILED' THEN 'failed_run' ELSE 'cancelled_run' END AS reason,
    NULL AS first_run_id
  FROM {{ ref('credit_ledger') }} AS credit_ledger
  WHERE
    kind = 'processing' AND status IN ('FAILED', 'CANCELLED')
  UNION ALL
  SELECT
    ledger.resource_type,
    ledger.resource_id,
    ledger.credits,
    ledger.spent_on,
    ledger.run_id,
    ledger.processor_id,
    ledger.processor_name,
    ledger.processor_version_id,
    'parsed_in_vain',
    NULL
  FROM {{ ref('credit_ledger') }} AS ledger
  LEFT JOIN served
    ON served.resource_type = ledger.resource_type
    AND served.resource_id = ledger.resource_id
  LEFT JOIN served AS files
    ON files.resource_type = 'file' AND files.resource_id = ledger.file_id
  WHERE
    ledger.kind = 'parsing'
    AND NOT ledger.run_id IS NULL
    AND served.resource_id IS NULL
    AND files.resource_id IS NULL
  UNION ALL
  SELECT
    p.resource_type,
    p.resource_id,
    p.credits,
    p.spent_on,
    p.run_id,
    p.processor_id,
    p.processor_name,
    p.processor_version_id,
    'processed_again',
    firsts.run_id
  FROM processed AS p
  JOIN firsts
    ON firsts.file_id = p.file_id
    AND firsts.processor_version_id = p.processor_version_id
  WHERE
    p.resource_id <> firsts.run_id
)
SELECT
  waste.resource_type,
  waste.resource_id,
  waste.reason,
  waste.credits,
  waste.spent_on,
  waste.run_id,
  waste.first_run_id,
  waste.processor_id,
  waste.processor_name,
  waste.processor_version_id,
  runs.failure_reason
FROM waste
LEFT JOIN (
  SELECT
    id,
    failure_reason
  FROM {{ source('extend', 'processor_runs') }} AS processor_runs
  WHERE
    NOT failure_reason IS NULL
) AS runs
  ON runs.id = waste.run_id
