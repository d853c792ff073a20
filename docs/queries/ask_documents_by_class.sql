-- What came in during the last 30 days, and how did it end?
select coalesce(class, 'not classified') as class, count(*) as documents, count(*) filter (status = 'PROCESSED') as done,
       count(*) filter (status = 'FAILED') as failed, count(*) filter (reviewed) as reviewed, sum(pages) as pages
from extend.documents
where created_at >= (select max(created_at) - interval 30 day from extend.documents)
group by all order by documents desc, class limit 6;
