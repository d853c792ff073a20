-- title: Final classifications
-- purpose: what documents were taken for, after review, and what the classifier had said initial.
-- grain: classification run with an output
-- key: run_id
-- empty: no processed classification runs yet
-- optional: files, processor_run_files
-- note: Of a run that was given several files, file_id and file_name are the first one's.
-- columns:
--   run_id: processor_runs.id.
--   class: the document's class, after review if there was one.
--   confidence: confidence in it, 0 to 1.
--   first_class: the class before the review; the same where there was none.
--   first_confidence: confidence in that.
--   corrected: the review has changed the class; NULL: there was no review.
--   file_id: the file: files.id.
--   file_name: its name.
--   processor_id: the classifier; NULL: the run was given a configuration instead.
--   processor_name: its name, as sent with the run.
--   processor_version_id: its version.
--   reviewed: a person has reviewed the run.
--   url: the run in the dashboard.
--   created_at: creation of the run.
--   updated_at: its last change.
select c.run_id,
       c.type as class,
       c.confidence,
       coalesce(initial.type, c.type) as first_class,
       coalesce(initial.confidence, c.confidence) as first_confidence,
       case when r.reviewed then coalesce(initial.type, c.type) <> c.type end as corrected,
       uses.file_id,
       f.name as file_name,
       r.processor_id,
       r.processor_name,
       r.processor_version_id,
       r.reviewed,
       r.url,
       r.created_at,
       r.updated_at
from classifications c
join processor_runs r on r.id = c.run_id
left join classifications initial on initial.run_id = c.run_id and initial.stage = 'initial'
left join processor_run_files uses on uses.run_id = c.run_id and uses.position = 0
left join files f on f.id = uses.file_id
where c.stage = 'final'
