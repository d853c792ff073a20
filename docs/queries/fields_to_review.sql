-- Which values of the last week's runs should a person look at first?
select r.processor_name, f.path, f.value_text, f.ocr_confidence, f.logprobs_confidence
from extend.extraction_fields f join extend.processor_runs r on r.id = f.run_id
where not r.reviewed and r.status = 'PROCESSED'
  and r.created_at >= (select max(created_at) - interval 7 day from extend.processor_runs)
  and f.value_type in ('string', 'number', 'integer') and least(f.ocr_confidence, f.logprobs_confidence) < 0.6
order by least(f.ocr_confidence, f.logprobs_confidence), f.path limit 8;
