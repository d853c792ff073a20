-- How far did the documents of each workflow get, and how long does one take?
select workflow_name, received, under_way, needs_review, rejected, failed, done,
       round(100.0 * done / received, 1) as percent_done, median_seconds_to_end as seconds
from extend.workflow_funnel
order by received desc, workflow_name;
