// Figures: the words come with the data, the pixels are ours

const number = x => String(Number(x.toPrecision(6)));
const finite = values => values.filter(x => x !== null && x !== undefined);
const short = (text, most) => text.length > most ? text.slice(0, most - 1) + "…" : text;
const demand = row => [row.words.target, row.words.band].filter(Boolean).join(" in ");
const measured = row => [row.words.estimate, row.words.interval].filter(Boolean).join(" ");
const spoken = row => [
  row.words.estimate && "estimate " + row.words.estimate, row.words.interval && "interval " + row.words.interval,
  row.words.band && "band " + row.words.band, row.words.rival && "rival " + row.words.rival,
].filter(Boolean).join(", ");

const WIDTH = 360, MARGIN = 6, PAD = 20, BREAK = 22, FAR = 3, CHARACTER = 6.3, LINE = 13, TOP = 14, AXIS = 30, FOOT = 50;

function spansOf(row) {
  const [lo, hi] = row.band, known = finite([row.estimate, ...(row.interval || [])]);
  const least = Math.min(...known), most = Math.max(...known);
  const ends = [lo === null ? least : lo, hi === null ? most : hi];
  const spans = [[Math.min(...ends), Math.max(...ends)], [least, most]];
  return row.rival === undefined || row.rival === null ? spans : [...spans, [row.rival, row.rival]];
}

// A line of numbers, broken where nothing is to be seen.
function brokenAxis(wanted) {
  const widest = Math.max(...wanted.map(([lo, hi]) => hi - lo));
  const ordered = [...wanted].sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  const spans = [[...ordered[0]]];
  for (const [lo, hi] of ordered.slice(1)) {
    const last = spans[spans.length - 1];
    if (widest === 0 || lo - last[1] <= FAR * widest) last[1] = Math.max(last[1], hi);
    else spans.push([lo, hi]);
  }
  const room = WIDTH - 2 * MARGIN - 2 * PAD * spans.length - BREAK * (spans.length - 1);
  const total = spans.reduce((sum, [lo, hi]) => sum + hi - lo, 0);
  const scale = total > 0 && Number.isFinite(total) && Number.isFinite(room / total) ? room / total : 0;
  const starts = [];
  let x = MARGIN + PAD + (scale ? 0 : room / 2);
  for (const [lo, hi] of spans) {
    starts.push(x);
    x += (scale && (hi - lo) * scale) + 2 * PAD + BREAK;
  }
  const at = value => {
    const i = spans.findIndex(([, hi]) => value <= hi), [lo, hi] = i < 0 ? spans[spans.length - 1] : spans[i];
    const start = starts[i < 0 ? spans.length - 1 : i];
    return scale ? start + (Math.min(Math.max(value, lo), hi) - lo) * scale : start;
  };
  return {at, breaks: starts.slice(1).map(start => start - PAD - BREAK / 2)};
}

function label(text, x, y, kind) {
  const half = text.length * CHARACTER / 2;
  const middle = Math.min(Math.max(x, MARGIN + half), WIDTH - MARGIN - half);
  return shape("text", {x: middle, y, "text-anchor": "middle", class: kind}, text);
}
const line = (x1, y1, x2, y2, kind) => shape("line", {x1, y1, x2, y2, class: kind});
const cross = (x, y) => [line(x - 4, y - 4, x + 4, y + 4, "rival"), line(x - 4, y + 4, x + 4, y - 4, "rival")];

// An interval against its band and its rival, as a row of the list shows it.
function drawInterval(row) {
  if (!row.band || row.estimate === undefined || row.estimate === null) return null;
  const axis = brokenAxis(spansOf(row)), [lo, hi] = row.band, shapes = [];
  let left = lo === null ? MARGIN : axis.at(lo), right = hi === null ? WIDTH - MARGIN : axis.at(hi);
  if (lo !== null && hi !== null && right - left < 2) [left, right] = [left - 1, right + 1];
  shapes.push(shape("rect", {x: left, y: TOP + 4, width: right - left, height: AXIS - TOP + 4, class: "band"}));
  if (lo !== null) shapes.push(line(left, TOP + 4, left, AXIS + 8, "edge"));
  if (hi !== null) shapes.push(line(right, TOP + 4, right, AXIS + 8, "edge"));
  if (row.target !== undefined && row.target !== null && lo !== null && hi !== null) {
    shapes.push(line(axis.at(row.target), AXIS - 4, axis.at(row.target), AXIS + 4, "target"));
  }
  shapes.push(bandLabels(row.words.band || "", left, right, lo, hi), line(MARGIN, AXIS, WIDTH - MARGIN, AXIS, "axis"));
  for (const x of axis.breaks) {
    shapes.push(shape("rect", {x: x - 4, y: TOP + 2, width: 8, height: AXIS - TOP + 8, class: "gap"}));
    for (const shift of [-4, 4]) shapes.push(line(x + shift - 3, AXIS + 6, x + shift + 3, AXIS - 6, "break"));
  }
  shapes.push(bar(row.interval || [row.estimate, row.estimate], axis.at, AXIS, MARGIN, WIDTH - MARGIN));
  shapes.push(shape("circle", {cx: axis.at(row.estimate), cy: AXIS, r: 3.6, class: "estimate"}));
  shapes.push(label(row.words.estimate, axis.at(row.estimate), TOP - 4, "figure strong"));
  let height = FOOT;
  if (row.rival !== undefined && row.rival !== null) {
    const x = axis.at(row.rival), y = FOOT + LINE;
    shapes.push(cross(x, AXIS), line(x, AXIS + 6, x, y - 10, "leader"), label("rival " + row.words.rival, x, y, "figure rival-figure"));
    height = y + 4;
  }
  return shape("svg", {viewBox: `0 0 ${WIDTH} ${height}`, role: "img", "aria-label": spoken(row)}, shapes);
}

// The edges' figures below them; in one label where they would overlap.
function bandLabels(text, left, right, lo, hi) {
  if (lo === null || hi === null) return text ? label(text, lo === null ? right : left, FOOT, "figure") : null;
  const [low, high] = text.slice(1, -1).split(", ");
  if (high === undefined) return null;
  if (right - left < text.length * CHARACTER / 2 + 10) return label(text, (left + right) / 2, FOOT, "figure");
  return [label(low, left, FOOT, "figure"), label(high, right, FOOT, "figure")];
}

// An interval as a bar; an arrow where it goes on outside of what is drawn.
function bar([lo, hi], at, y, from, to) {
  const left = lo === null || at(lo) < from ? from : at(lo), right = hi === null || at(hi) > to ? to : at(hi);
  const ends = [[lo === null || at(lo) < from, left, -1], [hi === null || at(hi) > to, right, 1]];
  return [line(left, y, right, y, "interval"), ends.map(([open, x, way]) => open
    ? shape("polygon", {points: `${x},${y} ${x - 7 * way},${y - 5} ${x - 7 * way},${y + 5}`, class: "arrow"})
    : line(x, y - 5, x, y + 5, "interval"))];
}

// One scale without breaks: what matters fills it, what lies far outside is cut and ends in arrows.
function scaleOf(wanted, others, from, to) {
  const known = finite(wanted);
  if (!known.length) return null;
  let lo = Math.min(...known), hi = Math.max(...known);
  const width = hi - lo || Math.abs(hi) * 0.1 || 1;
  for (const x of finite(others)) {
    if (x > lo - 2 * width && x < hi + 2 * width) [lo, hi] = [Math.min(lo, x), Math.max(hi, x)];
  }
  const room = (hi - lo || width) * 0.06;
  [lo, hi] = [lo - room, hi + room];
  if (!Number.isFinite(hi - lo) || hi - lo === 0) return null;
  return {lo, hi, at: x => from + (x - lo) / (hi - lo) * (to - from)};
}

// Those of the values, in order, whose labels have room.
function spread(values, at, apart) {
  const kept = [];
  for (const value of values) if (!kept.length || at(value) - at(kept[kept.length - 1]) >= apart) kept.push(value);
  return kept;
}

function ticks(lo, hi, most) {
  const raw = (hi - lo) / most, power = 10 ** Math.floor(Math.log10(raw));
  const step = power * ([1, 2, 5, 10].find(m => m * power >= raw) || 10), found = [];
  for (let k = Math.ceil(lo / step); k * step <= hi && found.length < 20; k++) found.push(k * step);
  return found;
}

// As wide as the view of a claim is when it is opened, so that text keeps its size on a narrow screen.
const room = () => Math.round(Math.min(690, Math.max(320, byName("claim").clientWidth - 30)));
const picture = (width, height, title, ...shapes) =>
  shape("svg", {viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": title, class: "wide"}, shapes);

// Intervals below each other on one scale: looks of a point, or points of a claim.
function rungs(rows, {rival, title}) {
  const width = room(), small = width < 500, above = small && rows.some(row => row.label.length > 14);  // then on lines of their own
  const from = above ? 14 : small ? 110 : 200, to = width - (small ? 78 : 100), step = above ? 44 : 26, height = step * rows.length + 34;
  const last = rows[rows.length - 1];
  const wanted = rows.length > 12 || rows.some(row => row.band !== last.band)
    ? rows.flatMap(row => [row.estimate, ...(row.band || [])]) : [...(last.band || []), last.estimate, ...(last.interval || [])];
  const scale = scaleOf(wanted, [...rows.flatMap(row => [row.estimate, ...(row.interval || [])]), rival], from, to);
  if (!scale) return null;
  const clip = x => Math.min(Math.max(scale.at(x), from), to);
  const shapes = rows.flatMap((row, i) => {
    const y = step * i + (above ? 30 : 16), [lo, hi] = row.band || [0, 0];
    const left = lo === null ? from : clip(lo), right = hi === null ? to : clip(hi);
    const [x, up, anchor, letters] = above ? [0, -17, "start", width] : [from - 12, 4, "end", from - 12];
    return [
      row.band && shape("rect", {x: left, y: y - 13, width: Math.max(right - left, 1.5), height: 26, class: "band"}),
      shape("text", {x, y: y + up, "text-anchor": anchor}, short(row.label, Math.floor(letters / 6.7)), shape("title", null, row.label)),
      row.estimate !== null && row.estimate !== undefined && [
        bar(row.interval || [row.estimate, row.estimate], scale.at, y, from, to),
        shape("circle", {cx: clip(row.estimate), cy: y, r: 3.6, class: "estimate"}),
      ],
      shape("text", {x: to + 12, y: y + 4, class: row.tail === "REFUTED" || row.tail === "ERROR" ? "strong" : ""}, row.tail),
    ].filter(Boolean);
  });
  if (finite([rival]).length && rival > scale.lo && rival < scale.hi) {
    shapes.push(line(scale.at(rival), 3, scale.at(rival), height - 30, "leader"), cross(scale.at(rival), height - 30));
  }
  return picture(width, height, title, shapes, axisBelow(scale, height - 26, from, to));
}

const axisBelow = (scale, y, from, to) => [line(from, y, to, y, "axis"), ticks(scale.lo, scale.hi, to - from < 300 ? 3 : 5).map(x => [
  line(scale.at(x), y, scale.at(x), y + 4, "break"), shape("text", {x: scale.at(x), y: y + 17, "text-anchor": "middle"}, number(x)),
])];

// One dot a seed, piled up where they would overlap; the band behind, the mean's interval below.
function dots(point) {
  const width = room(), from = 20, to = width - 20, piles = new Map(), floor = 74;
  const scale = scaleOf(point.values, point.band || [], from, to);
  if (!scale) return null;
  const circles = point.values.map(value => {
    const pile = Math.round(scale.at(value) / 6), depth = piles.get(pile) || 0;
    piles.set(pile, depth + 1);
    return shape("circle", {cx: scale.at(value), cy: Math.max(floor - 6 - 6 * depth, 4), r: 2.8, class: "seed"}, shape("title", null, number(value)));
  });
  const clip = x => Math.min(Math.max(scale.at(x), from), to), [lo, hi] = point.band || [0, 0];
  const left = lo === null ? from : clip(lo), right = hi === null ? to : clip(hi);
  const title = `the values of ${point.values.length} seeds, from ${number(Math.min(...point.values))} to ${number(Math.max(...point.values))}`;
  return picture(width, 118, title,
    point.band && shape("rect", {x: left, y: 2, width: Math.max(right - left, 1.5), height: 90, class: "band"}), circles,
    point.interval && bar(point.interval, scale.at, 84, from, to),
    shape("circle", {cx: clip(point.estimate), cy: 84, r: 3.6, class: "estimate"}), axisBelow(scale, 94, from, to));
}

const DASHES = ["", "6 3", "2 3", "8 3 2 3"];

// The figure over the axis of the grid that has most numbers; one line for each combination of the others.
function dependence(claim, points, which) {
  const numeric = (claim.axes || []).map((name, i) => [name, i, new Set(points.map(point => point.at[i]))])
    .filter(([, i, levels]) => levels.size > 2 && points.every(point => typeof point.at[i] === "number"));
  const drawn = points.filter(point => point.estimate !== null && point.estimate !== undefined);
  if (!numeric.length || drawn.length < 3) return null;
  const [name, axis, levels] = numeric.sort((a, b) => b[2].size - a[2].size)[0];
  const xs = [...levels], logarithmic = Math.min(...xs) > 0 && Math.max(...xs) / Math.min(...xs) >= 8;
  const place = logarithmic ? Math.log : x => x;
  const up = scaleOf(drawn.flatMap(point => [point.estimate, ...(point.band || [])]), drawn.flatMap(point => point.interval || []), 250, 14);
  const series = new Map();
  for (const point of drawn) {
    const rest = at(claim, point, which.filter(i => i !== axis), true);
    if (!series.has(rest)) series.set(rest, []);
    series.get(rest).push(point);
  }
  const clip = y => Math.min(Math.max(up.at(y), 14), 250), x = point => across.at(place(point.at[axis]));
  const width = room(), labelled = width >= 500 && series.size > 1 && series.size <= 8, from = 70, to = width - (labelled ? 190 : 20);
  const across = scaleOf(xs.map(place), [], from, to);
  if (!across || !up) return null;
  const ends = labelled ? [...series].map(([rest, members]) => {
    const last = members.reduce((a, b) => b.at[axis] > a.at[axis] ? b : a);
    return [rest, clip(last.estimate) + 4];
  }).sort((a, b) => a[1] - b[1]) : [];
  for (let i = 1; i < ends.length; i++) ends[i][1] = Math.max(ends[i][1], ends[i - 1][1] + LINE);
  const beside = new Map(ends);
  const marks = [...series].flatMap(([rest, members], i) => {
    const sorted = [...members].sort((a, b) => a.at[axis] - b.at[axis]);
    const path = sorted.map((point, k) => `${k ? "L" : "M"}${x(point)} ${clip(point.estimate)}`).join("");
    const end = sorted[sorted.length - 1];
    return [
      sorted.map(point => point.band && shape("rect", {x: x(point) - 6, width: 12, class: "band",
        y: point.band[1] === null ? 14 : clip(point.band[1]),
        height: Math.max((point.band[0] === null ? 250 : clip(point.band[0])) - (point.band[1] === null ? 14 : clip(point.band[1])), 1.5)})).filter(Boolean),
      shape("path", {d: path, class: "curve", "stroke-dasharray": DASHES[i % 4]}),
      sorted.map(point => [
        point.interval && line(x(point), point.interval[0] === null ? 250 : clip(point.interval[0]), x(point), point.interval[1] === null ? 14 : clip(point.interval[1]), "interval"),
        shape("circle", {cx: x(point), cy: clip(point.estimate), r: 3.4, class: "estimate"}, shape("title", null, `${name}=${point.at[axis]} ${rest}: ${measured(point)}`)),
      ]),
      beside.has(rest) && shape("text", {x: x(end) + 10, y: beside.get(rest)}, short(rest, 26)),
    ].filter(Boolean);
  });
  const named = labelled || series.size < 2 || series.size > 8 ? [] : [...series.keys()];  // below, where there is no room beside
  const key = named.map((rest, i) => [
    shape("path", {d: `M${from} ${306 + 16 * i}h28`, class: "curve", "stroke-dasharray": DASHES[i % 4]}),
    shape("text", {x: from + 36, y: 310 + 16 * i}, short(rest, Math.floor((width - from - 36) / 6.7))),
  ]);
  return picture(width, 292 + (key.length ? 12 + 16 * key.length : 0), `${claim.id} over ${name}: ${drawn.length} points, in the table below`,
    line(from, 250, to, 250, "axis"), line(from, 14, from, 250, "axis"),
    spread(xs.sort((a, b) => a - b), level => across.at(place(level)), 40).map(level =>
      shape("text", {x: across.at(place(level)), y: 266, "text-anchor": "middle"}, number(level))),
    shape("text", {x: (from + to) / 2, y: 286, "text-anchor": "middle"}, name),
    ticks(up.lo, up.hi, 5).map(y => shape("text", {x: 62, y: up.at(y) + 4, "text-anchor": "end"}, number(y))), marks, key);
}

const whenSeen = new IntersectionObserver(entries => {
  for (const {isIntersecting, target} of entries) if (isIntersecting) draw(target);
}, {rootMargin: "300px"});
const waiting = new Map();
function later(node, make) {
  waiting.set(node, make);
  whenSeen.observe(node);
  return node;
}
function draw(node) {
  const make = waiting.get(node);
  if (!make) return;
  waiting.delete(node);
  whenSeen.unobserve(node);
  const made = make();
  if (made) node.replaceChildren(made);
}

// Nobody will see what has left the page.
function forget() {
  for (const node of [...waiting.keys()].filter(each => !each.isConnected)) {
    waiting.delete(node);
    whenSeen.unobserve(node);
  }
}
