-- How much of the work do people look at, and how often do they change something?
select processor_name, count(distinct run_id) as runs, round(100 * avg(reviewed::int), 1) as percent_reviewed,
       round(100 * avg(edited::int) filter (reviewed), 1) as percent_of_these_changed
from extend.documents
where status = 'PROCESSED'
group by all order by percent_reviewed desc, processor_name;
