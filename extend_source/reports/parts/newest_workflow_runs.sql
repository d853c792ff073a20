with newest_workflow_runs as (
    -- the listing has those under way as well; what was fetched since then knows better
    select s.id, s.workflow_id, s.workflow_name, s.status, s.started_at, s.ended_at, s.reviewed_at, s.created_at
    from workflow_run_summaries s
    left join workflow_runs r on r.id = s.id
    where r.id is null or coalesce(s.listed_at > r.fetched_at, false)
    union all
    select r.id, r.workflow_id, r.workflow_name, r.status, r.started_at, r.ended_at, r.reviewed_at, r.created_at
    from workflow_runs r
    left join workflow_run_summaries s on s.id = r.id
    where not coalesce(s.listed_at > r.fetched_at, false)
),
