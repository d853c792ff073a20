-- generated from extend_source/reports/sql/credit_anomalies.sql by `make docs-write`
WITH loads AS (
  SELECT
    MAX(fetched_at) AS loaded_at
  FROM (
    SELECT
      fetched_at
    FROM {{ source('extend', 'processor_runs') }} AS processor_runs
    UNION ALL
    SELECT
      fetched_at
    FROM {{ source('extend', 'sync_log') }} AS sync_log
  ) AS times
), daily AS (
  SELECT
    spent_on,
    processor_id,
    MAX(processor_name) AS processor_name,
    CAST(EXTRACT(epoch FROM CAST(spent_on AS TIMESTAMP) - CAST(CAST('1900-01-07' AS DATE) AS TIMESTAMP)) / 86400 AS BIGINT) % 7 AS weekday,
    CAST(SUM(credits) AS DECIMAL(28, 6)) AS credits
  FROM {{ ref('credit_ledger') }} AS credit_ledger
  CROSS JOIN loads
  WHERE
    NOT credits IS NULL
    AND NOT run_id IS NULL
    AND spent_on < CAST(loads.loaded_at AT TIME ZONE 'UTC' AS DATE)
  GROUP BY
    spent_on,
    processor_id
), ranked AS (
  SELECT
    processor_id,
    weekday,
    credits,
    ROW_NUMBER() OVER (PARTITION BY processor_id, weekday ORDER BY credits) AS place,
    COUNT(*) OVER (PARTITION BY processor_id, weekday) AS days
  FROM daily
), medians AS (
  SELECT
    processor_id,
    weekday,
    MAX(days) AS days,
    CAST((
      MIN(credits) + MAX(credits)
    ) * 0.5 AS DECIMAL(28, 6)) AS median_credits
  FROM ranked
  WHERE
    place * 2 BETWEEN days AND days + 2
  GROUP BY
    processor_id,
    weekday
), distances AS (
  SELECT
    daily.*,
    medians.days,
    medians.median_credits,
    ABS(daily.credits - medians.median_credits) AS distance
  FROM daily
  JOIN medians
    ON COALESCE(medians.processor_id, '') = COALESCE(daily.processor_id, '')
    AND medians.weekday = daily.weekday
), ranked_distances AS (
  SELECT
    processor_id,
    weekday,
    days,
    distance,
    ROW_NUMBER() OVER (PARTITION BY processor_id, weekday ORDER BY distance) AS place
  FROM distances
), spreads AS (
  SELECT
    processor_id,
    weekday,
    CAST((
      MIN(distance) + MAX(distance)
    ) * 0.5 AS DECIMAL(28, 6)) AS spread
  FROM ranked_distances
  WHERE
    place * 2 BETWEEN days AND days + 2
  GROUP BY
    processor_id,
    weekday
), scored AS (
  SELECT
    distances.*,
    spreads.spread,
    CASE
      WHEN distances.days >= 5 AND spreads.spread > 0
      THEN CAST(CAST(distances.credits - distances.median_credits AS DOUBLE PRECISION) / CAST(spreads.spread AS DOUBLE PRECISION) AS DOUBLE PRECISION) / 1.4826
    END AS z
  FROM distances
  JOIN spreads
    ON COALESCE(spreads.processor_id, '') = COALESCE(distances.processor_id, '')
    AND spreads.weekday = distances.weekday
)
SELECT
  spent_on,
  processor_id,
  processor_name,
  weekday,
  credits,
  days,
  median_credits,
  ROUND(CAST(z AS DECIMAL(28, 6)), 2) AS robust_z,
  days >= 5
  AND distance >= 10
  AND distance * 5 >= median_credits
  AND (
    spread = 0 OR ABS(z) >= 3.5
  ) AS is_anomaly
FROM scored
