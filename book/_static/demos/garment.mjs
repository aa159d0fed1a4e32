// The LeNet-5 that lecture 04 trained answers while the reader draws, and shows what every layer makes of the drawing.
import { bars, button, canvas, choice, controls, el, message, percent, slider } from "./kit.mjs";
import { megabytes, network, softmax } from "./network.mjs";
import { oneSided, paint, twoSided } from "./paint.mjs";

export const SIDE = 28;
const QUIET = 300; // milliseconds without a change, after which the answer is said aloud
// Output of the network, what it is, and how it is drawn: maps, side of a map, maps in a row, share of the width they take.
const LAYERS = [
  ["features.0", "Convolution, 5×5: 6 maps of 28×28", 6, 28, 6, 1],
  ["features.1", "ReLU", 6, 28, 6, 1],
  ["features.2", "Max pooling: 6 maps of 14×14", 6, 14, 6, 0.5],
  ["features.3", "Convolution, 5×5: 16 maps of 10×10", 16, 10, 8, 1],
  ["features.4", "ReLU", 16, 10, 8, 1],
  ["features.5", "Max pooling: 16 maps of 5×5", 16, 5, 16, 1],
  ["classifier.1", "Linear: 120 numbers", 120, 1, 40, 1],
  ["classifier.2", "ReLU", 120, 1, 40, 1],
  ["classifier.3", "Linear: 84 numbers", 84, 1, 42, 1],
  ["classifier.4", "ReLU", 84, 1, 42, 1],
];

/** What every layer puts out for an input [28·28], normalised as in training: {layer: numbers}. */
export async function layers(input, tell) {
  const run = await network("lenet5", tell);
  return run(Float32Array.from(input), [1, 1, SIDE, SIDE]);
}

/** The network's input, from pixels 0..255. */
export function normalised(pixels, { mean, std }) {
  return Float32Array.from(pixels, (value) => (value / 255 - mean) / std);
}

/** One touch of a round pen with a soft rim, in place; pixels [28·28], the pen's centre in pixels, light 0..255 (0 erases). */
export function touch(pixels, [x, y], radius, light) {
  for (let i = 0; i < pixels.length; i++) {
    const away = Math.hypot((i % SIDE) + 0.5 - x, Math.floor(i / SIDE) + 0.5 - y);
    const cover = Math.min(Math.max(radius + 0.5 - away, 0), 1);
    const left = Math.round((1 - cover) * pixels[i]);
    pixels[i] = light ? Math.max(pixels[i], Math.round(cover * light)) : left;
  }
}

/** A stroke: touches half a pixel apart. */
export function stroke(pixels, from, to, radius, light) {
  const steps = Math.ceil(2 * Math.hypot(to[0] - from[0], to[1] - from[1])) || 1;
  for (let k = 1; k <= steps; k++) touch(pixels, from.map((start, axis) => start + k / steps * (to[axis] - start)), radius, light);
}

export async function start(stage) {
  const answered = await fetch(new URL("./garments.json", import.meta.url));
  if (!answered.ok) throw new Error("its garments are not there");
  const { classes, examples, ...scale } = await answered.json();
  const size = await megabytes("lenet5");
  const state = { pixels: Array(SIDE * SIDE).fill(0), pen: [14.5, 14.5], down: false, chances: null, answer: null };
  let [outputs, wanted, working, quiet] = [null, false, false, null];

  const example = choice("Begin with", { none: "nothing", ...Object.fromEntries(classes.map((name, k) => [k, name])) }, "none", begin);
  const tool = choice("Pen", { draw: "draws", erase: "erases" }, "draw", () => {});
  const width = slider("Width", { min: 1, max: 6, value: 3, show: (value) => `${value} px` }, () => drawing.redraw());
  const light = slider("Light", { min: 10, max: 100, step: 10, value: 80, show: (value) => `${value} %` }, () => {});
  const slide = button("Slide it to the right", () => { slid(); changed(); });
  const clear = button("Clear", () => { example.value = "none"; begin("none"); });
  const label = "Drawing of 28 by 28 pixels. The arrow keys move the pen; the space bar puts it down and lifts it.";
  const drawing = canvas({ most: 300, label }, drawDrawing);
  const pictures = LAYERS.map((layer) => picture(layer));
  const answers = bars(classes);
  const said = message();
  const part = (title, element) => [el("p", { class: "demo-part" }, title), element];
  stage.replaceChildren(
    controls(example, tool, width, light, slide, clear),
    el("div", { class: "demo-row demo-garment" },
      el("div", {}, part("Draw here", drawing.element), said, part("The network's answer", answers.element)),
      el("div", {}, pictures.flatMap(({ title, element }) => part(title, element)))));
  said.textContent = `Draw a garment, or begin with one and change it. The network and what runs it, ${size} MB, are loaded then, once.`;

  const surface = drawing.element;
  Object.entries({ role: "application", tabindex: "0" }).forEach((attribute) => surface.setAttribute(...attribute));
  surface.classList.add("demo-surface");
  surface.addEventListener("pointerdown", (event) => {
    surface.setPointerCapture(event.pointerId);
    state.pen = place(event);
    draw(state.pen);
  });
  surface.addEventListener("pointermove", (event) => {
    if (surface.hasPointerCapture(event.pointerId)) for (const one of event.getCoalescedEvents?.() ?? [event]) draw(place(one));
  });
  surface.addEventListener("keydown", (event) => {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step && event.key !== " ") return;
    event.preventDefault(); // the page stays where it is
    if (!step) state.down = !state.down;
    const to = state.pen.map((at, axis) => Math.min(Math.max(at + (step?.[axis] ?? 0), 0.5), SIDE - 0.5));
    if (state.down) draw(to);
    else { state.pen = to; drawing.redraw(); }
  });
  for (const event of ["focus", "blur"]) surface.addEventListener(event, () => { state.down = false; drawing.redraw(); });

  function place(event) {
    const box = surface.getBoundingClientRect();
    return [(event.clientX - box.left) / box.width * SIDE, (event.clientY - box.top) / box.height * SIDE];
  }

  function draw(to) {
    stroke(state.pixels, state.pen, to, width.value / 2, tool.value === "draw" ? Math.round(2.55 * light.value) : 0);
    state.pen = to;
    changed();
  }

  function begin(name) {
    state.pixels = name === "none" ? Array(SIDE * SIDE).fill(0) : Array.from(atob(examples[name]), (byte) => byte.charCodeAt(0));
    changed();
  }

  /** By one pixel; what leaves on the right is gone. */
  function slid() {
    state.pixels = state.pixels.map((_, i) => (i % SIDE ? state.pixels[i - 1] : 0));
  }

  async function changed() {
    drawing.redraw();
    wanted = true;
    if (working) return;
    working = true;
    try {
      while (wanted) {
        wanted = false;
        show(await layers(normalised(state.pixels, scale), (progress) => { said.textContent = progress; }));
        await new Promise(requestAnimationFrame);
      }
    } catch (error) {
      said.textContent = `The network could not be loaded (${error.message}). Draw again to try again; the text holds without it.`;
    }
    working = false;
  }

  function show(result) {
    outputs = result;
    state.chances = softmax(result["classifier.5"]);
    const order = state.chances.map((_, k) => k).sort((a, b) => state.chances[b] - state.chances[a]);
    state.answer = classes[order[0]];
    answers.show(state.chances, order[0]);
    for (const { redraw } of pictures) redraw();
    clearTimeout(quiet);
    const [first, second] = order.map((k) => `${classes[k]}, ${percent(state.chances[k])}`);
    quiet = setTimeout(() => { said.textContent = `It takes this for: ${first}; then ${second}.`; }, QUIET);
  }

  function drawDrawing(context, side, _, look) {
    paint(context, state.pixels, SIDE, (value) => [value, value, value], [0, 0, side, side]);
    if (document.activeElement !== surface) return;
    context.lineWidth = state.down ? 3 : 1.5;
    context.strokeStyle = look.accent;
    context.beginPath();
    context.arc(...state.pen.map((at) => at / SIDE * side), width.value / 2 / SIDE * side, 0, 2 * Math.PI);
    context.stroke();
  }

  function picture([output, title, count, side, columns, share]) {
    const { element, redraw } = canvas({ ratio: share * Math.ceil(count / columns) / columns, most: 560, label: title }, (context, whole, height, look) => {
      context.clearRect(0, 0, whole, height);
      const cell = share * whole / columns;
      const gap = side > 1 ? 3 : 1;
      const values = outputs?.[output] ?? new Float32Array(count * side * side);
      const most = values.reduce((reach, value) => Math.max(reach, Math.abs(value)), 1e-9);
      const shade = (title === "ReLU" || title.startsWith("Max") ? oneSided : twoSided)(context, look);
      for (let k = 0; k < count; k++) {
        const map = values.slice(k * side * side, (k + 1) * side * side).map((value) => value / most);
        const [left, top] = [(k % columns) * cell, Math.floor(k / columns) * cell];
        paint(context, map, side, shade, [left + 1, top + 1, cell - gap, cell - gap]);
        context.strokeStyle = look.border;
        context.lineWidth = 1;
        if (side > 1) context.strokeRect(left + 0.5, top + 0.5, cell - gap + 1, cell - gap + 1);
      }
    });
    return { title, element, redraw };
  }

  return state;
}
