-- What is still under way, the oldest first?
select file_name, processor_name, status, created_at::date as since, pages
from extend.documents
where status in ('PENDING', 'PROCESSING')
order by created_at, file_name limit 5;
