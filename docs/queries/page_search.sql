-- On which pages do two words stand?
select f.name, p.page_number, regexp_extract(p.raw_text, '\w* ?\w* ?solvent ?\w* ?\w*', 0) as around
from extend.file_pages p join extend.files f on f.id = p.file_id
where p.raw_text ilike '%solvent%' and p.raw_text ilike '%adhesive%'
order by f.name, p.page_number limit 6;
