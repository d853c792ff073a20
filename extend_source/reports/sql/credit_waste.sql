-- title: Waste
-- purpose: credits that bought nothing: spent on runs that failed or were cancelled, or on doing the same work again.
-- grain: thing that was paid for without result, and reason
-- key: resource_type, resource_id
-- empty: no waste found
-- optional: processor_run_files, processor_runs
-- newer: credit_attributions
-- note: Parsing is without result when no run that used the file was processed. What failed runs cost is reported by some plans only.
-- note: A file processed again by the same version may be wanted, for example for an evaluation.
-- columns:
--   resource_type: processor_run, file or parse_run.
--   resource_id: the run, file or parse run.
--   reason: failed_run, cancelled_run, parsed_in_vain or processed_again.
--   credits: what it cost; NULL: unknown.
--   spent_on: the day, UTC.
--   run_id: the run; of a file the run that used it first, of a parse run the one that started it.
--   first_run_id: of processed_again: the run that had done the work already.
--   processor_id: the processor.
--   processor_name: its name in the newest run.
--   processor_version_id: the version.
--   failure_reason: why the run failed, as a code.
with good as (
    select id, parse_run_id from processor_runs where status not in ('FAILED', 'CANCELLED')
),
-- runs that name their parse run say themselves which one served them
served as (
    select 'file' as resource_type, uses.file_id as resource_id
    from processor_run_files as uses
    join good on good.id = uses.run_id
    where good.parse_run_id is null
    union
    select 'parse_run', parse_run_id from good where parse_run_id is not null
    union
    select lines.resource_type, lines.resource_id
    from credit_attributions as lines
    join good on good.id = lines.run_id
),
processed as (
    select *
    from credit_ledger
    where kind = 'processing' and status = 'PROCESSED' and file_id is not null and processor_version_id is not null
),
-- a version is of one processor; by equal values, as a window would sort all runs
first_times as (
    select file_id, processor_version_id, min(spent_at) as spent_at
    from processed
    group by file_id, processor_version_id
    having count(*) > 1
),
firsts as (
    select processed.file_id, processed.processor_version_id, min(processed.resource_id) as run_id
    from processed
    join first_times
        on first_times.file_id = processed.file_id
        and first_times.processor_version_id = processed.processor_version_id
        and first_times.spent_at = processed.spent_at
    group by processed.file_id, processed.processor_version_id
),
waste as (
    select resource_type, resource_id, credits, spent_on, run_id, processor_id, processor_name, processor_version_id,
           case when status = 'FAILED' then 'failed_run' else 'cancelled_run' end as reason, null as first_run_id
    from credit_ledger
    where kind = 'processing' and status in ('FAILED', 'CANCELLED')
    union all
    select ledger.resource_type, ledger.resource_id, ledger.credits, ledger.spent_on, ledger.run_id,
           ledger.processor_id, ledger.processor_name, ledger.processor_version_id, 'parsed_in_vain', null
    from credit_ledger as ledger
    left join served on served.resource_type = ledger.resource_type and served.resource_id = ledger.resource_id
    left join served as files on files.resource_type = 'file' and files.resource_id = ledger.file_id
    where ledger.kind = 'parsing' and ledger.run_id is not null
        and served.resource_id is null and files.resource_id is null
    union all
    select p.resource_type, p.resource_id, p.credits, p.spent_on, p.run_id, p.processor_id, p.processor_name,
           p.processor_version_id, 'processed_again', firsts.run_id
    from processed as p
    join firsts on firsts.file_id = p.file_id and firsts.processor_version_id = p.processor_version_id
    where p.resource_id <> firsts.run_id
)
select waste.resource_type,
       waste.resource_id,
       waste.reason,
       waste.credits,
       waste.spent_on,
       waste.run_id,
       waste.first_run_id,
       waste.processor_id,
       waste.processor_name,
       waste.processor_version_id,
       runs.failure_reason
from waste
left join (select id, failure_reason from processor_runs where failure_reason is not null) as runs
    on runs.id = waste.run_id
