select r.parser_engine as engine, p.status, count(*) as parse_runs, sum(p.page_count) as pages,
       sum(p.credits) as credits, round(sum(p.credits) / sum(p.page_count), 2) as per_page
from extend.parse_runs p left join extend.run_configs r using (config_id)
group by all order by parse_runs desc;
