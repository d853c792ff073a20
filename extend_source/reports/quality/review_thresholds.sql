-- title: From which confidence on values need no review
-- purpose: which values may skip the review, if so many of them are to be right.
-- grain: processor, field, kind of confidence and target
-- empty: no reviewed runs with confidences yet
-- note: Reviewed runs only tell what is right. If reviewers were sent the doubtful ones, the others are better.
-- note: Right that often: the lower end of the Wilson 95 % interval reaches the target, not the share alone.
-- note: Not enough reviews: too few values were reviewed to show it, even if all of them were right (73, 189, 381).
-- note: A value without such a confidence always needs a review, and does not count here.
-- note: Confidences under -1 or over 2, and scores under 0 or over 10, make no sense and do not count.
-- note: Of a value that a reviewer changed, the confidence is that of the first reading, where the API sent it.
-- shown: processor, field, kind, target, reviewed, threshold, accuracy, accuracy_low, share_without_review, verdict
-- columns:
--   processor_id: the processor.
--   processor: its name; where its runs have several, the last one in the alphabet.
--   field: the field's path_template; [] stands for any item of an array.
--   kind: ocr_confidence, logprobs_confidence, confidence (of legacy fields) or review_agent_score.
--   target: how often values are to be right: 0.95, 0.98 or 0.99.
--   reviewed: single values of the field with such a confidence in reviewed runs, removed ones too.
--   threshold: the lowest confidence, in hundredths, at or above which reviewed values were right that often.
--   reviewed_above: the reviewed values at or above it.
--   correct_above: those of them that no reviewer changed, but for their formatting.
--   accuracy: correct_above / reviewed_above.
--   accuracy_low: lower end of its Wilson 95 % interval.
--   share_without_review: of the field's values with such a confidence, reviewed or not, those at or above it.
--   verdict: ok, not reached (too many were wrong) or not enough reviews.
with runs as (
    select id, processor_name, coalesce(processor_id, '') as processor_id, coalesce(reviewed, false) as reviewed
    from processor_runs
    where status = 'PROCESSED' and output_format in ('schema', 'fields')
),
processors as (
    select processor_id, max(processor_name collate "C") as processor
    from runs
    group by processor_id
),
readings as (
    select r.processor_id, f.path_template as field, r.reviewed,
           coalesce(e.ocr_confidence_before, f.ocr_confidence) as ocr_confidence,
           coalesce(e.logprobs_confidence_before, f.logprobs_confidence) as logprobs_confidence,
           coalesce(e.confidence_before, f.confidence) as confidence,
           coalesce(e.review_agent_score_before, f.review_agent_score) as review_agent_score,
           case when e.change <> 'formatted' then 0 else 1 end as correct
    from runs r
    join extraction_fields f on f.run_id = r.id
    left join extraction_edits e on e.run_id = f.run_id and e.path = f.path
    where f.value_type not in ('object', 'array') and f.path <> '$'
    union all
    -- removed by the reviewer, so that the final output has it no longer
    select r.processor_id, regexp_replace(e.path, '\[~?[0-9]+\]', '[]', 'g') as field, r.reviewed,
           e.ocr_confidence_before, e.logprobs_confidence_before, e.confidence_before, e.review_agent_score_before,
           0 as correct
    from runs r
    join extraction_edits e on e.run_id = r.id
    left join extraction_fields f on f.run_id = e.run_id and f.path = e.path
    where f.path is null and e.change <> 'formatted' and e.path <> '$'
      and left(cast(coalesce(e.initial_value, e.original_value, e.reviewed_value, e.edited_value) as varchar), 1)
          not in ('{', '[')
),
scores as (
    -- whatever is far from what it should be is no confidence
    select processor_id, field, reviewed, correct, 'ocr_confidence' as kind, ocr_confidence as score
    from readings where ocr_confidence between -1 and 2
    union all
    select processor_id, field, reviewed, correct, 'logprobs_confidence', logprobs_confidence
    from readings where logprobs_confidence between -1 and 2
    union all
    select processor_id, field, reviewed, correct, 'confidence', confidence
    from readings where confidence between -1 and 2
    union all
    select processor_id, field, reviewed, correct, 'review_agent_score', review_agent_score
    from readings where review_agent_score between 0 and 10
),
steps as (
    -- as decimals: 0.29 * 100 is less than 29 otherwise
    select processor_id, field, kind, floor(cast(score as decimal(18, 9)) * 100) as step,
           count(*) as cells,
           sum(case when reviewed then 1 else 0 end) as reviewed,
           sum(case when reviewed then correct else 0 end) as correct
    from scores
    group by processor_id, field, kind, floor(cast(score as decimal(18, 9)) * 100)
),
sums as (
    select processor_id, field, kind, step, reviewed as reviewed_here,
           sum(cells) over (partition by processor_id, field, kind order by step desc) as cells_above,
           sum(reviewed) over (partition by processor_id, field, kind order by step desc) as reviewed_above,
           sum(correct) over (partition by processor_id, field, kind order by step desc) as correct_above,
           sum(cells) over (partition by processor_id, field, kind) as cells,
           sum(reviewed) over (partition by processor_id, field, kind) as reviewed
    from steps
),
reviewed_steps as (
    select s.*, cast(reviewed_above as double) as n, cast(correct_above as double) as k
    from sums s
    where reviewed_here > 0
),
bounds as (
    -- Wilson, z = 1.959963984540054
    select b.*,
           (k + 1.920729410347062 - 1.959963984540054 * sqrt(k * (n - k) / n + 0.960364705173531))
               / (n + 3.841458820694124) as low
    from reviewed_steps b
),
thresholds as (
    select processor_id, field, kind, cast(0.95 as decimal(3, 2)) as target, max(reviewed) as reviewed,
           min(case when low >= 0.95 then step end) as step
    from bounds
    group by processor_id, field, kind
    union all
    select processor_id, field, kind, cast(0.98 as decimal(3, 2)) as target, max(reviewed) as reviewed,
           min(case when low >= 0.98 then step end) as step
    from bounds
    group by processor_id, field, kind
    union all
    select processor_id, field, kind, cast(0.99 as decimal(3, 2)) as target, max(reviewed) as reviewed,
           min(case when low >= 0.99 then step end) as step
    from bounds
    group by processor_id, field, kind
)
select nullif(t.processor_id, '') as processor_id,
       p.processor,
       t.field,
       t.kind,
       t.target,
       cast(t.reviewed as bigint) as reviewed,
       round(cast(t.step / 100.0 as decimal(18, 9)), 2) as threshold,
       cast(b.reviewed_above as bigint) as reviewed_above,
       cast(b.correct_above as bigint) as correct_above,
       round(cast(b.k / b.n as decimal(18, 9)), 4) as accuracy,
       round(cast(b.low as decimal(18, 9)), 4) as accuracy_low,
       round(cast(cast(b.cells_above as double) / b.cells as decimal(18, 9)), 4) as share_without_review,
       case when t.step is not null then 'ok'
            when cast(t.reviewed as double) / (t.reviewed + 3.841458820694124) < t.target then 'not enough reviews'
            else 'not reached' end as verdict
from thresholds t
join processors p on p.processor_id = t.processor_id
left join bounds b on b.processor_id = t.processor_id and b.field = t.field and b.kind = t.kind and b.step = t.step
order by case when t.step is null then 1 else 0 end, t.target, share_without_review desc, t.reviewed desc,
         p.processor collate "C" nulls last, t.processor_id collate "C", t.field collate "C", t.kind collate "C"
