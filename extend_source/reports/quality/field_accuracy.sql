-- title: Accuracy by field, among reviewed runs
-- purpose: which fields reviewers correct.
-- grain: processor and field
-- empty: no reviewed extraction runs yet
-- note: Reviewed runs only. If reviewers were sent the doubtful ones, the others are better; see share_reviewed.
-- note: Wrong: a reviewer changed, added or removed the value (extraction_edits.change). Unchanged counts as right.
-- note: Rows of an array are compared with the rows that they were before the review, wherever those stood.
-- shown: processor, field, runs_reviewed, share_reviewed, cells, wrong, accuracy, accuracy_low, accuracy_high
-- columns:
--   processor_id: the processor.
--   processor: its name; where its runs have several, the last one in the alphabet.
--   field: the field's path_template; [] stands for any item of an array.
--   runs: the processor's processed runs with an output.
--   runs_reviewed: those that were reviewed.
--   share_reviewed: runs_reviewed / runs.
--   cells: single values of the field in reviewed runs, null and removed ones too; objects and arrays are no values.
--   wrong: those that a reviewer changed, but for their formatting.
--   accuracy: 1 - wrong / cells.
--   accuracy_low: lower end of its Wilson 95 % interval.
--   accuracy_high: upper end.
with runs as (
    select id, processor_name, coalesce(processor_id, '') as processor_id, coalesce(reviewed, false) as reviewed
    from processor_runs
    where status = 'PROCESSED' and output_format in ('schema', 'fields')
),
processors as (
    select processor_id, max(processor_name collate "C") as processor, count(*) as runs,
           count(*) filter (where reviewed) as runs_reviewed
    from runs
    group by processor_id
),
changes as (
    select run_id, path, coalesce(initial_value, original_value, reviewed_value, edited_value) as example
    from extraction_edits
    where change <> 'formatted'
),
cells as (
    select r.processor_id, f.path_template as field, case when c.path is null then 0 else 1 end as wrong
    from runs r
    join extraction_fields f on f.run_id = r.id
    left join changes c on c.run_id = f.run_id and c.path = f.path
    where r.reviewed and f.value_type not in ('object', 'array') and f.path <> '$'
    union all
    -- removed by the reviewer, so that the final output has it no longer
    select r.processor_id, regexp_replace(c.path, '\[~?[0-9]+\]', '[]', 'g') as field, 1 as wrong
    from runs r
    join changes c on c.run_id = r.id
    left join extraction_fields f on f.run_id = c.run_id and f.path = c.path
    where r.reviewed and f.path is null and c.path <> '$' and left(cast(c.example as varchar), 1) not in ('{', '[')
),
fields as (
    select processor_id, field, count(*) as cells, sum(wrong) as wrong,
           cast(count(*) as double) as n, cast(count(*) - sum(wrong) as double) as k
    from cells
    group by processor_id, field
)
select nullif(f.processor_id, '') as processor_id,
       p.processor,
       f.field,
       p.runs,
       p.runs_reviewed,
       round(cast(cast(p.runs_reviewed as double) / p.runs as decimal(18, 9)), 4) as share_reviewed,
       f.cells,
       cast(f.wrong as bigint) as wrong,
       round(cast(k / n as decimal(18, 9)), 4) as accuracy,
       -- Wilson, z = 1.959963984540054
       round(cast((k + 1.920729410347062 - 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531))
                  / (n + 3.841458820694124) as decimal(18, 9)), 4) as accuracy_low,
       round(cast((k + 1.920729410347062 + 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531))
                  / (n + 3.841458820694124) as decimal(18, 9)), 4) as accuracy_high
from fields f
join processors p on p.processor_id = f.processor_id
order by k / n, f.cells desc, p.processor collate "C" nulls last, f.processor_id collate "C", f.field collate "C"
