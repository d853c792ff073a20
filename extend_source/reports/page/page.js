"use strict";
(function () {
  const page = JSON.parse(document.getElementById("data").textContent);
  const byId = (id) => document.getElementById(id);
  const form = byId("filters"), processor = byId("processor"), first = byId("first"), last = byId("last");
  const number = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
  const MOST_ROWS = 200, MOST_RUNS = 20;
  const views = {};

  // a month's row counts for a span that holds any day of the month
  const ends = { bins: (day) => day.slice(0, 7) + "-31" };

  function chosen(name) {
    const end = ends[name] || ((day) => day);
    return page.datasets[name].filter((row) =>
      (!processor.value || row.processor === processor.value) &&
      (!row.day || (end(row.day) >= (first.value || page.first) && row.day <= (last.value || page.last))));
  }

  function cell(row, key) {
    const value = row[key], place = document.createElement("td");
    if (typeof value === "number") { place.className = "number"; place.textContent = number.format(value); }
    else if (key === "run" && row.url) {
      const link = document.createElement("a");
      link.href = row.url; link.textContent = value; link.rel = "noopener noreferrer"; link.target = "_blank";
      place.append(link);
    } else place.textContent = value === null || value === undefined ? "unknown" : value;
    return place;
  }

  function fillTable(place, columns, rows, most) {
    const table = document.createElement("table"), head = table.createTHead().insertRow();
    for (const [key, title] of Object.entries(columns)) {
      const heading = document.createElement("th");
      heading.scope = "col"; heading.textContent = title;
      if (rows.some((row) => typeof row[key] === "number")) heading.className = "number";
      head.append(heading);
    }
    const body = table.createTBody();
    for (const row of rows.slice(0, most)) {
      const line = body.insertRow();
      for (const key of Object.keys(columns)) line.append(cell(row, key));
    }
    place.replaceChildren(table);
    if (rows.length > most) {
      const note = document.createElement("p");
      note.textContent = `and ${number.format(rows.length - most)} rows more`;
      place.append(note);
    } else if (!rows.length) place.textContent = "Nothing in this choice.";
  }

  // an empty chart has no scale, which Vega would complain of
  function update(chart, rows) {
    const drawable = rows.some((row) => typeof row[chart.value] === "number");
    byId(chart.name).classList.toggle("empty", !drawable);
    if (drawable && views[chart.name]) views[chart.name].data(chart.dataset, rows).resize().runAsync();
  }

  function show() {
    for (const chart of page.charts) {
      const rows = chosen(chart.dataset);
      update(chart, rows);
      fillTable(document.querySelector(`#${chart.name} .table`), chart.columns, rows, MOST_ROWS);
    }
    const runs = chosen("runs");
    fillTable(document.querySelector("#expensive .table"),
      { run: "Run", day: "Day", processor: "Processor", pages: "Pages", credits: "Credits" }, runs, MOST_RUNS);
    const rows = chosen("days"), spent = rows.reduce((sum, row) => sum + (row.credits || 0), 0);
    const unknown = rows.reduce((sum, row) => sum + row.unknown, 0);
    byId("shown").value = `${number.format(Math.round(spent * 100) / 100)} credits` +
      (unknown ? `, ${number.format(unknown)} runs and files unknown` : "");
  }

  const drawn = page.charts.filter((chart) => chosen(chart.dataset).length).map((chart) => {
    const spec = Object.assign({}, chart.spec);
    spec.datasets = Object.assign({}, spec.datasets, { [chart.dataset]: chosen(chart.dataset) });
    return vegaEmbed(`#${chart.name} .chart`, spec, { actions: false, renderer: "svg" })
      .then((result) => { views[chart.name] = result.view; });
  });
  form.addEventListener("input", show);
  form.addEventListener("change", show);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(show, 0));
  byId("measure").addEventListener("change", (event) => {
    if (views.units) views.units.signal("shownMeasure", event.target.value).runAsync();
  });
  window.creditPage = { views, ready: Promise.all(drawn).then(() => { show(); document.body.dataset.ready = "yes"; }) };
})();
