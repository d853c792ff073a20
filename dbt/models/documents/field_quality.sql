-- generated from extend_source/reports/sql/field_quality.sql by `make docs-write`
WITH runs AS (
  SELECT
    id,
    processor_name,
    COALESCE(processor_id, '') AS processor_id,
    COALESCE(processor_version_id, '') AS version_id,
    COALESCE(reviewed, FALSE) AS reviewed
  FROM {{ source('extend', 'processor_runs') }} AS processor_runs
  WHERE
    status = 'PROCESSED' AND output_format IN ('schema', 'fields')
), versions AS (
  SELECT
    processor_id,
    version_id,
    MAX(processor_name COLLATE "C") AS processor_name,
    COUNT(*) AS runs,
    SUM(CASE WHEN reviewed THEN 1 ELSE 0 END) AS runs_reviewed
  FROM runs
  GROUP BY
    processor_id,
    version_id
), changes AS (
  SELECT
    run_id,
    path,
    COALESCE(initial_value, original_value, reviewed_value, edited_value) AS example
  FROM {{ source('extend', 'extraction_edits') }} AS extraction_edits
  WHERE
    change <> 'formatted'
), cells AS (
  SELECT
    r.processor_id,
    r.version_id,
    f.path_template AS field,
    1 AS present,
    CASE
      WHEN f.value_type IN ('integer', 'number', 'boolean')
      OR (
        f.value_type = 'string' AND f.value_text <> ''
      )
      THEN 1
      ELSE 0
    END AS filled,
    CASE WHEN f.ocr_confidence BETWEEN -1 AND 2 THEN f.ocr_confidence END AS ocr_confidence,
    CASE WHEN f.logprobs_confidence BETWEEN -1 AND 2 THEN f.logprobs_confidence END AS logprobs_confidence,
    CASE WHEN r.reviewed THEN 1 ELSE 0 END AS seen,
    CASE WHEN r.reviewed AND NOT c.path IS NULL THEN 1 ELSE 0 END AS wrong
  FROM runs AS r
  JOIN {{ source('extend', 'extraction_fields') }} AS f
    ON f.run_id = r.id
  LEFT JOIN changes AS c
    ON c.run_id = f.run_id AND c.path = f.path
  WHERE
    NOT f.value_type IN ('object', 'array') AND f.path <> '$'
  UNION ALL
  SELECT
    r.processor_id,
    r.version_id,
    REGEXP_REPLACE(c.path, '\[~?[0-9]+\]', '[]', 'g') AS field,
    0 AS present,
    0 AS filled,
    NULL AS ocr_confidence,
    NULL AS logprobs_confidence,
    1 AS seen,
    1 AS wrong
  FROM runs AS r
  JOIN changes AS c
    ON c.run_id = r.id
  LEFT JOIN {{ source('extend', 'extraction_fields') }} AS f
    ON f.run_id = c.run_id AND f.path = c.path
  WHERE
    r.reviewed
    AND f.path IS NULL
    AND c.path <> '$'
    AND NOT LEFT(CAST(c.example AS TEXT), 1) IN ('{', '[')
), fields AS (
  SELECT
    processor_id,
    version_id,
    field,
    SUM(present) AS cells,
    SUM(filled) AS filled,
    AVG(ocr_confidence) AS ocr_confidence,
    AVG(logprobs_confidence) AS logprobs_confidence,
    SUM(seen) AS seen,
    SUM(wrong) AS wrong
  FROM cells
  GROUP BY
    processor_id,
    version_id,
    field
)
SELECT
  f.processor_id,
  v.processor_name,
  f.version_id AS processor_version_id,
  f.field,
  v.runs,
  CAST(v.runs_reviewed AS BIGINT) AS runs_reviewed,
  CAST(f.cells AS BIGINT) AS cells,
  CAST(f.filled AS BIGINT) AS filled,
  ROUND(CAST(CAST(f.filled AS DOUBLE PRECISION) / NULLIF(f.cells, 0) AS DECIMAL(18, 9)), 4) AS fill_rate,
  ROUND(CAST(f.ocr_confidence AS DECIMAL(18, 9)), 4) AS ocr_confidence,
  ROUND(CAST(f.logprobs_confidence AS DECIMAL(18, 9)), 4) AS logprobs_confidence,
  CAST(f.seen AS BIGINT) AS cells_reviewed,
  CAST(f.wrong AS BIGINT) AS wrong,
  ROUND(
    CAST(1 - CAST(f.wrong AS DOUBLE PRECISION) / NULLIF(f.seen, 0) AS DECIMAL(18, 9)),
    4
  ) AS accuracy
FROM fields AS f
JOIN versions AS v
  ON v.processor_id = f.processor_id AND v.version_id = f.version_id
