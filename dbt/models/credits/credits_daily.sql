-- generated from extend_source/reports/sql/credits_daily.sql by `make docs-write`
WITH bounds AS (
  SELECT
    MIN(spent_on) AS spent_on,
    MAX(spent_on) AS last_day
  FROM {{ ref('credit_ledger') }} AS credit_ledger
  HAVING
    COUNT(*) > 0
), days_2 AS (
  SELECT
    *
  FROM bounds
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '1 DAY' AS DATE),
    last_day
  FROM bounds
  WHERE
    spent_on < last_day
), days_4 AS (
  SELECT
    *
  FROM days_2
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '2 DAY' AS DATE),
    last_day
  FROM days_2
  WHERE
    spent_on < last_day
), days_8 AS (
  SELECT
    *
  FROM days_4
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '4 DAY' AS DATE),
    last_day
  FROM days_4
  WHERE
    spent_on < last_day
), days_16 AS (
  SELECT
    *
  FROM days_8
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '8 DAY' AS DATE),
    last_day
  FROM days_8
  WHERE
    spent_on < last_day
), days_32 AS (
  SELECT
    *
  FROM days_16
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '16 DAY' AS DATE),
    last_day
  FROM days_16
  WHERE
    spent_on < last_day
), days_64 AS (
  SELECT
    *
  FROM days_32
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '32 DAY' AS DATE),
    last_day
  FROM days_32
  WHERE
    spent_on < last_day
), days_128 AS (
  SELECT
    *
  FROM days_64
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '64 DAY' AS DATE),
    last_day
  FROM days_64
  WHERE
    spent_on < last_day
), days_256 AS (
  SELECT
    *
  FROM days_128
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '128 DAY' AS DATE),
    last_day
  FROM days_128
  WHERE
    spent_on < last_day
), days_512 AS (
  SELECT
    *
  FROM days_256
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '256 DAY' AS DATE),
    last_day
  FROM days_256
  WHERE
    spent_on < last_day
), days_1024 AS (
  SELECT
    *
  FROM days_512
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '512 DAY' AS DATE),
    last_day
  FROM days_512
  WHERE
    spent_on < last_day
), days_2048 AS (
  SELECT
    *
  FROM days_1024
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '1024 DAY' AS DATE),
    last_day
  FROM days_1024
  WHERE
    spent_on < last_day
), days_4096 AS (
  SELECT
    *
  FROM days_2048
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '2048 DAY' AS DATE),
    last_day
  FROM days_2048
  WHERE
    spent_on < last_day
), days_8192 AS (
  SELECT
    *
  FROM days_4096
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '4096 DAY' AS DATE),
    last_day
  FROM days_4096
  WHERE
    spent_on < last_day
), days_16384 AS (
  SELECT
    *
  FROM days_8192
  UNION ALL
  SELECT
    CAST(spent_on + INTERVAL '8192 DAY' AS DATE),
    last_day
  FROM days_8192
  WHERE
    spent_on < last_day
), days AS (
  SELECT
    spent_on
  FROM days_16384
  WHERE
    spent_on <= last_day
), versions AS (
  SELECT
    processor_id,
    processor_version_id,
    kind,
    MAX(processor_name) AS processor_name,
    MAX(processor_type) AS processor_type
  FROM {{ ref('credit_ledger') }} AS credit_ledger
  GROUP BY
    processor_id,
    processor_version_id,
    kind
), spent AS (
  SELECT
    spent_on,
    processor_id,
    processor_version_id,
    kind,
    COUNT(*) AS things,
    COUNT(credits) AS things_known,
    SUM(credits) AS credits
  FROM {{ ref('credit_ledger') }} AS credit_ledger
  GROUP BY
    spent_on,
    processor_id,
    processor_version_id,
    kind
)
SELECT
  days.spent_on,
  versions.processor_id,
  versions.processor_name,
  versions.processor_type,
  versions.processor_version_id,
  versions.kind,
  COALESCE(spent.things, 0) AS things,
  COALESCE(spent.things_known, 0) AS things_known,
  CASE WHEN spent.things IS NULL THEN 0 ELSE spent.credits END AS credits
FROM days
CROSS JOIN versions
LEFT JOIN spent
  ON spent.spent_on = days.spent_on
  AND spent.kind = versions.kind
  AND COALESCE(spent.processor_id, '') = COALESCE(versions.processor_id, '')
  AND COALESCE(spent.processor_version_id, '') = COALESCE(versions.processor_version_id, '')
