// A small convolutional network on plain arrays of float32: two rounds of 3×3 convolution, ReLU and 2×2 max pooling, then a
// linear layer. Images are [64], rows of 8×8; maps are [K·n·n], map by map.
import { chance, normal } from "./kit.mjs";

export const SIZES = { side: 8, first: 8, second: 12, classes: 10 };
const { side: N, first: K1, second: K2, classes: C } = SIZES;
const M = N / 2; // side of the maps after the first pooling
const Q = M / 2; // and after the second
const D = K2 * Q * Q; // what the linear layer reads

/** Numbers in each array of parameters; 1,446 together. */
const SHAPES = { w1: K1 * 9, b1: K1, w2: K2 * K1 * 9, b2: K2, w3: C * D, b3: C };
const arrays = (sizes) => Object.fromEntries(Object.entries(sizes).map(([name, size]) => [name, new Float32Array(size)]));

/** Zeros in the form of the parameters: w1 [8·1·3·3], b1 [8], w2 [12·8·3·3], b2 [12], w3 [10·48], b3 [10]. */
export const zeros = () => arrays(SHAPES);

/** Parameters drawn by `seed` as He and colleagues advise (standard deviation √(2 / inputs)), biases 0. */
export function network(seed) {
  const draw = normal(chance(seed));
  const net = zeros();
  for (const [name, inputs] of [["w1", 9], ["w2", 9 * K1], ["w3", D]]) net[name].forEach((_, i) => { net[name][i] = Math.sqrt(2 / inputs) * draw(); });
  return net;
}

/** Room for one image's maps on the way up, and for their gradients on the way down; used again for the next image. */
export function workspace() {
  const maps = { y1: K1 * N * N, p1: K1 * M * M, y2: K2 * M * M, p2: D, scores: C, chances: C };
  const winners = { s1: new Int32Array(maps.p1), s2: new Int32Array(maps.p2) };
  return { ...arrays(maps), ...winners, back: arrays(maps) };
}

/** y [filters·n·n] = ReLU(b + w ⋆ x), 3×3, one zero around. x [channels·n·n], w [filters·channels·9]. */
function convolve(x, channels, n, w, b, filters, y) {
  for (let k = 0; k < filters; k++) {
    const map = k * n * n;
    y.fill(b[k], map, map + n * n);
    for (let c = 0; c < channels; c++) {
      for (let u = 0; u < 3; u++) {
        for (let v = 0; v < 3; v++) {
          const weight = w[(k * channels + c) * 9 + 3 * u + v];
          const [top, bottom] = [u === 0 ? 1 : 0, u === 2 ? n - 1 : n]; // rows and columns whose neighbour lies in the image
          const [left, right] = [v === 0 ? 1 : 0, v === 2 ? n - 1 : n];
          for (let i = top; i < bottom; i++) {
            const here = map + i * n;
            const there = c * n * n + (i + u - 1) * n + v - 1;
            for (let j = left; j < right; j++) y[here + j] += weight * x[there + j];
          }
        }
      }
    }
    for (let i = map; i < map + n * n; i++) if (y[i] < 0) y[i] = 0;
  }
}

/** The way back: dy [filters·n·n] is masked by the ReLU, then adds to dw and db and, if it is given, fills dx. */
function convolveBack(x, channels, n, w, filters, y, dy, dw, db, dx) {
  dx?.fill(0);
  for (let k = 0; k < filters; k++) {
    const map = k * n * n;
    for (let i = map; i < map + n * n; i++) {
      if (y[i] <= 0) dy[i] = 0;
      db[k] += dy[i];
    }
    for (let c = 0; c < channels; c++) {
      for (let u = 0; u < 3; u++) {
        for (let v = 0; v < 3; v++) {
          const at = (k * channels + c) * 9 + 3 * u + v;
          const weight = w[at];
          const [top, bottom] = [u === 0 ? 1 : 0, u === 2 ? n - 1 : n];
          const [left, right] = [v === 0 ? 1 : 0, v === 2 ? n - 1 : n];
          let sum = 0;
          for (let i = top; i < bottom; i++) {
            const here = map + i * n;
            const there = c * n * n + (i + u - 1) * n + v - 1;
            for (let j = left; j < right; j++) sum += dy[here + j] * x[there + j];
            if (dx) for (let j = left; j < right; j++) dx[there + j] += weight * dy[here + j];
          }
          dw[at] += sum;
        }
      }
    }
  }
}

/** The largest of each 2×2 window: x [maps·n·n] → y [maps·n/2·n/2], and which one it was; at a tie the first, as in torch. */
function pool(x, maps, n, y, winner) {
  for (let at = 0; at < y.length; at++) {
    const half = n / 2;
    const corner = Math.floor(at / half) * 2 * n + (at % half) * 2; // maps lie below one another, so rows simply go on
    let best = corner;
    for (const other of [corner + 1, corner + n, corner + n + 1]) if (x[other] > x[best]) best = other;
    y[at] = x[best];
    winner[at] = best;
  }
}

/** Each gradient dy goes whole to the winner of its window. */
function poolBack(dy, winner, dx) {
  dx.fill(0);
  for (let at = 0; at < dy.length; at++) dx[winner[at]] += dy[at];
}

/** Scores [10] of an image [64]; all maps stay in `room`. */
export function forward(net, image, room = workspace()) {
  convolve(image, 1, N, net.w1, net.b1, K1, room.y1);
  pool(room.y1, K1, N, room.p1, room.s1);
  convolve(room.p1, K1, M, net.w2, net.b2, K2, room.y2);
  pool(room.y2, K2, M, room.p2, room.s2);
  for (let k = 0; k < C; k++) {
    let z = net.b3[k];
    for (let d = 0; d < D; d++) z += net.w3[k * D + d] * room.p2[d];
    room.scores[k] = z;
  }
  return room.scores;
}

/** Softmax cross-entropy −log p of scores [10] in nats, in double precision; `chances` [10] are filled with p. */
export function loss(scores, label, chances) {
  const most = Math.max(...scores);
  let sum = 0;
  for (let k = 0; k < C; k++) sum += Math.exp(scores[k] - most);
  for (let k = 0; k < C; k++) chances[k] = Math.exp(scores[k] - most) / sum;
  return Math.log(sum) + most - scores[label];
}

/** The class with the highest score. */
export const answer = (scores) => scores.indexOf(Math.max(...scores));

/** Gradients of the mean loss over images [B] of [64] with labels [B], in the form of the parameters: {gradient, loss, right}. */
export function gradients(net, images, labels, room = workspace(), gradient = zeros()) {
  const { back } = room;
  Object.values(gradient).forEach((part) => part.fill(0));
  let [total, right] = [0, 0];
  images.forEach((image, b) => {
    forward(net, image, room);
    total += loss(room.scores, labels[b], room.chances);
    right += Number(answer(room.scores) === labels[b]);
    back.p2.fill(0);
    for (let k = 0; k < C; k++) {
      const blame = (room.chances[k] - Number(k === labels[b])) / images.length; // prediction minus truth
      gradient.b3[k] += blame;
      for (let d = 0; d < D; d++) {
        gradient.w3[k * D + d] += blame * room.p2[d];
        back.p2[d] += blame * net.w3[k * D + d];
      }
    }
    poolBack(back.p2, room.s2, back.y2);
    convolveBack(room.p1, K1, M, net.w2, K2, room.y2, back.y2, gradient.w2, gradient.b2, back.p1);
    poolBack(back.p1, room.s1, back.y1);
    convolveBack(image, 1, N, net.w1, K1, room.y1, back.y1, gradient.w1, gradient.b1, null);
  });
  return { gradient, loss: total / images.length, right };
}

/** One step of SGD with momentum 0.9, in place: v ← 0.9 v + gradient, parameters ← parameters − rate · v. */
export function descend(net, velocity, gradient, rate) {
  for (const name of Object.keys(SHAPES)) {
    const [w, v, g] = [net[name], velocity[name], gradient[name]];
    for (let i = 0; i < w.length; i++) {
      v[i] = 0.9 * v[i] + g[i];
      w[i] -= rate * v[i];
    }
  }
}

/** The digits of the file as {images [1797] of [64], ink 0 to 1, labels [1797]}. */
export function unpack({ images, labels }) {
  const ink = Float32Array.from(images, (character) => parseInt(character, 17) / 16);
  return { images: Array.from(labels, (_, i) => ink.subarray(64 * i, 64 * i + 64)), labels: Array.from(labels, Number) };
}
