-- Which fields come back empty most often, by version?
select processor_name, right(processor_version_id, 6) as version, field, cells, filled, fill_rate
from extend.field_quality
where cells >= 20
order by fill_rate, processor_name, version, field limit 6;
