-- title: Coverage
-- purpose: of how many runs and files the credits are known, by month.
-- grain: month and kind
-- key: month, kind
-- empty: no runs yet
-- note: Extend reports usage since October 2025, and not for all billing plans.
-- columns:
--   month: its first day, UTC.
--   kind: processing (runs) or parsing (files).
--   things: runs or files.
--   reported: those whose credits are known.
--   pending: runs that have not ended.
--   not_reported: the others: they have ended, and what they cost is not known.
--   share_known: reported / (things less pending); NULL: nothing has ended.
--   credits: the sum of what is known; NULL: nothing is.
select cast(date_trunc('month', cast(spent_on as date)) as date) as month,
       kind,
       count(*) as things,
       count(credits) as reported,
       sum(case when usage = 'pending' then 1 else 0 end) as pending,
       sum(case when usage = 'not_reported' then 1 else 0 end) as not_reported,
       round(cast(count(credits) as decimal(18, 6))
             / nullif(sum(case when usage <> 'pending' then 1 else 0 end), 0), 4) as share_known,
       sum(credits) as credits
from credit_ledger
group by cast(date_trunc('month', cast(spent_on as date)) as date), kind
