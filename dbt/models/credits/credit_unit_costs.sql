-- generated from extend_source/reports/sql/credit_unit_costs.sql by `make docs-write`
WITH reviewed_runs AS (
  SELECT
    id
  FROM {{ source('extend', 'processor_runs') }} AS processor_runs
  WHERE
    reviewed
    AND type = 'EXTRACT'
    AND (
      loaded_tables IS NULL
      OR (
        (
          loaded_tables LIKE 'standard%' OR loaded_tables LIKE '%extraction_fields%'
        )
        AND (
          loaded_tables LIKE 'standard%' OR loaded_tables LIKE '%extraction_edits%'
        )
        AND loaded_tables NOT LIKE '%-extraction_fields%'
        AND loaded_tables NOT LIKE '%-extraction_edits%'
      )
    )
), changes AS (
  SELECT
    run_id,
    path
  FROM {{ source('extend', 'extraction_edits') }} AS extraction_edits
  WHERE
    change <> 'formatted'
), reviewed AS (
  SELECT
    runs.id AS run_id,
    SUM(CASE WHEN NOT fields.path IS NULL AND changes.path IS NULL THEN 1 ELSE 0 END) AS accepted_fields
  FROM reviewed_runs AS runs
  LEFT JOIN {{ source('extend', 'extraction_fields') }} AS fields
    ON fields.run_id = runs.id
    AND fields.path <> '$'
    AND NOT fields.value_type IN ('object', 'array', 'null', 'absent')
  LEFT JOIN changes
    ON changes.run_id = fields.run_id AND changes.path = fields.path
  GROUP BY
    runs.id
), runs AS (
  SELECT
    ledger.*,
    reviewed.accepted_fields
  FROM {{ ref('credit_ledger') }} AS ledger
  LEFT JOIN reviewed
    ON reviewed.run_id = ledger.resource_id
  WHERE
    ledger.kind = 'processing' AND ledger.status = 'PROCESSED'
), sums AS (
  SELECT
    processor_id,
    processor_version_id,
    MAX(processor_name) AS processor_name,
    MAX(processor_type) AS processor_type,
    MIN(spent_on) AS first_used_on,
    COUNT(*) AS runs,
    COUNT(credits) AS runs_known,
    SUM(credits) AS credits,
    SUM(CASE WHEN NOT credits IS NULL THEN pages END) AS pages,
    SUM(CASE WHEN pages > 0 THEN credits END) AS credits_of_pages,
    SUM(CASE WHEN NOT credits IS NULL THEN accepted_fields END) AS accepted_fields,
    SUM(CASE WHEN NOT accepted_fields IS NULL THEN credits END) AS credits_of_reviewed
  FROM runs
  GROUP BY
    processor_id,
    processor_version_id
)
SELECT
  processor_id,
  processor_name,
  processor_type,
  processor_version_id,
  first_used_on,
  runs,
  runs_known,
  credits,
  ROUND(CAST(credits AS DECIMAL(28, 8)) / NULLIF(runs_known, 0), 4) AS credits_per_document,
  CAST(pages AS BIGINT) AS pages,
  ROUND(CAST(credits_of_pages AS DECIMAL(28, 8)) / NULLIF(CAST(pages AS BIGINT), 0), 4) AS credits_per_page,
  ROUND(
    CAST(credits_of_pages AS DECIMAL(28, 8)) / NULLIF(CAST(credits AS DECIMAL(28, 8)), 0),
    4
  ) AS share_by_page,
  CAST(accepted_fields AS BIGINT) AS accepted_fields,
  ROUND(
    CAST(credits_of_reviewed AS DECIMAL(28, 8)) / NULLIF(CAST(accepted_fields AS BIGINT), 0),
    4
  ) AS credits_per_accepted_field
FROM sums
