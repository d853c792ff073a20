-- title: Documents
-- purpose: which documents came in, what they were taken for, who read them and how that ended.
-- grain: run and file of it
-- key: run_id, file_position
-- empty: no runs yet
-- optional: classifications, files, processor_run_files, processor_versions, processors,
--   workflow_run_summaries, workflow_runs, workflow_step_runs, workflows
-- note: A run without a file has one row, without a file; a run of several files has one for each.
-- note: Add credits up as they are: they stand with the first file of a run that is there, and are 0 with its others.
-- columns:
--   run_id: processor_runs.id.
--   file_position: place of the file in the run, from 0.
--   file_id: files.id; NULL: the run has no file, or was loaded without it.
--   file_name: its name, given by the customer.
--   file_type: PDF, CSV, IMG, TXT, DOCX, EXCEL, XML or HTML; NULL: not determined.
--   pages: its pages; known for PDF and DOCX only.
--   parent_file_id: the file it was split from.
--   url: the run in the dashboard.
--   workflow_id: the workflow that made the run; NULL: none did, or its run has not ended, or has not landed.
--   workflow_name: its name now; where workflows have not landed, as sent with its run.
--   workflow_run_id: workflow_runs.id; of several that name the run, the first one.
--   workflow_run_status: PROCESSED, NEEDS_REVIEW, REJECTED, FAILED, CANCELLED, or one that moves.
--   run_type: EXTRACT, CLASSIFY or SPLITTER.
--   processor_id: the processor; NULL: the run was given a configuration instead.
--   processor_name: its name now; where processors have not landed, as sent with the run.
--   processor_version_id: its version.
--   processor_version: the version's number, or draft; where versions have not landed, as sent with the run (API 2026-02-09).
--   class: what it was taken for: by this run, else by the newest classification of the file, else by the split that made it.
--   status: PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED.
--   failure_reason: why the run failed, as a code.
--   reviewed: a person has reviewed the run.
--   edited: the review changed something.
--   credits: what the run cost, without parsing; 0 with its other files; NULL: unknown.
--   created_at: creation of the run.
--   updated_at: its last change.
--   workspace_id: the workspace named in the settings.
-- include: newest_workflow_runs
made as (
    select s.result_id as run_id, s.workflow_run_id, w.workflow_id, w.workflow_name, w.status,
           row_number() over (
               partition by s.result_id order by w.created_at nulls last, s.workflow_run_id collate "C"
           ) as place
    from workflow_step_runs s
    left join newest_workflow_runs w on w.id = s.workflow_run_id
    where s.result_id is not null
),
classified as (
    select c.run_id, c.type as class, uses.file_id,
           row_number() over (
               partition by uses.file_id order by r.created_at desc nulls last, r.id collate "C" desc
           ) as newest
    from classifications c
    join processor_runs r on r.id = c.run_id
    left join processor_run_files uses on uses.run_id = c.run_id
    where c.stage = 'final'
),
-- a run that was given several files has said one thing of them all
of_runs as (
    select run_id, max(class collate "C") as class from classified group by run_id
),
-- the one at 0 may have been erased
first_files as (
    select run_id, min(position) as position from processor_run_files group by run_id
),
of_files as (
    select file_id, class from classified where newest = 1 and file_id is not null
)
select r.id as run_id,
       coalesce(uses.position, 0) as file_position,
       uses.file_id,
       f.name as file_name,
       f.type as file_type,
       f.page_count as pages,
       f.parent_file_id,
       r.url,
       made.workflow_id,
       coalesce(w.name, made.workflow_name) as workflow_name,
       made.workflow_run_id,
       made.status as workflow_run_status,
       r.type as run_type,
       r.processor_id,
       coalesce(p.name, r.processor_name) as processor_name,
       r.processor_version_id,
       coalesce(v.version, r.processor_version) as processor_version,
       coalesce(of_runs.class, of_files.class, f.parent_split_type) as class,
       r.status,
       r.failure_reason,
       r.reviewed,
       r.edited,
       case when uses.position is null or uses.position = first_files.position then r.credits else 0 end as credits,
       r.created_at,
       r.updated_at,
       r.workspace_id
from processor_runs r
left join processor_run_files uses on uses.run_id = r.id
left join files f on f.id = uses.file_id
left join of_runs on of_runs.run_id = r.id
left join of_files on of_files.file_id = uses.file_id
left join first_files on first_files.run_id = r.id
left join made on made.run_id = r.id and made.place = 1
left join workflows w on w.id = made.workflow_id
left join processors p on p.id = r.processor_id
left join processor_versions v on v.id = r.processor_version_id
