-- title: Reconciliation
-- purpose: whether the ledger says what the runs, the files and the listing say, and what makes up the gap.
-- grain: comparison and cause
-- key: comparison, cause
-- empty: no runs yet
-- optional: files, processor_run_summaries, processor_runs
-- newer: credit_attributions
-- note: A gap is no error: it is named, so that nobody has to look for it. Without a listing there is none to compare with.
-- note: The total of a run counts what it started as well, and runs may share that: do not add totals up over runs.
-- columns:
--   comparison: ledger_with_runs, ledger_with_files, ledger_with_listing or ledger_with_totals (API 2026-02-09: what a run
--   and what it started cost by the ledger, with the total that the run tells).
--   cause: equal; ledger_only; not_in_ledger; figures_differ; not_landed (a run that was listed, and not loaded, or not
--   yet); not_listed (loaded by id).
--   things: runs or files.
--   ledger_credits: their credits in the ledger.
--   other_credits: their credits there.
--   gap: the first less the second, unknown taken as nothing.
with pairs as (
    select 'ledger_with_runs' as comparison, resource_id as thing, 1 as is_here, 0 as is_there,
           credits as ledger_credits, null as other_credits
    from credit_ledger where kind = 'processing'
    union all
    select 'ledger_with_runs', id, 0, 1, null, credits from processor_runs
    union all
    select 'ledger_with_files', resource_id, 1, 0, credits, null from credit_ledger where resource_type = 'file'
    union all
    select 'ledger_with_files', id, 0, 1, null, credits from files
    union all
    select 'ledger_with_listing', resource_id, 1, 0, credits, null
    from credit_ledger
    cross join (select count(*) as number from processor_run_summaries) as listed
    where kind = 'processing' and listed.number > 0
    union all
    select 'ledger_with_listing', id, 0, 1, null, credits from processor_run_summaries
    union all
    select 'ledger_with_totals', lines.run_id, 1, 0, sum(ledger.credits), null
    from credit_attributions as lines
    join credit_ledger as ledger
        on ledger.resource_type = lines.resource_type and ledger.resource_id = lines.resource_id
    group by lines.run_id
    union all
    select 'ledger_with_totals', id, 0, 1, null, total_credits from processor_runs where total_credits is not null
),
compared as (
    select comparison, thing, max(is_here) as is_here, max(is_there) as is_there,
           max(ledger_credits) as ledger_credits, max(other_credits) as other_credits
    from pairs
    group by comparison, thing
),
named as (
    select comparison, ledger_credits, other_credits,
           case
               when is_there = 0 and comparison = 'ledger_with_listing' then 'not_listed'
               when is_there = 0 and comparison = 'ledger_with_runs' and listed.id is not null then 'not_landed'
               when is_there = 0 then 'ledger_only'
               when is_here = 0 then 'not_in_ledger'
               when ledger_credits = other_credits or (ledger_credits is null and other_credits is null) then 'equal'
               else 'figures_differ'
           end as cause
    from compared
    left join processor_run_summaries as listed on listed.id = compared.thing
    -- files that cost nothing of their own, as parse runs do
    where comparison <> 'ledger_with_files' or is_here = 1 or other_credits is not null
)
select comparison,
       cause,
       count(*) as things,
       sum(ledger_credits) as ledger_credits,
       sum(other_credits) as other_credits,
       coalesce(sum(ledger_credits), 0) - coalesce(sum(other_credits), 0) as gap
from named
group by comparison, cause
