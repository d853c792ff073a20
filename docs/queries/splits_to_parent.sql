-- Which files were cut out of which, and what was read from them?
select parent.name as parent, child.parent_split_type as part, child.parent_split_start_page as first_page,
       child.parent_split_end_page as last_page, count(distinct r.id) as runs, max(r.processor_name) as read_by
from extend.files child
join extend.files parent on parent.id = child.parent_file_id
left join extend.processor_run_files rf on rf.file_id = child.id
left join extend.processor_runs r on r.id = rf.run_id
group by all order by parent, first_page limit 6;
