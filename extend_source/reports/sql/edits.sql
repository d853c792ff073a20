-- title: Edits
-- purpose: what reviewers changed, each change with one value before and one after.
-- grain: value that a reviewer changed
-- key: run_id, path
-- empty: no extraction run with edits yet
-- optional: files, processor_run_files
-- note: Before and after are those of the outputs where they differ there, else those of the API's own list of edits.
-- note: Of a run that was given several files, file_id and file_name are the first one's.
-- columns:
--   run_id: processor_runs.id.
--   path: where in the reviewed output; of a removed value where it would be.
--   field: the path with [] for array items.
--   change: changed, formatted (beyond doubt the same value), added or removed; NULL: reported, and no difference is seen.
--   value_before: the value before the review, as JSON text; NULL: there was none.
--   value_after: the value after it, as JSON text; NULL: there is none.
--   notes: the reviewer's note.
--   basis: how it is known: reported, computed or both.
--   ocr_confidence_before: of the value before: confidence of the text recognition.
--   logprobs_confidence_before: of the value before: confidence of the model.
--   file_id: the file: files.id.
--   file_name: its name.
--   processor_id: the processor; NULL: the run was given a configuration instead.
--   processor_name: its name, as sent with the run.
--   processor_version_id: its version.
--   url: the run in the dashboard.
--   created_at: creation of the run.
--   updated_at: its last change, as a rule the review.
select e.run_id,
       e.path,
       regexp_replace(e.path, '\[~?[0-9]+\]', '[]', 'g') as field,
       e.change,
       cast(case when e.basis = 'reported' then e.original_value else e.initial_value end as varchar) as value_before,
       cast(case when e.basis = 'reported' then e.edited_value else e.reviewed_value end as varchar) as value_after,
       e.notes,
       e.basis,
       e.ocr_confidence_before,
       e.logprobs_confidence_before,
       uses.file_id,
       f.name as file_name,
       r.processor_id,
       r.processor_name,
       r.processor_version_id,
       r.url,
       r.created_at,
       r.updated_at
from extraction_edits e
join processor_runs r on r.id = e.run_id
left join processor_run_files uses on uses.run_id = e.run_id and uses.position = 0
left join files f on f.id = uses.file_id
