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
