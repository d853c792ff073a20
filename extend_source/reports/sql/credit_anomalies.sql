-- title: Anomalies
-- purpose: days on which a processor cost much more or less than on the same weekday as a rule.
-- grain: day and processor with spend
-- key: spent_on, processor_id
-- empty: no spend yet
-- note: Robust z: the distance from the median of the same weekday in units of the median distance (times 1.4826). From 3.5 on it is an anomaly,
--   if there are five such days, and the distance is 10 credits and a fifth of the median at least.
-- columns:
--   spent_on: the day, UTC.
--   processor_id: the processor.
--   processor_name: its name in the newest run.
--   weekday: 0 (Sunday) to 6.
--   credits: what is known to have been spent, parsing included.
--   days: days with spend on this weekday.
--   median_credits: the median of those days.
--   robust_z: how unusual the day is; NULL: the days hardly differ, or are fewer than five.
--   is_anomaly: the day needs a look.
with daily as (
    select spent_on, processor_id, max(processor_name) as processor_name,
           cast(extract(dow from spent_on) as bigint) as weekday, cast(sum(credits) as decimal(28, 6)) as credits
    from credit_ledger
    where credits is not null and processor_id is not null
    group by spent_on, processor_id
),
medians as (
    select processor_id, weekday, count(*) as days,
           cast(percentile_cont(0.5) within group (order by cast(credits as double)) as decimal(28, 6)) as median_credits
    from daily
    group by processor_id, weekday
),
distances as (
    select daily.*, medians.days, medians.median_credits,
           abs(daily.credits - medians.median_credits) as distance
    from daily
    join medians on medians.processor_id = daily.processor_id and medians.weekday = daily.weekday
),
spreads as (
    select processor_id, weekday,
           cast(percentile_cont(0.5) within group (order by cast(distance as double)) as decimal(28, 6)) as spread
    from distances
    group by processor_id, weekday
),
scored as (
    select distances.*, spreads.spread,
           case when distances.days >= 5 and spreads.spread > 0
                then cast(distances.credits - distances.median_credits as double)
                     / cast(spreads.spread as double) / 1.4826 end as z
    from distances
    join spreads on spreads.processor_id = distances.processor_id and spreads.weekday = distances.weekday
)
select spent_on,
       processor_id,
       processor_name,
       weekday,
       credits,
       days,
       median_credits,
       round(cast(z as decimal(28, 6)), 2) as robust_z,
       days >= 5 and distance >= 10 and distance >= median_credits / 5 and (spread = 0 or abs(z) >= 3.5) as is_anomaly
from scored
