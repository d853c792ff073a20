-- generated from extend_source/reports/sql/final_classifications.sql by `make docs-write`
SELECT
  c.run_id,
  c.type AS class,
  c.confidence,
  COALESCE(initial.type, c.type) AS first_class,
  COALESCE(initial.confidence, c.confidence) AS first_confidence,
  CASE WHEN r.reviewed THEN COALESCE(initial.type, c.type) <> c.type END AS corrected,
  uses.file_id,
  f.name AS file_name,
  r.processor_id,
  r.processor_name,
  r.processor_version_id,
  r.reviewed,
  r.url,
  r.created_at,
  r.updated_at
FROM {{ source('extend', 'classifications') }} AS c
JOIN {{ source('extend', 'processor_runs') }} AS r
  ON r.id = c.run_id
LEFT JOIN {{ source('extend', 'classifications') }} AS initial
  ON initial.run_id = c.run_id AND initial.stage = 'initial'
LEFT JOIN {{ source('extend', 'processor_run_files') }} AS uses
  ON uses.run_id = c.run_id AND uses.position = 0
LEFT JOIN {{ source('extend', 'files') }} AS f
  ON f.id = uses.file_id
WHERE
  c.stage = 'final'
