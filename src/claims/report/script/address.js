// The address: a claim's id, or the state of filter and order

const overview = byName("overview"), every = byName("claims"), article = byName("claim"), legend = byName("legend");
const heading = document.title;
let lastList = "", listShown = null, scrolled = 0, opened = null;

function read() {
  const text = location.hash.slice(1);
  let id = text;
  try {
    id = decodeURIComponent(text);
  } catch {
    // not ours: a percent sign that means nothing
  }
  if (byId.has(id)) return {claim: byId.get(id)};
  const state = {};
  for (const [name, value] of new URLSearchParams(text)) if (FIELDS.includes(name)) state[name] = value;
  return {state};
}

function written() {
  const state = new URLSearchParams();
  for (const [name, value] of new FormData(form)) if (value && !(name === "sort" && value === "paper")) state.append(name, value);
  return state.toString();
}

function enter(state) {
  form.reset();
  for (const [name, value] of Object.entries(state)) {
    const field = form.elements.namedItem(name);
    if (field.type === "checkbox") field.checked = Boolean(value);
    else field.value = value;
    if (field.tagName === "SELECT" && field.selectedIndex < 0) field.selectedIndex = 0;
  }
}

function go() {
  const {claim, state} = read();
  overview.hidden = every.hidden = legend.hidden = Boolean(claim);
  article.hidden = !claim;
  if (claim) {
    if (opened === null) scrolled = window.scrollY;
    opened = claim.id;
    document.title = `${claim.id} · ${heading}`;
    article.replaceChildren(...viewOf(claim).flat().filter(Boolean));
    forget();
    byName("statement").focus();
    window.scrollTo(0, 0);
    return;
  }
  document.title = heading;
  enter(state);
  lastList = written();
  if (listShown !== lastList) {
    listShown = lastList;
    showList(Object.fromEntries(new FormData(form)));
    if (lastList && opened === null) every.scrollIntoView();
  }
  if (opened !== null) setTimeout(comeBack, 0, opened, scrolled);  // the browser drops focus when it goes back
  opened = null;
}

function comeBack(id, height) {
  window.scrollTo(0, height);
  const row = [...list.children].find(node => node.dataset.id === id);
  if (row) row.querySelector("a").focus({preventScroll: true});
}

function changed() {
  lastList = listShown = written();
  history.replaceState(null, "", "#" + lastList);
  showList(Object.fromEntries(new FormData(form)));
}

function options(name, values) {
  const field = form.elements.namedItem(name);
  const option = ([value, text]) => el("option", {value}, text);
  for (const [group, members] of values) {
    if (group === null) field.append(...members.map(option));
    else field.append(el("optgroup", {label: group}, members.map(option)));
  }
}

function countBy(of) {
  const counts = new Map();
  for (const claim of claims) counts.set(of(claim), (counts.get(of(claim)) || 0) + 1);
  return counts;
}

function choices(name, of, order) {
  const counts = countBy(of), values = (order || [...counts.keys()].sort()).filter(value => counts.has(value));
  options(name, [[null, values.map(value => [value, `${value} (${counts.get(value)})`])]]);
}

choices("paper", claim => claim.paper, Object.keys(data.papers));
choices("verdict", claim => claim.label, data.verdicts);
const differing = claims.filter(claim => claim.differs).length;
if (differing) options("verdict", [[null, [["differs", `not as expected (${differing})`]]]]);
choices("role", claim => claim.role, data.roles);
choices("kind", claim => claim.kind);
choices("tier", claim => claim.decides, data.tiers);
const used = new Set(claims.flatMap(claim => (claim.sections || []).map(i => `${claim.paper}/${i}`)));
options("section", Object.entries(data.sections).map(([key, names]) =>
  [data.papers[key], names.map((name, i) => [`${key}/${i}`, name]).filter(([value]) => used.has(value))]).filter(([, names]) => names.length));

for (const node of document.querySelectorAll("[data-view]")) {
  node.replaceWith(el("a", {href: "#" + node.dataset.view, class: node.className}, ...node.childNodes));
}
let typing = 0;
form.addEventListener("input", event => {
  clearTimeout(typing);
  typing = setTimeout(changed, event.target.type === "search" ? 120 : 0);
});
form.addEventListener("submit", event => event.preventDefault());
byName("all").addEventListener("click", () => {
  form.reset();
  changed();
});
more.addEventListener("click", () => grow(shown + STEP));
new IntersectionObserver(entries => {
  if (entries.some(entry => entry.isIntersecting) && !more.hidden) grow(shown + STEP);
}, {rootMargin: "600px"}).observe(more);
window.addEventListener("hashchange", go);
window.addEventListener("beforeprint", () => {
  if (article.hidden) grow(Math.min(found.length, 3000));
  for (const node of [...waiting.keys()]) draw(node);
});
history.scrollRestoration = "manual";
every.hidden = false;
go();
