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
-- numbers stand for texts where rows are counted, as texts take several times the memory
with recursive runs as (
    select id, row_number() over (order by id) as number, processor_name, coalesce(processor_id, '') as processor_id,
           coalesce(processor_version_id, '') as version_id,
           dense_rank() over (
               order by coalesce(processor_id, ''), coalesce(processor_version_id, '')
           ) as version_number
    from processor_runs
    where status = 'PROCESSED' and output_format in ('schema', 'fields')
),
versions as (
    select version_number, processor_id, version_id, max(processor_name collate "C") as processor, count(*) as runs
    from runs
    group by version_number, processor_id, version_id
),
cells as (
    select r.number as run_number, r.processor_id, r.version_number, f.path_template as field,
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
    select distinct r.processor_id, f.path_template as field
    from runs r
    join extraction_fields f on f.run_id = r.id
    where f.path_template <> '$'
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
placed as (
    select processor_id, field, part, part = field as is_own,
           dense_rank() over (order by processor_id, field) as field_number,
           max(case when part <> field then 1 else 0 end) over (partition by processor_id, field) as has_parts
    from parts
),
figures as (
    select c.version_number, p.field_number, max(p.field) as field, max(p.has_parts) as has_parts,
           -- of a field that has one value in a run, and nothing below it, no run is counted twice
           count(*) filter (where c.is_filled and p.has_parts = 0 and p.field not like '%[%')
               + count(distinct case when c.is_filled and (p.has_parts = 1 or p.field like '%[%') then c.run_number end)
               as filled,
           count(*) filter (where p.is_own and not c.is_container) as cells,
           count(*) filter (where p.is_own and c.is_filled) as cells_filled,
           avg(case when p.is_own then c.ocr_confidence end) as avg_ocr,
           min(case when p.is_own then c.ocr_confidence end) as min_ocr,
           avg(case when p.is_own then c.logprobs_confidence end) as avg_logprobs,
           min(case when p.is_own then c.logprobs_confidence end) as min_logprobs,
           avg(case when p.is_own then c.confidence end) as avg_legacy,
           min(case when p.is_own then c.confidence end) as min_legacy,
           avg(case when p.is_own then c.review_agent_score end) as avg_score,
           min(case when p.is_own then c.review_agent_score end) as min_score
    from cells c
    join placed p on p.processor_id = c.processor_id and p.part = c.field
    group by c.version_number, p.field_number
    having count(*) filter (where p.is_own) > 0
)
select nullif(v.processor_id, '') as processor_id,
       v.processor,
       nullif(v.version_id, '') as processor_version_id,
       f.field,
       v.runs,
       f.filled,
       round(cast(cast(f.filled as double) / v.runs as decimal(18, 9)), 4) as fill_rate,
       case when f.has_parts = 0 then f.cells end as cells,
       case when f.has_parts = 0 then f.cells_filled end as cells_filled,
       case when f.has_parts = 0
            then round(cast(cast(f.cells_filled as double) / nullif(f.cells, 0) as decimal(18, 9)), 4)
       end as cell_fill_rate,
       round(cast(f.avg_ocr as decimal(18, 9)), 4) as ocr_avg,
       round(cast(f.min_ocr as decimal(18, 9)), 4) as ocr_min,
       round(cast(f.avg_logprobs as decimal(18, 9)), 4) as logprobs_avg,
       round(cast(f.min_logprobs as decimal(18, 9)), 4) as logprobs_min,
       round(cast(f.avg_legacy as decimal(18, 9)), 4) as confidence_avg,
       round(cast(f.min_legacy as decimal(18, 9)), 4) as confidence_min,
       round(cast(f.avg_score as decimal(18, 9)), 4) as review_agent_avg,
       round(cast(f.min_score as decimal(18, 9)), 4) as review_agent_min
from figures f
join versions v on v.version_number = f.version_number
order by cast(f.filled as double) / v.runs, v.runs desc, v.processor collate "C" nulls last,
         v.processor_id collate "C", v.version_id collate "C", f.field collate "C"
