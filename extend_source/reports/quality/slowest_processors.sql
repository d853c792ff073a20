-- title: Slowest processors
-- purpose: how long runs take, from creation to the last update in the listing.
-- grain: processor
-- empty: no processed runs with times yet
-- note: From created_at to updated_at as listed: waiting and processing. Extend gives no time at which a run ended.
-- note: Reviews move updated_at, so only runs not reviewed count; whatever else touches a run later makes it longer.
-- note: Runs loaded by id have no times until a listing shows them; an update before the creation is no time.
-- shown: processor, type, runs, median_seconds, p95_seconds, max_seconds
-- columns:
--   processor_id: the processor.
--   processor: its name; where its runs have several, the last one in the alphabet.
--   type: EXTRACT, CLASSIFY or SPLITTER.
--   runs: processed runs, not reviewed, whose times are known.
--   median_seconds: half of them took no longer.
--   p95_seconds: 95 % of them took no longer, interpolated.
--   max_seconds: the longest.
with durations as (
    select coalesce(processor_id, '') as processor_id, processor_name, type,
           cast(extract(epoch from updated_at) as double) - cast(extract(epoch from created_at) as double) as seconds
    from processor_runs
    where status = 'PROCESSED' and not reviewed and updated_at >= created_at
),
processors as (
    select processor_id, type, max(processor_name collate "C") as processor, count(*) as runs,
           percentile_cont(0.5) within group (order by seconds) as median_seconds,
           percentile_cont(0.95) within group (order by seconds) as p95_seconds,
           max(seconds) as max_seconds
    from durations
    group by processor_id, type
)
select nullif(processor_id, '') as processor_id,
       processor,
       type,
       runs,
       round(cast(median_seconds as decimal(18, 5)), 1) as median_seconds,
       round(cast(p95_seconds as decimal(18, 5)), 1) as p95_seconds,
       round(cast(max_seconds as decimal(18, 5)), 1) as max_seconds
from processors
order by round(cast(median_seconds as decimal(18, 5)), 1) desc, processor collate "C" nulls last,
         processors.processor_id collate "C", type collate "C"
