-- title: Evaluation trend
-- purpose: whether a processor gets better from version to version, as its evaluation sets measure it.
-- grain: run of an evaluation set
-- key: run_id
-- empty: no evaluation set runs yet: no list has them, name their ids to a sync
-- optional: evaluation_sets, processor_versions, processors
-- note: A run that says no accuracy is measured by F1, as those of splitters are; F1 is worked out of precision and recall where it is not said.
-- note: The previous version is the one that the set had measured last before, if it was another one; versions count by when they were measured.
-- columns:
--   run_id: evaluation_set_runs.id.
--   evaluation_set_id: evaluation_sets.id; '': unknown.
--   evaluation_set_name: its name now; NULL: evaluation sets have not landed.
--   processor_id: the processor.
--   processor_name: its name now; where processors have not landed, as sent with the run.
--   processor_version_id: the version that was measured; '': unknown.
--   processor_version: the version's number, or draft; where versions have not landed, as sent with the run (API 2026-02-09).
--   status: PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED.
--   run_at: creation of the run.
--   files: files that were measured.
--   pages: their pages.
--   measure: what the score is: accuracy or f1; NULL: neither is known.
--   score: from 0 to 1.
--   previous_run_id: the newest earlier run of the set, of another version, that has a score of the same kind.
--   previous_version: the number of that version.
--   change: the score less that of the previous version's run; NULL: there is none.
with figures as (
    select evaluation_set_run_id as run_id,
           max(case when metric = 'accuracy' then value end) as accuracy,
           max(case when metric = 'f1' then value end) as f1,
           max(case when metric = 'precision' then value end) as precise,
           max(case when metric = 'recall' then value end) as found,
           coalesce(max(case when metric = 'num_files_processed' then value end),
                    max(case when metric = 'num_files' then value end)) as files,
           max(case when metric = 'num_pages' then value end) as pages
    from evaluation_set_run_metrics
    where scope = 'run'
    group by evaluation_set_run_id
),
scores as (
    select run_id, files, pages, accuracy,
           coalesce(f1, case when precise + found > 0 then 2 * precise * found / (precise + found) end) as f1
    from figures
),
runs as (
    select r.id as run_id, coalesce(r.evaluation_set_id, '') as evaluation_set_id, r.processor_id,
           coalesce(p.name, r.processor_name) as processor_name,
           coalesce(r.processor_version_id, '') as processor_version_id,
           coalesce(v.version, r.processor_version) as processor_version, r.status, r.created_at as run_at,
           s.files, s.pages,
           case when s.accuracy is not null then 'accuracy' when s.f1 is not null then 'f1' end as measure,
           coalesce(s.accuracy, s.f1) as score
    from evaluation_set_runs r
    left join scores s on s.run_id = r.id
    left join processors p on p.id = r.processor_id
    left join processor_versions v on v.id = r.processor_version_id
),
earlier as (
    select r.run_id, b.run_id as previous_run_id, b.processor_version as previous_version, b.score as previous_score,
           row_number() over (partition by r.run_id order by b.run_at desc, b.run_id collate "C" desc) as place
    from runs r
    join runs b on b.evaluation_set_id = r.evaluation_set_id and b.measure = r.measure
         and b.processor_version_id <> r.processor_version_id and b.run_at < r.run_at
)
select r.run_id,
       r.evaluation_set_id,
       sets.name as evaluation_set_name,
       r.processor_id,
       r.processor_name,
       r.processor_version_id,
       r.processor_version,
       r.status,
       r.run_at,
       cast(r.files as bigint) as files,
       cast(r.pages as bigint) as pages,
       r.measure,
       round(cast(r.score as decimal(18, 9)), 4) as score,
       b.previous_run_id,
       b.previous_version,
       round(cast(r.score - b.previous_score as decimal(18, 9)), 4) as change
from runs r
left join evaluation_sets sets on sets.id = r.evaluation_set_id
left join earlier b on b.run_id = r.run_id and b.place = 1
