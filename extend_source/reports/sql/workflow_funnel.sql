-- title: Workflow funnel
-- purpose: how many documents each workflow took in, how many came out, where the others stayed, and how long it took.
-- grain: workflow
-- key: workflow_id
-- empty: no workflow runs yet
-- optional: workflow_runs, workflows
-- note: Each workflow run counts once, by its present status; the columns from under_way to other add up to received.
-- note: Medians are of the runs whose two times are known; an end before the start is no time.
-- columns:
--   workflow_id: workflows.id; '': unknown.
--   workflow_name: its name now; where workflows have not landed, the last one in the alphabet that was sent with its runs.
--   received: workflow runs.
--   under_way: those that are PENDING, PROCESSING or CANCELLING.
--   needs_review: those that wait for a person: NEEDS_REVIEW.
--   rejected: those that a person has rejected: REJECTED.
--   failed: FAILED.
--   cancelled: CANCELLED.
--   done: PROCESSED.
--   other: those in a status that is none of these, or unknown.
--   reviewed: those that a person has reviewed, whatever their status.
--   median_seconds_to_end: from start to end; half of them took no longer; NULL: none has ended.
--   median_seconds_to_review: from start to review; NULL: none was reviewed.
--   last_received_at: creation of the newest one; NULL: unknown.
-- include: newest_workflow_runs
runs as (
    select coalesce(workflow_id, '') as workflow_id, workflow_name, coalesce(status, '') as status, created_at,
           reviewed_at,
           case when ended_at >= started_at
                then cast(extract(epoch from ended_at) as double) - cast(extract(epoch from started_at) as double)
                end as seconds_to_end,
           case when reviewed_at >= started_at
                then cast(extract(epoch from reviewed_at) as double) - cast(extract(epoch from started_at) as double)
                end as seconds_to_review
    from newest_workflow_runs
),
durations as (
    select workflow_id, 'end' as upto, seconds_to_end as seconds from runs where seconds_to_end is not null
    union all
    select workflow_id, 'review', seconds_to_review from runs where seconds_to_review is not null
),
ranked as (
    select workflow_id, upto, seconds,
           row_number() over (partition by workflow_id, upto order by seconds) as place,
           count(*) over (partition by workflow_id, upto) as runs
    from durations
),
-- the one or two in the middle
medians as (
    select workflow_id, upto, (min(seconds) + max(seconds)) * 0.5 as seconds
    from ranked
    where place * 2 between runs and runs + 2
    group by workflow_id, upto
),
counts as (
    select workflow_id, max(workflow_name collate "C") as workflow_name, count(*) as received,
           sum(case when status in ('PENDING', 'PROCESSING', 'CANCELLING') then 1 else 0 end) as under_way,
           sum(case when status = 'NEEDS_REVIEW' then 1 else 0 end) as needs_review,
           sum(case when status = 'REJECTED' then 1 else 0 end) as rejected,
           sum(case when status = 'FAILED' then 1 else 0 end) as failed,
           sum(case when status = 'CANCELLED' then 1 else 0 end) as cancelled,
           sum(case when status = 'PROCESSED' then 1 else 0 end) as done,
           count(reviewed_at) as reviewed,
           max(created_at) as last_received_at
    from runs
    group by workflow_id
)
select c.workflow_id,
       coalesce(w.name, c.workflow_name) as workflow_name,
       c.received,
       cast(c.under_way as bigint) as under_way,
       cast(c.needs_review as bigint) as needs_review,
       cast(c.rejected as bigint) as rejected,
       cast(c.failed as bigint) as failed,
       cast(c.cancelled as bigint) as cancelled,
       cast(c.done as bigint) as done,
       cast(c.received - c.under_way - c.needs_review - c.rejected - c.failed - c.cancelled - c.done as bigint) as other,
       c.reviewed,
       round(cast(to_end.seconds as decimal(18, 5)), 1) as median_seconds_to_end,
       round(cast(to_review.seconds as decimal(18, 5)), 1) as median_seconds_to_review,
       c.last_received_at
from counts c
left join workflows w on w.id = c.workflow_id
left join medians to_end on to_end.workflow_id = c.workflow_id and to_end.upto = 'end'
left join medians to_review on to_review.workflow_id = c.workflow_id and to_review.upto = 'review'
