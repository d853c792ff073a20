-- title: Final splits
-- purpose: into which parts documents were cut, after review, and the files made of them.
-- grain: part of the final output of a splitter
-- key: run_id, position
-- empty: no processed splitting runs yet
-- optional: files, processor_run_files
-- note: Parts may overlap where the splitter allows it: their pages can add up to more than the file has.
-- columns:
--   run_id: processor_runs.id.
--   position: place of the part in the document, from 0.
--   type: the part's class.
--   identifier: what tells it from other parts of its class.
--   name: the part's name.
--   start_page: its first page in the document, from 1.
--   end_page: its last page.
--   pages: how many pages it has.
--   file_id: the file made of it.
--   file_name: the name of that file; NULL: it has not been read by a run that has landed.
--   document_id: the file that was split: files.id.
--   document_name: its name.
--   processor_id: the splitter; NULL: the run was given a configuration instead.
--   processor_name: its name, as sent with the run.
--   processor_version_id: its version.
--   reviewed: a person has reviewed the run.
--   edited: the review changed something.
--   url: the run in the dashboard.
--   created_at: creation of the run.
--   updated_at: its last change.
select s.run_id,
       s.position,
       s.type,
       s.identifier,
       s.name,
       s.start_page,
       s.end_page,
       s.end_page - s.start_page + 1 as pages,
       s.file_id,
       part.name as file_name,
       uses.file_id as document_id,
       whole.name as document_name,
       r.processor_id,
       r.processor_name,
       r.processor_version_id,
       r.reviewed,
       r.edited,
       r.url,
       r.created_at,
       r.updated_at
from splits s
join processor_runs r on r.id = s.run_id
left join processor_run_files uses on uses.run_id = s.run_id and uses.position = 0
left join files whole on whole.id = uses.file_id
left join files part on part.id = s.file_id
where s.stage = 'final'
