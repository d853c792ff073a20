-- title: Unit costs
-- purpose: what a page, a document and an accepted field cost, by version of a processor.
-- grain: processor version
-- key: processor_id, processor_version_id
-- empty: no processed runs yet
-- note: Processed runs whose credits are known only, without parsing. Pages are known of PDF and DOCX files only.
-- note: An accepted field is a value that a reviewer left as it was; only reviewed runs count for it.
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
--   accepted_fields: values that reviewers left as they were.
--   credits_per_accepted_field: the credits of the reviewed runs per accepted field; NULL: there is none.
with reviewed as (
    select runs.id as run_id, count(fields.path) as accepted_fields
    from processor_runs as runs
    left join extraction_fields as fields on fields.run_id = runs.id and fields.value_type <> 'null'
    left join extraction_edits as edits
        on edits.run_id = fields.run_id and edits.path = fields.path and edits.change is not null
        and edits.change <> 'formatted'
    where runs.reviewed and runs.type = 'EXTRACT' and edits.path is null
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
