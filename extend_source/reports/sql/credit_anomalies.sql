-- title: Anomalies
-- purpose: days on which a processor cost much more or less than on the same weekday as a rule.
-- grain: day and processor with spend
-- key: spent_on, processor_id
-- empty: no spend yet
-- optional: processor_runs, sync_log
-- note: Robust z: the distance from the median of the same weekday in units of the median distance (times 1.4826). From 3.5 on it is an anomaly,
--   if there are five such days, and the distance is 10 credits and a fifth of the median at least. Where the median
--   distance is 0, as most of the days are alike, there is no z: each day that far away is an anomaly.
-- note: The day of the last load was not over when it was loaded, so that neither it nor a later day is here.
-- columns:
--   spent_on: the day, UTC.
--   processor_id: the processor; NULL: of runs that were given a configuration instead.
--   processor_name: its name in the newest run.
--   weekday: 0 (Sunday) to 6.
--   credits: what is known to have been spent, parsing included.
--   days: days with spend on this weekday.
--   median_credits: the median of those days.
--   robust_z: how unusual the day is; NULL: most of the days are alike, or they are fewer than five.
--   is_anomaly: the day needs a look.
with loads as (
    select max(fetched_at) as loaded_at
    from (select fetched_at from processor_runs union all select fetched_at from sync_log) as times
),
daily as (
    select spent_on, processor_id, max(processor_name) as processor_name,
           -- days since a Sunday
           date_diff('day', cast('1900-01-07' as date), spent_on) % 7 as weekday,
           cast(sum(credits) as decimal(28, 6)) as credits
    from credit_ledger
    cross join loads
    where credits is not null and run_id is not null
        and spent_on < cast(loads.loaded_at at time zone 'UTC' as date)
    group by spent_on, processor_id
),
ranked as (
    select processor_id, weekday, credits,
           row_number() over (partition by processor_id, weekday order by credits) as place,
           count(*) over (partition by processor_id, weekday) as days
    from daily
),
-- the one or two in the middle
medians as (
    select processor_id, weekday, max(days) as days,
           cast((min(credits) + max(credits)) * 0.5 as decimal(28, 6)) as median_credits
    from ranked
    where place * 2 between days and days + 2
    group by processor_id, weekday
),
distances as (
    select daily.*, medians.days, medians.median_credits,
           abs(daily.credits - medians.median_credits) as distance
    from daily
    join medians
        on coalesce(medians.processor_id, '') = coalesce(daily.processor_id, '') and medians.weekday = daily.weekday
),
ranked_distances as (
    select processor_id, weekday, days, distance,
           row_number() over (partition by processor_id, weekday order by distance) as place
    from distances
),
spreads as (
    select processor_id, weekday, cast((min(distance) + max(distance)) * 0.5 as decimal(28, 6)) as spread
    from ranked_distances
    where place * 2 between days and days + 2
    group by processor_id, weekday
),
scored as (
    select distances.*, spreads.spread,
           case when distances.days >= 5 and spreads.spread > 0
                then cast(distances.credits - distances.median_credits as double)
                     / cast(spreads.spread as double) / 1.4826 end as z
    from distances
    join spreads
        on coalesce(spreads.processor_id, '') = coalesce(distances.processor_id, '')
        and spreads.weekday = distances.weekday
)
select spent_on,
       processor_id,
       processor_name,
       weekday,
       credits,
       days,
       median_credits,
       round(cast(z as decimal(28, 6)), 2) as robust_z,
       days >= 5 and distance >= 10 and distance * 5 >= median_credits and (spread = 0 or abs(z) >= 3.5) as is_anomaly
from scored
