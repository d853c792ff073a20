-- Which documents have failed most often, why, and where do I look at one?
select failure_reason, processor_name, count(*) as documents, max(file_name) as such_as, right(max(url), 26) as run
from extend.documents
where status = 'FAILED'
group by all order by documents desc, failure_reason, processor_name limit 5;
