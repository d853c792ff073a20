-- title: Reconciliation
-- purpose: whether the ledger says what the runs, the files and the listing say, and what makes up the gap.
-- grain: comparison and cause
-- key: comparison, cause
-- empty: no runs yet
-- note: A gap is no error: it is named, so that nobody has to look for it.
-- columns:
--   comparison: ledger_with_runs, ledger_with_files or ledger_with_listing.
--   cause: equal; ledger_only; not_in_ledger; figures_differ; not_landed (listed, and not loaded yet); not_listed (loaded by id).
--   things: runs or files.
--   ledger_credits: their credits in the ledger.
--   other_credits: their credits there.
--   gap: the first less the second, unknown taken as nothing.
with compared as (
    select 'ledger_with_runs' as comparison, coalesce(l.resource_id, r.id) as thing, l.credits as ledger_credits,
           r.credits as other_credits, 'ledger_only' as only_here, 'not_in_ledger' as only_there,
           l.resource_id is not null as is_here, r.id is not null as is_there
    from (select * from credit_ledger where kind = 'processing') as l
    full outer join processor_runs as r on r.id = l.resource_id
    union all
    select 'ledger_with_files', coalesce(l.resource_id, f.id), l.credits, f.credits, 'ledger_only', 'not_in_ledger',
           l.resource_id is not null, f.id is not null
    from (select * from credit_ledger where kind = 'parsing') as l
    full outer join files as f on f.id = l.resource_id
    union all
    select 'ledger_with_listing', coalesce(l.resource_id, s.id), l.credits, s.credits, 'not_listed', 'not_landed',
           l.resource_id is not null, s.id is not null
    from (select * from credit_ledger where kind = 'processing') as l
    full outer join processor_run_summaries as s on s.id = l.resource_id
),
named as (
    select comparison, ledger_credits, other_credits,
           case
               when not is_there then only_here
               when not is_here then only_there
               when ledger_credits = other_credits or (ledger_credits is null and other_credits is null) then 'equal'
               else 'figures_differ'
           end as cause
    from compared
)
select comparison,
       cause,
       count(*) as things,
       sum(ledger_credits) as ledger_credits,
       sum(other_credits) as other_credits,
       coalesce(sum(ledger_credits), 0) - coalesce(sum(other_credits), 0) as gap
from named
group by comparison, cause
