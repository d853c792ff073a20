// The tables: what they show, and the same as CSV.
const MAX_ROWS = 200;
const shownTables = {};

// in credits, money is not shown
const shownColumns = (columns) => columns.filter((column) => unit().field === "cost" || !column.kind.startsWith("money"));

function cellOf(row, column, isHead) {
  const place = document.createElement(isHead ? "th" : "td");
  place.dataset.key = column.key;
  if (isHead) place.scope = "row";
  place.setAttribute("role", isHead ? "rowheader" : "cell");
  if (isNumber(column.kind)) place.className = "number";
  if (column.kind === "money") place.dataset.unit = unit().label;
  if (column.kind === "day" || column.kind === "month") place.className = "date";
  if (column.kind === "link" && row.url) {
    const link = document.createElement("a");
    link.href = row.url; link.textContent = row[column.key]; link.rel = "noopener noreferrer"; link.target = "_blank";
    place.append(link);
  } else place.textContent = written(row[column.key], column.kind);
  return place;
}

// the roles stand for what a phone's layout would take away
function tableOf(columns, rows, total) {
  const table = document.createElement("table"), head = table.createTHead(), headings = head.insertRow();
  for (const column of columns) {
    const heading = document.createElement("th");
    heading.scope = "col"; heading.dataset.key = column.key; heading.textContent = column.title; heading.setAttribute("role", "columnheader");
    if (isNumber(column.kind)) heading.className = "number";
    headings.append(heading);
  }
  const body = table.createTBody(), groups = [head, body];
  for (const row of rows.slice(0, MAX_ROWS)) {
    const line = body.insertRow();
    columns.forEach((column, place) => line.append(cellOf(row, column, place === 0)));
  }
  if (total) {
    const foot = table.createTFoot(), line = foot.insertRow();
    columns.forEach((column, place) => line.append(cellOf(total, place ? column : { ...column, kind: "text" }, place === 0)));
    groups.push(foot);
  }
  table.setAttribute("role", "table");
  for (const group of groups) group.setAttribute("role", "rowgroup");
  for (const line of table.rows) line.setAttribute("role", "row");
  return table;
}

function showTable(name, allColumns, rows, total, none) {
  const place = document.querySelector(`#${name} .table`), columns = shownColumns(allColumns);
  shownTables[name] = { columns, rows, total };
  for (const button of document.querySelectorAll(`button[data-table="${name}"]`)) button.hidden = !rows.length;
  if (!rows.length) { place.textContent = none; return; }
  const table = tableOf(columns, rows, total);
  table.setAttribute("aria-label", place.getAttribute("aria-label"));
  place.replaceChildren(table);
  if (rows.length > MAX_ROWS) {
    const note = document.createElement("p");
    note.textContent = `and ${whole.format(rows.length - MAX_ROWS)} rows more, which the CSV has`;
    place.append(note);
  }
}

// ---- CSV: exact figures, and texts that no spreadsheet takes for formulas

function csvCell(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(Number(value.toPrecision(15)));
  const text = /^[\s\ufeff\u200b]*[-=+@\uff1d\uff0b\uff0d\uff20]|^[\t-\r\ufeff]/.test(value) ? `'${value}` : value;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csvOf(name) {
  const { columns, rows } = shownTables[name];
  const lines = [columns.map((column) => column.title), ...rows.map((row) => columns.map((column) => row[column.key]))];
  return lines.map((line) => `${line.map(csvCell).join(",")}\r\n`).join("");
}

function saveCsv(name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob(["\ufeff", csvOf(name)], { type: "text/csv" }));
  link.download = `extend_credits_${name}_${firstShown()}_${lastShown()}.csv`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10000);
}
