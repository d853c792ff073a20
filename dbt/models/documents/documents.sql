-- generated from extend_source/reports/sql/documents.sql by `make docs-write`
WITH newest_workflow_runs AS (
  SELECT
    s.id,
    s.workflow_id,
    s.workflow_name,
    s.status,
    s.started_at,
    s.ended_at,
    s.reviewed_at,
    s.created_at
  FROM {{ source('extend', 'workflow_run_summaries') }} AS s
  LEFT JOIN {{ source('extend', 'workflow_runs') }} AS r
    ON r.id = s.id
  WHERE
    r.id IS NULL OR COALESCE(s.listed_at > r.fetched_at, FALSE)
  UNION ALL
  SELECT
    r.id,
    r.workflow_id,
    r.workflow_name,
    r.status,
    r.started_at,
    r.ended_at,
    r.reviewed_at,
    r.created_at
  FROM {{ source('extend', 'workflow_runs') }} AS r
  LEFT JOIN {{ source('extend', 'workflow_run_summaries') }} AS s
    ON s.id = r.id
  WHERE
    NOT COALESCE(s.listed_at > r.fetched_at, FALSE)
), made AS (
  SELECT
    s.result_id AS run_id,
    s.workflow_run_id,
    w.workflow_id,
    w.workflow_name,
    w.status,
    ROW_NUMBER() OVER (PARTITION BY s.result_id ORDER BY w.created_at, s.workflow_run_id COLLATE "C") AS place
  FROM {{ source('extend', 'workflow_step_runs') }} AS s
  LEFT JOIN newest_workflow_runs AS w
    ON w.id = s.workflow_run_id
  WHERE
    NOT s.result_id IS NULL
), classified AS (
  SELECT
    c.run_id,
    c.type AS class,
    uses.file_id,
    ROW_NUMBER() OVER (
      PARTITION BY uses.file_id
      ORDER BY r.created_at DESC NULLS LAST, r.id COLLATE "C" DESC NULLS LAST
    ) AS newest
  FROM {{ source('extend', 'classifications') }} AS c
  JOIN {{ source('extend', 'processor_runs') }} AS r
    ON r.id = c.run_id
  LEFT JOIN {{ source('extend', 'processor_run_files') }} AS uses
    ON uses.run_id = c.run_id
  WHERE
    c.stage = 'final'
), of_runs AS (
  SELECT
    run_id,
    MAX(class COLLATE "C") AS class
  FROM classified
  GROUP BY
    run_id
), first_files AS (
  SELECT
    run_id,
    MIN(position) AS position
  FROM {{ source('extend', 'processor_run_files') }} AS processor_run_files
  GROUP BY
    run_id
), of_files AS (
  SELECT
    file_id,
    class
  FROM classified
  WHERE
    newest = 1 AND NOT file_id IS NULL
)
SELECT
  r.id AS run_id,
  COALESCE(uses.position, 0) AS file_position,
  uses.file_id,
  f.name AS file_name,
  f.type AS file_type,
  f.page_count AS pages,
  f.parent_file_id,
  r.url,
  made.workflow_id,
  COALESCE(w.name, made.workflow_name) AS workflow_name,
  made.workflow_run_id,
  made.status AS workflow_run_status,
  r.type AS run_type,
  r.processor_id,
  COALESCE(p.name, r.processor_name) AS processor_name,
  r.processor_version_id,
  COALESCE(v.version, r.processor_version) AS processor_version,
  COALESCE(of_runs.class, of_files.class, f.parent_split_type) AS class,
  r.status,
  r.failure_reason,
  r.reviewed,
  r.edited,
  CASE
    WHEN uses.position IS NULL OR uses.position = first_files.position
    THEN r.credits
    ELSE 0
  END AS credits,
  r.created_at,
  r.updated_at,
  r.workspace_id
FROM {{ source('extend', 'processor_runs') }} AS r
LEFT JOIN {{ source('extend', 'processor_run_files') }} AS uses
  ON uses.run_id = r.id
LEFT JOIN {{ source('extend', 'files') }} AS f
  ON f.id = uses.file_id
LEFT JOIN of_runs
  ON of_runs.run_id = r.id
LEFT JOIN of_files
  ON of_files.file_id = uses.file_id
LEFT JOIN first_files
  ON first_files.run_id = r.id
LEFT JOIN made
  ON made.run_id = r.id AND made.place = 1
LEFT JOIN {{ source('extend', 'workflows') }} AS w
  ON w.id = made.workflow_id
LEFT JOIN {{ source('extend', 'processors') }} AS p
  ON p.id = r.processor_id
LEFT JOIN {{ source('extend', 'processor_versions') }} AS v
  ON v.id = r.processor_version_id
