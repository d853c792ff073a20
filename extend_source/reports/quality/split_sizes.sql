-- title: Pages per split
-- purpose: how long the parts are that splitters cut out; a part of one page or of very many may be cut wrongly.
-- grain: processor and class of the part
-- empty: no splits yet
-- note: The final splits: after review, where there was one.
-- note: A first page under 1, a last page before the first one or beyond 1,000,000 makes no sense.
-- shown: processor, type, splits, min_pages, median_pages, max_pages, pages_unknown
-- columns:
--   processor_id: the processor.
--   processor: its name; where its runs have several, the last one in the alphabet.
--   type: the class of the part.
--   splits: parts of the class.
--   min_pages: pages of the shortest.
--   median_pages: half of them have no more.
--   max_pages: pages of the longest.
--   pages_unknown: parts without a first and a last page that make sense; they count in splits alone.
with parts as (
    select coalesce(r.processor_id, '') as processor_id, r.processor_name, s.type,
           case when s.start_page >= 1 and s.end_page >= s.start_page and s.end_page <= 1000000
                then s.end_page - s.start_page + 1
           end as pages
    from processor_runs r
    join splits s on s.run_id = r.id and s.stage = 'final'
),
processors as (
    select processor_id, max(processor_name collate "C") as processor
    from parts
    group by processor_id
),
sizes as (
    select processor_id, type, count(*) as splits, min(pages) as min_pages, max(pages) as max_pages,
           percentile_cont(0.5) within group (order by pages) as median_pages,
           count(*) filter (where pages is null) as pages_unknown
    from parts
    group by processor_id, type
)
select nullif(z.processor_id, '') as processor_id,
       p.processor,
       z.type,
       z.splits,
       z.min_pages,
       round(cast(z.median_pages as decimal(18, 9)), 1) as median_pages,
       z.max_pages,
       z.pages_unknown
from sizes z
join processors p on p.processor_id = z.processor_id
order by p.processor collate "C" nulls last, z.processor_id collate "C", z.type collate "C" nulls last
