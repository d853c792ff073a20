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
-- include: binned_confidences
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
