// The rows that the page holds, what of them is chosen, how they add up, and how figures are written.
const page = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const first = byId("first"), last = byId("last"), span = byId("span"), unitChoice = byId("unit");
const SPANS = ["day", "week", "month"];
const datasets = Object.fromEntries(Object.entries(page.datasets).map(([name, packed]) => [name, unpacked(packed)]));

function unpacked({ columns, rows }) {
  return rows.map((values) => {
    const row = Object.fromEntries(columns.map((column, place) => [column, values[place]]));
    const rank = Math.min(row.processor, page.coloured);
    const name = page.processors[row.processor];
    return { ...row, processor: name, place: row.processor, rank, group: rank < page.coloured ? name : page.others };
  });
}

// ---- what is chosen

const firstShown = () => first.value || page.first, lastShown = () => last.value || page.last;
// years before the first spend, and days to come, have no place in a chart
const firstDrawn = () => (firstShown() > page.drawn[0] ? firstShown() : page.drawn[0]);
const lastDrawn = () => (lastShown() < page.drawn[1] ? lastShown() : page.drawn[1]);
const unit = () => page.units[unitChoice ? unitChoice.value : "credits"];
const boxes = () => [...document.querySelectorAll("#processors input")];
const chosenProcessors = () => new Set(boxes().filter((box) => box.checked).map((box) => Number(box.value)));

// a row counts if any of its days is chosen; one that is of all time has no day
function chosen(name) {
  const wanted = chosenProcessors();
  return datasets[name].filter((row) =>
    (!wanted.size || wanted.has(row.place)) &&
    (!row.day || ((row.until ? row.until > firstShown() : row.day >= firstShown()) && row.day <= lastShown())));
}

// ---- days, weeks and months

const utc = (day) => new Date(`${day}T00:00Z`);
const iso = (moment) => moment.toISOString().slice(0, 10);
const later = (day, days) => iso(new Date(utc(day).getTime() + days * 86400000));
const monthOf = (day) => `${day.slice(0, 7)}-01`;
const nextMonth = (day) => monthOf(later(monthOf(day), 31));

function startOf(day, by) {
  if (by === "week") return later(day, -((utc(day).getUTCDay() + 6) % 7));
  return by === "month" ? monthOf(day) : day;
}

const nextOf = (start, by) => startOf(later(start, { day: 1, week: 7, month: 31 }[by]), by);

function bandsOf(by) {
  const found = [];
  for (let day = startOf(firstDrawn(), by); day <= lastDrawn(); day = nextOf(day, by)) found.push(day);
  return found;
}

// the finest one that fits, or the one that was asked for if the page can show it
const daysShown = () => Math.round((utc(lastDrawn()) - utc(firstDrawn())) / 86400000) + 1;
const fits = (by) => SPANS.indexOf(by) >= SPANS.indexOf(page.finest) && (by !== "day" || daysShown() <= page.maxDays.day);
function shownSpan() {
  if (span.value && fits(span.value)) return span.value;
  return SPANS.find((by) => fits(by) && daysShown() <= (page.maxDays[by] || daysShown()));
}

// ---- sums

// credits: of what is known, null if nothing is. cost: null too where some of it has no price
function added(rows) {
  const known = rows.filter((row) => row.credits !== null);
  const priced = known.every((row) => !row.credits || typeof row.cost === "number");
  const total = (list, key) => list.reduce((sum, row) => sum + (row[key] || 0), 0);
  const of = (kind) => total(rows.filter((row) => kind(row.kind)), "things");
  return {
    credits: known.length || !rows.length ? total(known, "credits") : null,
    cost: priced && (known.length || !rows.length) ? total(known, "cost") : null,
    things: total(rows, "things"),
    unknown: total(rows, "unknown"),
    runs: of((kind) => kind === "processing"),
    files: of((kind) => kind === "parsing"),
  };
}

function grouped(rows, keyOf) {
  const groups = new Map();
  for (const row of rows) {
    const key = keyOf(row);
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(row);
  }
  return [...groups].sort(([one], [other]) => (one < other ? -1 : 1));
}

// what a chart and its table are made of, where that is not what the page holds
const derived = {
  buckets: () => {
    const by = shownSpan();
    return grouped(chosen("days"), (row) => `${startOf(row.day, by)} ${row.rank}`).map(([, parts]) => {
      const bucket = startOf(parts[0].day, by), end = later(nextOf(bucket, by), -1);
      return {
        ...added(parts), bucket, group: parts[0].group, rank: parts[0].rank,
        first: bucket > firstShown() ? bucket : firstShown(), last: end < lastShown() ? end : lastShown(),
      };
    });
  },
  running: () => {
    let month = "", credits = 0, cost = 0;
    return grouped(chosen("days"), (row) => row.day).map(([day, parts]) => {
      const sum = added(parts);
      if (month !== monthOf(day)) [month, credits, cost] = [monthOf(day), 0, 0];
      credits += sum.credits || 0;
      cost = cost === null || (sum.credits && sum.cost === null) ? null : cost + (sum.cost || 0);
      return { ...sum, day, credits_so_far: credits, cost_so_far: cost };
    });
  },
  known: () => grouped(chosen("days"), (row) => monthOf(row.day)).map(([day, parts]) => {
    const sum = added(parts);
    return { ...sum, day, known: sum.things ? (sum.things - sum.unknown) / sum.things : null };
  }),
  months: () => {
    const sums = grouped(chosen("days"), (row) => monthOf(row.day)).map(([day, parts]) => ({ ...added(parts), day }));
    const isWhole = (day) => day >= firstShown() && later(nextMonth(day), -1) <= lastShown();
    const field = unit().field;
    return sums.map((row) => {
      const before = sums.find((other) => nextMonth(other.day) === row.day);
      const told = before && isWhole(row.day) && isWhole(before.day) && before[field] && row[field] !== null;
      return { ...row, change: told ? (row[field] - before[field]) / before[field] : undefined };
    });
  },
  by_processor: () => {
    const rows = chosen("days"), all = added(rows), field = unit().field;
    return grouped(rows, (row) => row.place)
      .map(([, parts]) => ({ ...added(parts), processor: parts[0].processor }))
      .map((row) => ({ ...row, share: row[field] !== null && all[field] ? row[field] / all[field] : undefined }))
      .sort((one, other) => (other[field] ?? -1) - (one[field] ?? -1));
  },
  expensive: () => chosen("runs").slice(0, page.mostRuns),
  bins: () => chosen("bins").map((row) => ({
    ...row, lower_credits: row.lower, upper_credits: row.upper, ...(page.price === null ? {} :
      { lower_cost: row.lower * page.price, upper_cost: row.upper * page.price }),
  })),
  units: () => chosen("units").map((row) => ({ ...row, cost: page.price === null ? null : row.credits * page.price })),
};
const rowsOf = (name) => (derived[name] ? derived[name]() : chosen(name));

// ---- how figures are written: each kind in one way, everywhere

const NBSP = "\u00a0";
const fixed = (digits) => new Intl.NumberFormat("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
const DIGITS = { money: 2, credits: 1, "money of one": 4, "credits of one": 2 };
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 2 });
const dated = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" });
const named = new Intl.DateTimeFormat("en-GB", { month: "short", year: "numeric", timeZone: "UTC" });
const unbroken = (text) => text.replace("Sept", "Sep").replaceAll(" ", NBSP);

function written(value, kind) {
  if (value === undefined) return "–";
  if (value === null) return "unknown";
  if (kind in DIGITS) {
    const least = 10 ** -DIGITS[kind];
    return value > 0 && value < least / 2 ? `<${least.toFixed(DIGITS[kind])}` : fixed(DIGITS[kind]).format(value);
  }
  if (kind === "count") return whole.format(value);
  if (kind === "share") return `${(100 * value).toFixed(1)}%`;
  if (kind === "change") return `${value < 0 ? "−" : "+"}${Math.abs(100 * value).toFixed(1)}%`;
  if (kind === "day") return unbroken(dated.format(utc(value)));
  if (kind === "month") return unbroken(named.format(utc(value)));
  return value;
}
const isNumber = (kind) => kind in DIGITS || ["count", "share", "change"].includes(kind);
