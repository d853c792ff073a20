-- title: Credits by product
-- purpose: spend by day, processor and what the credits were charged for; it adds up to the ledger.
-- grain: day, processor, product and unit
-- key: spent_on, processor_id, product, unit
-- empty: no runs yet
-- newer: credit_charges
-- note: API 2026-02-09 names products of runs since 10 June 2026. The product of all other credits is NULL: not said.
-- note: Add up neither quantities nor pages over products: several are charged for the same page.
-- columns:
--   spent_on: the day, UTC.
--   processor_id: the processor; NULL: of runs that were given a configuration instead, and of files that no run uses.
--   processor_name: its name in the newest run.
--   product: what was charged, for example extraction_performance; NULL: not said.
--   unit: page, cell or usd; NULL: not said.
--   charges: lines of the bill; 0 where no product is said.
--   quantity: how many units; of usd: dollars.
--   credits: their credits; NULL: unknown.
--   pages: the quantity of what is charged by the page; NULL: it is charged by something else, or not said of all of it.
with charged as (
    select resource_type, resource_id, sum(credits) as credits
    from credit_charges
    group by resource_type, resource_id
),
parts as (
    select ledger.spent_on, ledger.processor_id, ledger.processor_name, charges.product, charges.unit, 1 as charges,
           charges.quantity, charges.credits
    from credit_ledger as ledger
    join credit_charges as charges
        on charges.resource_type = ledger.resource_type and charges.resource_id = ledger.resource_id
    where ledger.credits is not null
    union all
    -- what the charges do not explain
    select ledger.spent_on, ledger.processor_id, ledger.processor_name, null, null, 0, null,
           ledger.credits - coalesce(charged.credits, 0)
    from credit_ledger as ledger
    left join charged on charged.resource_type = ledger.resource_type and charged.resource_id = ledger.resource_id
    where ledger.credits is null or charged.credits is null or ledger.credits <> charged.credits
)
select spent_on,
       processor_id,
       max(processor_name) as processor_name,
       product,
       unit,
       cast(sum(charges) as bigint) as charges,
       sum(quantity) as quantity,
       sum(credits) as credits,
       case when unit = 'page' and count(quantity) = count(*) then sum(quantity) end as pages
from parts
group by spent_on, processor_id, product, unit
