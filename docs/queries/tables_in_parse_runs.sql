select t.parse_run_id, t.page_number as page, c.row_index as row,
       string_agg(c.content, ' | ' order by c.column_index) as cells
from extend.parse_blocks t
join extend.parse_blocks c on c.parse_run_id = t.parse_run_id and c.parent_position = t.position
where t.type = 'table' and c.row_index is not null
group by all order by t.parse_run_id, page, row limit 5;
