-- title: Credits by day
-- purpose: spend by day, processor, version and kind, without gaps: days without spend have a row as well.
-- grain: day, processor version and kind
-- key: spent_on, processor_id, processor_version_id, kind
-- empty: no runs yet
-- note: Parsing is counted where a file was used first. Days are UTC.
-- columns:
--   spent_on: the day, from the first to the last one of the ledger.
--   processor_id: the processor; NULL: of files that no run uses.
--   processor_name: its name in the newest run.
--   processor_type: EXTRACT, CLASSIFY or SPLITTER.
--   processor_version_id: the processor's version.
--   kind: processing or parsing.
--   things: runs or files.
--   things_known: those of them whose credits are known.
--   credits: the sum of those; 0 where there is no run or file, NULL where none is known.
with recursive bounds as (
    select min(spent_on) as first_day, max(spent_on) as last_day from credit_ledger
),
days as (
    select first_day as spent_on, last_day from bounds where first_day is not null
    union all
    select cast(spent_on + interval '1' day as date), last_day from days where spent_on < last_day
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
