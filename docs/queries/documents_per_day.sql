-- How many documents were processed each day, and how many of them failed?
select (created_at at time zone 'UTC')::date as day, count(distinct r.id) as runs,
       count(distinct r.id) filter (status = 'FAILED') as failed, count(distinct file_id) as files
from extend.processor_runs r
left join extend.processor_run_files rf on rf.run_id = r.id
group by day order by day desc limit 5;
