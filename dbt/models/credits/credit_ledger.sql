-- generated from extend_source/reports/sql/credit_ledger.sql by `make docs-write`
WITH uses AS (
  SELECT DISTINCT
    run_id,
    file_id
  FROM {{ source('extend', 'processor_run_files') }} AS processor_run_files
), runs AS (
  SELECT
    r.id,
    r.status,
    r.type,
    r.processor_id,
    r.processor_name,
    r.processor_version_id,
    r.workspace_id,
    r.url,
    r.credits,
    r.parse_run_id,
    COALESCE(r.created_at, s.created_at) AS created_at,
    r.fetched_at,
    CASE
      WHEN r.loaded_tables IS NULL
      OR (
        r.loaded_tables NOT LIKE '%-processor_run_files%'
        AND (
          r.loaded_tables LIKE 'standard%' OR r.loaded_tables LIKE '%processor_run_files%'
        )
      )
      THEN 1
      ELSE 0
    END AS has_files
  FROM {{ source('extend', 'processor_runs') }} AS r
  LEFT JOIN {{ source('extend', 'processor_run_summaries') }} AS s
    ON s.id = r.id
  UNION ALL
  SELECT
    s.id,
    s.status,
    s.type,
    s.processor_id,
    s.processor_name,
    s.processor_version_id,
    s.workspace_id,
    NULL,
    s.credits,
    NULL,
    s.created_at,
    s.listed_at,
    0
  FROM {{ source('extend', 'processor_run_summaries') }} AS s
  LEFT JOIN {{ source('extend', 'processor_runs') }} AS r
    ON r.id = s.id
  WHERE
    r.id IS NULL
), paged_files AS (
  SELECT
    id,
    created_at,
    CASE WHEN page_count BETWEEN 0 AND 1000000 THEN page_count END AS pages
  FROM {{ source('extend', 'files') }} AS files
), run_files AS (
  SELECT
    uses.run_id,
    COUNT(*) AS files,
    MIN(uses.file_id) AS file_id,
    MIN(files.created_at) AS created_at,
    CASE WHEN COUNT(files.pages) = COUNT(*) THEN SUM(files.pages) END AS pages
  FROM uses
  LEFT JOIN paged_files AS files
    ON files.id = uses.file_id
  GROUP BY
    uses.run_id
), first_uses AS (
  SELECT
    uses.file_id,
    uses.run_id,
    runs.created_at,
    ROW_NUMBER() OVER (
      PARTITION BY uses.file_id
      ORDER BY COALESCE(runs.created_at, runs.fetched_at), uses.run_id
    ) AS place
  FROM uses
  JOIN runs
    ON runs.id = uses.run_id
), started AS (
  SELECT
    lines.resource_type,
    lines.resource_id,
    lines.run_id,
    runs.created_at,
    ROW_NUMBER() OVER (
      PARTITION BY lines.resource_type, lines.resource_id
      ORDER BY COALESCE(runs.created_at, runs.fetched_at), lines.run_id
    ) AS place
  FROM {{ source('extend', 'credit_attributions') }} AS lines
  JOIN runs
    ON runs.id = lines.run_id
), readers AS (
  SELECT
    parse_run_id,
    id AS run_id,
    ROW_NUMBER() OVER (PARTITION BY parse_run_id ORDER BY COALESCE(created_at, fetched_at), id) AS place
  FROM runs
  WHERE
    NOT parse_run_id IS NULL
), parse_ids AS (
  SELECT
    resource_id AS id
  FROM {{ source('extend', 'credit_usage') }} AS credit_usage
  WHERE
    resource_type = 'parse_run'
  UNION
  SELECT
    parse_run_id
  FROM {{ source('extend', 'processor_runs') }} AS processor_runs
  WHERE
    NOT parse_run_id IS NULL
  UNION
  SELECT
    id
  FROM {{ source('extend', 'parse_run_summaries') }} AS parse_run_summaries
), parses AS (
  SELECT
    parse_ids.id,
    COALESCE(c.credits, l.credits) AS credits,
    r.id AS run_id,
    l.created_at,
    r.created_at AS run_created_at,
    COALESCE(c.observed_at, r.fetched_at, l.listed_at) AS fetched_at,
    l.status,
    COALESCE(
      l.file_id,
      CASE
        WHEN r.parse_run_id = parse_ids.id AND r.has_files = 1 AND rf.files = 1
        THEN rf.file_id
      END
    ) AS file_id
  FROM parse_ids
  LEFT JOIN {{ source('extend', 'parse_run_summaries') }} AS l
    ON l.id = parse_ids.id
  LEFT JOIN {{ source('extend', 'credit_usage') }} AS c
    ON c.resource_type = 'parse_run' AND c.resource_id = parse_ids.id
  LEFT JOIN started AS s
    ON s.resource_type = 'parse_run' AND s.resource_id = parse_ids.id AND s.place = 1
  LEFT JOIN readers
    ON readers.parse_run_id = parse_ids.id AND readers.place = 1
  LEFT JOIN runs AS r
    ON r.id = COALESCE(s.run_id, readers.run_id)
  LEFT JOIN run_files AS rf
    ON rf.run_id = r.id
), parsed_files AS (
  SELECT DISTINCT
    file_id
  FROM parses
  WHERE
    NOT file_id IS NULL
), newer AS (
  SELECT
    COUNT(*) AS things
  FROM (
    SELECT
      id
    FROM {{ source('extend', 'processor_runs') }} AS processor_runs
    WHERE
      api_version >= '2026-02-09'
    UNION ALL
    SELECT
      id
    FROM parses
  ) AS found
), newest_times AS (
  SELECT
    processor_id,
    MAX(COALESCE(created_at, fetched_at)) AS newest_at
  FROM runs
  GROUP BY
    processor_id
), newest_runs AS (
  SELECT
    runs.processor_id,
    MIN(runs.id) AS run_id
  FROM runs
  JOIN newest_times
    ON newest_times.processor_id = runs.processor_id
    AND newest_times.newest_at = COALESCE(runs.created_at, runs.fetched_at)
  GROUP BY
    runs.processor_id
), processors AS (
  SELECT
    newest_runs.processor_id,
    runs.processor_name
  FROM newest_runs
  JOIN runs
    ON runs.id = newest_runs.run_id
), splits AS (
  SELECT
    f.id,
    COALESCE(p3.parent_file_id, p2.parent_file_id, p1.parent_file_id, f.parent_file_id) AS source_document_id
  FROM {{ source('extend', 'files') }} AS f
  LEFT JOIN {{ source('extend', 'files') }} AS p1
    ON p1.id = f.parent_file_id
  LEFT JOIN {{ source('extend', 'files') }} AS p2
    ON p2.id = p1.parent_file_id
  LEFT JOIN {{ source('extend', 'files') }} AS p3
    ON p3.id = p2.parent_file_id
  WHERE
    NOT f.parent_file_id IS NULL
), charged AS (
  SELECT
    resource_type,
    resource_id,
    basis,
    credits,
    observed_at,
    CASE WHEN resource_type = 'processor_run' THEN resource_id END AS charged_run_id,
    CASE WHEN resource_type = 'file' THEN resource_id END AS charged_file_id
  FROM {{ source('extend', 'credit_usage') }} AS credit_usage
  WHERE
    resource_type <> 'parse_run'
), unlanded AS (
  SELECT
    charged.*
  FROM charged
  LEFT JOIN runs
    ON runs.id = charged.charged_run_id
  LEFT JOIN {{ source('extend', 'files') }} AS files
    ON files.id = charged.charged_file_id
  WHERE
    runs.id IS NULL AND files.id IS NULL
), others AS (
  SELECT
    'file' AS resource_type,
    f.id AS resource_id,
    'parsing' AS kind,
    COALESCE(c.credits, f.credits) AS credits,
    f.created_at,
    u.created_at AS run_created_at,
    f.fetched_at,
    u.run_id,
    1 AS files,
    f.id AS file_id,
    pf.pages,
    NULL AS status
  FROM {{ source('extend', 'files') }} AS f
  CROSS JOIN newer
  LEFT JOIN parsed_files
    ON parsed_files.file_id = f.id
  LEFT JOIN paged_files AS pf
    ON pf.id = f.id
  LEFT JOIN first_uses AS u
    ON u.file_id = f.id AND u.place = 1
  LEFT JOIN {{ source('extend', 'credit_usage') }} AS c
    ON c.resource_type = 'file' AND c.resource_id = f.id
  WHERE
    parsed_files.file_id IS NULL
    AND (
      newer.things = 0 OR NOT COALESCE(c.credits, f.credits) IS NULL
    )
  UNION ALL
  SELECT
    'parse_run',
    p.id,
    'parsing',
    p.credits,
    p.created_at,
    p.run_created_at,
    p.fetched_at,
    p.run_id,
    CASE WHEN NOT p.file_id IS NULL THEN 1 END,
    p.file_id,
    pf.pages,
    p.status
  FROM parses AS p
  LEFT JOIN paged_files AS pf
    ON pf.id = p.file_id
  UNION ALL
  SELECT
    c.resource_type,
    c.resource_id,
    c.basis,
    c.credits,
    NULL,
    COALESCE(u.created_at, s.created_at),
    c.observed_at,
    COALESCE(c.charged_run_id, u.run_id, s.run_id),
    CASE WHEN NOT c.charged_file_id IS NULL THEN 1 END,
    c.charged_file_id,
    NULL,
    NULL
  FROM unlanded AS c
  LEFT JOIN first_uses AS u
    ON u.file_id = c.charged_file_id AND u.place = 1
  LEFT JOIN started AS s
    ON s.resource_type = c.resource_type
    AND s.resource_id = c.resource_id
    AND s.place = 1
), things AS (
  SELECT
    'processor_run' AS resource_type,
    r.id AS resource_id,
    'processing' AS kind,
    COALESCE(c.credits, r.credits) AS credits,
    r.created_at,
    rf.created_at AS related_at,
    'files' AS related,
    r.fetched_at,
    CASE WHEN r.has_files = 1 THEN COALESCE(rf.files, 0) END AS files,
    CASE WHEN r.has_files = 1 AND rf.files = 1 THEN rf.file_id END AS file_id,
    CASE WHEN r.has_files = 1 THEN CAST(rf.pages AS BIGINT) END AS pages,
    r.status AS own_status,
    r.id AS run_id,
    r.processor_id,
    r.type,
    r.processor_version_id,
    r.status,
    r.workspace_id,
    r.url
  FROM runs AS r
  LEFT JOIN run_files AS rf
    ON rf.run_id = r.id
  LEFT JOIN {{ source('extend', 'credit_usage') }} AS c
    ON c.resource_type = 'processor_run' AND c.resource_id = r.id
  UNION ALL
  SELECT
    o.resource_type,
    o.resource_id,
    o.kind,
    o.credits,
    o.created_at,
    o.run_created_at,
    'first_run',
    o.fetched_at,
    o.files,
    o.file_id,
    o.pages,
    COALESCE(o.status, r.status),
    o.run_id,
    r.processor_id,
    r.type,
    r.processor_version_id,
    r.status,
    r.workspace_id,
    r.url
  FROM others AS o
  LEFT JOIN runs AS r
    ON r.id = o.run_id
), dated AS (
  SELECT
    things.*,
    COALESCE(created_at, related_at, fetched_at) AS spent_at,
    CASE
      WHEN NOT created_at IS NULL
      THEN 'created'
      WHEN NOT related_at IS NULL
      THEN related
      ELSE 'fetched'
    END AS dated_by
  FROM things
)
SELECT
  t.resource_type,
  t.resource_id,
  t.kind,
  t.credits,
  CASE
    WHEN NOT t.credits IS NULL
    THEN 'reported'
    WHEN t.resource_type <> 'file' AND t.own_status IN ('PENDING', 'PROCESSING')
    THEN 'pending'
    ELSE 'not_reported'
  END AS usage,
  t.spent_at,
  CAST(t.spent_at AT TIME ZONE 'UTC' AS DATE) AS spent_on,
  t.dated_by,
  t.run_id,
  t.processor_id,
  p.processor_name,
  t.type AS processor_type,
  t.processor_version_id,
  t.status,
  t.workspace_id,
  t.url,
  t.files,
  t.file_id,
  f.type AS file_type,
  t.pages,
  COALESCE(splits.source_document_id, f.id) AS source_document_id
FROM dated AS t
LEFT JOIN processors AS p
  ON p.processor_id = t.processor_id
LEFT JOIN {{ source('extend', 'files') }} AS f
  ON f.id = t.file_id
LEFT JOIN splits
  ON splits.id = f.id
