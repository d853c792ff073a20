-- title: Field quality
-- purpose: how often each field is filled, how sure the readings are, and how often reviewers correct it, by version.
-- grain: processor, version and field
-- key: processor_id, processor_version_id, field
-- empty: no processed extraction runs yet
-- optional: extraction_edits
-- note: Processed runs with an output. Accuracy is of reviewed runs: if reviewers were sent the doubtful ones, the others are better.
-- note: Wrong: a reviewer changed, added or removed the value (extraction_edits.change). Formatting does not count.
-- note: Confidences under -1 or over 2 make no sense and do not count.
-- columns:
--   processor_id: the processor; '': the runs were given configurations instead.
--   processor_name: its name; where its runs have several, the last one in the alphabet.
--   processor_version_id: the version; '': unknown.
--   field: the field's path_template; [] stands for any item of an array.
--   runs: processed runs of the version with an output.
--   runs_reviewed: those that were reviewed.
--   cells: single values of the field, null ones too; objects and arrays are no values.
--   filled: those that are neither null nor an empty text.
--   fill_rate: filled / cells; NULL: there are none.
--   ocr_confidence: average confidence of the text recognition.
--   logprobs_confidence: average confidence of the model.
--   cells_reviewed: cells of reviewed runs, and those that a reviewer removed.
--   wrong: those that a reviewer changed, added or removed.
--   accuracy: 1 - wrong / cells_reviewed; NULL: there are none.
with runs as (
    select id, processor_name, coalesce(processor_id, '') as processor_id,
           coalesce(processor_version_id, '') as version_id, coalesce(reviewed, false) as reviewed
    from processor_runs
    where status = 'PROCESSED' and output_format in ('schema', 'fields')
),
versions as (
    select processor_id, version_id, max(processor_name collate "C") as processor_name, count(*) as runs,
           sum(case when reviewed then 1 else 0 end) as runs_reviewed
    from runs
    group by processor_id, version_id
),
changes as (
    select run_id, path, coalesce(initial_value, original_value, reviewed_value, edited_value) as example
    from extraction_edits
    where change <> 'formatted'
),
cells as (
    select r.processor_id, r.version_id, f.path_template as field, 1 as present,
           case when f.value_type in ('integer', 'number', 'boolean')
                     or (f.value_type = 'string' and f.value_text <> '') then 1 else 0 end as filled,
           case when f.ocr_confidence between -1 and 2 then f.ocr_confidence end as ocr_confidence,
           case when f.logprobs_confidence between -1 and 2 then f.logprobs_confidence end as logprobs_confidence,
           case when r.reviewed then 1 else 0 end as seen,
           case when r.reviewed and c.path is not null then 1 else 0 end as wrong
    from runs r
    join extraction_fields f on f.run_id = r.id
    left join changes c on c.run_id = f.run_id and c.path = f.path
    where f.value_type not in ('object', 'array') and f.path <> '$'
    union all
    -- removed by the reviewer, so that the final output has it no longer
    select r.processor_id, r.version_id, regexp_replace(c.path, '\[~?[0-9]+\]', '[]', 'g') as field, 0 as present,
           0 as filled, null as ocr_confidence, null as logprobs_confidence, 1 as seen, 1 as wrong
    from runs r
    join changes c on c.run_id = r.id
    left join extraction_fields f on f.run_id = c.run_id and f.path = c.path
    where r.reviewed and f.path is null and c.path <> '$' and left(cast(c.example as varchar), 1) not in ('{', '[')
),
fields as (
    select processor_id, version_id, field, sum(present) as cells, sum(filled) as filled,
           avg(ocr_confidence) as ocr_confidence, avg(logprobs_confidence) as logprobs_confidence,
           sum(seen) as seen, sum(wrong) as wrong
    from cells
    group by processor_id, version_id, field
)
select f.processor_id,
       v.processor_name,
       f.version_id as processor_version_id,
       f.field,
       v.runs,
       cast(v.runs_reviewed as bigint) as runs_reviewed,
       cast(f.cells as bigint) as cells,
       cast(f.filled as bigint) as filled,
       round(cast(cast(f.filled as double) / nullif(f.cells, 0) as decimal(18, 9)), 4) as fill_rate,
       round(cast(f.ocr_confidence as decimal(18, 9)), 4) as ocr_confidence,
       round(cast(f.logprobs_confidence as decimal(18, 9)), 4) as logprobs_confidence,
       cast(f.seen as bigint) as cells_reviewed,
       cast(f.wrong as bigint) as wrong,
       round(cast(1 - cast(f.wrong as double) / nullif(f.seen, 0) as decimal(18, 9)), 4) as accuracy
from fields f
join versions v on v.processor_id = f.processor_id and v.version_id = f.version_id
