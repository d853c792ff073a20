-- Do the ledger and what it is made of agree?
select comparison, cause, things, ledger_credits, other_credits, gap
from extend.credit_reconciliation order by 1;
