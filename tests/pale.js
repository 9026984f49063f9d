// Marks, text, icons and edges of controls that WCAG finds too pale against their ground: 3:1, letters 4.5:1.
// Of a mark, its filling or its edge must be seen; lines of a grid and controls that do nothing are exempt.
() => {
  const pen = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
  const known = new Map();
  const parts = text => { if (!known.has(text)) { pen.clearRect(0, 0, 1, 1); pen.fillStyle = text; pen.fillRect(0, 0, 1, 1); const [r, g, b, a] = pen.getImageData(0, 0, 1, 1).data; known.set(text, [r, g, b, a / 255]); } return known.get(text); };
  const over = ([r, g, b, a], ground, opacity) => [r, g, b].map((one, place) => one * a * opacity + ground[place] * (1 - a * opacity));
  const luminance = colour => colour.map(one => one / 255).map(one => one <= 0.04045 ? one / 12.92 : ((one + 0.055) / 1.055) ** 2.4).reduce((sum, one, place) => sum + one * [0.2126, 0.7152, 0.0722][place], 0);
  const contrast = (one, other) => { const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b); return (high + 0.05) / (low + 0.05); };
  const chain = one => one ? [...chain(one.parentElement), getComputedStyle(one)] : [];
  const ground = one => chain(one).reduce((below, style) => over(parts(style.backgroundColor), below, 1), [255, 255, 255]);
  const opacity = one => chain(one).reduce((product, style) => product * style.opacity, 1);
  const seen = (colour, below, opaque) => colour === "none" ? 0 : contrast(over(parts(colour), below, opaque), below);
  const found = new Set();
  const judge = (value, least, one) => { if (value < least) found.add(`${value.toFixed(2)} ${one.tagName} ${one.closest("g[class*=role-]")?.getAttribute("class") ?? one.className} in ${(one.closest("figure, section") ?? one).id}`); };

  for (const one of document.querySelectorAll(".drawn svg :is(path, line, text), .sign path")) {
    if (one.closest("defs, .role-axis-grid, .background") || !one.checkVisibility() || !one.getBBox().width + !one.getBBox().height > 1) continue;
    const style = getComputedStyle(one), below = ground(one.closest("svg").parentElement), opaque = opacity(one);
    if (!opaque) continue;  // a label of an axis without room
    const fill = seen(style.fill, below, opaque * style.fillOpacity), stroke = parseFloat(style.strokeWidth) ? seen(style.stroke, below, opaque * style.strokeOpacity) : 0;
    const drawn = [[style.fill, style.fillOpacity], [style.stroke, style.strokeOpacity]].some(([colour, part]) => colour !== "none" && parts(colour)[3] * part);
    if (drawn) judge(one.tagName === "text" ? fill : Math.max(fill, stroke), one.tagName === "text" && one.textContent ? 4.5 : one.tagName === "text" ? 0 : 3, one);
  }
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let node; (node = walker.nextNode());) {
    const one = node.parentElement;
    if (node.textContent.trim() && !one.closest("script, style, noscript, svg, .apart, :disabled, [aria-disabled=true]") && one.checkVisibility()) judge(contrast(over(parts(getComputedStyle(one).color), ground(one), opacity(one)), ground(one)), 4.5, one);
  }
  for (const one of document.querySelectorAll("button svg")) if (one.checkVisibility()) judge(seen(getComputedStyle(one).color, ground(one), opacity(one)), 3, one);
  for (const one of document.querySelectorAll("input, select, button")) {
    const style = getComputedStyle(one);
    if (one.checkVisibility() && parseFloat(style.borderTopWidth) && parts(style.borderTopColor)[3]) judge(seen(style.borderTopColor, ground(one.parentElement), opacity(one)), 3, one);
  }
  return [...found];
}
