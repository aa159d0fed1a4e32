// Convolution arithmetic: size, stride, padding and dilation of a square input, one output number at a time.
import { chance, choice, controls, el, figure, message, player, slider, svg } from "./kit.mjs";

/** Side of the output. As in torch, where nothing fits the answer is below 1. */
export function outputSide({ side, kernel, stride, padding, dilation, transposed }) {
  return transposed
    ? (side - 1) * stride - 2 * padding + dilation * (kernel - 1) + 1
    : Math.floor((side + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}

/** Rows of numbers with `padding` zeros on every side. */
export function padded(rows, padding) {
  const width = rows[0].length + 2 * padding;
  const empty = () => Array.from({ length: padding }, () => Array(width).fill(0));
  const sides = Array(padding).fill(0);
  return [...empty(), ...rows.map((row) => [...sides, ...row, ...sides]), ...empty()];
}

/** The cross-correlation that networks call convolution: out[i][j] = Σ x[iS + pD][jS + qD] w[p][q]. */
export function convolve(rows, filter, how) {
  const x = padded(rows, how.padding);
  const n = outputSide({ ...how, side: rows.length, kernel: filter.length });
  return grid(n, (i, j) => sum(filter, (w, p, q) => w * x[i * how.stride + p * how.dilation][j * how.stride + q * how.dilation]));
}

/** Its transpose: every input number stamps the filter, times itself, into the output; then the padding is cut off. */
export function stamp(rows, filter, how) {
  const n = outputSide({ ...how, side: rows.length, kernel: filter.length, transposed: true });
  const out = grid(n, () => 0);
  rows.forEach((row, i) => row.forEach((value, j) => stamped(i, j, filter, how, n).forEach(([p, q, a, b]) => { out[a][b] += value * filter[p][q]; })));
  return out;
}

/** Where the filter's numbers (p, q) of the input at (i, j) land in the output: [p, q, row, column]. */
function stamped(i, j, filter, { stride, padding, dilation }, n) {
  const places = [];
  filter.forEach((row, p) => row.forEach((_, q) => {
    const [a, b] = [i * stride + p * dilation - padding, j * stride + q * dilation - padding];
    if (a >= 0 && b >= 0 && a < n && b < n) places.push([p, q, a, b]);
  }));
  return places;
}

const grid = (n, value) => Array.from({ length: n }, (_, i) => Array.from({ length: n }, (_, j) => value(i, j)));
const sum = (filter, term) => filter.reduce((all, row, p) => row.reduce((part, w, q) => part + term(w, p, q), all), 0);

export function start(stage) {
  const state = { side: 5, kernel: 3, stride: 1, padding: 0, dilation: 1, transposed: false, step: 0 };
  const random = chance(7);
  const numbers = grid(9, () => Math.floor(random() * 5));
  const weights = grid(5, () => Math.floor(random() * 4) - 1);

  const turn = (name) => (value) => { state[name] = Number(value); state.step = 0; update(); };
  const knobs = {
    side: slider("Input", { min: 2, max: 9, value: 5 }, turn("side")),
    kernel: slider("Filter", { min: 1, max: 5, value: 3 }, turn("kernel")),
    stride: slider("Stride", { min: 1, max: 3, value: 1 }, turn("stride")),
    padding: slider("Padding", { min: 0, max: 3, value: 0 }, turn("padding")),
    dilation: slider("Dilation", { min: 1, max: 3, value: 1 }, turn("dilation")),
  };
  const kind = choice("Layer", { plain: "convolution", transposed: "transposed convolution" }, "plain",
    (value) => { state.transposed = value === "transposed"; state.step = 0; update(); });
  const clock = player(() => { move(1); return state.step < last(); }, { perSecond: 1.5, restart: () => { state.step = 0; update(); } });
  const back = el("button", { type: "button", class: "demo-button", onclick: () => { clock.stop(); move(-1); } }, "Back");

  const input = svg("svg", { class: "demo-drawing", role: "img" });
  const filter = svg("svg", { class: "demo-drawing", role: "img" });
  const output = svg("svg", { class: "demo-drawing", role: "img" });
  const formula = el("p", { class: "demo-message" });
  const said = message();
  const part = (title, drawing) => el("div", {}, el("p", { class: "demo-part" }, title), drawing);
  stage.replaceChildren(
    controls(kind, ...Object.values(knobs)), formula,
    el("div", { class: "demo-row demo-arithmetic" }, part("Input", input), part("Filter", filter), part("Output", output)),
    controls(...clock.elements.slice(0, 2), back, clock.elements[2]), said);

  const last = () => (state.transposed ? state.side ** 2 : Math.max(state.output, 0) ** 2) - 1;
  const move = (by) => { state.step = Math.min(Math.max(state.step + by, 0), Math.max(last(), 0)); update(); };

  function update() {
    const { side, kernel, stride, padding, dilation, transposed } = state;
    const n = (state.output = outputSide(state));
    const reach = dilation * (kernel - 1) + 1;
    formula.textContent = transposed
      ? `Output side: (input − 1) · stride − 2 · padding + dilation · (filter − 1) + 1 = (${side} − 1) · ${stride} − 2 · ${padding} + ${dilation} · (${kernel} − 1) + 1 = ${figure(n)}`
      : `Output side: ⌊(input + 2 · padding − dilation · (filter − 1) − 1) / stride⌋ + 1 = ⌊(${side} + 2 · ${padding} − ${dilation} · (${kernel} − 1) − 1) / ${stride}⌋ + 1 = ${figure(Math.max(n, 0))}`;
    const rows = numbers.slice(0, side).map((row) => row.slice(0, side));
    const w = weights.slice(0, kernel).map((row) => row.slice(0, kernel));
    draw(filter, w, { label: `the filter, ${kernel} by ${kernel}` });
    if (n < 1) {
      state.values = [];
      draw(input, transposed ? rows : padded(rows, padding), { frame: transposed ? 0 : padding, label: `the input, ${side} by ${side}` });
      draw(output, [], { label: "no output" });
      said.textContent = transposed
        ? "Nothing is left: the padding cuts off the whole output. Take less padding or a larger filter."
        : `The filter reaches over ${reach} numbers, the padded input has only ${side + 2 * padding}: nothing fits. Take more padding or a smaller filter.`;
      return;
    }
    state.values = transposed ? stamp(rows, w, state) : convolve(rows, w, state);
    const [i, j] = transposed ? [Math.floor(state.step / side), state.step % side] : [Math.floor(state.step / n), state.step % n];
    if (transposed) {
      const places = stamped(i, j, w, state, n);
      const sofar = stampedUntil(rows, w, n);
      draw(input, rows, { lit: [[i, j]], label: `the input, ${side} by ${side}; number (${i + 1}, ${j + 1}) stamps` });
      draw(output, sofar, { lit: places.map(([, , a, b]) => [a, b]), label: `the output, ${n} by ${n}, after ${state.step + 1} of ${side * side} stamps` });
      said.textContent = `Input (${i + 1}, ${j + 1}) is ${figure(rows[i][j])}: it adds ${figure(rows[i][j])} times the filter` +
        (places.length < kernel ** 2 ? `; ${kernel ** 2 - places.length} of its numbers fall into the padding, which is cut off.` : ".");
    } else {
      const x = padded(rows, padding);
      const lit = [];
      const terms = [];
      w.forEach((row, p) => row.forEach((weight, q) => {
        const [a, b] = [i * stride + p * dilation, j * stride + q * dilation];
        lit.push([a, b]);
        if (weight && x[a][b]) terms.push(`${figure(x[a][b])}·${weight < 0 ? `(${figure(weight)})` : weight}`);
      }));
      const known = state.values.map((row, a) => row.map((value, b) => (a * n + b <= state.step ? value : null)));
      draw(input, x, { frame: padding, lit, label: `the input, ${side} by ${side}, with ${padding} zeros around; the window is at row ${i * stride + 1}, column ${j * stride + 1}` });
      draw(output, known, { lit: [[i, j]], label: `the output, ${n} by ${n}, with ${state.step + 1} of ${n * n} numbers` });
      said.textContent = `Output (${i + 1}, ${j + 1}) = ${terms.join(" + ") || "0"} = ${figure(state.values[i][j])}` + (terms.length < kernel ** 2 ? " (products with 0 left out)" : "");
    }
  }

  function stampedUntil(rows, w, n) {
    const until = rows.map((row, a) => row.map((value, b) => (a * state.side + b <= state.step ? value : 0)));
    return stamp(until, w, { ...state, n });
  }

  update();
  return state;
}

/** Numbers in squares. `frame` squares on each side are padding, `lit` ones are marked, null is not known yet. */
function draw(drawing, rows, { frame = 0, lit = [], label }) {
  const cell = 26;
  const n = Math.max(rows.length, 1);
  drawing.setAttribute("viewBox", `-1 -1 ${n * cell + 2} ${n * cell + 2}`);
  drawing.setAttribute("width", n * cell + 2);
  drawing.setAttribute("aria-label", label);
  const marked = new Set(lit.map(String));
  drawing.replaceChildren(...rows.flatMap((row, i) => row.map((value, j) => {
    const outside = i < frame || j < frame || i >= n - frame || j >= n - frame;
    const look = ["cell", outside && "cell-padding", marked.has(`${i},${j}`) && "cell-lit"].filter(Boolean).join(" ");
    return svg("g", { class: look, transform: `translate(${j * cell} ${i * cell})` },
      svg("rect", { width: cell, height: cell }),
      svg("text", { x: cell / 2, y: cell / 2 + 4 }, value === null ? "" : figure(value)));
  })));
}
