-- title: Coverage
-- purpose: of how many runs, files and parse runs the credits are known, by month.
-- grain: month and kind
-- key: month, kind
-- empty: no runs yet
-- optional: processor_runs
-- newer: credit_charges
-- note: Extend reports usage since October 2025, and not for all billing plans; in API 2026-02-09 totals since 14 May 2026 and
--   charges by product since 10 June 2026.
-- columns:
--   month: its first day, UTC.
--   kind: processing (runs), parsing (files or parse runs), or another resource type.
--   things: runs, files or parse runs.
--   reported: those whose credits are known.
--   pending: runs that have not ended, and their parse runs.
--   not_reported: the others: they have ended, and what they cost is not known.
--   share_known: reported / (things less pending); NULL: nothing has ended.
--   credits: the sum of what is known; NULL: nothing is.
--   totals: runs that tell what they started as well.
--   charged: things of which it is known for which products they were charged.
with charges as (
    select distinct resource_type, resource_id from credit_charges
)
select cast(date_trunc('month', cast(ledger.spent_on as date)) as date) as month,
       kind,
       count(*) as things,
       count(ledger.credits) as reported,
       sum(case when usage = 'pending' then 1 else 0 end) as pending,
       sum(case when usage = 'not_reported' then 1 else 0 end) as not_reported,
       round(cast(count(ledger.credits) as decimal(18, 6))
             / nullif(sum(case when usage <> 'pending' then 1 else 0 end), 0), 4) as share_known,
       sum(ledger.credits) as credits,
       count(runs.total_credits) as totals,
       count(charges.resource_id) as charged
from credit_ledger as ledger
left join processor_runs as runs on runs.id = case when ledger.resource_type = 'processor_run' then ledger.resource_id end
left join charges on charges.resource_type = ledger.resource_type and charges.resource_id = ledger.resource_id
group by cast(date_trunc('month', cast(ledger.spent_on as date)) as date), kind
