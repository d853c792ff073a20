-- Has a new version of a processor made a difference?
with fields as (
    select run_id, avg(ocr_confidence) as confidence from extend.extraction_fields group by run_id
), edits as (
    select run_id, count(*) as edits from extend.extraction_edits where change is not null group by run_id
)
select r.processor_name, right(r.processor_version_id, 6) as version, min(r.created_at at time zone 'UTC')::date as first_run,
       count(*) as runs, round(avg(confidence), 3) as ocr_confidence,
       round(sum(coalesce(edits, 0)) filter (r.reviewed) / count(*) filter (r.reviewed), 2) as edits_per_review,
       round(avg(r.credits), 2) as credits
from extend.processor_runs r left join fields on fields.run_id = r.id left join edits on edits.run_id = r.id
where r.type = 'EXTRACT' and r.status = 'PROCESSED'
group by all order by r.processor_name, first_run;
