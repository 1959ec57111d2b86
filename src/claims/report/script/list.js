// The list

const ORDERS = {
  paper: (a, b) => a.order - b.order,
  importance: (a, b) => a.rank - b.rank,
  margin: (a, b) => thinness(a) - thinness(b) || a.order - b.order,
  verdict: (a, b) => data.verdicts.indexOf(a.label) - data.verdicts.indexOf(b.label) || a.rank - b.rank,
  seeds: (a, b) => b.seeds - a.seeds || a.order - b.order,
  kind: (a, b) => (a.kind < b.kind ? -1 : a.kind > b.kind ? 1 : a.order - b.order),
};
const decided = claim => claim.margin !== undefined && claim.margin >= 0;
const thinness = claim => decided(claim) ? claim.margin : Number.MAX_VALUE;
const FILTERS = {
  paper: (claim, value) => claim.paper === value,
  section: (claim, value) => (claim.sections || []).some(i => `${claim.paper}/${i}` === value),
  verdict: (claim, value) => value === "differs" ? Boolean(claim.differs) : claim.label === value,
  role: (claim, value) => claim.role === value,
  kind: (claim, value) => claim.kind === value,
  tier: (claim, value) => claim.decides === value,
};
const FIELDS = ["q", ...Object.keys(FILTERS), "sort", "reverse"];
const STEP = 60;
const form = byName("filter"), list = byName("list"), more = byName("more"), status = byName("found");
let found = [], shown = 0;

const haystack = claim => claim.text || (claim.text = [claim.id, claim.locus, claim.statement, claim.finding, claim.reason,
  claim.kind, claim.role, claim.because, claim.read_as, ...(claim.readings || []).map(reading => reading.name), ...claim.experiments].filter(Boolean).join(" ").toLowerCase());

function select(state) {
  const words = (state.q || "").toLowerCase().split(/\s+/).filter(Boolean);
  const tests = Object.keys(FILTERS).filter(name => state[name]);
  const wanted = claim => tests.every(name => FILTERS[name](claim, state[name])) && words.every(word => haystack(claim).includes(word));
  const made = claims.filter(wanted).sort(ORDERS[state.sort] || ORDERS.paper);
  return state.reverse ? made.reverse() : made;
}

const FINDINGS = {REFUTED: "True instead: ", DEPENDS: "It turns with: "};
const foundOut = (claim, tag) => el(tag, {class: "finding"}, el("strong", null, FINDINGS[claim.label] || "Finding: "), claim.finding);

function rowOf(claim) {
  const drawn = el("div", {class: "drawn"});
  if (claim.band && claim.estimate !== undefined) later(drawn, () => drawInterval(claim));
  else if (claim.reason) drawn.append(el("span", {class: "reason"}, claim.reason));
  const facts = [measured(claim) && `${measured(claim)}${demand(claim) ? " against " + demand(claim) : ""}`,
    claim.seeds > 1 && `${claim.words.seeds} seeds`, (claim.points || []).length > 1 && `${claim.points.length} points`];
  return el("li", {class: "claim", "data-id": claim.id, "data-verdict": claim.label},
    el("div", {class: "says"}, badge(claim), el("span", {class: "expected"}, claim.expectation)),
    el("div", {class: "what"}, el("a", {class: "statement", href: "#" + encodeURIComponent(claim.id)}, claim.statement),
      el("span", {class: "locus"}, claim.locus, claim.role === "paper" ? "" : ` · ${claim.role}`, " · ", el("code", null, claim.id)),
      claim.read_as ? el("span", {class: "read-as"}, "Read as: ", claim.read_as) : null,
      el("span", {class: "figures"}, facts.filter(Boolean).join(" · ")),
      FINDINGS[claim.label] && claim.finding ? foundOut(claim, "span") : null),
    drawn);
}

function grow(to) {
  const until = Math.min(to, found.length), rows = document.createDocumentFragment();
  for (; shown < until; shown++) rows.append(rowOf(found[shown]));
  list.append(rows);
  more.hidden = shown >= found.length;
  more.textContent = `Show more (${(found.length - shown).toLocaleString("en")} left)`;
}

function showList(state) {
  list.replaceChildren();
  forget();
  [found, shown] = [select(state), 0];
  status.textContent = found.length === claims.length ? `${claims.length.toLocaleString("en")} claims`
    : `${found.length.toLocaleString("en")} of ${claims.length.toLocaleString("en")} claims`;
  grow(STEP);
}
