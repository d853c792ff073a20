-- From which file is a value, and where can I see the run?
select i.invoice_number, i.total__amount::decimal(12, 2) as total, f.name as file, r.url
from extend.extraction_supplier_invoices i
join extend.processor_runs r on r.id = i.run_id
join extend.processor_run_files using (run_id)
join extend.files f on f.id = file_id
where i.invoice_number is not null
order by i.created_at desc, f.name limit 4;
