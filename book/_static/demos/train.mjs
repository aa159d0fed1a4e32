// A small ConvNet learns handwritten digits in the page: SGD with momentum on batches of 16, one slice of work a frame.
import { button, canvas, chance, choice, controls, el, figure, message, player, slider } from "./kit.mjs";
import { answer, descend, forward, gradients, loss, network, SIZES, unpack, workspace, zeros } from "./convnet.mjs";
import { curves, oneSided, paint, twoSided } from "./paint.mjs";

const BATCH = 16;
const SLICE = 8; // milliseconds of work a frame, so that the page still answers
const EVERY = 25; // steps from one look at the unseen digits to the next
const MOST = 3000; // steps until Play stops by itself

/** Every sixth image is kept for testing; the same people wrote the others. {train, test}: {images, labels} each. */
export function split({ images, labels }) {
  const part = (kept) => ({ images: images.filter((_, i) => kept(i)), labels: labels.filter((_, i) => kept(i)) });
  return { train: part((i) => i % 6 !== 5), test: part((i) => i % 6 === 5) };
}

export async function start(stage) {
  const answered = await fetch(new URL("./digits.json", import.meta.url));
  if (!answered.ok) throw new Error("its digits are not there");
  const { train, test } = split(unpack(await answered.json()));
  const state = { rate: 0.03, seed: 1, step: 0, shown: 10, unseen: test.labels.length };
  const room = workspace();
  const gradient = zeros();
  let net, velocity, random, examination, frames;

  const clock = player(slice, { perSecond: 0, restart: again, single: () => { clear(); learn(); draw(); } });
  const rate = slider("Rate", { min: -3, max: 0, step: 0.5, value: -1.5, show: shortly }, (value) => { state.rate = Number(shortly(value)); });
  const seed = choice("Seed", { 1: "1", 2: "2", 3: "3" }, "1", (value) => { state.seed = Number(value); clock.stop(); again(); });
  const other = button("Another digit", () => { state.shown = (state.shown + 1) % state.unseen; draw(); });

  const course = canvas({ ratio: 0.5, label: "Loss and accuracy so far" }, drawCourse);
  const filters = canvas({ ratio: 1 / 8, label: "The eight filters of the first layer, 3 by 3: orange weights raise a score, blue ones lower it" }, drawFilters);
  const inside = canvas({ ratio: 0.53, label: "A digit and its maps" }, drawInside);
  const shelf = canvas({ ratio: 0.38, label: "Unseen digits with the network's answers" }, drawShelf);
  const numbers = el("p", { class: "demo-message" });
  const said = message();
  const part = (title, { element }) => [el("p", { class: "demo-part" }, title), element];
  stage.replaceChildren(
    controls(...clock.elements, rate, seed, other),
    el("div", { class: "demo-row demo-train" },
      el("div", {}, part("Loss (1 is guessing) and share of unseen digits right", course), part("Unseen digits, and what it takes them for", shelf)),
      el("div", {}, part("The eight filters of the first layer", filters), part("One unseen digit, its maps after both layers, the answer", inside))),
    numbers, said);

  function again() {
    net = network(state.seed);
    velocity = zeros();
    random = chance(state.seed);
    [examination, frames] = [null, 0];
    Object.assign(state, { step: 0, losses: [], accuracies: [], busy: 0, loss: null, reached: 0 });
    for (const _ of examine()); // at once: nothing is in a hurry yet
    said.textContent = `Press Play. It has not seen a digit yet, and guesses: ${percent(state.accuracy)} right.`;
    draw();
  }

  /** One batch, drawn at random, one step. */
  function learn() {
    const pick = Array.from({ length: BATCH }, () => Math.floor(random() * train.labels.length));
    const result = gradients(net, pick.map((i) => train.images[i]), pick.map((i) => train.labels[i]), room, gradient);
    descend(net, velocity, gradient, state.rate);
    state.step += 1;
    state.losses.push(result.loss);
    state.loss = state.losses.slice(-EVERY).reduce((sum, value) => sum + value, 0) / Math.min(EVERY, state.losses.length);
    if (state.step % EVERY === 0) examination = examine();
  }

  /** Answers all unseen digits, a few at a time; the weights rest meanwhile. */
  function* examine() {
    const all = [];
    for (const [i, image] of test.images.entries()) {
      all.push(answer(forward(net, image, room)));
      if (i % 16 === 15) yield;
    }
    state.accuracy = all.filter((k, i) => k === test.labels[i]).length / all.length;
    state.accuracies.push(state.accuracy);
    if (state.accuracy > 0.9) state.reached ||= state.step;
    judge();
  }

  function clear() {
    if (examination) for (const _ of examination);
    examination = null;
  }

  /** Work for one frame. */
  function slice() {
    const begun = performance.now();
    do {
      if (examination) examination = examination.next().done ? null : examination;
      else learn();
    } while (performance.now() - begun < SLICE);
    state.busy += (performance.now() - begun) / 1000;
    state.perSecond = Math.round(state.step * BATCH / state.busy);
    frames += 1;
    const more = state.step < MOST;
    if (!more) clear();
    if (frames % 4 === 0 || !more) draw(); // drawing costs as much as learning
    return more;
  }

  function judge() {
    if (!state.step) return;
    const lost = !Number.isFinite(state.loss);
    if (lost) said.textContent = "The weights have grown without limit: the loss is no number any more. Take a smaller rate and restart.";
    else if (state.step >= 200 && state.loss > 2.2) said.textContent = `It does no better than guessing (a loss of ln 10 = 2.30). Take ${state.rate > 0.03 ? "a smaller rate and restart" : "a larger rate, or more patience"}.`;
    else if (state.reached) said.textContent = `After ${state.reached} steps more than nine of ten digits that it never saw were right.`;
    else said.textContent = "It is learning.";
  }

  function draw() {
    for (const picture of [course, filters, inside, shelf]) picture.redraw();
    const speed = state.perSecond ? ` ${state.perSecond.toLocaleString("en")} images a second while it works.` : "";
    numbers.textContent = `Step ${state.step} (${(state.step * BATCH).toLocaleString("en")} images): loss ${state.loss === null ? "not known yet" : figure(state.loss, 2)}, ${percent(state.accuracy)} of ${state.unseen} unseen digits right.${speed}`;
  }

  function drawCourse(context, width, height, look) {
    if (!net) return;
    const each = Math.max(1, Math.ceil(state.losses.length / 150)); // means of so many steps, or the curve would be a hedge
    const means = [];
    for (let i = 0; i < state.losses.length; i += each) {
      const some = state.losses.slice(i, i + each);
      means.push(some.reduce((sum, value) => sum + (Number.isFinite(value) ? value : 99), 0) / some.length);
    }
    curves(context, width, height, look, {
      lines: [
        { values: means.map((value) => value / Math.LN10), colour: look.one, name: "loss / ln 10" },
        { values: state.accuracies, colour: look.two, dashes: [6, 3], name: "unseen right" },
      ],
      steps: state.step, top: 1.2, ticks: [0, 0.5, 1] });
  }

  function drawFilters(context, width, height, look) {
    if (!net) return;
    const cell = width / SIZES.first;
    const most = net.w1.reduce((reach, value) => Math.max(reach, Math.abs(value)), 1e-9);
    context.clearRect(0, 0, width, height);
    for (let k = 0; k < SIZES.first; k++) {
      framed(context, net.w1.slice(9 * k, 9 * k + 9).map((value) => value / most), 3, twoSided(context, look), k * cell, 0, cell - 4, look);
    }
  }

  function drawInside(context, width, height, look) {
    if (!net) return;
    const image = test.images[state.shown];
    const scores = forward(net, image, room);
    loss(scores, 0, room.chances);
    const shade = oneSided(context, look);
    const cell = width / 12;
    context.clearRect(0, 0, width, height);
    framed(context, image, 8, shade, 0, 0, 3 * cell - 4, look);
    maps(context, room.y1, SIZES.first, 8, shade, 3 * cell, 0, 1.5 * cell, 6, look);
    maps(context, room.y2, SIZES.second, 4, shade, 0, 3.2 * cell, cell, 12, look);
    const [top, tall] = [4.4 * cell, height - 4.4 * cell - 14];
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    room.chances.forEach((p, k) => {
      const right = k === test.labels[state.shown];
      const x = (k + 0.5) * width / 10;
      context.fillStyle = right ? look.two : look.one;
      context.fillRect(x - cell / 3, top + tall * (1 - p), cell / 1.5, Math.max(tall * p, 1));
      context.fillStyle = look.ink;
      context.fillText(right ? `[${k}]` : k, x, height - 2);
    });
    const best = answer(scores);
    inside.element.setAttribute("aria-label", `An unseen ${test.labels[state.shown]}, its 8 maps after the first layer and 12 after the second; ${best < 0 ? "the network has no answer" : `the network takes it for ${best}, with ${percent(room.chances[best])}`}`);
  }

  function drawShelf(context, width, height, look) {
    if (!net) return;
    const [columns, rows] = [10, 3];
    const answers = test.images.slice(0, columns * rows).map((image) => answer(forward(net, image, room)));
    const cell = Math.min(width / columns, height / rows - 13);
    const shade = oneSided(context, look);
    context.clearRect(0, 0, width, height);
    context.font = "600 11px system-ui, sans-serif";
    context.textAlign = "center";
    answers.forEach((said, i) => {
      const [x, y] = [(i % columns) * width / columns, Math.floor(i / columns) * height / rows];
      const right = said === test.labels[i];
      paint(context, test.images[i], 8, shade, [x, y, cell - 4, cell - 4]);
      context.fillStyle = right ? look.two : look.one;
      context.fillText(right ? said : `✗ ${said < 0 ? "?" : said}`, x + cell / 2 - 2, y + cell + 8);
    });
    const wrong = answers.filter((k, i) => k !== test.labels[i]).length;
    shelf.element.setAttribute("aria-label", `${answers.length} unseen digits with the network's answers; ${wrong} are wrong and marked with a cross`);
  }

  again();
  return state;
}

const percent = (share) => `${figure(Math.round(1000 * share) / 10, 1)}\u00a0%`;
const shortly = (power) => String(Number((10 ** power).toPrecision(1)));

/** One square picture with a thin frame, so that dark corners can be told from the ground. */
function framed(context, values, columns, shade, x, y, side, look) {
  paint(context, values, columns, shade, [x + 1, y + 1, side, side]);
  context.strokeStyle = look.border;
  context.lineWidth = 1;
  context.strokeRect(x + 0.5, y + 0.5, side + 1, side + 1);
}

/** Maps [count·side·side] side by side in rows of `columns`, all on one scale. */
function maps(context, values, count, side, shade, left, top, cell, columns, look) {
  const most = values.reduce((reach, value) => Math.max(reach, value), 1e-9);
  for (let k = 0; k < count; k++) {
    const map = values.slice(k * side * side, (k + 1) * side * side).map((value) => value / most);
    framed(context, map, side, shade, left + (k % columns) * cell, top + Math.floor(k / columns) * cell, cell - 4, look);
  }
}
