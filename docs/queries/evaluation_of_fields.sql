-- Which fields of a version are read worst?
select t.processor_name, t.processor_version, m.subject as field, m.value as accuracy
from extend.evaluation_set_run_metrics m
join extend.evaluation_trend t on t.run_id = m.evaluation_set_run_id
where m.scope = 'field' and m.metric = 'accuracy'
order by accuracy, t.processor_name, t.processor_version limit 5;
