-- What is known to have been spent, and of how much is it unknown?
select sum(credits) as credits,
       (select count(*) from extend.processor_runs where credits is null) as runs_unknown,
       (select count(*) from extend.files where credits is null) as files_unknown
from extend.credit_usage;
