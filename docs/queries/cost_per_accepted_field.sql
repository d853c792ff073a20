-- What has a field cost that a reviewer left as it was?
with fields as (
    select run_id, count(*) as fields from extend.extraction_fields
    where value_type not in ('object', 'array', 'null', 'absent') group by run_id
), wrong as (
    select run_id, count(*) as wrong from extend.extraction_edits
    where change in ('changed', 'added', 'removed') group by run_id
)
select r.processor_name, count(*) as runs, sum(fields) as fields, sum(fields - coalesce(wrong, 0)) as accepted,
       round(sum(r.credits) / sum(fields - coalesce(wrong, 0)), 3) as credits_per_accepted
from extend.processor_runs r join fields on fields.run_id = r.id left join wrong on wrong.run_id = r.id
where r.reviewed and r.credits is not null
group by all order by credits_per_accepted desc;
