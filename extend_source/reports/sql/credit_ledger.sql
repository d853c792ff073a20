-- title: Credit ledger
-- purpose: everything that costs credits, once: what it cost, when, and what it was for.
-- grain: thing that costs, a run or a file
-- key: resource_type, resource_id
-- empty: no runs yet
-- optional: files, processor_run_files, processor_run_summaries, processor_runs
-- newer: credit_attributions, parse_run_summaries
-- note: A run's credits do not contain the parsing of its files; a file is parsed, and counted, once, however many runs used it.
-- note: Credits that are NULL are unknown, not free.
-- note: A run that was listed and not loaded counts as its list says: without files, url and parse run.
-- note: In API 2026-02-09 parse runs cost what files did before, and files are no rows. A parse run that a run names, and that
--   nobody tells the credits of, is a row as well: runs before 14 May 2026 do not tell them, nor do runs that failed.
-- columns:
--   resource_type: processor_run, file, parse_run, or another of the API's names.
--   resource_id: processor_runs.id, files.id, or the other thing's id.
--   kind: processing (a run), parsing (a file or parse run), or else the resource type.
--   credits: what it cost; NULL: unknown.
--   usage: reported; pending (the run has not ended); not_reported (older than usage figures, or billed in another way).
--   spent_at: when the run or file was created; where that is not known, see dated_by.
--   spent_on: its day, UTC.
--   dated_by: where spent_at is from: created (the run or file itself, or the listing); files (the run's first file);
--   first_run (the first run that used the file, or started the thing); fetched (nothing else is known: when it was fetched).
--   run_id: the run; of a file the run that used it first, of other things the run that started them first. The next
--   columns are that run's.
--   processor_id: the processor; NULL: the run was given a configuration instead, or there is no run.
--   processor_name: its name in the newest run.
--   processor_type: EXTRACT, CLASSIFY or SPLITTER.
--   processor_version_id: the processor's version.
--   status: PENDING, PROCESSING, PROCESSED, FAILED or CANCELLED.
--   workspace_id: the workspace named in the settings.
--   url: the run in the dashboard.
--   files: how many files the run has, NULL: it was loaded without them, or not at all; of a file 1, of a parse run 1 where it is known.
--   file_id: the file; NULL: the run has none, or several, or was loaded without them.
--   file_type: its type; NULL: unknown.
--   pages: the pages of all the files; NULL: not known of all of them. Under 0 or beyond 1,000,000 is not known.
--   source_document_id: the file that the file was split from, up to four splits back; else the file itself.
with uses as (
    select distinct run_id, file_id from processor_run_files
),
-- loaded_tables names the tables that a run was loaded into (standard, less those with a minus), NULL: into all
runs as (
    select r.id, r.status, r.type, r.processor_id, r.processor_name, r.processor_version_id, r.workspace_id, r.url,
           r.credits, r.parse_run_id, coalesce(r.created_at, s.created_at) as created_at, r.fetched_at,
           case when r.loaded_tables is null
                     or (r.loaded_tables not like '%-processor_run_files%'
                         and (r.loaded_tables like 'standard%' or r.loaded_tables like '%processor_run_files%'))
                then 1 else 0 end as has_files
    from processor_runs as r
    left join processor_run_summaries as s on s.id = r.id
    union all
    select s.id, s.status, s.type, s.processor_id, s.processor_name, s.processor_version_id, s.workspace_id, null,
           s.credits, null, s.created_at, s.listed_at, 0
    from processor_run_summaries as s
    left join processor_runs as r on r.id = s.id
    where r.id is null
),
paged_files as (
    select id, created_at, case when page_count between 0 and 1000000 then page_count end as pages from files
),
run_files as (
    select uses.run_id, count(*) as files, min(uses.file_id) as file_id, min(files.created_at) as created_at,
           case when count(files.pages) = count(*) then sum(files.pages) end as pages
    from uses
    left join paged_files as files on files.id = uses.file_id
    group by uses.run_id
),
first_uses as (
    select uses.file_id, uses.run_id, runs.created_at,
           row_number() over (
               partition by uses.file_id order by coalesce(runs.created_at, runs.fetched_at), uses.run_id
           ) as place
    from uses
    join runs on runs.id = uses.run_id
),
-- the runs that a thing is a part of the cost of
started as (
    select lines.resource_type, lines.resource_id, lines.run_id, runs.created_at,
           row_number() over (
               partition by lines.resource_type, lines.resource_id
               order by coalesce(runs.created_at, runs.fetched_at), lines.run_id
           ) as place
    from credit_attributions as lines
    join runs on runs.id = lines.run_id
),
-- the runs that used a parse run
readers as (
    select parse_run_id, id as run_id,
           row_number() over (partition by parse_run_id order by coalesce(created_at, fetched_at), id) as place
    from runs
    where parse_run_id is not null
),
parse_ids as (
    select resource_id as id from credit_usage where resource_type = 'parse_run'
    union
    select parse_run_id from processor_runs where parse_run_id is not null
    union
    select id from parse_run_summaries
),
parses as (
    select parse_ids.id, coalesce(c.credits, l.credits) as credits, r.id as run_id, l.created_at,
           r.created_at as run_created_at, coalesce(c.observed_at, r.fetched_at, l.listed_at) as fetched_at,
           l.status,
           coalesce(
               l.file_id,
               case when r.parse_run_id = parse_ids.id and r.has_files = 1 and rf.files = 1 then rf.file_id end
           ) as file_id
    from parse_ids
    left join parse_run_summaries as l on l.id = parse_ids.id
    left join credit_usage as c on c.resource_type = 'parse_run' and c.resource_id = parse_ids.id
    left join started as s on s.resource_type = 'parse_run' and s.resource_id = parse_ids.id and s.place = 1
    left join readers on readers.parse_run_id = parse_ids.id and readers.place = 1
    left join runs as r on r.id = coalesce(s.run_id, readers.run_id)
    left join run_files as rf on rf.run_id = r.id
),
parsed_files as (
    select distinct file_id from parses where file_id is not null
),
newer as (
    select count(*) as things
    from (select id from processor_runs where api_version >= '2026-02-09' union all select id from parses) as found
),
-- the newest run of each processor names it; found by equal values, as a window would sort all runs
newest_times as (
    select processor_id, max(coalesce(created_at, fetched_at)) as newest_at from runs group by processor_id
),
newest_runs as (
    select runs.processor_id, min(runs.id) as run_id
    from runs
    join newest_times
        on newest_times.processor_id = runs.processor_id
        and newest_times.newest_at = coalesce(runs.created_at, runs.fetched_at)
    group by runs.processor_id
),
processors as (
    select newest_runs.processor_id, runs.processor_name
    from newest_runs
    join runs on runs.id = newest_runs.run_id
),
splits as (
    select f.id,
           coalesce(p3.parent_file_id, p2.parent_file_id, p1.parent_file_id, f.parent_file_id) as source_document_id
    from files as f
    left join files as p1 on p1.id = f.parent_file_id
    left join files as p2 on p2.id = p1.parent_file_id
    left join files as p3 on p3.id = p2.parent_file_id
    where f.parent_file_id is not null
),
-- keys to join by equal values alone: where a condition is on one side only, DuckDB compares each row with each other
charged as (
    select resource_type, resource_id, basis, credits, observed_at,
           case when resource_type = 'processor_run' then resource_id end as charged_run_id,
           case when resource_type = 'file' then resource_id end as charged_file_id
    from credit_usage
    where resource_type <> 'parse_run'
),
-- what was charged without a run or file that has landed
unlanded as (
    select charged.*
    from charged
    left join runs on runs.id = charged.charged_run_id
    left join files on files.id = charged.charged_file_id
    where runs.id is null and files.id is null
),
others as (
    select 'file' as resource_type, f.id as resource_id, 'parsing' as kind, coalesce(c.credits, f.credits) as credits,
           f.created_at, u.created_at as run_created_at, f.fetched_at, u.run_id, 1 as files, f.id as file_id, pf.pages,
           null as status
    from files as f
    cross join newer
    left join parsed_files on parsed_files.file_id = f.id
    left join paged_files as pf on pf.id = f.id
    left join first_uses as u on u.file_id = f.id and u.place = 1
    left join credit_usage as c on c.resource_type = 'file' and c.resource_id = f.id
    where parsed_files.file_id is null and (newer.things = 0 or coalesce(c.credits, f.credits) is not null)
    union all
    select 'parse_run', p.id, 'parsing', p.credits, p.created_at, p.run_created_at, p.fetched_at, p.run_id,
           case when p.file_id is not null then 1 end, p.file_id, pf.pages, p.status
    from parses as p
    left join paged_files as pf on pf.id = p.file_id
    union all
    select c.resource_type, c.resource_id, c.basis, c.credits,
           null, coalesce(u.created_at, s.created_at), c.observed_at, coalesce(c.charged_run_id, u.run_id, s.run_id),
           case when c.charged_file_id is not null then 1 end, c.charged_file_id, null, null
    from unlanded as c
    left join first_uses as u on u.file_id = c.charged_file_id and u.place = 1
    left join started as s on s.resource_type = c.resource_type and s.resource_id = c.resource_id and s.place = 1
),
-- each with its run, which runs need not look for
things as (
    select 'processor_run' as resource_type, r.id as resource_id, 'processing' as kind,
           coalesce(c.credits, r.credits) as credits,
           r.created_at, rf.created_at as related_at, 'files' as related, r.fetched_at,
           case when r.has_files = 1 then coalesce(rf.files, 0) end as files,
           case when r.has_files = 1 and rf.files = 1 then rf.file_id end as file_id,
           case when r.has_files = 1 then cast(rf.pages as bigint) end as pages, r.status as own_status,
           r.id as run_id, r.processor_id, r.type, r.processor_version_id, r.status, r.workspace_id, r.url
    from runs as r
    left join run_files as rf on rf.run_id = r.id
    left join credit_usage as c on c.resource_type = 'processor_run' and c.resource_id = r.id
    union all
    select o.resource_type, o.resource_id, o.kind, o.credits, o.created_at, o.run_created_at, 'first_run', o.fetched_at,
           o.files, o.file_id, o.pages, coalesce(o.status, r.status),
           o.run_id, r.processor_id, r.type, r.processor_version_id, r.status, r.workspace_id, r.url
    from others as o
    left join runs as r on r.id = o.run_id
),
dated as (
    select things.*,
           coalesce(created_at, related_at, fetched_at) as spent_at,
           case when created_at is not null then 'created'
                when related_at is not null then related
                else 'fetched' end as dated_by
    from things
)
select t.resource_type,
       t.resource_id,
       t.kind,
       t.credits,
       case
           when t.credits is not null then 'reported'
           when t.resource_type <> 'file' and t.own_status in ('PENDING', 'PROCESSING') then 'pending'
           else 'not_reported'
       end as usage,
       t.spent_at,
       cast(t.spent_at at time zone 'UTC' as date) as spent_on,
       t.dated_by,
       t.run_id,
       t.processor_id,
       p.processor_name,
       t.type as processor_type,
       t.processor_version_id,
       t.status,
       t.workspace_id,
       t.url,
       t.files,
       t.file_id,
       f.type as file_type,
       t.pages,
       coalesce(splits.source_document_id, f.id) as source_document_id
from dated as t
left join processors as p on p.processor_id = t.processor_id
left join files as f on f.id = t.file_id
left join splits on splits.id = f.id
