-- generated from extend_source/reports/sql/evaluation_trend.sql by `make docs-write`
WITH figures AS (
  SELECT
    evaluation_set_run_id AS run_id,
    MAX(CASE WHEN metric = 'accuracy' THEN value END) AS accuracy,
    MAX(CASE WHEN metric = 'f1' THEN value END) AS f1,
    MAX(CASE WHEN metric = 'precision' THEN value END) AS precise,
    MAX(CASE WHEN metric = 'recall' THEN value END) AS found,
    COALESCE(
      MAX(CASE WHEN metric = 'num_files_processed' THEN value END),
      MAX(CASE WHEN metric = 'num_files' THEN value END)
    ) AS files,
    MAX(CASE WHEN metric = 'num_pages' THEN value END) AS pages
  FROM {{ source('extend', 'evaluation_set_run_metrics') }} AS evaluation_set_run_metrics
  WHERE
    scope = 'run'
  GROUP BY
    evaluation_set_run_id
), scores AS (
  SELECT
    run_id,
    files,
    pages,
    accuracy,
    COALESCE(
      f1,
      CASE
        WHEN precise + found > 0
        THEN CAST(2 * precise * found AS DOUBLE PRECISION) / (
          precise + found
        )
      END
    ) AS f1
  FROM figures
), runs AS (
  SELECT
    r.id AS run_id,
    COALESCE(r.evaluation_set_id, '') AS evaluation_set_id,
    r.processor_id,
    COALESCE(p.name, r.processor_name) AS processor_name,
    COALESCE(r.processor_version_id, '') AS processor_version_id,
    COALESCE(v.version, r.processor_version) AS processor_version,
    r.status,
    r.created_at AS run_at,
    s.files,
    s.pages,
    CASE WHEN NOT s.accuracy IS NULL THEN 'accuracy' WHEN NOT s.f1 IS NULL THEN 'f1' END AS measure,
    COALESCE(s.accuracy, s.f1) AS score
  FROM {{ source('extend', 'evaluation_set_runs') }} AS r
  LEFT JOIN scores AS s
    ON s.run_id = r.id
  LEFT JOIN {{ source('extend', 'processors') }} AS p
    ON p.id = r.processor_id
  LEFT JOIN {{ source('extend', 'processor_versions') }} AS v
    ON v.id = r.processor_version_id
), earlier AS (
  SELECT
    r.run_id,
    b.run_id AS previous_run_id,
    b.processor_version AS previous_version,
    b.score AS previous_score,
    ROW_NUMBER() OVER (
      PARTITION BY r.run_id
      ORDER BY b.run_at DESC NULLS LAST, b.run_id COLLATE "C" DESC NULLS LAST
    ) AS place
  FROM runs AS r
  JOIN runs AS b
    ON b.evaluation_set_id = r.evaluation_set_id
    AND b.measure = r.measure
    AND b.processor_version_id <> r.processor_version_id
    AND b.run_at < r.run_at
)
SELECT
  r.run_id,
  r.evaluation_set_id,
  sets.name AS evaluation_set_name,
  r.processor_id,
  r.processor_name,
  r.processor_version_id,
  r.processor_version,
  r.status,
  r.run_at,
  CAST(r.files AS BIGINT) AS files,
  CAST(r.pages AS BIGINT) AS pages,
  r.measure,
  ROUND(CAST(r.score AS DECIMAL(18, 9)), 4) AS score,
  b.previous_run_id,
  b.previous_version,
  ROUND(CAST(r.score - b.previous_score AS DECIMAL(18, 9)), 4) AS change
FROM runs AS r
LEFT JOIN {{ source('extend', 'evaluation_sets') }} AS sets
  ON sets.id = r.evaluation_set_id
LEFT JOIN earlier AS b
  ON b.run_id = r.run_id AND b.place = 1
