-- What did reviewers change, and on which version of the processor?
select r.processor_name, right(r.processor_version_id, 6) as version, e.path, e.initial_value, e.reviewed_value
from extend.extraction_edits e join extend.processor_runs r on r.id = e.run_id
where e.change = 'changed' and length(e.initial_value::text) < 40
order by r.updated_at desc, e.path limit 8;
