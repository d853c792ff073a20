-- title: Credits by day
-- purpose: spend by day, processor, version and kind, without gaps: days without spend have a row as well.
-- grain: day, processor version and kind
-- key: spent_on, processor_id, processor_version_id, kind
-- empty: no runs yet
-- note: Parsing is counted where a file was used first. Days are UTC, up to 16,384 from the first one on.
-- columns:
--   spent_on: the day, from the first to the last one of the ledger.
--   processor_id: the processor; NULL: of runs that were given a configuration instead, and of files that no run uses.
--   processor_name: its name in the newest run.
--   processor_type: EXTRACT, CLASSIFY or SPLITTER.
--   processor_version_id: the processor's version; NULL where the processor is.
--   kind: processing, parsing, or another resource type.
--   things: runs, files or parse runs.
--   things_known: those of them whose credits are known.
--   credits: the sum of those; 0 where there is no run or file, NULL where none is known.
with bounds as (
    select min(spent_on) as spent_on, max(spent_on) as last_day from credit_ledger having count(*) > 0
),
-- each step doubles the days: no recursion, and no adding of numbers to days, for which each dialect has its own words
days_2 as (
    select * from bounds
    union all
    select cast(spent_on + interval '1' day as date), last_day from bounds where spent_on < last_day
),
days_4 as (
    select * from days_2
    union all
    select cast(spent_on + interval '2' day as date), last_day from days_2 where spent_on < last_day
),
days_8 as (
    select * from days_4
    union all
    select cast(spent_on + interval '4' day as date), last_day from days_4 where spent_on < last_day
),
days_16 as (
    select * from days_8
    union all
    select cast(spent_on + interval '8' day as date), last_day from days_8 where spent_on < last_day
),
days_32 as (
    select * from days_16
    union all
    select cast(spent_on + interval '16' day as date), last_day from days_16 where spent_on < last_day
),
days_64 as (
    select * from days_32
    union all
    select cast(spent_on + interval '32' day as date), last_day from days_32 where spent_on < last_day
),
days_128 as (
    select * from days_64
    union all
    select cast(spent_on + interval '64' day as date), last_day from days_64 where spent_on < last_day
),
days_256 as (
    select * from days_128
    union all
    select cast(spent_on + interval '128' day as date), last_day from days_128 where spent_on < last_day
),
days_512 as (
    select * from days_256
    union all
    select cast(spent_on + interval '256' day as date), last_day from days_256 where spent_on < last_day
),
days_1024 as (
    select * from days_512
    union all
    select cast(spent_on + interval '512' day as date), last_day from days_512 where spent_on < last_day
),
days_2048 as (
    select * from days_1024
    union all
    select cast(spent_on + interval '1024' day as date), last_day from days_1024 where spent_on < last_day
),
days_4096 as (
    select * from days_2048
    union all
    select cast(spent_on + interval '2048' day as date), last_day from days_2048 where spent_on < last_day
),
days_8192 as (
    select * from days_4096
    union all
    select cast(spent_on + interval '4096' day as date), last_day from days_4096 where spent_on < last_day
),
days_16384 as (
    select * from days_8192
    union all
    select cast(spent_on + interval '8192' day as date), last_day from days_8192 where spent_on < last_day
),
days as (
    select spent_on from days_16384 where spent_on <= last_day
),
versions as (
    select processor_id, processor_version_id, kind,
           max(processor_name) as processor_name, max(processor_type) as processor_type
    from credit_ledger
    group by processor_id, processor_version_id, kind
),
spent as (
    select spent_on, processor_id, processor_version_id, kind,
           count(*) as things, count(credits) as things_known, sum(credits) as credits
    from credit_ledger
    group by spent_on, processor_id, processor_version_id, kind
)
select days.spent_on,
       versions.processor_id,
       versions.processor_name,
       versions.processor_type,
       versions.processor_version_id,
       versions.kind,
       coalesce(spent.things, 0) as things,
       coalesce(spent.things_known, 0) as things_known,
       case when spent.things is null then 0 else spent.credits end as credits
from days
cross join versions
left join spent
    on spent.spent_on = days.spent_on
    and spent.kind = versions.kind
    and coalesce(spent.processor_id, '') = coalesce(versions.processor_id, '')
    and coalesce(spent.processor_version_id, '') = coalesce(versions.processor_version_id, '')
