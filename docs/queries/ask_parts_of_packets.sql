-- What are packets made of, and which parts has nobody read yet?
select type, count(*) as parts, round(avg(pages), 1) as pages_each, count(distinct document_id) as packets,
       count(*) filter (file_name is null) as not_read
from extend.final_splits
group by all order by parts desc, type;
