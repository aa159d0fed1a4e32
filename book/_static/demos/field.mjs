// Receptive field calculator: a chain of windows, what one unit on top can see, and along how many paths.
import { button, canvas, choice, controls, el, message } from "./kit.mjs";

/** After each layer of a chain of {kernel, stride, dilation}: side of the field and jump between neighbours, in pixels. */
export function fields(chain) {
  let [size, jump] = [1, 1];
  return chain.map(({ kernel, stride, dilation }) => {
    size += (kernel - 1) * dilation * jump;
    jump *= stride;
    return { size, jump };
  });
}

/** Number of paths from one unit on top to each pixel of its field, along one axis. */
export function paths(chain) {
  let counts = [1];
  for (const { kernel, stride, dilation } of [...chain].reverse()) {
    const below = Array((counts.length - 1) * stride + (kernel - 1) * dilation + 1).fill(0);
    counts.forEach((count, i) => { for (let p = 0; p < kernel; p++) below[i * stride + p * dilation] += count; });
    counts = below;
  }
  return counts;
}

const layer = (kernel, stride = 1, dilation = 1) => ({ kernel, stride, dilation });
const stage = (convolutions) => [...Array(convolutions).fill(0).map(() => layer(3)), layer(2, 2)];

/** Chains by name: the convolutions and poolings of a network, from the image up. */
export const NETWORKS = {
  lenet: ["LeNet-5", () => [layer(5), layer(2, 2), layer(5), layer(2, 2)]],
  threes: ["five 3×3", () => Array(5).fill(0).map(() => layer(3))],
  dilated: ["3×3, dilated 1, 2, 4, 8", () => [1, 2, 4, 8].map((d) => layer(3, 1, d))],
  gaps: ["3×3, dilated 2, 2, 2: gaps", () => [2, 2, 2].map((d) => layer(3, 1, d))],
  alexnet: ["AlexNet", () => [layer(11, 4), layer(3, 2), layer(5), layer(3, 2), layer(3), layer(3), layer(3), layer(3, 2)]],
  vgg: ["VGG-16", () => [2, 2, 3, 3, 3].flatMap(stage)],
};

export function start(place) {
  const state = { chain: NETWORKS.lenet[1](), fields: [], paths: [] };
  const preset = choice("Network", { ...Object.fromEntries(Object.entries(NETWORKS).map(([key, [title]]) => [key, title])), own: "your own" }, "lenet",
    (name) => { if (name !== "own") { state.chain = NETWORKS[name][1](); rows(); update(); } });
  const change = () => { preset.value = "own"; update(); };
  const add = button("Add a layer on top", () => { state.chain.push(layer(3)); rows(); change(); });
  const remove = button("Remove the top", () => { if (state.chain.length > 1) { state.chain.pop(); rows(); change(); } });
  const body = el("tbody");
  const heads = ["Layer", "Filter", "Stride", "Dilation", "Sees", "Jump"].map((title) => el("th", { scope: "col" }, title));
  const table = el("div", { class: "demo-scroll", tabindex: "0", role: "region", "aria-label": "the layers, from the image up" },
    el("table", { class: "demo-table" }, el("thead", {}, el("tr", {}, heads)), body));
  const said = message();
  const picture = canvas({ ratio: 0.42, most: 760, label: "" }, draw);
  place.replaceChildren(controls(preset, add, remove), table, picture.element, said);

  function rows() {
    body.replaceChildren(...state.chain.map((one, n) => {
      const number = (name, max) => {
        const input = el("input", { type: "number", min: 1, max, step: 1, value: one[name], "aria-label": `layer ${n + 1}, ${name === "kernel" ? "filter" : name}`,
          oninput: () => {
            if (!(Number.isInteger(input.valueAsNumber) && input.valueAsNumber >= 1 && input.valueAsNumber <= max)) return;
            one[name] = input.valueAsNumber;
            change();
          } });
        return el("td", {}, input);
      };
      return el("tr", {}, el("th", { scope: "row" }, String(n + 1)), number("kernel", 15), number("stride", 8), number("dilation", 32), el("td"), el("td"));
    }));
  }

  function update() {
    state.fields = fields(state.chain);
    const { size, jump } = state.fields.at(-1);
    state.paths = size <= 5000 ? paths(state.chain) : [];
    state.fields.forEach((one, n) => {
      const cells = body.rows[n].cells;
      [cells[4].textContent, cells[5].textContent] = [`${one.size}×${one.size}`, one.jump];
    });
    const seen = state.paths.filter(Boolean).length;
    const most = Math.max(...state.paths);
    const half = state.paths.filter((count) => count >= most / 2).length;
    said.textContent = `One unit on top can see ${size}×${size} pixels; its neighbour looks ${jump} further on. ` +
      (!state.paths.length ? "" : seen < size
        ? `But along one axis it reaches only ${seen} of the ${size} pixels: the dilations leave gaps.`
        : `Of the ${size} pixels of a row, ${half} ${half === 1 ? "has" : "have"} at least half as many paths as the one with the most.`);
    picture.element.setAttribute("aria-label", `Bars: number of paths from one unit on top to each of ${size} pixels of a row, highest in the middle; ${size - seen} pixels have none.`);
    picture.redraw();
  }

  function draw(context, width, height, { ink, border, one, two }) {
    const counts = state.paths;
    if (!counts.length) return;
    const [left, bottom, top] = [8, height - 30, 26];
    const bar = (width - 2 * left) / counts.length;
    const most = Math.max(...counts);
    context.font = "12px system-ui, sans-serif";
    context.fillStyle = ink;
    context.textAlign = "left";
    context.fillText("Paths to each pixel of a row", left, 14);
    context.textAlign = "center";
    context.fillText(counts.length === 1 ? "1 pixel" : `${counts.length} pixels`, width / 2, height - 8);
    context.fillStyle = border;
    context.fillRect(left, bottom, width - 2 * left, 1);
    counts.forEach((count, i) => {
      context.fillStyle = count ? one : two;
      const tall = count ? Math.max((count / most) * (bottom - top), 1) : 0;
      const gap = bar > 4 ? 1 : 0;
      if (count) context.fillRect(left + i * bar, bottom - tall, Math.max(bar - gap, 0.5), tall);
      else context.fillRect(left + i * bar, bottom + 2, Math.max(bar - gap, 0.5), 5); // not reached at all
    });
  }

  rows();
  update();
  return state;
}
