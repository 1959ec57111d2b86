// Data and elements. Text of claims only ever becomes a text node or an attribute's value.
const byName = name => document.getElementById(name);
const data = JSON.parse(byName("data").textContent);
const claims = data.claims;
// Words are a list in the data; 0 in that of a point is what its claim says.
const named = (words, of) => Object.fromEntries(data.words.map((name, i) => [name, words[i] === 0 ? of[name] : words[i] || ""]));
// What is usual is not in the data.
const byId = new Map(claims.map((claim, order) => [claim.id, Object.assign(claim, {
  order, paper: claim.id.split(".", 1)[0], label: claim.label || claim.verdict, expectation: claim.expectation || "as expected",
  words: named(claim.words), experiments: (claim.experiments || []).map(i => data.experiments[i]),
})]));
const corrects = new Map();
for (const claim of claims) {
  if (!claim.corrected_by) continue;
  if (!corrects.has(claim.corrected_by)) corrects.set(claim.corrected_by, []);
  corrects.get(claim.corrected_by).push(claim.id);
}

// Elements

const SVG = "http://www.w3.org/2000/svg";
function fill(node, attributes, children) {
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value !== null && value !== undefined && value !== false) node.setAttribute(name, value === true ? name : value);
  }
  node.append(...children.flat(Infinity).filter(child => child !== null && child !== undefined && child !== false && child !== ""));
  return node;
}
const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);
const shape = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);
const link = id => el("a", {href: "#" + encodeURIComponent(id)}, el("code", null, id));
const badge = claim => el("span", {class: "badge " + tone(claim.label) + (claim.differs ? " differs" : "")}, claim.label);
const tone = label => label.replace(/\s+/g, "-");
