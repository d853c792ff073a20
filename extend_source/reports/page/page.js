"use strict";
(function () {
  const page = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const form = byId("filters"), processor = byId("processor"), first = byId("first"), last = byId("last");
  const measure = byId("measure");
  const number = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
  const MAX_ROWS = 200;
  const views = {}, work = {};
  const datasets = Object.fromEntries(Object.entries(page.datasets).map(([name, packed]) => [name, unpacked(packed)]));

  function unpacked({ columns, rows }) {
    return rows.map((values) => {
      const row = Object.fromEntries(columns.map((column, place) => [column, values[place]]));
      const rank = Math.min(row.processor, page.coloured);
      const name = page.processors[row.processor];
      return { ...row, processor: name, rank, group: rank < page.coloured ? name : page.others };
    });
  }

  const firstShown = () => first.value || page.first, lastShown = () => last.value || page.last;

  // a row counts if any of its days is chosen; one that is of all time has no day
  function chosen(name) {
    const wanted = processor.value && page.processors[Number(processor.value)];
    return datasets[name].filter((row) =>
      (!wanted || row.processor === wanted) &&
      (!row.day || ((row.until ? row.until > firstShown() : row.day >= firstShown()) && row.day <= lastShown())));
  }

  function cell(row, key, isNumber) {
    const value = row[key], place = document.createElement("td");
    place.dataset.key = key;
    place.setAttribute("role", "cell");
    if (isNumber) place.className = "number";
    if (key === "run" && row.url) {
      const link = document.createElement("a");
      link.href = row.url; link.textContent = value; link.rel = "noopener noreferrer"; link.target = "_blank";
      place.append(link);
    } else if (typeof value === "number") place.textContent = number.format(value);
    else place.textContent = value === null || value === undefined ? "unknown" : value;
    return place;
  }

  // the roles stand for what a phone's layout would take away
  function fillTable(place, columns, rows, most, none) {
    if (!rows.length) { place.textContent = none; return; }
    const table = document.createElement("table"), head = table.createTHead(), headings = head.insertRow();
    const isNumber = (key) => rows.some((row) => typeof row[key] === "number");
    const numbers = new Set(Object.keys(columns).filter(isNumber));
    for (const [key, title] of Object.entries(columns)) {
      const heading = document.createElement("th");
      heading.scope = "col"; heading.textContent = title; heading.setAttribute("role", "columnheader");
      if (numbers.has(key)) heading.className = "number";
      headings.append(heading);
    }
    const body = table.createTBody();
    for (const row of rows.slice(0, most)) {
      const line = body.insertRow();
      for (const key of Object.keys(columns)) line.append(cell(row, key, numbers.has(key)));
    }
    table.setAttribute("role", "table");
    for (const group of [head, body]) group.setAttribute("role", "rowgroup");
    for (const line of table.rows) line.setAttribute("role", "row");
    place.replaceChildren(table);
    if (rows.length > most) {
      const note = document.createElement("p");
      note.textContent = `and ${number.format(rows.length - most)} rows more`;
      place.append(note);
    }
  }

  const signals = {
    units: () => ({ shownMeasure: measure.value }),
    month: () => ({
      everything: !processor.value,
      projecting: !processor.value && firstShown() <= page.month && lastShown() >= page.last,
      firstShown: firstShown(),
      lastShown: lastShown(),
    }),
  };

  // an empty chart has no scale, which Vega would complain of
  function drawn(chart) {
    return chosen(chart.dataset).filter((row) => typeof row[chart.value] === "number" &&
      (chart.name !== "units" || row.measure === measure.value));
  }

  async function draw(chart) {
    const rows = drawn(chart), set = signals[chart.name] ? signals[chart.name]() : {};
    const figure = byId(chart.name);
    figure.classList.toggle("empty", !rows.length);
    if (chart.key) {
      const present = new Set(rows.map((row) => row[chart.key]));
      for (const item of figure.querySelectorAll(".legend li")) item.hidden = !present.has(item.dataset.name);
    }
    if (!rows.length) return;
    // all rows of the choice, as what is unknown counts in a tooltip
    const data = chosen(chart.dataset);
    if (!views[chart.name]) {
      const spec = { ...chart.spec, datasets: { ...chart.spec.datasets, [chart.dataset]: data } };
      spec.params = (spec.params || []).map((param) => ({ ...param, value: set[param.name] ?? param.value }));
      const made = await vegaEmbed(`#${chart.name} .chart`, spec, { actions: false, renderer: "svg" });
      views[chart.name] = made.view;
      return;
    }
    const view = views[chart.name].data(chart.dataset, data);
    for (const [name, value] of Object.entries(set)) view.signal(name, value);
    await view.resize().runAsync();
  }

  // one after the other: a choice may come while a chart is still being made
  function redraw(chart) {
    work[chart.name] = (work[chart.name] || Promise.resolve()).then(() => draw(chart));
    return work[chart.name];
  }

  function show() {
    for (const chart of page.charts) {
      fillTable(document.querySelector(`#${chart.name} .table`), chart.columns, chosen(chart.dataset), MAX_ROWS,
        "Nothing in this choice.");
    }
    fillTable(document.querySelector("#expensive .table"),
      { run: "Run", day: "Day", processor: "Processor", pages: "Pages", credits: "Credits" },
      chosen("runs").slice(0, page.mostRuns), page.mostRuns,
      datasets.runs.length ? "None among the most expensive runs." : "No run is known to have cost credits.");
    const rows = chosen("days"), known = rows.filter((row) => row.credits !== null);
    const unknown = rows.reduce((sum, row) => sum + row.unknown, 0);
    const spent = Math.round(known.reduce((sum, row) => sum + row.credits, 0) * 100) / 100;
    byId("shown").value = (rows.length && !known.length ? "Credits unknown" : `${number.format(spent)} credits`) +
      (unknown ? `, ${number.format(unknown)} runs and files unknown` : "");
    return Promise.all(page.charts.map(redraw));
  }

  form.addEventListener("input", show);
  form.addEventListener("change", show);  // what drives a browser may send only one of the two
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show, 0));
  measure.addEventListener("change", () => redraw(page.charts.find((chart) => chart.name === "units")));
  const ready = show().then(() => { document.body.dataset.ready = "yes"; });
  window.creditPage = { views, ready, settled: () => Promise.all(Object.values(work)) };
})();
