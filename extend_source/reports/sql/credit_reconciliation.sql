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
    select 'ledger_with_runs' as comparison, ledger.resource_id as here, own.id as there,
           ledger.credits as ledger_credits, own.credits as other_credits
    from (select resource_id, credits from credit_ledger where kind = 'processing') as ledger
    full join processor_runs as own on own.id = ledger.resource_id
    union all
    select 'ledger_with_files', ledger.resource_id, own.id, ledger.credits, own.credits
    from (select resource_id, credits from credit_ledger where resource_type = 'file') as ledger
    full join files as own on own.id = ledger.resource_id
    union all
    select 'ledger_with_listing', ledger.resource_id, own.id, ledger.credits, own.credits
    from (
        select resource_id, credits
        from credit_ledger
        cross join (select count(*) as number from processor_run_summaries) as listed
        where kind = 'processing' and listed.number > 0
    ) as ledger
    full join processor_run_summaries as own on own.id = ledger.resource_id
    union all
    select 'ledger_with_totals', ledger.run_id, own.id, ledger.credits, own.total_credits
    from (
        select lines.run_id, sum(ledger.credits) as credits
        from credit_attributions as lines
        join credit_ledger as ledger
            on ledger.resource_type = lines.resource_type and ledger.resource_id = lines.resource_id
        group by lines.run_id
    ) as ledger
    full join (select id, total_credits from processor_runs where total_credits is not null) as own
        on own.id = ledger.run_id
),
named as (
    select comparison, ledger_credits, other_credits,
           case
               when there is null and comparison = 'ledger_with_listing' then 'not_listed'
               when there is null and comparison = 'ledger_with_runs' and listed.id is not null then 'not_landed'
               when there is null then 'ledger_only'
               when here is null then 'not_in_ledger'
               when ledger_credits = other_credits or (ledger_credits is null and other_credits is null) then 'equal'
               else 'figures_differ'
           end as cause
    from pairs
    left join processor_run_summaries as listed on listed.id = pairs.here
    -- files that cost nothing of their own, as parse runs do
    where comparison <> 'ledger_with_files' or here is not null or other_credits is not null
)
select comparison,
       cause,
       count(*) as things,
       sum(ledger_credits) as ledger_credits,
       sum(other_credits) as other_credits,
       coalesce(sum(ledger_credits), 0) - coalesce(sum(other_credits), 0) as gap
from named
group by comparison, cause
