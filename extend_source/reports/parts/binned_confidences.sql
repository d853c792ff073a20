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
