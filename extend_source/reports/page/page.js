// The filters, the charts, and all that happens when a choice is made.
const form = byId("filters"), measure = byId("measure"), processors = byId("processors");
const views = {}, drawnIn = {}, work = {};

function middlesOf(until) {
  const found = [];
  for (let month = monthOf(firstDrawn()); month < until; month = nextMonth(month)) {
    const begin = month < firstDrawn() ? firstDrawn() : month, end = nextMonth(month) > until ? until : nextMonth(month);
    found.push((utc(begin).getTime() + utc(end).getTime()) / 2);
  }
  return found;
}

const bandForm = (by) => (by === "month" ? "%b %Y" : daysShown() <= 365 ? "%-d %b" : "%-d %b %Y");
const bandsBy = (by) => ({ bands: bandsOf(by), bandFormat: bandForm(by) });
const monthBands = () => bandsBy("month");
const signals = {
  spend: () => bandsBy(shownSpan()),
  waste: monthBands, products: monthBands, coverage: monthBands,
  units: () => ({ shownMeasure: measure.value }),
  month: () => {
    const everything = !chosenProcessors().size;
    const projecting = everything && firstShown() <= page.month && lastShown() >= page.last;
    const until = projecting && page.isProjected ? nextMonth(page.month) : later(lastDrawn(), 1);
    return { everything, projecting, firstShown: firstShown(), lastShown: lastShown(), middles: middlesOf(until) };
  },
};

async function draw(chart) {
  const value = chart.value || unit().field, set = signals[chart.name] ? signals[chart.name]() : {};
  const all = rowsOf(chart.dataset), figure = byId(chart.name);
  // an empty chart has no scale, which Vega would complain of
  const rows = all.filter((row) => typeof row[value] === "number" &&
    (chart.name !== "units" || row.measure === measure.value));
  figure.classList.toggle("empty", !rows.length);
  if (chart.key) {
    const present = new Set(rows.map((row) => row[chart.key]));
    for (const item of figure.querySelectorAll(".legend li")) item.hidden = !present.has(item.dataset.name);
  }
  if (!rows.length) return;
  if (drawnIn[chart.name] !== unit().name) {
    if (views[chart.name]) views[chart.name].finalize();
    const drawn = chart.specs[unit().name];
    const spec = { ...drawn, datasets: { ...drawn.datasets, [chart.dataset]: all } };
    spec.params = (spec.params || []).map((param) => ({ ...param, value: set[param.name] ?? param.value }));
    const made = await vegaEmbed(`#${chart.name} .chart`, spec, { actions: false, renderer: "svg" });
    views[chart.name] = made.view;
    drawnIn[chart.name] = unit().name;
    return;
  }
  const view = views[chart.name].data(chart.dataset, all);
  for (const [name, amount] of Object.entries(set)) view.signal(name, amount);
  await view.resize().runAsync();
}

// one after the other: a choice may come while a chart is still being made
function redraw(chart) {
  work[chart.name] = (work[chart.name] || Promise.resolve()).then(() => draw(chart));
  return work[chart.name];
}

const amountOf = (sum) => (unit().field === "cost" ?
  `${written(sum.cost, "money")} ${unit().label}, ${written(sum.credits, "credits")} credits` :
  sum.credits === null ? "Credits unknown" : `${written(sum.credits, "credits")} credits`);

function showChoice() {
  const wanted = chosenProcessors(), sum = added(chosen("days"));
  byId("chosen").textContent = !wanted.size ? "All processors" :
    wanted.size === 1 ? page.processors[[...wanted][0]] : `${wanted.size} processors`;
  const names = wanted.size ? [...wanted].map((place) => page.processors[place]).join(", ") : "all processors";
  byId("shown").value = `${amountOf(sum)}${sum.unknown ? `, ${whole.format(sum.unknown)} runs and files unknown` : ""}. ` +
    `${written(firstShown(), "day")} to ${written(lastShown(), "day")}, ${names}.`;
  for (const option of span.options) option.disabled = option.value !== "" && !fits(option.value);
}

function show() {
  showChoice();
  const all = { ...added(chosen("days")), day: "All", processor: "All", share: 1 }, nothing = "Nothing in this choice.";
  for (const [name, columns] of Object.entries(page.tables)) {
    showTable(name, columns, rowsOf(name), name === "expensive" ? null : all, name !== "expensive" ? nothing :
      datasets.runs.length ? "None among the most expensive documents." : "No document is known to have cost credits.");
  }
  for (const chart of page.charts) showTable(chart.name, chart.columns, rowsOf(chart.table), null, nothing);
  return Promise.all(page.charts.map(redraw));
}

form.addEventListener("input", show);
form.addEventListener("change", show);  // what drives a browser may send only one of the two
form.addEventListener("submit", (event) => event.preventDefault());
form.addEventListener("reset", () => setTimeout(show, 0));
measure.addEventListener("change", () => redraw(page.charts.find((chart) => chart.name === "units")));
document.addEventListener("click", (event) => {
  if (event.target.dataset.table) saveCsv(event.target.dataset.table);
  if (!processors.contains(event.target)) processors.open = false;
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "Escape" || !processors.open) return;
  processors.open = false;
  processors.querySelector("summary").focus();
});
const ready = show().then(() => { document.body.dataset.ready = "yes"; });
window.creditPage = { views, ready, csvOf, settled: () => Promise.all(Object.values(work)) };
