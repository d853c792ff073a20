-- Which fields do reviewers correct most, and would the confidence have told?
select processor_name, field, sum(cells_reviewed) as reviewed, sum(wrong) as wrong,
       round(1 - sum(wrong) / sum(cells_reviewed), 3) as accuracy, round(avg(ocr_confidence), 2) as ocr_confidence
from extend.field_quality
group by all having sum(cells_reviewed) >= 20
order by accuracy, processor_name, field limit 6;
