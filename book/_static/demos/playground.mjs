// A small multilayer perceptron on points in the plane, trained in the page: the whole set a step, Adam, cross-entropy.
import { button, canvas, choice, controls, el, figure, message, player, slider } from "./kit.mjs";
import { accuracy, adam, examples, forward, gradients, loss, network } from "./mlp.mjs";
import { curves, paint, twoSided } from "./paint.mjs";

const EDGE = 3; // the plane from −3 to 3 both ways
const FINE = 60; // places of the drawn plane along a side
const MOST = 5000; // steps until Play stops by itself

const places = Float64Array.from({ length: 2 * FINE * FINE }, (_, i) => {
  const place = i >> 1;
  const along = ((i % 2 ? Math.floor(place / FINE) : place % FINE) + 0.5) / FINE * 2 - 1;
  return i % 2 ? -EDGE * along : EDGE * along;
});

export function start(stage) {
  const state = { data: "xor", noise: 0, layers: 1, width: 4, activation: "relu", rate: 0.03, speed: 1, seed: 1, step: 0, top: 1 };
  let points, net, improve, plane;

  const turn = (name, begin) => (value) => { state[name] = value; begin?.(); };
  const number = (name) => (value) => { state[name] = Number(value); };
  const clock = player(() => learn(state.speed), { perSecond: 20, restart: again, single: () => learn(1) });
  const knobs = [
    choice("Data", { xor: "XOR", circles: "circles", spirals: "two spirals", blobs: "two blobs" }, "xor", turn("data", anew)),
    slider("Noise", { min: 0, max: 1, step: 0.1, value: 0, show: (value) => value.toFixed(1) }, turn("noise", anew)),
    slider("Hidden layers", { min: 1, max: 3, value: 1 }, turn("layers", again)),
    slider("Units in each", { min: 1, max: 8, value: 4 }, turn("width", again)),
    choice("Activation", { relu: "ReLU", tanh: "tanh", sigmoid: "sigmoid", none: "none" }, "relu", turn("activation", again)),
    choice("Rate", { 0.01: "0.01", 0.03: "0.03", 0.1: "0.1", 0.3: "0.3", 1: "1" }, "0.03", number("rate")),
    choice("Speed", { 1: "1 step a picture", 5: "5 steps", 20: "20 steps" }, "1", number("speed")),
  ];
  const other = button("Other weights", () => { state.seed += 1; again(); });

  const surface = canvas({ label: "The plane: orange where the network says triangle, blue where it says circle, and the points" }, drawSurface);
  const units = canvas({ ratio: 1 / 8, label: "The hidden units" }, drawUnits);
  const course = canvas({ ratio: 0.45, label: "The loss after each step" }, (context, width, height, look) => curves(context, width, height, look, {
    lines: [{ values: state.losses ?? [], colour: look.accent, name: "loss" }], steps: state.step, top: state.top, ticks: [0, state.top / 2, state.top] }));
  const numbers = el("p", { class: "demo-message" });
  const said = message();
  const part = (title, ...drawings) => [el("p", { class: "demo-part" }, title), ...drawings];
  stage.replaceChildren(
    controls(...knobs), controls(...clock.elements, other),
    el("div", { class: "demo-row" },
      el("div", {}, part("What the network says", surface.element)),
      el("div", { class: "demo-playground" },
        part("Hidden units, a row a layer: orange is high, blue is low", units.element), part("Training", course.element))),
    numbers, said);

  const columns = () => Math.max(state.width, 4); // of the hidden units' pictures

  /** New points. */
  function anew() {
    points = examples(state.data, state.noise * 0.6, 1);
    again();
  }

  /** Weights as the seed draws them. */
  function again() {
    clock.stop();
    net = network(Array(state.layers).fill(state.width), state.activation, state.seed);
    improve = adam(net);
    Object.assign(state, { step: 0, losses: [], solved: 0 });
    units.element.style.aspectRatio = columns() / state.layers;
    units.element.setAttribute("aria-label", `${state.layers * state.width} hidden units in ${state.layers} rows: over the plane, orange where a unit is high, blue where it is low`);
    measure();
    state.top = Math.max(1, Math.ceil(state.loss)); // of the drawn curve
    said.textContent = "Press Play. Every step looks at all 200 points; the optimiser is Adam.";
    draw();
  }

  function measure() {
    const scores = forward(net, points.x, state.activation).at(-1);
    state.loss = loss(scores, points.labels);
    state.accuracy = accuracy(scores, points.labels);
    state.losses.push(state.loss);
  }

  function learn(steps) {
    for (let k = 0; k < steps; k++) {
      improve(net, gradients(net, points.x, points.labels, state.activation).gradient, state.rate);
      state.step += 1;
      measure();
      if (state.accuracy < 1 || state.solved) continue;
      state.solved = state.step;
      said.textContent = `After ${state.step} steps every point is on its side.`;
    }
    const more = state.step < MOST;
    if (!more) said.textContent = `${state.step} steps, that is enough. Restart it, or draw other weights.`;
    else if (state.step >= 500 && state.accuracy < 0.97 && state.step % 500 < steps) said.textContent = advice();
    draw();
    return more;
  }

  function advice() {
    if (state.activation === "none") return "Without an activation all layers are one: the border stays a straight line.";
    return "It may be stuck in a hollow, or have too few units. Draw other weights, or take more units.";
  }

  function draw() {
    plane = forward(net, places, state.activation);
    for (const picture of [surface, units, course]) picture.redraw();
    numbers.textContent = `Step ${state.step}: loss ${figure(state.loss, 3)}, ${figure(Math.floor(1000 * state.accuracy) / 10, 1)}\u00a0% of the points right.`;
  }

  function drawSurface(context, width, height, look) {
    if (!plane) return;
    const says = plane.at(-1).map((score) => 0.6 * Math.tanh(score / 2)); // 2p − 1, pale enough for the points
    paint(context, says, FINE, twoSided(context, look), [0, 0, width, height], true);
    border(context, plane.at(-1), width, height, look);
    points.labels.forEach((label, i) => {
      const [x, y] = [(points.x[2 * i] / EDGE + 1) * width / 2, (1 - points.x[2 * i + 1] / EDGE) * height / 2];
      context.beginPath();
      if (label) [[0, -5], [4.6, 3.6], [-4.6, 3.6]].forEach(([a, b]) => context.lineTo(x + a, y + b));
      else context.arc(x, y, 3.8, 0, 7);
      context.closePath();
      context.fillStyle = label ? look.one : look.two;
      context.strokeStyle = look.ground;
      context.lineWidth = 1.5;
      context.fill();
      context.stroke();
    });
  }

  function drawUnits(context, width, height, look) {
    if (!plane) return;
    const shade = twoSided(context, look);
    const cell = width / columns();
    context.clearRect(0, 0, width, height);
    plane.slice(1, -1).forEach((outputs, row) => {
      for (let u = 0; u < state.width; u++) {
        const values = Float64Array.from({ length: FINE * FINE }, (_, i) => outputs[i * state.width + u]);
        const middle = state.activation === "sigmoid" ? 0.5 : 0;
        const reach = values.reduce((most, value) => Math.max(most, Math.abs(value - middle)), 1e-9);
        paint(context, values.map((value) => (value - middle) / reach), FINE, shade, [u * cell + 1, row * cell + 1, cell - 3, cell - 3], true);
        context.strokeStyle = look.border;
        context.lineWidth = 1;
        context.strokeRect(u * cell + 0.5, row * cell + 0.5, cell - 2, cell - 2);
      }
    });
  }

  anew();
  return state;
}

/** The line where the score is 0: a stroke between neighbours of different sign. */
function border(context, scores, width, height, look) {
  const [a, b] = [width / FINE, height / FINE];
  context.strokeStyle = look.ink;
  context.lineWidth = 1.5;
  context.beginPath();
  for (let i = 0; i < FINE - 1; i++) {
    for (let j = 0; j < FINE - 1; j++) {
      const corner = [[i, j], [i, j + 1], [i + 1, j + 1], [i + 1, j]];
      const ends = [];
      corner.forEach(([p, q], k) => {
        const [r, s] = corner[(k + 1) % 4];
        const [here, there] = [scores[p * FINE + q], scores[r * FINE + s]];
        if (here > 0 === there > 0) return;
        const share = here / (here - there);
        ends.push([(q + 0.5 + share * (s - q)) * a, (p + 0.5 + share * (r - p)) * b]);
      });
      if (ends.length >= 2) { context.moveTo(...ends[0]); context.lineTo(...ends[1]); }
    }
  }
  context.stroke();
}
