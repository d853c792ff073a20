-- title: Fill rate and confidence by field
-- purpose: which fields of which processor version come back empty, and how sure the readings are.
-- grain: processor, version and field
-- empty: no processed extraction runs yet
-- note: Filled: the run has a value there, or in something below it, that is neither null nor empty text.
-- note: A field that no run of a version returned, not even as null, has no row.
-- note: Confidences are those of the final output, as reported with it; NULL: none was reported.
-- note: Confidences under -1 or over 2, and scores under 0 or over 10, make no sense and do not count.
-- shown: processor, processor_version_id, field, runs, fill_rate, cell_fill_rate, ocr_avg, logprobs_avg
-- columns:
--   processor_id: the processor.
--   processor: its name; where its runs have several, the last one in the alphabet.
--   processor_version_id: the version.
--   field: the field's path_template; [] stands for any item of an array.
--   runs: processed runs of the version with an output.
--   filled: those in which the field is filled; a field of array items: for one item at least.
--   fill_rate: filled / runs.
--   cells: single values of the field, one for each array item; NULL for an object or array with content.
--   cells_filled: those that are filled.
--   cell_fill_rate: cells_filled / cells.
--   ocr_avg: average confidence of the text recognition.
--   ocr_min: the lowest.
--   logprobs_avg: average confidence of the model.
--   logprobs_min: the lowest.
--   confidence_avg: average confidence of legacy fields.
--   confidence_min: the lowest.
--   review_agent_avg: average score of the review agent, 1 to 5.
--   review_agent_min: the lowest.
with recursive runs as (
    select id, processor_name, coalesce(processor_id, '') as processor_id,
           coalesce(processor_version_id, '') as version_id
    from processor_runs
    where status = 'PROCESSED' and output_format in ('schema', 'fields')
),
versions as (
    select processor_id, version_id, max(processor_name collate "C") as processor, count(*) as runs
    from runs
    group by processor_id, version_id
),
cells as (
    select r.id as run_id, r.processor_id, r.version_id, f.path_template as field,
           f.value_type in ('object', 'array') as is_container,
           f.value_type in ('integer', 'number', 'boolean')
               or (f.value_type = 'string' and f.value_text <> '') as is_filled,
           case when f.ocr_confidence between -1 and 2 then f.ocr_confidence end as ocr_confidence,
           case when f.logprobs_confidence between -1 and 2 then f.logprobs_confidence end as logprobs_confidence,
           case when f.confidence between -1 and 2 then f.confidence end as confidence,
           case when f.review_agent_score between 0 and 10 then f.review_agent_score end as review_agent_score
    from runs r
    join extraction_fields f on f.run_id = r.id
    where f.path_template <> '$'  -- an output with nothing in it
),
fields as (
    select distinct processor_id, field from cells
),
-- each field with all that is below it, as an object or array with content need not have a row of its own
wholes(processor_id, field, part) as (
    select processor_id, field, field from fields
    union all
    select processor_id, regexp_replace(field, '[.\[][^.\[]*$', ''), part
    from wholes
    where field like '%.%' or field like '%[%'
),
parts as (
    select distinct w.processor_id, w.field, w.part
    from wholes w
    join fields f on f.processor_id = w.processor_id and f.field = w.field
),
containers as (
    select distinct processor_id, field from parts where part <> field
),
filled as (
    select c.processor_id, c.version_id, p.field, count(distinct c.run_id) as filled
    from cells c
    join parts p on p.processor_id = c.processor_id and p.part = c.field
    where c.is_filled
    group by c.processor_id, c.version_id, p.field
),
readings as (
    select processor_id, version_id, field,
           count(*) filter (where not is_container) as cells,
           count(*) filter (where is_filled) as cells_filled,
           avg(ocr_confidence) as avg_ocr, min(ocr_confidence) as min_ocr,
           avg(logprobs_confidence) as avg_logprobs, min(logprobs_confidence) as min_logprobs,
           avg(confidence) as avg_legacy, min(confidence) as min_legacy,
           avg(review_agent_score) as avg_score, min(review_agent_score) as min_score
    from cells
    group by processor_id, version_id, field
)
select nullif(v.processor_id, '') as processor_id,
       v.processor,
       nullif(v.version_id, '') as processor_version_id,
       a.field,
       v.runs,
       coalesce(f.filled, 0) as filled,
       round(cast(cast(coalesce(f.filled, 0) as double) / v.runs as decimal(18, 9)), 4) as fill_rate,
       case when c.field is null then a.cells end as cells,
       case when c.field is null then a.cells_filled end as cells_filled,
       case when c.field is null
            then round(cast(cast(a.cells_filled as double) / nullif(a.cells, 0) as decimal(18, 9)), 4)
       end as cell_fill_rate,
       round(cast(a.avg_ocr as decimal(18, 9)), 4) as ocr_avg,
       round(cast(a.min_ocr as decimal(18, 9)), 4) as ocr_min,
       round(cast(a.avg_logprobs as decimal(18, 9)), 4) as logprobs_avg,
       round(cast(a.min_logprobs as decimal(18, 9)), 4) as logprobs_min,
       round(cast(a.avg_legacy as decimal(18, 9)), 4) as confidence_avg,
       round(cast(a.min_legacy as decimal(18, 9)), 4) as confidence_min,
       round(cast(a.avg_score as decimal(18, 9)), 4) as review_agent_avg,
       round(cast(a.min_score as decimal(18, 9)), 4) as review_agent_min
from readings a
join versions v on v.processor_id = a.processor_id and v.version_id = a.version_id
left join filled f on f.processor_id = a.processor_id and f.version_id = a.version_id and f.field = a.field
left join containers c on c.processor_id = a.processor_id and c.field = a.field
order by cast(coalesce(f.filled, 0) as double) / v.runs, v.runs desc, v.processor collate "C" nulls last,
         v.processor_id collate "C", v.version_id collate "C", a.field collate "C"
