// The perceptron in the plane: points to drag, and one mistake corrected at a time, by the rule of lecture 1.
import { button, chance, choice, controls, el, figure, message, player, svg } from "./kit.mjs";

const EDGE = 3; // the plane from −3 to 3 both ways
// Places are multiples of 1/32, so that all sums are exact in binary: weights that come back do so to the last digit.
const GRAIN = 32;
const snap = (value) => Math.round(Math.min(Math.max(value, -EDGE), EDGE) * GRAIN) / GRAIN;

/** The score w·x + b. w: [w1, w2, b]; a point: [x1, x2, label]. */
export const score = (w, [x1, x2]) => w[0] * x1 + w[1] * x2 + w[2];

/** 1 where the score is above zero, otherwise 0. */
export const answer = (w, point) => Number(score(w, point) > 0);

/** A run that has seen nothing: weights 0, the first point is next. */
export const fresh = () => ({ w: [0, 0, 0], next: 0, errors: 0, mistakes: 0, passes: 0, done: false, corrected: null });

/**
 * The run after its next correction, or after a pass without a mistake (`done`): w ← w + (y − ŷ)(x1, x2, 1).
 * points: [N] of [x1, x2, label]; `next` is the point it looks at first, `errors` the mistakes of the pass so far.
 */
export function correct(points, run) {
  let { w, next, errors, mistakes, passes } = run;
  for (;;) {
    if (next >= points.length) { // a pass ends
      passes += 1;
      if (errors === 0) return { w, next: 0, errors, mistakes, passes, done: true, corrected: null };
      [next, errors] = [0, 0];
    }
    const [x1, x2, label] = points[next];
    const error = label - answer(w, points[next]); // +1 raise, −1 lower, 0 leave
    next += 1;
    if (error) {
      w = [w[0] + error * x1, w[1] + error * x2, w[2] + error];
      return { w, next, errors: errors + 1, mistakes: mistakes + 1, passes, done: false, corrected: next - 1 };
    }
  }
}

/** All weights on the way, [K + 1] of [w1, w2, b], at most `passes` passes. */
export function path(points, passes) {
  const all = [];
  for (let run = fresh(); ; run = correct(points, run)) {
    if (run.passes >= passes) return all;
    if (!run.done) all.push(run.w);
    if (run.done) return all;
  }
}

/** Points to begin with, [N] of [x1, x2, label], for "wide", "narrow" and "xor". */
export function preset(name) {
  if (name === "xor") return [[0, 0, 0], [0, 2, 1], [2, 0, 1], [2, 2, 0]];
  const random = chance(23);
  const aside = ([x1, x2]) => 0.8 * x1 + 0.6 * x2 - 0.45; // how far from the line that sets the labels
  const points = name === "narrow" ? [[-0.6, 1.45], [1.2, -0.72], [0.15, 0.68], [1.8, -1.75]] : [];
  while (points.length < 14) {
    const point = [5.4 * random() - 2.7, 5.4 * random() - 2.7];
    if (Math.abs(aside(point)) > 0.6) points.push(point);
  }
  return points.map((point) => point.map(snap)).map((point) => [...point, Number(aside(point) > 0)]);
}

const SIDE = 360; // of the drawing
const across = (x1) => (1 + x1 / EDGE) * SIDE / 2;
const down = (x2) => (1 - x2 / EDGE) * SIDE / 2;
const SHAPES = ["circle", "triangle"];

export function start(stage) {
  const state = { points: [], run: fresh(), chosen: 0, circle: false, wrong: 0 };
  let begun = new Set(); // the weights with which passes began
  const marks = []; // one <g> a point, in the same order

  const data = choice("Points", { wide: "a wide gap", narrow: "a narrow gap", xor: "XOR" }, "wide", load);
  const clock = player(step, { perSecond: 4, restart: () => { state.run = fresh(); begun = new Set(); state.circle = false; update(); } });
  const remove = button("Remove", () => { state.points.splice(state.chosen, 1); marks.splice(state.chosen, 1)[0].remove(); changed(); });
  const flip = button("Flip class", () => { const point = state.points[state.chosen]; point[2] = 1 - point[2]; changed(); });

  const side = svg("polygon", { class: "perceptron-side" });
  const line = svg("line", { class: "perceptron-line" });
  const normal = svg("path", { class: "perceptron-normal" });
  const layer = svg("g");
  const drawing = svg("svg", { class: "demo-drawing demo-perceptron", viewBox: `0 0 ${SIDE} ${SIDE}`, role: "group", "aria-label": "The plane with its points. Arrow keys move the point in focus, with Shift by a little; Delete removes it." },
    svg("rect", { class: "perceptron-ground", width: SIDE, height: SIDE }),
    svg("path", { class: "perceptron-axes", d: `M0 ${SIDE / 2}H${SIDE}M${SIDE / 2} 0V${SIDE}` }), side, line, normal, layer);
  const numbers = el("p", { class: "demo-message" });
  const said = message();
  stage.replaceChildren(
    controls(data, ...clock.elements),
    el("div", { class: "demo-row" },
      el("div", {}, drawing),
      el("div", {},
        el("p", { class: "demo-message" }, "Circles are 0, triangles 1. On the shaded side it answers 1; the arrow is w. Dashed rings mark what is wrong, the thick ring the last correction."),
        controls(button("Add a circle", () => add(0)), button("Add a triangle", () => add(1)), flip, remove),
        numbers, said)));

  function load(name) {
    clock.stop();
    marks.splice(0).forEach((mark) => mark.remove());
    state.points = preset(name);
    state.points.forEach(mark);
    state.run = fresh();
    state.chosen = 0;
    changed();
  }

  /** The data are others now: the weights stay, a new pass begins. */
  function changed() {
    Object.assign(state.run, { next: 0, errors: 0, done: false, corrected: null });
    state.chosen = Math.max(Math.min(state.chosen, state.points.length - 1), 0);
    begun = new Set();
    state.circle = false;
    update();
  }

  function step() {
    if (!state.points.length) return false;
    const { run } = state;
    state.run = correct(state.points, run);
    if (run.next === 0 || state.run.passes > run.passes) { // a pass began, and it began with the old weights
      const key = String(run.w);
      state.circle ||= begun.has(key) && !state.run.done;
      begun.add(key);
    }
    update();
    return !state.run.done;
  }

  function add(label) {
    const random = chance(state.points.length + 1);
    state.points.push([snap(4.8 * random() - 2.4), snap(4.8 * random() - 2.4), label]);
    mark(state.points.at(-1));
    state.chosen = state.points.length - 1;
    changed();
  }

  function mark(point) {
    const index = () => state.points.indexOf(point);
    const move = (x1, x2) => { [point[0], point[1]] = [snap(x1), snap(x2)]; changed(); };
    const choose = () => { state.chosen = index(); update(); };
    const group = svg("g", { class: "perceptron-point", tabindex: 0, role: "button", onfocus: choose,
      onkeydown: (event) => {
        const by = event.shiftKey ? 1 / GRAIN : 8 / GRAIN;
        const ways = { ArrowLeft: [-by, 0], ArrowRight: [by, 0], ArrowUp: [0, by], ArrowDown: [0, -by] };
        if (event.key in ways) move(point[0] + ways[event.key][0], point[1] + ways[event.key][1]);
        else if (event.key === "Delete") { state.chosen = index(); remove.click(); marks[state.chosen]?.focus(); }
        else return;
        event.preventDefault();
      },
      ontouchstart: (event) => event.preventDefault(), // a finger on a point moves the point, elsewhere the page
      onpointerdown: (event) => { group.setPointerCapture(event.pointerId); group.focus({ preventScroll: true }); choose(); },
      onpointermove: (event) => {
        if (!group.hasPointerCapture(event.pointerId)) return;
        const box = drawing.getBoundingClientRect();
        move(EDGE * (2 * (event.clientX - box.left) / box.width - 1), EDGE * (1 - 2 * (event.clientY - box.top) / box.height));
      } },
      svg("circle", { class: "perceptron-reach", r: 16 }), svg("circle", { class: "perceptron-ring", r: 14 }), svg("path", { class: "perceptron-shape" }));
    marks.push(group);
    layer.append(group);
  }

  function update() {
    const { points, run, chosen } = state;
    const wrong = points.map((point) => answer(run.w, point) !== point[2]);
    state.wrong = wrong.filter(Boolean).length;
    remove.disabled = flip.disabled = !points.length;
    points.forEach(([x1, x2, label], index) => {
      const group = marks[index];
      const look = ["perceptron-point", `perceptron-${SHAPES[label]}`, wrong[index] && "perceptron-wrong", run.corrected === index && "perceptron-corrected", chosen === index && "perceptron-chosen"];
      group.setAttribute("class", look.filter(Boolean).join(" "));
      group.setAttribute("transform", `translate(${across(x1)} ${down(x2)})`);
      group.setAttribute("aria-pressed", String(chosen === index));
      group.setAttribute("aria-label", `${SHAPES[label]}, class ${label}, at ${figure(x1)}, ${figure(x2)}${wrong[index] ? ", on the wrong side" : ""}`);
      group.lastChild.setAttribute("d", label ? "M0-9 8.5 6H-8.5Z" : "M-7 0a7 7 0 1 0 14 0a7 7 0 1 0-14 0");
    });
    drawLine(run.w);
    const [w1, w2, b] = run.w.map((value) => figure(value));
    const nowhere = Math.hypot(run.w[0], run.w[1]) ? " The line lies outside the picture." : " While both weights are 0 there is no line.";
    const outside = line.style.display === "none" ? nowhere : "";
    numbers.textContent = `w = (${w1}, ${w2}), b = ${b}. Mistakes corrected: ${run.mistakes}. Whole passes: ${run.passes}. Wrong now: ${state.wrong} of ${points.length}.${outside}`;
    said.textContent = words();
  }

  function words() {
    const { points, run, circle } = state;
    if (!points.length) return "There is nothing to learn from. Add a point.";
    if (run.done) return `A whole pass without a mistake: it has learned all ${points.length} points.`;
    if (circle) return "A pass began with the same weights as one before. So it goes in a circle and never ends: no line separates these points.";
    if (run.passes >= 50) return `After ${run.passes} passes it still makes mistakes. Either no line separates these points, or the gap is very narrow.`;
    if (run.corrected === null) return run.mistakes ? "The points have changed. Press Step: it goes on with the weights that it has." : "All weights are 0, every score is 0, so every answer is “circle” (0). Press Step.";
    const [x1, x2, label] = points[run.corrected];
    return `It said ${1 - label} for ${label}: the ${SHAPES[label]} at (${figure(x1)}, ${figure(x2)}) is ${label ? "added to" : "taken from"} the weights.`;
  }

  function drawLine(w) {
    const corners = [[-EDGE, -EDGE], [EDGE, -EDGE], [EDGE, EDGE], [-EDGE, EDGE]];
    const area = []; // the part of the square that scores above zero
    const ends = [];
    corners.forEach((corner, k) => {
      const other = corners[(k + 1) % 4];
      const [here, there] = [score(w, corner), score(w, other)];
      if (here > 0) area.push(corner);
      if (here > 0 !== there > 0) {
        const share = here / (here - there);
        const cut = corner.map((value, axis) => value + share * (other[axis] - value));
        area.push(cut);
        ends.push(cut);
      }
    });
    side.setAttribute("points", area.map(([x1, x2]) => `${across(x1)},${down(x2)}`).join(" "));
    line.style.display = normal.style.display = ends.length === 2 ? "" : "none";
    if (ends.length !== 2) return;
    const [[a1, a2], [b1, b2]] = ends;
    Object.entries({ x1: across(a1), y1: down(a2), x2: across(b1), y2: down(b2) }).forEach(([name, value]) => line.setAttribute(name, value));
    const length = Math.hypot(w[0], w[1]);
    const turn = Math.atan2(-w[1], w[0]) * 180 / Math.PI; // down is positive in the drawing
    const long = Math.min(12 * length, 120); // the arrow is w itself, to scale, but it stays in the picture
    normal.setAttribute("d", `M0 0H${long}M${long - 8}-5L${long} 0L${long - 8} 5`);
    normal.setAttribute("transform", `translate(${across((a1 + b1) / 2)} ${down((a2 + b2) / 2)}) rotate(${turn})`);
  }

  load("wide");
  return state;
}
