-- generated from extend_source/reports/sql/final_splits.sql by `make docs-write`
SELECT
  s.run_id,
  s.position,
  s.type,
  s.identifier,
  s.name,
  s.start_page,
  s.end_page,
  s.end_page - s.start_page + 1 AS pages,
  s.file_id,
  part.name AS file_name,
  uses.file_id AS document_id,
  whole.name AS document_name,
  r.processor_id,
  r.processor_name,
  r.processor_version_id,
  r.reviewed,
  r.edited,
  r.url,
  r.created_at,
  r.updated_at
FROM {{ source('extend', 'splits') }} AS s
JOIN {{ source('extend', 'processor_runs') }} AS r
  ON r.id = s.run_id
LEFT JOIN {{ source('extend', 'processor_run_files') }} AS uses
  ON uses.run_id = s.run_id AND uses.position = 0
LEFT JOIN {{ source('extend', 'files') }} AS whole
  ON whole.id = uses.file_id
LEFT JOIN {{ source('extend', 'files') }} AS part
  ON part.id = s.file_id
WHERE
  s.stage = 'final'
