-- title: Classes before and after review
-- purpose: which classes the classifier takes for which.
-- grain: processor and pair of classes
-- empty: no reviewed classifications yet
-- note: Reviewed runs only. If reviewers were sent the doubtful runs, the others are better than this.
-- shown: processor, initial_class, reviewed_class, runs, share_of_initial, changed
-- columns:
--   processor_id: the processor.
--   processor: its name; where its runs have several, the last one in the alphabet.
--   initial_class: the class that the run was given.
--   reviewed_class: the class after review.
--   runs: reviewed runs with these two.
--   share_of_initial: runs / reviewed runs of the processor with that initial class.
--   changed: the two differ.
with pairs as (
    select coalesce(r.processor_id, '') as processor_id, r.processor_name, i.type as initial_class,
           v.type as reviewed_class
    from processor_runs r
    join classifications i on i.run_id = r.id and i.stage = 'initial'
    join classifications v on v.run_id = r.id and v.stage = 'reviewed'
    where r.reviewed
),
processors as (
    select processor_id, max(processor_name collate "C") as processor
    from pairs
    group by processor_id
),
counts as (
    select processor_id, initial_class, reviewed_class, count(*) as runs,
           sum(count(*)) over (partition by processor_id, initial_class) as of_initial
    from pairs
    group by processor_id, initial_class, reviewed_class
)
select nullif(c.processor_id, '') as processor_id,
       p.processor,
       c.initial_class,
       c.reviewed_class,
       c.runs,
       round(cast(cast(c.runs as double) / c.of_initial as decimal(18, 9)), 4) as share_of_initial,
       c.initial_class is distinct from c.reviewed_class as changed
from counts c
join processors p on p.processor_id = c.processor_id
order by p.processor collate "C" nulls last, c.processor_id collate "C", c.initial_class collate "C" nulls last,
         c.runs desc, c.reviewed_class collate "C" nulls last
