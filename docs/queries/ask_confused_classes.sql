-- Which classes does the classifier confuse, and was it sure?
select first_class, class, count(*) as documents, round(avg(first_confidence), 2) as confidence
from extend.final_classifications
where corrected
group by all order by documents desc, first_class, class limit 5;
