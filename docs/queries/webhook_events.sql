-- Which events have come, and has what they are about landed?
select e.event_type, e.run_count, r.id is not null as landed, r.status
from extend.webhook_events e
left join extend.processor_runs r on r.id = e.object_id
order by e.received_at
