// The filter bench: a photograph, a filter whose numbers can be edited, and the photograph as the filter leaves it.
import { canvas, choice, controls, el, figure, message } from "./kit.mjs";

/** The place on an axis of `size` pixels that stands at `place` of the endless axis; −1 where there is none. */
export function placeAt(place, size, border) {
  if (place >= 0 && place < size) return place;
  if (border === "wrap") return ((place % size) + size) % size;
  if (border === "copy") return place < 0 ? 0 : size - 1;
  if (border === "reflect") return size - 1 - Math.abs(size - 1 - Math.abs(place));
  return -1;
}

/**
 * Every pixel's weighted sum of its neighbours, the output as large as the input.
 * pixels: height · width numbers, row by row; filter: k rows of k numbers, k odd; flip: convolution instead of correlation.
 */
export function filtered(pixels, width, filter, { border = "zero", flip = false } = {}) {
  const [height, k] = [pixels.length / width, filter.length];
  const reach = (k - 1) / 2;
  const weights = flip ? filter.map((row) => [...row].reverse()).reverse() : filter;
  const columns = Array.from({ length: width + 2 * reach }, (_, j) => placeAt(j - reach, width, border));
  const out = new Float64Array(pixels.length);
  for (let i = 0; i < height; i++) {
    for (let p = 0; p < k; p++) {
      const row = placeAt(i + p - reach, height, border);
      if (row < 0) continue;
      for (let q = 0; q < k; q++) {
        const weight = weights[p][q];
        if (weight) for (let j = 0; j < width; j++) {
          if (columns[j + q] >= 0) out[i * width + j] += weight * pixels[row * width + columns[j + q]];
        }
      }
    }
  }
  return out;
}

const square = (k, value) => Array.from({ length: k }, (_, p) => Array.from({ length: k }, (_, q) => value(p - (k - 1) / 2, q - (k - 1) / 2)));
const gauss = (p, q) => Math.exp(-(p * p + q * q) / 2);

/** Filters by name, for any odd side k. */
export const FILTERS = {
  identity: ["identity", (k) => square(k, (p, q) => Number(!p && !q))],
  shift: ["shift to the left", (k) => square(k, (p, q) => Number(!p && q === (k - 1) / 2))],
  box: ["box blur", (k) => square(k, () => 1 / k ** 2)],
  gauss: ["Gaussian blur", (k) => {
    const all = square(k, gauss).flat().reduce((sum, w) => sum + w);
    return square(k, (p, q) => gauss(p, q) / all);
  }],
  sharpen: ["sharpen: 2δ − box", (k) => square(k, (p, q) => 2 * Number(!p && !q) - 1 / k ** 2)],
  vertical: ["vertical edges (Sobel)", (k) => square(k, (p, q) => q * (k === 3 ? 2 - Math.abs(p) : 3 - Math.abs(p)))],
  horizontal: ["horizontal edges (Sobel)", (k) => square(k, (p, q) => p * (k === 3 ? 2 - Math.abs(q) : 3 - Math.abs(q)))],
  laplace: ["Laplacian", (k) => square(k, (p, q) => (!p && !q ? 1 - k ** 2 : 1))],
};

export async function start(stage) {
  const photograph = await loaded(new URL("photograph.png", import.meta.url));
  const { width, pixels } = photograph;
  const state = { k: 3, filter: FILTERS.sharpen[1](3), border: "reflect", flip: false, out: null };

  const preset = choice("Filter", { ...Object.fromEntries(Object.entries(FILTERS).map(([key, [title]]) => [key, title])), own: "your own" }, "sharpen",
    (name) => { if (name !== "own") { state.filter = FILTERS[name][1](state.k); table(); update(); } });
  const side = choice("Side", { 3: "3×3", 5: "5×5" }, "3", (k) => {
    state.k = Number(k);
    state.filter = FILTERS[preset.value === "own" ? "identity" : preset.value][1](state.k);
    if (preset.value === "own") preset.value = "identity";
    table();
    update();
  });
  const border = choice("Beyond the border", { zero: "zeros", wrap: "the other side", copy: "the last pixel", reflect: "a mirror" }, "reflect",
    (name) => { state.border = name; update(); });
  const flip = choice("Sum", { correlation: "correlation", convolution: "convolution (flipped)" }, "correlation",
    (name) => { state.flip = name === "convolution"; update(); });
  const shown = choice("Show", { clipped: "0 black, 1 white, the rest cut off", signed: "0 grey, − dark, + light" }, "clipped", () => update());
  const numbers = el("div", { class: "demo-filter", role: "group", "aria-label": "the filter's numbers" });
  const said = message();
  const before = canvas({ most: 320, label: "The photograph before the filter." }, (context, w, h) => paint(context, w, h, pixels, width, (v) => v));
  const after = canvas({ most: 320, label: "The photograph after the filter." }, (context, w, h) => {
    if (state.out) paint(context, w, h, state.out, width, shown.value === "signed" ? (v) => 0.5 + v / 2 : (v) => v);
  });
  const part = (title, content) => el("div", {}, el("p", { class: "demo-part" }, title), content);
  stage.replaceChildren(
    controls(preset, side, border, flip, shown),
    el("div", { class: "demo-row demo-bench" }, part("Before", before.element), part("After", after.element), part("Filter", numbers)), said);

  function table() {
    numbers.style.gridTemplateColumns = `repeat(${state.k}, minmax(0, 1fr))`;
    numbers.replaceChildren(...state.filter.flatMap((row, p) => row.map((weight, q) => {
      const input = el("input", { type: "number", step: "any", value: Number(weight.toFixed(3)), "aria-label": `row ${p + 1}, column ${q + 1}`,
        oninput: () => {
          if (!Number.isFinite(input.valueAsNumber)) return;
          state.filter[p][q] = input.valueAsNumber;
          preset.value = "own";
          update();
        } });
      return input;
    })));
  }

  function update() {
    state.out = filtered(pixels, width, state.filter, state);
    let [low, high] = [Infinity, -Infinity];
    for (const value of state.out) [low, high] = [Math.min(low, value), Math.max(high, value)];
    const exact = state.filter.flat().reduce((sum, w) => sum + w, 0);
    const total = Math.abs(exact - Math.round(exact)) < 1e-9 ? Math.round(exact) : exact;
    Object.assign(state, { low, high, total });
    const evenly = total === 1 ? "an even area keeps its brightness" : total === 0 ? "an even area becomes 0" : `an even area becomes ${figure(total)} times as bright`;
    said.textContent = `The weights add up to ${figure(total)}: ${evenly}. Output from ${figure(low)} to ${figure(high)}.`;
    after.redraw();
  }

  table();
  update();
  return state;
}

/** Brightnesses 0..1 of an image's pixels. */
async function loaded(address) {
  const response = await fetch(address);
  if (!response.ok) throw new Error(`the photograph is missing, ${response.status}`);
  const image = await createImageBitmap(await response.blob());
  const { width, height } = image;
  const context = Object.assign(document.createElement("canvas"), { width, height }).getContext("2d");
  context.drawImage(image, 0, 0);
  const { data } = context.getImageData(0, 0, width, height);
  return { width, pixels: Float64Array.from({ length: width * height }, (_, n) => data[4 * n] / 255) };
}

function paint(context, w, h, pixels, width, brightness) {
  const height = pixels.length / width;
  const image = new ImageData(width, height);
  pixels.forEach((value, n) => image.data.set([...Array(3).fill(255 * brightness(value)), 255], 4 * n));
  const small = Object.assign(document.createElement("canvas"), { width, height });
  small.getContext("2d").putImageData(image, 0, 0);
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, w, h);
}
