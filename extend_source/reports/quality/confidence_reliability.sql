-- title: Reliability of confidences
-- purpose: what a confidence is worth: how often values read with it were right.
-- grain: kind of confidence and bin
-- empty: no reviewed runs with confidences yet
-- note: Reviewed runs only. If reviewers were sent the doubtful runs, the others are better than this.
-- note: Right: no reviewer changed the value, or anything in it. A well calibrated confidence is close to the accuracy.
-- note: Confidences under -1 or over 2, and scores under 0 or over 10, make no sense and do not count.
-- note: Of a value that a reviewer changed, the confidence is that of the first reading, where the API sent it.
-- note: A bin without data has no row.
-- columns:
--   kind: ocr_confidence, logprobs_confidence, confidence (of legacy fields) or review_agent_score.
--   bin_low: lower bound of the bin, included; ten bins from 0 to 1. A score of the review agent is a bin of its own.
--   bin_high: upper bound, included in the last bin only; confidences beyond 0 or 1 are in the nearest bin.
--   cells: values with such a confidence in reviewed runs.
--   correct: those that no reviewer changed, but for their formatting.
--   mean_score: their average confidence.
--   accuracy: correct / cells.
--   accuracy_low: lower end of its Wilson 95 % interval.
--   accuracy_high: upper end.
-- include: binned_confidences
counts as (
    select kind, bin, count(*) as cells, sum(correct) as correct, avg(score) as mean_score,
           cast(count(*) as double) as n, cast(sum(correct) as double) as k
    from bins
    group by kind, bin
)
select kind,
       case when kind = 'review_agent_score' then round(cast(bin as decimal(18, 9)), 4)
            else round(cast(bin / 10.0 as decimal(18, 9)), 4) end as bin_low,
       case when kind = 'review_agent_score' then round(cast(bin as decimal(18, 9)), 4)
            else round(cast((bin + 1) / 10.0 as decimal(18, 9)), 4) end as bin_high,
       cells,
       cast(correct as bigint) as correct,
       round(cast(mean_score as decimal(18, 9)), 4) as mean_score,
       round(cast(k / n as decimal(18, 9)), 4) as accuracy,
       -- Wilson, z = 1.959963984540054
       round(cast((k + 1.920729410347062 - 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531))
                  / (n + 3.841458820694124) as decimal(18, 9)), 4) as accuracy_low,
       round(cast((k + 1.920729410347062 + 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531))
                  / (n + 3.841458820694124) as decimal(18, 9)), 4) as accuracy_high
from counts
order by kind collate "C", bin
