// What the demos share: elements, controls, pictures that follow size and theme, and chance with a seed.

/** An HTML element. Attributes that begin with `on` are listeners; `class` and the rest are set as they are. */
export function el(tag, attributes = {}, ...children) {
  return furnish(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function svg(tag, attributes = {}, ...children) {
  return furnish(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function furnish(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null));
  return element;
}

/** A labelled slider. `value` can be read and set; setting it does not call `onChange`. */
export function slider(label, { min, max, step = 1, value, show = String }, onChange) {
  const output = el("span", { class: "demo-value", "aria-hidden": true }, show(value));
  const input = el("input", { type: "range", min, max, step, value, oninput: () => { turn(); onChange(input.valueAsNumber); } });
  const turn = () => { output.textContent = show(input.valueAsNumber); input.setAttribute("aria-valuetext", output.textContent); };
  turn();
  return {
    element: el("label", { class: "demo-control" }, el("span", {}, label), input, output),
    input,
    get value() { return input.valueAsNumber; },
    set value(next) { input.value = next; turn(); },
  };
}

/** A labelled list to choose from. `options`: {value: text}. */
export function choice(label, options, value, onChange) {
  const entries = Object.entries(options).map(([key, text]) => el("option", { value: key, selected: key === value }, text));
  const select = el("select", { onchange: () => onChange(select.value) }, entries);
  return {
    element: el("label", { class: "demo-control" }, el("span", {}, label), select),
    input: select,
    get value() { return select.value; },
    set value(next) { select.value = next; },
  };
}

export function button(text, onClick) {
  return el("button", { type: "button", class: "demo-button", onclick: onClick }, text);
}

/** A row of controls: things that have an `element`, and elements. */
export function controls(...items) {
  return el("div", { class: "demo-controls" }, items.map((item) => item.element ?? item));
}

/** A sentence that screen readers hear when it changes. */
export function message() {
  return el("p", { class: "demo-message", role: "status" });
}

/**
 * Steps on a clock, with buttons; nothing moves before the reader says so. `advance` makes one step and says whether there is
 * a next one; `single` is what the button Step does. With `perSecond` 0 there is a step whenever the screen is drawn anew.
 */
export function player(advance, { perSecond = 2, restart, single = advance }) {
  let timer = null;
  const play = button("Play", () => (timer ? stop() : go()));
  const stop = () => { (perSecond ? clearInterval : cancelAnimationFrame)(timer); timer = null; play.textContent = "Play"; };
  const beat = () => { if (!play.isConnected || !advance()) stop(); };
  const frame = () => { beat(); if (timer) timer = requestAnimationFrame(frame); };
  const go = () => {
    play.textContent = "Pause";
    timer = perSecond ? setInterval(beat, 1000 / perSecond) : requestAnimationFrame(frame);
  };
  const one = button("Step", () => { stop(); single(); });
  const again = button("Restart", () => { stop(); restart(); });
  return { elements: [play, one, again], stop };
}

/** Call `redraw` now, and whenever the page turns light or dark. */
export function followTheme(redraw) {
  new MutationObserver(redraw).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  redraw();
}

/** The page's colours, for canvases: ink, ground, soft, border, accent, and the two of the data, `one` and `two`. */
export function colours(element) {
  const style = getComputedStyle(element);
  const names = { ink: "--pst-color-text-base", ground: "--pst-color-background", soft: "--pst-color-surface",
    border: "--pst-color-border", accent: "--course-accent", one: "--demo-one", two: "--demo-two" };
  return Object.fromEntries(Object.entries(names).map(([name, property]) => [name, style.getPropertyValue(property).trim()]));
}

/**
 * A canvas as wide as its place and as sharp as the screen. `draw(context, width, height, colours)` draws in CSS pixels.
 * Returns {element, redraw}. `label` says to a screen reader what is to be seen.
 */
export function canvas({ ratio = 1, most = 420, label }, draw) {
  const element = el("canvas", { class: "demo-canvas", role: "img", "aria-label": label, style: `max-width:${most}px;aspect-ratio:${1 / ratio}` });
  const redraw = () => {
    const { clientWidth: width, clientHeight: height } = element;
    if (!width) return;
    const sharp = window.devicePixelRatio || 1;
    element.width = Math.round(width * sharp);
    element.height = Math.round(height * sharp);
    const context = element.getContext("2d");
    context.scale(sharp, sharp);
    draw(context, width, height, colours(element));
  };
  new ResizeObserver(redraw).observe(element);
  followTheme(redraw);
  return { element, redraw };
}

/** A name, a bar as long as its share, and the share: what a row of `demo-bars` holds. */
export function bar(name, share = 0) {
  const length = el("span", { class: "demo-bar", style: `width:${100 * share}%` });
  return [el("span", {}, name), el("span", { class: "demo-track" }, length), el("span", { class: "demo-value" }, percent(share))];
}

/** Names with a bar each. `show(shares, best)` sets all of them and marks one. */
export function bars(names) {
  const rows = names.map((name) => el("li", {}, bar(name)));
  return {
    element: el("ul", { class: "demo-bars" }, rows),
    show(shares, best) {
      rows.forEach((row, k) => {
        row.replaceChildren(...bar(names[k], shares[k]));
        row.classList.toggle("demo-best", k === best);
      });
    },
  };
}

/** A share of one in percent. */
export function percent(share) {
  return `${share > 0 && share < 0.01 ? "<\u2009" : ""}${Math.max(Math.round(100 * share), share > 0 ? 1 : 0)}\u00a0%`;
}

/** Numbers between 0 and 1 from a seed (mulberry32). */
export function chance(seed) {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Numbers of a normal distribution (Box–Muller). */
export function normal(random) {
  return () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** A number in as few figures as are needed, with a true minus. */
export function figure(value, digits = 2) {
  const text = Number.isInteger(value) ? String(value) : value.toFixed(digits);
  return text.replace("-", "−");
}
