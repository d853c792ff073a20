-- How many lines, and how much, has each supplier invoiced?
select i.vendor__name as vendor, l.amount__iso_4217_currency_code as currency, count(*) as lines,
       sum(l.amount__amount)::decimal(12, 2) as amount
from extend.extraction_supplier_invoices__line_items l
join extend.extraction_supplier_invoices i using (run_id)
where i.vendor__name is not null and l.amount__amount is not null
group by all order by lines desc, amount desc limit 5;
