select f.name, c.start_page as page, left(regexp_replace(c.content, '\s+', ' ', 'g'), 60) as text
from extend.parse_chunks c
join extend.parse_runs p on p.id = c.parse_run_id
join extend.files f on f.id = p.file_id
where c.content ilike '%total%' and f.type = 'PDF'
order by f.name, page limit 5;
