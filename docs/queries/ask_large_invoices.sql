-- Which invoices of the last 30 days are the largest, in which file, and what did reading them cost?
select i.vendor__name as vendor, i.total__amount as total, i.total__iso_4217_currency_code as currency, d.file_name,
       d.reviewed, d.credits
from extend.extraction_supplier_invoices i
join extend.documents d on d.run_id = i.run_id and d.file_position = 0
where d.created_at >= (select max(created_at) - interval 30 day from extend.documents)
order by total desc nulls last limit 5;
