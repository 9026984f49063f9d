"use strict";
// Charts of the report: SVG drawn from the JSON in #data. Labels become text nodes only, never markup.
const DATA = JSON.parse(document.getElementById("data").textContent);
const NS = "http://www.w3.org/2000/svg";
let serial = 0;

function make(name, attributes = {}, ...children) {
  const svg = ["svg", "g", "path", "line", "text", "rect", "circle", "clipPath", "polygon"].includes(name);
  const element = svg ? document.createElementNS(NS, name) : document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key === "style") element.style.cssText = value;
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(key, value);
  }
  for (const child of children) element.append(child);
  return element;
}

const colour = slot => `var(--k${slot ?? 2})`;
const short = value => value === null ? "–" : String(Number(value.toPrecision(4))).replace("-", "−");

function ticks(low, high, count) {
  const raw = (high - low) / Math.max(count, 1), power = 10 ** Math.floor(Math.log10(raw || 1));
  const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= raw) || power;
  const found = [];
  for (let at = Math.ceil(low / step) * step; at <= high + step / 1e6; at += step) found.push([at, short(Math.abs(at) < step / 1e6 ? 0 : at)]);
  return found;
}

function logTicks(low, high) {
  const found = [];
  for (let power = Math.floor(low); power <= high; power++) {
    if (power >= low) found.push([power, Math.round(10 ** power).toLocaleString("en")]);
  }
  return found;
}

const MARKS = {
  circle: size => `M${-size},0a${size},${size} 0 1,0 ${2 * size},0a${size},${size} 0 1,0 ${-2 * size},0`,
  square: size => `M${-size * .9},${-size * .9}h${size * 1.8}v${size * 1.8}h${-size * 1.8}z`,
  triangle: size => `M0,${-size * 1.2}L${size * 1.15},${size * .9}H${-size * 1.15}z`,
  diamond: size => `M0,${-size * 1.3}L${size * 1.2},0L0,${size * 1.3}L${-size * 1.2},0z`,
  cross: size => `M${-size},${-size}L${size},${size}M${size},${-size}L${-size},${size}`,
};

class Chart {
  constructor(figure, spec) {
    this.figure = figure; this.spec = spec; this.view = spec.views[0]; this.off = new Set(); this.at = null; this.box = null;
    for (const entry of spec.legend || []) if (entry.on === false) this.off.add(entry.tag);
    this.controls();
    this.svg = make("svg", { role: "application", "aria-roledescription": "chart", tabindex: 0,
      "aria-label": (figure.getAttribute("aria-label") || "chart") + ": arrow keys move from point to point, plus and minus zoom, 0 shows all" });
    this.tip = make("div", { class: "tip", hidden: "" });
    this.said = make("p", { class: "hidden", "aria-live": "polite" });
    figure.append(this.svg, this.tip, this.said);
    if (spec.list !== false) this.list();
    this.listen();
    new ResizeObserver(() => { if (figure.clientWidth !== this.width) this.draw(); }).observe(figure);
    this.draw();
  }

  controls() {
    const bar = make("div", { class: "controls" });
    if (this.spec.views.length > 1) bar.append(this.choices());
    if (this.spec.legend) bar.append(this.toggles());
    if (this.spec.zoom) for (const [word, what, name] of [["+", 1 / 1.6, "zoom in"], ["−", 1.6, "zoom out"], ["all", 0, "show all"]]) {
      const button = make("button", { type: "button", "aria-label": name, title: name }, word);
      button.addEventListener("click", () => this.zoom(what));
      bar.append(button);
    }
    if (bar.childNodes.length) this.figure.append(bar);
  }

  choices() {
    const group = make("fieldset", {}, make("legend", {}, "Axes")), name = `axes-${++serial}`;
    for (const view of this.spec.views) {
      const input = make("input", { type: "radio", name, checked: view === this.view ? "" : null });
      input.addEventListener("change", () => { this.view = view; this.box = null; this.at = null; this.draw(); });
      group.append(make("label", {}, input, view.name));
    }
    return group;
  }

  toggles() {
    const group = make("fieldset", {}, make("legend", {}, "Show"));
    for (const entry of this.spec.legend) {
      const input = make("input", { type: "checkbox", checked: this.off.has(entry.tag) ? null : "" });
      input.addEventListener("change", () => {
        input.checked ? this.off.delete(entry.tag) : this.off.add(entry.tag);
        this.at = null; this.box = null; this.draw();
      });
      const mark = make("svg", { class: "swatch", viewBox: "-8 -8 16 16", "aria-hidden": "true" });
      mark.append(entry.dash !== undefined
        ? make("line", { x1: -8, x2: 8, y1: 0, y2: 0, "stroke-width": 2.5, "stroke-dasharray": entry.dash || "none", style: `stroke:${colour(entry.slot)}` })
        : make("path", { d: MARKS[entry.marker || "circle"](5.5), style: entry.hollow ? `fill:none;stroke-width:2.5;stroke:${colour(entry.slot)}` : `fill:${colour(entry.slot)};stroke:${colour(entry.slot)}` }));
      group.append(make("label", {}, input, ...(entry.slot === undefined ? [] : [mark]), entry.label));
    }
    return group;
  }

  get shown() { return this.view.series.filter(one => !(one.tags || []).some(tag => this.off.has(tag))); }

  extent(axis) {
    const values = axis.fixed ? [...axis.fixed] : [], key = axis === this.view.x ? "x" : "y";
    const take = value => { if (Number.isFinite(value)) values.push(axis.log ? Math.log10(value) : value); };
    for (const one of this.shown) {
      if (one.kind === "cloud" && !one.fit) continue;
      if (one.kind === "cloud" || one.kind === "region") one[key + "s"].forEach(take);
      else for (const point of one.points) { take(point[key]); if (key === "y") { take(point.low); take(point.high); } }
    }
    if (axis.zero) values.push(0);
    if (!values.length) return [0, 1];
    const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
    const room = axis.fixed ? 0 : (high - low || Math.abs(high) || 1) * .06;
    return [low - room, high + room];
  }

  draw() {
    const width = this.width = Math.max(this.figure.clientWidth, 200);
    const height = Math.round(Math.min(width * (this.spec.ratio || .62), this.spec.tall || 440));
    const { x, y } = this.view, box = this.box || { x: this.extent(x), y: this.extent(y) };
    this.current = box;
    const yTicks = y.ticks || ticks(...box.y, height / 55);
    const left = 22 + 6.3 * Math.max(...yTicks.map(one => one[1].length), 2), edge = { left, right: width - 10, top: 10, bottom: height - 42 };
    this.edge = edge;
    const px = value => edge.left + ((x.log ? Math.log10(value) : value) - box.x[0]) / (box.x[1] - box.x[0]) * (edge.right - edge.left);
    const py = value => edge.bottom - ((y.log ? Math.log10(value) : value) - box.y[0]) / (box.y[1] - box.y[0]) * (edge.bottom - edge.top);
    this.svg.replaceChildren();
    this.svg.setAttribute("viewBox", `0 0 ${width} ${height}`); this.svg.setAttribute("height", height);
    this.svg.classList.toggle("zoomed", Boolean(this.box));
    this.frame(edge, box, yTicks, px, py, width, height);
    const clip = `clip-${++serial}`;
    this.svg.append(make("clipPath", { id: clip }, make("rect", { x: edge.left, y: edge.top, width: edge.right - edge.left, height: edge.bottom - edge.top })));
    const inner = make("g", { "clip-path": `url(#${clip})` });
    this.svg.append(inner);
    this.points = [];
    const order = { cloud: 0, region: 1, band: 2, line: 3, points: 4 };
    for (const one of [...this.shown].sort((a, b) => order[a.kind] - order[b.kind])) this.series(one, inner, px, py);
    this.names(inner);
    this.points.sort((a, b) => a.px - b.px);
    this.mark();
    this.fillList();
  }

  frame(edge, box, yTicks, px, py, width, height) {
    const { x, y } = this.view, add = (...parts) => this.svg.append(...parts);
    const xTicks = (x.ticks || (x.log ? logTicks(...box.x).map(([at, word]) => [10 ** at, word]) : ticks(...box.x, width / 90)));
    for (const [at, word] of yTicks) {
      if (py(at) < edge.top - 1 || py(at) > edge.bottom + 1) continue;
      add(make("line", { class: "grid", x1: edge.left, x2: edge.right, y1: py(at), y2: py(at) }), make("text", { class: "tick", x: edge.left - 5, y: py(at) + 4, "text-anchor": "end" }, word));
    }
    for (const [at, word] of xTicks) {
      if (px(at) < edge.left - 1 || px(at) > edge.right + 1) continue;
      add(make("line", { class: "grid", x1: px(at), x2: px(at), y1: edge.top, y2: edge.bottom }), make("text", { class: "tick", x: px(at), y: edge.bottom + 15, "text-anchor": "middle" }, word));
    }
    if (x.zero && !x.log) add(make("line", { class: "zero", x1: px(0), x2: px(0), y1: edge.top, y2: edge.bottom }));
    if (y.zero) add(make("line", { class: "zero", x1: edge.left, x2: edge.right, y1: py(0), y2: py(0) }));
    add(make("line", { class: "axis", x1: edge.left, x2: edge.right, y1: edge.bottom, y2: edge.bottom }), make("line", { class: "axis", x1: edge.left, x2: edge.left, y1: edge.top, y2: edge.bottom }));
    add(make("text", { x: (edge.left + edge.right) / 2, y: height - 8, "text-anchor": "middle" }, x.label));
    add(make("text", { transform: `translate(11,${(edge.top + edge.bottom) / 2}) rotate(-90)`, "text-anchor": "middle" }, y.label));
    for (const corner of this.view.corners || []) {
      add(make("text", { class: "tick", x: corner.right ? edge.right - 4 : edge.left + 5, y: corner.bottom ? edge.bottom - 6 : edge.top + 12, "text-anchor": corner.right ? "end" : "start" }, corner.text));
    }
  }

  series(one, inner, px, py) {
    const ink = colour(one.slot);
    if (one.kind === "cloud" || one.kind === "region") {
      const at = one.xs.map((value, place) => [px(value).toFixed(1), py(one.ys[place]).toFixed(1)]);
      inner.append(make("path", one.kind === "cloud"
        ? { d: at.map(([x, y]) => `M${x},${y}h0`).join(""), "stroke-linecap": "round", "stroke-width": 3, opacity: .28, style: `stroke:${ink};fill:none`, "data-name": one.name }
        : { d: "M" + at.join("L") + "z", opacity: .75, "stroke-width": 1, style: `stroke:${ink};fill:${ink};fill-opacity:.05`, "data-name": one.name }));
      return;
    }
    if (one.kind === "band") {
      const there = one.points.filter(point => point.low !== null && point.high !== null);
      const up = there.map(point => `${px(point.x)},${py(point.high)}`), down = there.map(point => `${px(point.x)},${py(point.low)}`).reverse();
      if (there.length) inner.append(make("path", { d: "M" + [...up, ...down].join("L") + "z", opacity: .16, style: `fill:${ink}` }));
      return;
    }
    if (one.kind === "line") inner.append(make("path", { d: "M" + one.points.map(point => `${px(point.x)},${py(point.y)}`).join("L"),
      "stroke-width": one.width || 1.8, "stroke-dasharray": one.dash || null, opacity: one.opacity || null, style: `stroke:${ink};fill:none` }));
    if (one.silent && one.kind === "line") return;
    for (const point of one.points) {
      if (point.x === null || point.y === null) continue;
      const at = { px: px(point.x), py: py(point.y), point, one };
      if (Number.isFinite(point.low) && Number.isFinite(point.high)) inner.append(make("line", { x1: at.px, x2: at.px, y1: py(point.low), y2: py(point.high), "stroke-width": 1.3, opacity: .8, style: `stroke:${ink}` }));
      at.element = make("path", { class: one.hollow ? "mark hollow" : "mark", d: MARKS[one.marker || "circle"](one.size || (one.kind === "line" ? 3 : 5)),
        transform: `translate(${at.px},${at.py})`, style: one.hollow || one.marker === "cross" ? `stroke:${ink}` : `fill:${ink}` });
      inner.append(at.element);
      this.points.push(at);
    }
  }

  names(inner) {
    const taken = [];
    for (const at of this.points.filter(one => one.point.name)) {
      const wide = at.point.name.length * 6 + 8, flip = at.px + wide + 8 > this.edge.right;
      const x = flip ? at.px - 8 - wide : at.px + 8, box = [x, at.py - 10, x + wide, at.py + 5];
      if (taken.some(other => box[0] < other[2] && other[0] < box[2] && box[1] < other[3] && other[1] < box[3])) continue;
      taken.push(box);
      inner.append(make("text", { class: "name", x: flip ? at.px - 8 : at.px + 8, y: at.py + 3, "text-anchor": flip ? "end" : "start" }, at.point.name));
    }
  }

  listen() {
    this.svg.addEventListener("pointermove", event => this.drag ? this.pan(event) : this.hover(event));
    this.svg.addEventListener("pointerleave", () => { if (!this.drag) this.choose(null); });
    this.svg.addEventListener("pointerdown", event => {
      if (this.box && this.spec.zoom) { this.drag = { x: event.clientX, y: event.clientY, box: this.current }; this.svg.setPointerCapture(event.pointerId); } else this.hover(event);
    });
    for (const name of ["pointerup", "pointercancel"]) this.svg.addEventListener(name, () => { this.drag = null; });
    this.svg.addEventListener("wheel", event => {
      if (!this.spec.zoom || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault(); this.zoom(event.deltaY < 0 ? 1 / 1.25 : 1.25, this.spot(event));
    }, { passive: false });
    this.svg.addEventListener("keydown", event => this.key(event));
    this.svg.addEventListener("blur", () => this.choose(null));
  }

  key(event) {
    const steps = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 1, ArrowUp: -1 };
    if (event.key in steps && this.points.length) {
      const next = (this.place ?? (steps[event.key] > 0 ? -1 : 0)) + steps[event.key];
      this.place = (next + this.points.length) % this.points.length;
      this.choose(this.points[this.place]); event.preventDefault();
    } else if (this.spec.zoom && "+-=0".includes(event.key)) { this.zoom({ "+": 1 / 1.6, "=": 1 / 1.6, "-": 1.6, 0: 0 }[event.key]); event.preventDefault(); }
    else if (event.key === "Escape") this.choose(null);
  }

  spot(event) {
    const box = this.svg.getBoundingClientRect();
    return { x: (event.clientX - box.left) * this.width / box.width, y: (event.clientY - box.top) * this.width / box.width };
  }

  hover(event) {
    const { x, y } = this.spot(event);
    let best = null, near = 26;
    for (const at of this.points) { const far = Math.hypot(at.px - x, at.py - y); if (far < near) { near = far; best = at; } }
    this.choose(best);
  }

  choose(at) {
    if (at === this.at && at !== null) return;
    this.at = at; this.mark();
    this.said.textContent = at ? at.point.label : "";
  }

  mark() {
    for (const one of this.points) one.element.classList.toggle("hot", one === this.at);
    this.tip.hidden = !this.at;
    for (const path of this.svg.querySelectorAll("path[data-name]")) path.style.opacity = !this.at || !this.at.one.dims ? "" : path.dataset.name === this.at.one.name ? .9 : .04;
    if (!this.at) return;
    this.tip.textContent = this.at.point.label;
    const top = this.svg.offsetTop + this.at.py, right = this.at.px > this.width / 2;
    this.tip.style.cssText = `top:${Math.max(0, top - 10)}px;` + (right ? `right:${this.figure.clientWidth - this.at.px + 14}px` : `left:${this.at.px + 14}px`);
  }

  zoom(by, spot) {
    if (!by) { this.box = null; this.draw(); return; }
    const share = spot ? { x: (spot.x - this.edge.left) / (this.edge.right - this.edge.left), y: (this.edge.bottom - spot.y) / (this.edge.bottom - this.edge.top) } : { x: .5, y: .5 };
    const next = {};
    for (const key of ["x", "y"]) {
      const [low, high] = this.current[key], middle = low + (high - low) * share[key];
      next[key] = [middle - (middle - low) * by, middle + (high - middle) * by];
    }
    this.box = next; this.draw();
  }

  pan(event) {
    const { box, x, y } = this.drag, wide = this.edge.right - this.edge.left, tall = this.edge.bottom - this.edge.top;
    const across = (event.clientX - x) / wide * (box.x[1] - box.x[0]), up = (event.clientY - y) / tall * (box.y[1] - box.y[0]);
    this.box = { x: box.x.map(value => value - across), y: box.y.map(value => value + up) };
    this.draw();
  }

  list() {
    this.body = make("div", { class: "wide", role: "region", "aria-label": "the points of the chart as a list", tabindex: 0 });
    this.details = make("details", {}, make("summary", {}, "The points as a list"), this.body);
    this.details.addEventListener("toggle", () => this.fillList());
    this.figure.append(this.details);
  }

  fillList() {
    if (!this.details || !this.details.open) return;
    const items = this.points.map(at => make("li", {}, at.point.label.replaceAll("\n", "; ")));
    this.body.replaceChildren(make("ul", {}, ...items));
  }
}

function tableOf(block) {
  const head = make("tr", {}, ...block.columns.map(name => make("th", { scope: "col" }, name)));
  const rows = block.rows.map(row => make("tr", {}, ...row.map((value, place) => make(place ? "td" : "th", place ? {} : { scope: "row" }, value === null ? "–" : String(value)))));
  return make("div", { class: "wide", role: "region", "aria-label": block.caption.slice(0, 120), tabindex: 0 },
    make("table", {}, make("caption", {}, block.caption), make("thead", {}, head), make("tbody", {}, ...rows)));
}

function barsOf(block) {
  const most = Math.max(...block.rows.flatMap(row => [row.value, row.low, row.high].filter(Number.isFinite).map(Math.abs)), 1e-12);
  const rows = block.rows.map(row => {
    const size = 50 * Math.abs(row.value) / most, track = make("span", { class: "track", "aria-hidden": "true" });
    track.append(make("i", { class: row.value < 0 ? "down" : "up", style: `width:${size}%;` + (row.value < 0 ? `right:50%` : `left:50%`) }));
    if (Number.isFinite(row.low)) track.append(make("b", { style: `left:${50 + 50 * row.low / most}%;width:${50 * (row.high - row.low) / most}%` }));
    return make("tr", {}, make("th", { scope: "row" }, row.name), make("td", {}, track), make("td", { class: "n" }, row.text));
  });
  const head = make("tr", {}, ...block.columns.map(name => make("th", { scope: "col" }, name)));
  return make("div", { class: "wide", role: "region", "aria-label": block.caption.slice(0, 120), tabindex: 0 },
    make("table", {}, make("caption", {}, block.caption), make("thead", {}, head), make("tbody", {}, ...rows)));
}

function chartOf(block) {
  return make("figure", { class: "chart", "aria-label": block.title }, make("figcaption", {}, make("strong", {}, block.title), " " + (block.note || "")));
}

function show(blocks, place) {
  place.replaceChildren();
  let panel = null;
  for (const block of blocks) {
    if (block.kind === "chart") {
      if (!panel) { panel = make("div", { class: "panels" }); place.append(panel); }
      const figure = chartOf(block);
      panel.append(figure); new Chart(figure, block.spec);
      continue;
    }
    panel = null;
    place.append(block.kind === "table" ? tableOf(block) : block.kind === "bars" ? barsOf(block)
      : make(block.kind === "heading" ? "h3" : "p", {}, block.text));
  }
}

function choose(element) {
  const key = element.dataset.chooser, pages = DATA[key], select = element.querySelector("select"), place = element.querySelector(".chosen");
  const names = Object.keys(pages);
  for (const name of names) select.append(make("option", { value: name }, name));
  const asked = new URLSearchParams(location.hash.slice(1)).get(key);
  select.value = names.includes(asked) ? asked : names[0];
  const update = () => show(pages[select.value] || [], place);
  select.addEventListener("change", () => { history.replaceState(null, "", "#" + new URLSearchParams({ [key]: select.value })); update(); });
  update();
}

for (const element of document.querySelectorAll("[data-chart]")) if (DATA[element.dataset.chart]) new Chart(element, DATA[element.dataset.chart]);
for (const element of document.querySelectorAll("[data-chooser]")) choose(element);
