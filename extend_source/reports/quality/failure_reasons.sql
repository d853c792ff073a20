-- title: Failure reasons
-- purpose: why runs fail, and whether they still do.
-- grain: processor and failure reason
-- empty: no failed runs
-- note: Cancelled runs are no failures. Runs that could not be loaded are in fetch_errors, not here.
-- shown: processor, failure_reason, runs, share_of_failures, share_of_runs, last_seen_at
-- columns:
--   processor_id: the processor.
--   processor: its name; where its runs have several, the last one in the alphabet.
--   failure_reason: the API's code; NULL: none was sent.
--   runs: runs that failed for it.
--   share_of_failures: runs / all failed runs of the processor.
--   share_of_runs: runs / all runs of the processor, in whatever state.
--   last_seen_at: the latest update of such a run, UTC; NULL: unknown, as all were loaded by id.
with runs as (
    select coalesce(processor_id, '') as processor_id, processor_name, status, failure_reason,
           coalesce(updated_at, created_at) as seen_at
    from processor_runs
),
processors as (
    select processor_id, max(processor_name collate "C") as processor, count(*) as runs,
           count(*) filter (where status = 'FAILED') as failed
    from runs
    group by processor_id
),
reasons as (
    select processor_id, failure_reason, count(*) as runs, max(seen_at) as last_seen_at
    from runs
    where status = 'FAILED'
    group by processor_id, failure_reason
)
select nullif(f.processor_id, '') as processor_id,
       p.processor,
       f.failure_reason,
       f.runs,
       round(cast(cast(f.runs as double) / p.failed as decimal(18, 9)), 4) as share_of_failures,
       round(cast(cast(f.runs as double) / p.runs as decimal(18, 9)), 4) as share_of_runs,
       f.last_seen_at
from reasons f
join processors p on p.processor_id = f.processor_id
order by f.runs desc, p.processor collate "C" nulls last, f.processor_id collate "C",
         f.failure_reason collate "C" nulls last
