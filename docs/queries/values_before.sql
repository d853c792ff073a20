-- Which values have changed since they were first read, from what to what, and when?
select path, value_text, change, valid_from::date as seen_on, valid_to is null as still_valid
from extend.extraction_field_history_current
where (run_id, path) in (select (run_id, path) from extend.extraction_field_history where change <> 'added')
order by run_id, path, valid_from limit 6;
