-- What each run says of each of its files, with the columns that people filter by.
with classes as (
    select run_id, type
    from {{ ref('stg_extend__classifications') }}
    where stage = 'final'
)

select
    runs.id as run_id,
    run_files.position,
    run_files.file_id,
    files.name as file_name,
    files.type as file_type,
    files.page_count as pages,
    files.parent_file_id,
    runs.url,
    runs.workspace_id,
    runs.processor_id,
    runs.processor_name,
    runs.processor_version_id,
    runs.processor_version,
    runs.type as processor_type,
    runs.status,
    runs.failure_reason,
    coalesce(classes.type, files.parent_split_type) as class,
    runs.reviewed,
    runs.edited,
    runs.credits,
    runs.created_at,
    runs.updated_at,
    runs.fetched_at
from {{ ref('stg_extend__processor_runs') }} as runs
left join {{ ref('stg_extend__processor_run_files') }} as run_files on run_files.run_id = runs.id
left join {{ ref('stg_extend__files') }} as files on files.id = run_files.file_id
left join classes on classes.run_id = runs.id
