"""A marimo notebook on a DuckDB file: documents, doubtful fields, what reviewers changed, credits."""

import marimo

app = marimo.App(width="medium", app_title="Extend: what has landed")


@app.cell
def _():
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    return Path, alt, duckdb, mo


@app.cell
def _(mo):
    _arguments = mo.cli_args()
    database = str(_arguments.get("database") or "extend_demo.duckdb")
    dataset = str(_arguments.get("dataset") or "extend")
    return database, dataset


@app.cell
def _(database, dataset, duckdb, mo):
    connection = duckdb.connect(database, read_only=True)
    connection.execute(f"use \"{dataset}\"; set timezone = 'UTC'")

    def ask(sql, **values):
        """The rows of a query as an Arrow table, in which nothing is nothing."""
        return connection.execute(sql, values or None).to_arrow_table()

    def texts(values):
        """A list of texts, as DuckDB takes it, also without any."""
        return duckdb.Value(list(values), "VARCHAR[]")

    def shown(rows):
        """A table to page through; None where there are no rows."""
        if not rows.num_rows:
            return mo.md("None.")
        return mo.ui.table(rows, page_size=8, selection=None, show_column_summaries=False, show_data_types=False)

    return ask, shown, texts


@app.cell
def _(Path, ask, database, mo):
    counts = ask("""
        select count(*) as runs, count(*) filter (status = 'PROCESSED') as processed,
               count(*) filter (reviewed) as reviewed, sum(credits) as credits,
               (select count(*) from files) as files
        from processor_runs""").to_pylist()[0]
    mo.vstack(
        [
            mo.md(f"# What has landed in `{Path(database).name}`"),
            mo.hstack(
                [
                    mo.stat(
                        f"{counts['runs']:,}", label="runs", caption=f"{counts['processed']:,} processed", bordered=True
                    ),
                    mo.stat(f"{counts['files']:,}", label="files", caption="documents", bordered=True),
                    mo.stat(f"{counts['reviewed']:,}", label="reviewed", caption="by a person", bordered=True),
                    mo.stat(
                        f"{counts['credits'] or 0:,.1f}", label="credits", caption="without parsing", bordered=True
                    ),
                ],
                widths="equal",
                gap=1,
            ),
        ]
    )
    return (counts,)


@app.cell
def _(ask, mo):
    _names = ask("select distinct processor_name from processor_runs where processor_name is not null order by 1")
    processors = mo.ui.multiselect(_names["processor_name"].to_pylist(), label="Processors", full_width=True)
    statuses = mo.ui.multiselect(
        ["PENDING", "PROCESSING", "PROCESSED", "FAILED", "CANCELLED"], label="Status", full_width=True
    )
    mo.vstack(
        [
            mo.md("Choose, and all that follows is of these runs; without a choice it is of all."),
            mo.hstack([processors, statuses], widths="equal", gap=1),
        ]
    )
    return processors, statuses


@app.cell
def _(ask, processors, statuses, texts):
    documents = ask(
        """
        with chosen as (
            select * from processor_runs
            where (len($processors) = 0 or list_contains($processors, processor_name))
              and (len($statuses) = 0 or list_contains($statuses, status))
        )
        select files.name as file, chosen.processor_name as processor, classifications.type as class, chosen.status,
               chosen.reviewed, files.page_count as pages, cast(chosen.credits as double) as credits,
               chosen.created_at, chosen.url,
               chosen.id as run_id
        from chosen
        left join processor_run_files as run_files on run_files.run_id = chosen.id
        left join files on files.id = run_files.file_id
        left join classifications on classifications.run_id = chosen.id and classifications.stage = 'final'
        order by chosen.created_at desc nulls last, chosen.id, run_files.position""",
        processors=texts(processors.value),
        statuses=texts(statuses.value),
    )
    run_ids = sorted(set(documents["run_id"].to_pylist()))
    return documents, run_ids


@app.cell
def _(documents, mo, shown):
    mo.vstack([mo.md("## Documents"), shown(documents)])
    return


@app.cell
def _(mo):
    threshold = mo.ui.slider(0.5, 1.0, step=0.05, value=0.8, label="Doubtful below", show_value=True)
    mo.vstack([mo.md("## Fields that the model was not sure of"), threshold])
    return (threshold,)


@app.cell
def _(ask, run_ids, shown, texts, threshold):
    doubtful = ask(
        """
        with known as (
            select runs.processor_name as processor, fields.path_template as field,
                   coalesce(fields.confidence, fields.logprobs_confidence, fields.ocr_confidence) as confidence
            from extraction_fields as fields
            join processor_runs as runs on runs.id = fields.run_id
            where fields.run_id in (select unnest($run_ids))
        )
        select processor, field, count(*) as with_confidence,
               count(*) filter (confidence < $threshold) as doubtful,
               round(100 * doubtful / with_confidence, 1) as percent, round(min(confidence), 3) as lowest
        from known
        where confidence is not null
        group by all
        having doubtful > 0
        order by percent desc, doubtful desc, processor, field""",
        run_ids=texts(run_ids),
        threshold=threshold.value,
    )
    shown(doubtful)
    return (doubtful,)


@app.cell
def _(ask, mo, run_ids, shown, texts):
    changes = ask(
        """
        select runs.processor_name as processor, edits.path, edits.change,
               coalesce(edits.initial_value, edits.original_value) as before,
               coalesce(edits.reviewed_value, edits.edited_value) as after,
               edits.notes, runs.url
        from extraction_edits as edits
        join processor_runs as runs on runs.id = edits.run_id
        where edits.change in ('changed', 'added', 'removed')
          and edits.run_id in (select unnest($run_ids))
        order by processor, edits.path, edits.run_id""",
        run_ids=texts(run_ids),
    )
    mo.vstack(
        [
            mo.md(f"## What reviewers changed\n\n{changes.num_rows:,} values; what was only written anew is left out."),
            shown(changes),
        ]
    )
    return (changes,)


@app.cell
def _(alt, ask, mo, run_ids, texts):
    credits = ask(
        """
        select strftime(created_at, '%Y-%m') as month,
               coalesce(processor_name, 'without a processor') as processor,
               cast(sum(credits) as double) as credits
        from processor_runs
        where credits is not null and created_at is not null
          and id in (select unnest($run_ids))
        group by all
        order by month, processor""",
        run_ids=texts(run_ids),
    )
    bars = (
        alt.Chart(credits.to_pandas())
        .mark_bar()
        .encode(
            x=alt.X("month:O", title=None, axis=alt.Axis(labelAngle=0)),
            y=alt.Y("credits:Q", title="credits"),
            color=alt.Color("processor:N", title=None, legend=alt.Legend(orient="bottom", columns=2)),
            tooltip=["month:O", "processor:N", "credits:Q"],
        )
        .properties(width="container", height=260)
    )
    mo.vstack(
        [
            mo.md("## Credits\n\nOf runs, without parsing; `extend-source report credits` has all of it."),
            bars if credits.num_rows else mo.md("None are known."),
        ]
    )
    return (credits,)


if __name__ == "__main__":
    app.run()
