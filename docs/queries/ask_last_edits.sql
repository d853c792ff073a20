-- What did reviewers change last, in which document?
select file_name, field, value_before, value_after, updated_at::date as reviewed_on
from extend.edits
where change = 'changed' and length(value_before) < 30
order by updated_at desc, path limit 6;
