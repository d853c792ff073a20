-- Does a new version read better than the one before?
select evaluation_set_name, processor_version, run_at::date as run_on, files, measure, score, change
from extend.evaluation_trend
order by evaluation_set_name, run_at;
