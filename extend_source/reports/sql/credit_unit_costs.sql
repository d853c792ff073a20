-- title: Unit costs
-- purpose: what a page, a document and an accepted field cost, by version of a processor.
-- grain: processor version
-- key: processor_id, processor_version_id
-- empty: no processed runs yet
-- optional: extraction_edits, extraction_fields, processor_runs
-- note: Processed runs whose credits are known only, without parsing. Pages are known of PDF and DOCX files only.
-- note: An accepted field is a value that a reviewer left as it was, but for its formatting: text, a number or a boolean.
--   Only reviewed runs count for it, also those of which no field was accepted.
-- columns:
--   processor_id: the processor.
--   processor_name: its name in the newest run.
--   processor_type: EXTRACT, CLASSIFY or SPLITTER.
--   processor_version_id: the version.
--   first_used_on: the day of its first run, UTC.
--   runs: processed runs.
--   runs_known: those whose credits are known.
--   credits: their sum.
--   credits_per_document: the same per run.
--   pages: pages of the runs of which credits and pages are known.
--   credits_per_page: the credits of those runs per page; NULL: no pages are known.
--   share_by_page: how much of the credits those runs make up.
--   accepted_fields: values that reviewers left as they were; NULL: no run was reviewed, or they have not been loaded.
--   credits_per_accepted_field: the credits of the reviewed runs per accepted field; NULL: there is none.
with reviewed_runs as (
    -- loaded_tables names the tables that a run was loaded into (standard, less those with a minus), NULL: into all
    select id
    from processor_runs
    where reviewed and type = 'EXTRACT'
        and (loaded_tables is null
             or ((loaded_tables like 'standard%' or loaded_tables like '%extraction_fields%')
                 and (loaded_tables like 'standard%' or loaded_tables like '%extraction_edits%')
                 and loaded_tables not like '%-extraction_fields%' and loaded_tables not like '%-extraction_edits%'))
),
changes as (
    select run_id, path from extraction_edits where change <> 'formatted'
),
reviewed as (
    select runs.id as run_id,
           sum(case when fields.path is not null and changes.path is null then 1 else 0 end) as accepted_fields
    from reviewed_runs as runs
    left join extraction_fields as fields
        on fields.run_id = runs.id and fields.path <> '$'
        and fields.value_type not in ('object', 'array', 'null', 'absent')
    left join changes on changes.run_id = fields.run_id and changes.path = fields.path
    group by runs.id
),
runs as (
    select ledger.*, reviewed.accepted_fields
    from credit_ledger as ledger
    left join reviewed on reviewed.run_id = ledger.resource_id
    where ledger.kind = 'processing' and ledger.status = 'PROCESSED'
),
sums as (
    select processor_id, processor_version_id,
           max(processor_name) as processor_name, max(processor_type) as processor_type,
           min(spent_on) as first_used_on, count(*) as runs, count(credits) as runs_known, sum(credits) as credits,
           sum(case when credits is not null then pages end) as pages,
           sum(case when pages > 0 then credits end) as credits_of_pages,
           sum(case when credits is not null then accepted_fields end) as accepted_fields,
           sum(case when accepted_fields is not null then credits end) as credits_of_reviewed
    from runs
    group by processor_id, processor_version_id
)
select processor_id,
       processor_name,
       processor_type,
       processor_version_id,
       first_used_on,
       runs,
       runs_known,
       credits,
       round(cast(credits as decimal(28, 8)) / nullif(runs_known, 0), 4) as credits_per_document,
       cast(pages as bigint) as pages,
       round(cast(credits_of_pages as decimal(28, 8)) / nullif(cast(pages as bigint), 0), 4) as credits_per_page,
       round(cast(credits_of_pages as decimal(28, 8)) / nullif(cast(credits as decimal(28, 8)), 0), 4) as share_by_page,
       cast(accepted_fields as bigint) as accepted_fields,
       round(cast(credits_of_reviewed as decimal(28, 8)) / nullif(cast(accepted_fields as bigint), 0), 4)
           as credits_per_accepted_field
from sums
