-- title: Do confidences find the errors? (AUROC)
-- purpose: whether a threshold on a confidence can tell wrong values from right ones.
-- grain: kind of confidence
-- empty: no reviewed runs with confidences yet
-- note: Reviewed runs only. If reviewers were sent the doubtful runs, the others are better than this.
-- note: AUROC: the chance that a right value has more confidence than a wrong one, ties half. 0.5: no better than dice.
-- note: Under 20 errors it says little and is left out. Degenerate: under 3 bins hold data: few thresholds to choose.
-- note: Confidences under -1 or over 2, and scores under 0 or over 10, make no sense and do not count.
-- note: Of a value that a reviewer changed, the confidence is that of the first reading, where the API sent it.
-- columns:
--   kind: ocr_confidence, logprobs_confidence, confidence (of legacy fields) or review_agent_score.
--   cells: values with such a confidence in reviewed runs.
--   errors: those that a reviewer changed, or something in them, but for their formatting.
--   bins: bins that hold data, as in confidence_reliability.
--   auroc: by rank sums; NULL: not enough errors, or nothing but errors.
--   verdict: ok, degenerate, not enough errors (under 20), or nothing but errors.
with recursive touched(run_id, path) as (
    -- what was changed, and all that is around it: each path less its last part, over and over
    select run_id, path
    from extraction_edits
    where change <> 'formatted'
    union all
    select run_id, regexp_replace(path, '[.\[][^.\[]*$', '')
    from touched
    where path like '%.%' or path like '%[%'
),
readings as (
    -- of a value that a reviewer changed, what was said of the first reading
    select f.run_id, f.path,
           coalesce(e.ocr_confidence_before, f.ocr_confidence) as ocr_confidence,
           coalesce(e.logprobs_confidence_before, f.logprobs_confidence) as logprobs_confidence,
           coalesce(e.confidence_before, f.confidence) as confidence,
           coalesce(e.review_agent_score_before, f.review_agent_score) as review_agent_score
    from processor_runs r
    join extraction_fields f on f.run_id = r.id
    left join extraction_edits e on e.run_id = f.run_id and e.path = f.path
    where r.status = 'PROCESSED' and r.output_format in ('schema', 'fields') and r.reviewed
),
wrong as (
    select distinct run_id, path from touched
),
judged as (
    select a.ocr_confidence, a.logprobs_confidence, a.confidence, a.review_agent_score,
           case when w.path is null then 1 else 0 end as correct
    from readings a
    left join wrong w on w.run_id = a.run_id and w.path = a.path
),
scores as (
    -- whatever is far from what it should be is no confidence
    select 'ocr_confidence' as kind, ocr_confidence as score, correct from judged where ocr_confidence between -1 and 2
    union all
    select 'logprobs_confidence', logprobs_confidence, correct from judged where logprobs_confidence between -1 and 2
    union all
    select 'confidence', confidence, correct from judged where confidence between -1 and 2
    union all
    select 'review_agent_score', review_agent_score, correct from judged where review_agent_score between 0 and 10
),
bins as (
    -- nine, not ten: a confidence of 1 is in the last bin; scores of the review agent are their own bins
    select kind, score, correct,
           case when kind = 'review_agent_score' then score else greatest(0, least(9, floor(score * 10))) end as bin
    from scores
),
steps as (
    select kind, score, count(*) as n, sum(correct) as correct
    from bins
    group by kind, score
),
ranked as (
    -- tied scores share the mean of their ranks
    select kind, cast(correct as double) as correct,
           sum(n) over (partition by kind order by score) - n + (n + 1) / 2.0 as mid_rank
    from steps
),
rank_sums as (
    select kind, sum(correct * mid_rank) as of_correct
    from ranked
    group by kind
),
counts as (
    select kind, count(*) as cells, sum(1 - correct) as errors, count(distinct bin) as bins,
           cast(sum(correct) as double) as n_correct, cast(sum(1 - correct) as double) as n_wrong
    from bins
    group by kind
)
select c.kind,
       c.cells,
       cast(c.errors as bigint) as errors,
       c.bins,
       case when c.errors >= 20
            then round(cast((s.of_correct - c.n_correct * (c.n_correct + 1) / 2.0)
                            / nullif(c.n_correct * c.n_wrong, 0) as decimal(18, 9)), 4)
       end as auroc,
       case when c.errors < 20 then 'not enough errors'
            when c.n_correct = 0 then 'nothing but errors'
            when c.bins < 3 then 'degenerate'
            else 'ok'
       end as verdict
from counts c
join rank_sums s on s.kind = c.kind
order by c.kind collate "C"
