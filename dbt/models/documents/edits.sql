-- generated from extend_source/reports/sql/edits.sql by `make docs-write`
SELECT
  e.run_id,
  e.path,
  REGEXP_REPLACE(e.path, '\[~?[0-9]+\]', '[]', 'g') AS field,
  e.change,
  CAST(CASE WHEN e.basis = 'reported' THEN e.original_value ELSE e.initial_value END AS TEXT) AS value_before,
  CAST(CASE WHEN e.basis = 'reported' THEN e.edited_value ELSE e.reviewed_value END AS TEXT) AS value_after,
  e.notes,
  e.basis,
  e.ocr_confidence_before,
  e.logprobs_confidence_before,
  uses.file_id,
  f.name AS file_name,
  r.processor_id,
  r.processor_name,
  r.processor_version_id,
  r.url,
  r.created_at,
  r.updated_at
FROM {{ source('extend', 'extraction_edits') }} AS e
JOIN {{ source('extend', 'processor_runs') }} AS r
  ON r.id = e.run_id
LEFT JOIN {{ source('extend', 'processor_run_files') }} AS uses
  ON uses.run_id = e.run_id AND uses.position = 0
LEFT JOIN {{ source('extend', 'files') }} AS f
  ON f.id = uses.file_id
