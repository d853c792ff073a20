-- generated from extend_source/reports/sql/workflow_funnel.sql by `make docs-write`
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
), runs AS (
  SELECT
    COALESCE(workflow_id, '') AS workflow_id,
    workflow_name,
    COALESCE(status, '') AS status,
    created_at,
    reviewed_at,
    CASE
      WHEN ended_at >= started_at
      THEN CAST(EXTRACT(EPOCH FROM ended_at) AS DOUBLE PRECISION) - CAST(EXTRACT(EPOCH FROM started_at) AS DOUBLE PRECISION)
    END AS seconds_to_end,
    CASE
      WHEN reviewed_at >= started_at
      THEN CAST(EXTRACT(EPOCH FROM reviewed_at) AS DOUBLE PRECISION) - CAST(EXTRACT(EPOCH FROM started_at) AS DOUBLE PRECISION)
    END AS seconds_to_review
  FROM newest_workflow_runs
), durations AS (
  SELECT
    workflow_id,
    'end' AS upto,
    seconds_to_end AS seconds
  FROM runs
  WHERE
    NOT seconds_to_end IS NULL
  UNION ALL
  SELECT
    workflow_id,
    'review',
    seconds_to_review
  FROM runs
  WHERE
    NOT seconds_to_review IS NULL
), ranked AS (
  SELECT
    workflow_id,
    upto,
    seconds,
    ROW_NUMBER() OVER (PARTITION BY workflow_id, upto ORDER BY seconds) AS place,
    COUNT(*) OVER (PARTITION BY workflow_id, upto) AS runs
  FROM durations
), medians AS (
  SELECT
    workflow_id,
    upto,
    (
      MIN(seconds) + MAX(seconds)
    ) * 0.5 AS seconds
  FROM ranked
  WHERE
    place * 2 BETWEEN runs AND runs + 2
  GROUP BY
    workflow_id,
    upto
), counts AS (
  SELECT
    workflow_id,
    MAX(workflow_name COLLATE "C") AS workflow_name,
    COUNT(*) AS received,
    SUM(CASE WHEN status IN ('PENDING', 'PROCESSING', 'CANCELLING') THEN 1 ELSE 0 END) AS under_way,
    SUM(CASE WHEN status = 'NEEDS_REVIEW' THEN 1 ELSE 0 END) AS needs_review,
    SUM(CASE WHEN status = 'REJECTED' THEN 1 ELSE 0 END) AS rejected,
    SUM(CASE WHEN status = 'FAILED' THEN 1 ELSE 0 END) AS failed,
    SUM(CASE WHEN status = 'CANCELLED' THEN 1 ELSE 0 END) AS cancelled,
    SUM(CASE WHEN status = 'PROCESSED' THEN 1 ELSE 0 END) AS done,
    COUNT(reviewed_at) AS reviewed,
    MAX(created_at) AS last_received_at
  FROM runs
  GROUP BY
    workflow_id
)
SELECT
  c.workflow_id,
  COALESCE(w.name, c.workflow_name) AS workflow_name,
  c.received,
  CAST(c.under_way AS BIGINT) AS under_way,
  CAST(c.needs_review AS BIGINT) AS needs_review,
  CAST(c.rejected AS BIGINT) AS rejected,
  CAST(c.failed AS BIGINT) AS failed,
  CAST(c.cancelled AS BIGINT) AS cancelled,
  CAST(c.done AS BIGINT) AS done,
  CAST(c.received - c.under_way - c.needs_review - c.rejected - c.failed - c.cancelled - c.done AS BIGINT) AS other,
  c.reviewed,
  ROUND(CAST(to_end.seconds AS DECIMAL(18, 5)), 1) AS median_seconds_to_end,
  ROUND(CAST(to_review.seconds AS DECIMAL(18, 5)), 1) AS median_seconds_to_review,
  c.last_received_at
FROM counts AS c
LEFT JOIN {{ source('extend', 'workflows') }} AS w
  ON w.id = c.workflow_id
LEFT JOIN medians AS to_end
  ON to_end.workflow_id = c.workflow_id AND to_end.upto = 'end'
LEFT JOIN medians AS to_review
  ON to_review.workflow_id = c.workflow_id AND to_review.upto = 'review'
