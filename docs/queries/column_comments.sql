-- What do the columns of my invoices mean?
select column_name, comment from duckdb_columns()
where schema_name = 'extend' and table_name = 'extraction_supplier_invoices' order by column_index limit 8 offset 3;
