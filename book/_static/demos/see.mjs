// EfficientNet-Lite0 names what is in a photograph, and shows where it sees it: class activation maps.
import { bar, canvas, controls, el, message, percent, slider } from "./kit.mjs";
import { megabytes, network, softmax } from "./network.mjs";

const SIDE = 224;
const SHOWN = 448; // pixels of the picture on the page
const MOST = 30e6; // bytes of a file
const LARGE = 1792; // pixels: a larger square is first made so small by the browser
const [MEAN, STD] = [127 / 255, 128 / 255];
const PHOTOGRAPHS = { cat: "a cat", coffee: "a cup", rocket: "a rocket", camera: "a camera", astronaut: "an astronaut" };
// From dark to light as evidence grows (matplotlib's inferno at 0, ¼, ½, ¾, 1).
const HEAT = [[0, 0, 4], [87, 16, 110], [188, 55, 84], [249, 142, 9], [252, 255, 164]];

/**
 * Bilinear resizing of a square [from·from], smoothed when it shrinks, as torch's `interpolate(mode="bilinear",
 * antialias=True)` does it: each new number is a mean under a triangle two old or new pixels wide, whichever is wider.
 */
export function resized(values, from, to) {
  const scale = from / to;
  const reach = Math.max(scale, 1);
  const windows = Array.from({ length: to }, (_, i) => {
    const centre = (i + 0.5) * scale;
    const first = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const last = Math.min(Math.trunc(centre + reach + 0.5), from);
    const weights = Array.from({ length: last - first }, (_, k) => Math.max(1 - Math.abs(first + k + 0.5 - centre) / reach, 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    return [first, weights.map((weight) => weight / total)];
  });
  const rows = new Float32Array(from * to); // narrow already, still tall
  const out = new Float32Array(to * to);
  for (let y = 0; y < from; y++) {
    windows.forEach(([first, weights], x) => {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * values[y * from + first + k];
      rows[y * to + x] = sum;
    });
  }
  windows.forEach(([first, weights], y) => {
    for (let x = 0; x < to; x++) {
      let sum = 0;
      for (let k = 0; k < weights.length; k++) sum += weights[k] * rows[(first + k) * to + x];
      out[y * to + x] = sum;
    }
  });
  return out;
}

/** The network's input [3·224·224] from the pixels of a square, [side·side·4] of 0..255 as canvases give them. */
export function input(pixels, side) {
  const out = new Float32Array(3 * SIDE * SIDE);
  for (let c = 0; c < 3; c++) {
    const channel = Float32Array.from({ length: side * side }, (_, i) => pixels[4 * i + c] / 255);
    out.set(resized(channel, side, SIDE).map((value) => (value - MEAN) / STD), c * SIDE * SIDE);
  }
  return out;
}

/** Logits [1000], and the class activation maps of all classes [1000·7·7], for an input [3·224·224]. */
export async function seen(numbers, tell) {
  const run = await network("efficientnet_lite0", tell);
  return run(Float32Array.from(numbers), [1, 3, SIDE, SIDE]);
}

/** The square in the middle of a picture, upright as the camera was held, on white where it is transparent: a canvas. */
export async function middle(blob) {
  const image = await createImageBitmap(blob, { imageOrientation: "from-image" });
  const square = Math.min(image.width, image.height);
  const side = Math.min(square, LARGE);
  const surface = Object.assign(document.createElement("canvas"), { width: side, height: side });
  const context = surface.getContext("2d", { willReadFrequently: true });
  context.fillStyle = "#fff";
  context.fillRect(0, 0, side, side);
  context.imageSmoothingQuality = "high";
  const [left, top] = [image.width, image.height].map((length) => Math.floor((length - square) / 2));
  context.drawImage(image, left, top, square, square, 0, 0, side, side);
  image.close();
  return surface;
}

export async function start(stage) {
  const answered = await fetch(new URL("./imagenet.json", import.meta.url));
  if (!answered.ok) throw new Error("its class names are not there");
  const words = await answered.json();
  const size = await megabytes("efficientnet_lite0");
  const state = { photograph: null, top: [], chosen: null, busy: false };
  let [square, cam, turn] = [null, null, 0];

  const file = el("input", { type: "file", accept: "image/*", onchange: () => { if (file.files[0]) look(file.files[0], file.files[0].name); file.value = ""; } });
  const own = el("label", { class: "demo-control demo-file" }, el("span", {}, "Your photograph"), file);
  const opacity = slider("Map over photograph", { min: 0, max: 100, step: 5, value: 60, show: (value) => `${value} %` }, () => picture.redraw());
  const shelf = el("div", { class: "demo-shelf", role: "group", "aria-label": "photographs to try" }, Object.entries(PHOTOGRAPHS).map(([name, title]) => {
    const address = new URL(`./photographs/${name}.webp`, import.meta.url);
    const image = el("img", { src: address, alt: `Photograph of ${title}`, width: 72, height: 72, loading: "lazy" });
    return el("button", { type: "button", class: "demo-photograph", onclick: () => bundled(address, name) }, image, el("span", {}, name));
  }));
  const picture = canvas({ most: SHOWN, label: "No photograph is chosen yet." }, draw);
  const answers = el("div", { class: "demo-bars", role: "group", "aria-label": "the five likeliest classes; press one to see where it is seen" });
  const said = message();
  const part = (title, element) => [el("p", { class: "demo-part" }, title), element];
  stage.replaceChildren(
    shelf, controls(own, opacity),
    el("div", { class: "demo-row" },
      el("div", {}, part("What it looks at: the square in the middle", picture.element)),
      el("div", {}, part("What it sees there; press a class for its map", answers))),
    said,
    el("p", { class: "demo-note" }, "Drop a photograph here or paste one, too. It stays in this page: nothing is sent anywhere."));
  said.textContent = `Choose a photograph. The network and what runs it, ${size} MB, are loaded then, once.`;

  stage.addEventListener("dragover", (event) => { event.preventDefault(); stage.classList.add("demo-over"); });
  stage.addEventListener("dragleave", () => stage.classList.remove("demo-over"));
  stage.addEventListener("drop", (event) => {
    event.preventDefault();
    stage.classList.remove("demo-over");
    const [dropped] = event.dataTransfer.files;
    if (dropped) look(dropped, dropped.name);
    else said.textContent = "That is no file. Save the photograph first, then drop it here.";
  });
  document.addEventListener("paste", (event) => {
    const pasted = [...event.clipboardData.files].find((one) => one.type.startsWith("image/"));
    if (pasted) look(pasted, "the pasted picture");
  });

  async function bundled(address, name) {
    try {
      const response = await fetch(address);
      if (!response.ok) throw new Error(String(response.status));
      await look(await response.blob(), name);
    } catch (error) {
      said.textContent = `The photograph is not there (${error.message}).`;
    }
  }

  /** Decode, ask, show; a newer photograph overtakes an older one. */
  async function look(blob, name) {
    const mine = ++turn;
    if (blob.size > MOST) {
      said.textContent = `${name} has ${Math.round(blob.size / 1e6)} MB. The limit is ${MOST / 1e6} MB; it was not read.`;
      return;
    }
    const decoded = await middle(blob).catch(() => null);
    if (mine !== turn) return;
    if (!decoded) {
      said.textContent = `${name} is no picture that your browser can read. JPEG, PNG, WebP and GIF work.`;
      return;
    }
    [square, cam] = [decoded, null];
    Object.assign(state, { photograph: name, top: [], chosen: null, busy: true });
    answers.replaceChildren();
    picture.element.setAttribute("aria-label", `The middle of ${name}.`);
    picture.redraw();
    said.textContent = "Looking at it.";
    try {
      const { width: side } = square;
      const numbers = input(square.getContext("2d").getImageData(0, 0, side, side).data, side);
      const found = await seen(numbers, (progress) => { if (mine === turn) said.textContent = progress; });
      if (mine !== turn) return;
      const shares = softmax(found.logits);
      const order = shares.map((_, k) => k).sort((a, b) => shares[b] - shares[a]).slice(0, 5);
      cam = found.cam;
      state.top = order.map((k) => ({ index: k, name: words[k], share: shares[k] }));
      answers.replaceChildren(...state.top.map((one) =>
        el("button", { type: "button", onclick: () => choose(one) }, bar(one.name, one.share))));
      choose(state.top[0]);
    } catch (error) {
      if (mine === turn) said.textContent = `The network could not be loaded (${error.message}). Choose again to try again; the text holds without it.`;
    }
    if (mine === turn) state.busy = false;
  }

  function choose({ index, name, share }) {
    state.chosen = index;
    [...answers.children].forEach((one, k) => one.setAttribute("aria-pressed", state.top[k].index === index));
    const map = cam.slice(49 * index, 49 * index + 49);
    const strongest = map.indexOf(Math.max(...map));
    const [row, column] = [Math.floor(strongest / 7), strongest % 7].map((at) => Math.floor(at * 3 / 7));
    const place = `${["top ", "", "bottom "][row]}${["left", "", "right"][column]}`.trim() || "centre";
    const best = index === state.top[0].index;
    said.textContent = `${best ? "It sees" : "It also considers"} ${name}, ${percent(share)}. The evidence is strongest at the ${place}.`;
    picture.element.setAttribute("aria-label", `The middle of ${state.photograph} under the map of ${name}: brightest at the ${place}.`);
    picture.redraw();
  }

  function draw(context, width, height, look) {
    context.fillStyle = look.ground;
    context.fillRect(0, 0, width, height);
    if (!square) return;
    context.imageSmoothingQuality = "high";
    context.drawImage(square, 0, 0, width, height);
    if (!cam) return;
    const heat = resized(cam.slice(49 * state.chosen, 49 * state.chosen + 49), 7, SIDE);
    const most = Math.max(heat.reduce((reach, value) => Math.max(reach, value), 0), 1e-9);
    const image = new ImageData(SIDE, SIDE);
    heat.forEach((value, i) => image.data.set([...warm(value / most), 255], 4 * i));
    const layer = Object.assign(document.createElement("canvas"), { width: SIDE, height: SIDE });
    layer.getContext("2d").putImageData(image, 0, 0);
    context.globalAlpha = opacity.value / 100;
    context.drawImage(layer, 0, 0, width, height);
    context.globalAlpha = 1;
  }

  return state;
}

/** Colour of a share of the strongest evidence; what speaks against the class is as dark as none. */
function warm(share) {
  const at = Math.min(Math.max(share, 0), 1) * (HEAT.length - 1);
  const low = Math.min(Math.floor(at), HEAT.length - 2);
  return HEAT[low].map((value, c) => value + (at - low) * (HEAT[low + 1][c] - value));
}
