"use strict";
// Draws pictures at once; charts and tables when they come into view or the browser is idle. Nothing is awaited, so that a
// page printed as soon as it is open is whole. Labels become text or values of data only.
(() => {
  const root = document.documentElement, dark = matchMedia("(prefers-color-scheme: dark)"), button = document.getElementById("theme");
  const theme = name => { root.dataset.theme = name; root.classList.toggle("dark", name === "dark"); button.setAttribute("aria-pressed", String(name === "dark")); };
  theme(dark.matches ? "dark" : "light");
  dark.addEventListener("change", () => theme(dark.matches ? "dark" : "light"));
  button.addEventListener("click", () => theme(root.dataset.theme === "dark" ? "light" : "dark"));

  const letters = atob(document.getElementById("data").textContent), bytes = Uint8Array.from(letters, one => one.charCodeAt(0));
  const { charts, tables, pictures } = JSON.parse(new TextDecoder().decode(Bundle.gunzipSync(bytes)));
  const tooltip = new Bundle.Handler({ disableDefaultStyle: true });
  // Of a line, Vega knows only the corners: anywhere else the line itself tells whose it is.
  const tip = (handler, event, item, value) => tooltip.call(handler, event, item, value ?? (event.type === "pointermove" ? event.target.__data__?.tooltip : null));

  function save(name, content, type) {
    const link = document.createElement("a"), address = URL.createObjectURL(new Blob([content], { type }));
    link.href = address; link.download = name; link.click();
    setTimeout(() => URL.revokeObjectURL(address), 1000);
  }

  // The name of a file: the part of the page and the title of the figure.
  const named = figure => [figure.closest("details")?.querySelector("summary strong"), figure.querySelector("strong")].map(one => one?.textContent ?? "").join(" ").trim().replace(/[^\p{L}\p{N}]+/gu, "-").slice(0, 90);

  function buttons(figure, title) {
    const place = document.createElement("span");
    place.className = "save";
    figure.querySelector(".controls").append(place);
    return (word, what) => {
      const one = document.createElement("button");
      one.type = "button"; one.textContent = word; one.setAttribute("aria-label", `save “${title}” as ${word}`);
      one.addEventListener("click", what);
      place.append(one);
    };
  }

  function show(figure) {
    const svg = pictures[figure.dataset.picture];
    figure.querySelector("img").src = URL.createObjectURL(new Blob([svg], { type: "image/svg+xml" }));
    buttons(figure, figure.querySelector("strong").textContent)("SVG", () => save(`${named(figure)}.svg`, svg, "image/svg+xml"));
  }

  // A chart is laid out anew where its width is found or has changed: its legend may need more rows, and it more height.
  const settle = figures => figures.forEach(one => one.view.runAsync().then(view => view.resize().runAsync()).then(view => view.resize().run()));
  const drawn = () => [...document.querySelectorAll("figure[data-done]")].filter(one => one.view && one.checkVisibility());
  let settling;
  const inView = one => { const { top, bottom } = one.getBoundingClientRect(); return bottom > 0 && top < innerHeight; };
  addEventListener("resize", () => {
    requestAnimationFrame(() => settle(drawn().filter(inView)));
    clearTimeout(settling);
    settling = setTimeout(() => settle(drawn()), 150);
  });

  function draw(figure) {
    if (figure.dataset.done) return;
    figure.dataset.done = "yes";
    const place = figure.querySelector(".drawn"), controls = figure.querySelector(".controls"), title = figure.querySelector("strong").textContent;
    const spec = Bundle.compile({ ...charts[figure.dataset.chart], description: title }).spec;
    const view = new Bundle.View(Bundle.parse(spec, undefined, { ast: true }), {
      renderer: "svg", expr: Bundle.expressionInterpreter, hover: true, tooltip: tip, container: place, bind: controls });
    figure.view = view;
    settle([figure]);
    const picture = async () => (await view.toSVG()).replaceAll("currentColor", "#1a1a1a").replace(/(<svg[^>]*>)/, '$1<rect width="100%" height="100%" fill="white"/>');
    const add = buttons(figure, title);
    add("SVG", async () => save(`${named(figure)}.svg`, await picture(), "image/svg+xml"));
    add("PNG", async () => {
      const image = new Image(), canvas = document.createElement("canvas"), pen = canvas.getContext("2d");
      image.src = "data:image/svg+xml;charset=utf-8," + encodeURIComponent(await picture());
      await image.decode();
      canvas.width = 3 * image.naturalWidth; canvas.height = 3 * image.naturalHeight;
      pen.fillStyle = "white"; pen.fillRect(0, 0, canvas.width, canvas.height);
      pen.drawImage(image, 0, 0, canvas.width, canvas.height);
      canvas.toBlob(blob => save(`${named(figure)}.png`, blob, "image/png"));
    });
  }

  // Small numbers are shown as a power of ten, like those of the text, and written to files as computers read them.
  const raised = "⁰¹²³⁴⁵⁶⁷⁸⁹", power = digits => "\u00a0×\u00a010⁻" + digits.replace(/\d/g, one => raised[one]);
  const plain = content => content.replace(/−(?=[\d.])/g, "-").replace(/\s×\s10⁻([⁰¹²³⁴-⁹]+)/g, (_, digits) => "e-" + digits.replace(/./g, one => raised.indexOf(one)));
  const decimal = value => String(Number(value.toPrecision(4))).replace(/e-(\d+)$/, (_, digits) => power(digits)).replace("-", "−");
  const text = value => value === null ? "" : typeof value === "number" ? (Number.isInteger(value) ? String(value).replace("-", "−") : decimal(value)) : Bundle.DataTable.util.escapeHtml(String(value));
  const render = (value, type) => type === "display" ? text(value) : value ?? (type === "export" ? "" : value);
  const csv = (name, tidy = content => content) => ({ extend: "csvHtml5", text: "Download CSV", filename: name, title: null, bom: true, customize: content => tidy(content.trimEnd()) + "\n", exportOptions: { orthogonal: "export", columns: ":visible" } });

  const natural = new Intl.Collator("en", { numeric: true }).compare;
  // What is missing stands last, whichever way a column is sorted: numbers know it as −∞.
  const missing = value => value === null || value === "" || value === "–" || value === -Infinity || Number.isNaN(value);
  const missingLast = compare => (one, other) => missing(one) - missing(other) || (missing(one) ? 0 : compare(one, other));
  const order = (kind, compare, more) => Bundle.DataTable.type(kind, "order", { ...more, asc: missingLast(compare), desc: missingLast((one, other) => compare(other, one)) });
  for (const kind of ["num", "num-fmt", "html-num", "html-num-fmt"]) order(kind, (one, other) => one - other);
  for (const kind of ["string", "string-utf8", "html", "html-utf8"]) order(kind, natural, { pre: value => value ?? "" });

  function whole(details) {
    if (details.dataset.done) return;
    details.dataset.done = "yes";
    const { names, rows, meanings } = tables[details.dataset.table], table = document.createElement("table");
    const head = table.createTHead().insertRow();
    for (const name of names) { const cell = document.createElement("th"); cell.scope = "col"; cell.textContent = name; if (meanings[name]) cell.title = meanings[name]; head.append(cell); }
    details.querySelector(".scroll").append(table);
    new Bundle.DataTable(table, { data: rows, deferRender: true, pageLength: 25, order: [], autoWidth: false, columnDefs: [{ targets: "_all", render }],
      ordering: { indicators: false, handler: false }, columnControl: ["order", ["search"]],
      layout: { topStart: { buttons: [csv(details.dataset.table)] }, topEnd: "search", bottomStart: "info", bottomEnd: "paging" } });
    // The table alone moves sideways: its buttons stay, and a filter opens at its column.
    const outer = details.querySelector(".scroll"), inner = outer.querySelector(".dt-layout-table");
    for (const name of ["role", "aria-label", "tabindex"]) { inner.setAttribute(name, outer.getAttribute(name)); outer.removeAttribute(name); }
    names.forEach((name, place) => head.cells[place].querySelectorAll("button").forEach((one, which) => one.setAttribute("aria-label", `${which ? "filter" : "sort by"} ${name}`)));
  }

  function short(table) {
    const many = table.tBodies[0].rows.length > 8;
    new Bundle.DataTable(table, { paging: false, info: false, order: [], autoWidth: false, searching: true,
      layout: { topStart: null, topEnd: many ? "search" : null, bottomStart: { buttons: [csv(table.dataset.name, plain)] }, bottomEnd: null } });
  }

  const seen = new IntersectionObserver(entries => entries.forEach(one => { if (one.isIntersecting) { seen.unobserve(one.target); (one.target.tagName === "TABLE" ? short : draw)(one.target); } }), { rootMargin: "600px" });
  for (const one of document.querySelectorAll("figure[data-picture]")) show(one);
  for (const one of document.querySelectorAll("figure[data-chart], table.data")) seen.observe(one);
  for (const one of document.querySelectorAll("details.whole")) one.addEventListener("toggle", () => one.open && whole(one));

  for (const one of document.querySelectorAll(".more button")) one.addEventListener("click", () => {
    const table = one.closest(".more").previousElementSibling;
    table.classList.add("all");
    table.focus();
  });

  const later = window.requestIdleCallback ?? (what => setTimeout(what, 50));
  const undrawn = () => [...document.querySelectorAll("figure[data-chart]:not([data-done])")].find(one => one.checkVisibility());  // none in a closed fold: it has no width
  const next = () => { const one = undrawn(); if (one) { draw(one); later(next); } };
  addEventListener("load", () => later(next));
  for (const one of document.querySelectorAll("details.fold")) one.addEventListener("toggle", () => later(next));

  const opened = () => { const there = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1))); if (there) { const fold = there.closest("details"); if (fold) fold.open = true; there.scrollIntoView(); } };
  addEventListener("hashchange", opened);
  opened();
  const closed = [];
  addEventListener("beforeprint", () => {
    const shut = [...document.querySelectorAll("details.fold:not(.aside, [open])")];
    closed.push(...shut);
    for (const one of shut) one.open = true;
    root.dataset.printing = "yes";
    const there = drawn();
    dispatchEvent(new Event("resize"));
    settle(there);
    document.querySelectorAll("figure[data-chart]").forEach(draw);
  });
  addEventListener("afterprint", () => {
    for (const one of closed.splice(0)) one.open = false;
    delete root.dataset.printing;
    dispatchEvent(new Event("resize"));
  });
  root.dataset.ready = "yes";
})();
