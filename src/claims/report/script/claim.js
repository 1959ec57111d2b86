// One claim

const points = claim => (claim.points || []).map(point => Object.assign({}, claim, {looks: undefined}, point,
  {words: point.words ? named(point.words, claim.words) : claim.words, values: placed(point.values)}));
// The values of seeds from the thousandths of their span at which they lie.
function placed(values) {
  if (!values) return undefined;
  const [lo, hi, ...places] = values;
  return places.map(place => lo * (1 - place / 999) + hi * (place / 999));
}
// Coordinates that differ between points name them; those that do not are said once.
const varying = (claim, all) => (claim.axes || []).map((axis, i) => i).filter(i => new Set(all.map(point => String(point.at[i]))).size > 1);
const at = (claim, point, which, brief = false) => which.map(i =>
  brief && typeof point.at[i] === "string" ? point.at[i] : `${claim.axes[i]}=${point.at[i]}`).join(", ");
const figure = (title, make) => later(el("div", {class: "figure", role: "group", "aria-label": title}), make);
const fact = (name, ...value) => {
  const there = value.flat().filter(part => part !== null && part !== undefined && part !== "");
  return there.length ? el("div", null, el("dt", null, name), el("dd", null, there)) : null;
};
const part = (title, ...children) => {
  const there = children.flat().filter(Boolean);
  return there.length ? el("section", null, el("h3", null, title), there) : null;
};
function quoted(word) {
  return /^[\w@%+=:,.\/-]+$/.test(word) ? word : "'" + word.replace(/'/g, "'\"'\"'") + "'";
}
function replay(claim) {
  const tier = claim.label === "not measured" ? claim.decides : data.tier;
  return ["claimbench", "audit", ...data.files, claim.id, "--tier", tier, "--epoch", String(data.epoch)].map(quoted).join(" ");
}
const place = claim => claim.place && `${data.modules[claim.place[0]]}${claim.place[1] ? `, line ${claim.place[1]}` : ""}`;

// Points of which there are drawings of their own; a table has them all.
const FOREST = 16;

function decision(claim) {
  return el("dl", {class: "facts"},
    fact("kind", claim.kind), fact("estimate", measured(claim)), fact("has to be", demand(claim)),
    fact("levels", claim.compared),
    fact("tolerance", claim.provenance && `from ${claim.provenance}${claim.because ? ": " + claim.because : ""}`),
    fact("rejects the rival", claim.words.rival && claim.words.rival + (claim.words.sharpness ? `, ${claim.words.sharpness} tolerances from the target` : "")),
    claim.band && !claim.words.rival ? fact("descriptive", "no rival is named that it would have to reject") : null,
    fact("margin", claim.margin !== undefined && `${Number(claim.margin.toPrecision(2))} half-widths from the nearer edge of the band`),
    fact("seeds", claim.seeds > 1 && claim.words.seeds), fact("on disjoint seeds", claim.words.confirmation),
    fact("seeds are like", claim.shape), fact("can tell", claim.power), fact("not shown", claim.unseen),
    fact("alpha", claim.alpha !== undefined && (claim.alpha < 1e-3 ? claim.alpha.toExponential(1) : String(claim.alpha))),
    fact("decides at tier", claim.decides), fact("audited at", data.tier), fact("reason", claim.reason));
}

function steps(point) {
  const looks = (point.looks || []).map(([seeds, estimate, interval, verdict, confirming]) => ({estimate, interval, band: point.band,
    label: `${confirming ? "again, " : ""}${seeds} seeds`, tail: data.verdicts[verdict] === "UNDECIDED" ? "not yet" : data.verdicts[verdict]}));
  const made = [];
  if (looks.length && looks[0].interval && point.seeds > 1) {
    const said = looks.map(look => `${look.label} ${(look.interval || []).map(x => x === null ? "unbounded" : number(x)).join(" to ")} ${look.tail}`);
    made.push(el("h4", null, "The interval look by look"),
      figure("Looks", () => rungs(looks, {rival: point.rival, title: "the interval look by look: " + said.join("; ")})));
  }
  if (point.values && point.values.length > 1) {
    made.push(el("h4", null, `One dot a seed (${point.values.length}), and the interval of their mean`), figure("Seeds", () => dots(point)));
  }
  return made;
}

function everyPoint(claim, all) {
  const which = varying(claim, all), same = (claim.axes || []).map((axis, i) => i).filter(i => !which.includes(i));
  const called = point => at(claim, point, which) || "the same point";
  const row = point => el("tr", null, el("th", {scope: "row"}, called(point)), el("td", null, measured(point)), el("td", null, demand(point)),
    el("td", null, point.words.seeds || ""), el("td", null, el("span", {class: "badge " + tone(point.verdict)}, point.verdict)));
  const head = ["point", "estimate", "has to be", "seeds", "verdict"].map(name => el("th", {scope: "col"}, name));
  const table = el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Every point"},
    el("table", {class: "points"}, el("thead", null, el("tr", null, head)), el("tbody", null, all.map(row))));
  const rows = all.map(point => ({label: at(claim, point, which, true), estimate: point.estimate, interval: point.interval, band: point.band, tail: point.verdict}));
  const told = all.map(point => [point, steps(point)]).filter(([, made]) => made.length);
  return [
    same.length ? el("p", {class: "expected"}, "All at " + at(claim, all[0], same)) : null,
    all.length > 2 ? figure("Over the grid", () => dependence(claim, all, which)) : null,
    all.length <= FOREST && all.some(point => point.band && measured(point))
      ? figure("Intervals of all points", () => rungs(rows, {title: "every point's interval against its band, as in the table below"})) : null,
    table,
    told.slice(0, FOREST).map(([point, made]) => el("details", null, el("summary", null, "Looks and seeds at " + called(point)), made)),
  ];
}

// Each fair way to read the passage: its interval against its band, on one scale where they have one.
function readings(claim) {
  const all = claim.readings || [];
  if (!all.length && !claim.read_as) return null;
  const axis = all.length ? all[0].name.split(": ", 1)[0] + ": " : "";
  const brief = name => all.every(reading => reading.name.startsWith(axis)) ? name.slice(axis.length) : name;
  const curve = all.length && all[0].shared && all.every(reading => reading.band)
    ? figure("Readings", () => rungs(all.map(reading => Object.assign({label: brief(reading.name), tail: reading.verdict}, reading)),
      {title: "each reading's interval against the band, as in the table below"})) : null;
  const head = ["read as", "measured", "verdict"].map(name => el("th", {scope: "col"}, name));
  const row = reading => el("tr", null,
    el("th", {scope: "row"}, reading.name, reading.note ? el("em", null, ` (${reading.note})`) : null,
      reading.because.map(why => el("span", {class: "because expected"}, why))),
    el("td", null, reading.figures), el("td", null, el("span", {class: "badge " + tone(reading.verdict)}, reading.verdict)));
  return part("How the passage is read", claim.read_as ? el("p", null, "Read as: ", claim.read_as) : null, curve,
    all.length ? el("div", {class: "scroll", tabindex: "0", role: "region", "aria-label": "Every reading"},
      el("table", {class: "points readings"}, el("thead", null, el("tr", null, head)), el("tbody", null, all.map(row)))) : null);
}

// A formula, and the relation that is tested: typeset in the page, once for all claims that have them.
const forms = byName("forms"), typeset = byName("formulas");
typeset.hidden = true;
const wide = (name, node) => el("div", {class: "formula scroll", tabindex: "0", role: "region", "aria-label": name}, node);
const MEANS = {
  identity: "l and r: the two sides at a draw; ε: what rounding may make of their difference", search: "m: the margin at an input",
  table: "c: the printed figures, u: units of their last places; F = 0: what has to be true of the figures that they stand for",
  replay: "X: what the published seeds give; c: the printed figure, u: a unit of its last place", value: "x: the number, which is computed once",
  regression: "β: the slope of Y on X over observations", "rank-correlation": "ρ: Spearman's, over observations", sample: "θ: the statistic of the fixed sample",
  proportion: "X: success in a trial", quantile: "X: an independent draw",
};
const legendOf = kind => MEANS[kind] || "E: the mean over seeds; X and Y: what a seed gives, T: what it gives at a level of the axis";
function mathematics(claim) {
  const made = [];
  if (claim.formula !== undefined) {
    made.push(wide("Formula", byName(`formula-${claim.formula}`).lastElementChild.cloneNode(true)),
      el("details", null, el("summary", null, "As TeX"), el("code", null, data.formulas[claim.formula])));
  }
  if (claim.relation) {
    const [form, ...figures] = claim.relation, node = forms.children[form].cloneNode(true);
    node.querySelectorAll(".slot").forEach((slot, i) => { slot.textContent = figures[i]; });
    made.push(el("h4", null, "What is tested"), wide("What is tested", node), el("p", {class: "expected"}, legendOf(claim.kind)));
  }
  return part("Formula", made);
}

// What the paper's authors answer, as they sent it.
const answers = claim => (claim.responses || []).map(answer => el("blockquote", null,
  el("p", {class: "expected"}, `The authors answer: ${answer.by}, ${answer.date}`, answer.reading ? `, read as ${answer.reading}` : "",
    answer.evidence ? `, of ${answer.evidence}` : ""), el("p", null, answer.text)));

// The point whose figures the claim shows.
const speaker = (claim, all) => all.find(point => ["estimate", "margin"].every(name => point[name] === claim[name])) || all[0];

function viewOf(claim) {
  const all = points(claim), drawn = drawInterval(claim), several = all.length > 1;
  const correction = byId.get(claim.corrected_by), back = corrects.get(claim.id) || [];
  const correctedBy = claim.corrected_by && el("p", null, "Corrected by ", correction ? link(claim.corrected_by) : el("code", null, claim.corrected_by),
    correction ? [", which says ", badge(correction), ` “${correction.statement}”`] : " (not in this audit)");
  const headings = (claim.sections || []).map(i => data.sections[claim.paper][i]);
  return [
    el("p", {class: "back"}, el("a", {href: "#" + lastList, id: "back"}, "← All claims")),
    el("p", {class: "says"}, badge(claim), el("span", {class: "expected"}, claim.expectation)),
    el("h2", {tabindex: "-1", id: "statement"}, claim.statement),
    el("p", {class: "locus"}, `${data.who[claim.role]}: ${data.papers[claim.paper]}, ${claim.locus} · `, el("code", null, claim.id)),
    claim.finding ? foundOut(claim, "p") : null,
    correctedBy || null,
    back.length ? el("p", null, "Corrects ", back.map((id, i) => [i ? ", " : "", link(id)])) : null,
    drawn ? el("div", {class: "figure main"}, drawn) : null,
    mathematics(claim), answers(claim), readings(claim),
    part("How it was decided", decision(claim), data.risks[claim.risk] ? el("p", {class: "expected"}, data.risks[claim.risk]) : null, all.length ? steps(speaker(claim, all)) : null),
    several ? part(`Its ${all.length} points; the figures above are of the one that speaks for it`, everyPoint(claim, all)) : null,
    part("What it rests on", el("dl", {class: "facts"},
      fact("in the paper", headings.join("; ")), fact("measured by", claim.experiments.map((name, i) => [i ? ", " : "", el("code", null, name)])),
      fact("declared in", place(claim)), fact("epoch", String(data.epoch)),
      Object.entries(data.environment).map(([name, value]) => fact(name, value)))),
    part("Again", el("p", null, el("code", null, replay(claim))), el("p", {class: "expected"}, "with --store and a new file to measure everything again")),
  ];
}
