// A multilayer perceptron for points in the plane, as in lecture 2, on flat arrays: layers of {weight [K·D], bias [K]}.
import { chance, normal } from "./kit.mjs";

const sigmoid = (z) => 1 / (1 + Math.exp(-z));

/** Activations f(z), each with its slope computed from its value h = f(z). */
export const ACTIVATIONS = {
  relu: { f: (z) => Math.max(z, 0), slope: (h) => (h > 0 ? 1 : 0) },
  tanh: { f: Math.tanh, slope: (h) => 1 - h * h },
  sigmoid: { f: sigmoid, slope: (h) => h * (1 - h) },
  none: { f: (z) => z, slope: () => 1 },
};

/** Layers from 2 inputs through the hidden `widths` to one score, drawn by `seed` (scaled by the number of inputs; He for ReLU). */
export function network(widths, activation, seed) {
  const draw = normal(chance(seed));
  const sizes = [2, ...widths, 1];
  return sizes.slice(1).map((k, index) => {
    const d = sizes[index];
    const std = Math.sqrt((activation === "relu" ? 2 : 1) / d);
    return { weight: Float64Array.from({ length: k * d }, () => std * draw()), bias: Float64Array.from({ length: k }, () => 0.5 * draw()) };
  });
}

/** All outputs, the input first: x [N·2], hidden layers [N·K], scores [N]; no activation after the last layer. */
export function forward(layers, x, activation) {
  const { f } = ACTIVATIONS[activation];
  const outputs = [x];
  layers.forEach(({ weight, bias }, index) => {
    const input = outputs[index];
    const k = bias.length;
    const d = weight.length / k;
    const n = input.length / d;
    const last = index === layers.length - 1;
    const h = new Float64Array(n * k);
    for (let i = 0; i < n; i++) {
      for (let u = 0; u < k; u++) {
        let z = bias[u];
        for (let j = 0; j < d; j++) z += weight[u * d + j] * input[i * d + j];
        h[i * k + u] = last ? z : f(z);
      }
    }
    outputs.push(h);
  });
  return outputs;
}

/** Mean binary cross-entropy of scores [N] for labels [N] of 0 and 1; the logarithm taken on paper, so that nothing overflows. */
export function loss(scores, labels) {
  let sum = 0;
  for (let i = 0; i < scores.length; i++) sum += Math.max(scores[i], 0) - scores[i] * labels[i] + Math.log1p(Math.exp(-Math.abs(scores[i])));
  return sum / scores.length;
}

/** Share of scores [N] on the right side of 0 for labels [N]. */
export function accuracy(scores, labels) {
  let right = 0;
  for (let i = 0; i < scores.length; i++) right += Number(scores[i] > 0) === labels[i];
  return right / scores.length;
}

/** The gradient of the loss by back-propagation, in the form of `layers`, with the `loss` and the `scores` [N]. */
export function gradients(layers, x, labels, activation) {
  const { slope } = ACTIVATIONS[activation];
  const outputs = forward(layers, x, activation);
  const scores = outputs.at(-1);
  const n = scores.length;
  let blame = Float64Array.from(scores, (z, i) => (sigmoid(z) - labels[i]) / n); // prediction minus truth
  const gradient = [];
  for (let index = layers.length - 1; index >= 0; index--) {
    const { weight, bias } = layers[index];
    const input = outputs[index];
    const k = bias.length;
    const d = weight.length / k;
    const part = { weight: new Float64Array(k * d), bias: new Float64Array(k) };
    const below = new Float64Array(n * d);
    for (let i = 0; i < n; i++) {
      for (let u = 0; u < k; u++) {
        const delta = blame[i * k + u];
        part.bias[u] += delta;
        for (let j = 0; j < d; j++) {
          part.weight[u * d + j] += delta * input[i * d + j]; // blame times what came in
          below[i * d + j] += delta * weight[u * d + j];
        }
      }
    }
    if (index > 0) for (let i = 0; i < below.length; i++) below[i] *= slope(input[i]);
    gradient.unshift(part);
    blame = below;
  }
  return { gradient, loss: loss(scores, labels), scores };
}

/** Adam (Kingma and Ba, 2015) with its usual constants: returns `step(layers, gradient, rate)`, which changes the layers. */
export function adam(layers) {
  const zeros = () => layers.flatMap(({ weight, bias }) => [new Float64Array(weight.length), new Float64Array(bias.length)]);
  const [first, second] = [zeros(), zeros()]; // running means of the gradient and of its square
  let count = 0;
  return (layers, gradient, rate) => {
    count += 1;
    const [one, two] = [1 - 0.9 ** count, 1 - 0.999 ** count]; // both means began at 0
    const parts = layers.flatMap(({ weight, bias }) => [weight, bias]);
    gradient.flatMap(({ weight, bias }) => [weight, bias]).forEach((g, index) => {
      const [w, m, s] = [parts[index], first[index], second[index]];
      for (let i = 0; i < g.length; i++) {
        m[i] += 0.1 * (g[i] - m[i]);
        s[i] += 0.001 * (g[i] * g[i] - s[i]);
        w[i] -= rate * (m[i] / one) / (Math.sqrt(s[i] / two) + 1e-8);
      }
    });
  };
}

/** `count` points for "xor", "circles", "spirals" or "blobs", in the square from −3 to 3: {x [N·2], labels [N]}. */
export function examples(name, noise, seed, count = 200) {
  const random = chance(seed);
  const draw = normal(random);
  const x = new Float64Array(2 * count);
  const labels = Array.from({ length: count }, (_, i) => i % 2);
  const away = (low, high) => (low + (high - low) * random()) * (random() < 0.5 ? -1 : 1);
  labels.forEach((label, i) => {
    let place;
    if (name === "xor") {
      place = [away(0.9, 2.4), away(0.9, 2.4)]; // two hidden units are enough: a diagonal band fits between the corners
      if (Number(place[0] * place[1] < 0) !== label) place[0] = -place[0];
    } else if (name === "circles") {
      const radius = label ? 1.9 + 0.7 * random() : 1.2 * Math.sqrt(random());
      const turn = 2 * Math.PI * random();
      place = [radius * Math.cos(turn), radius * Math.sin(turn)];
    } else if (name === "spirals") {
      const along = (i - label + 1) / count; // evenly from the middle to the end
      const turn = 3.5 * Math.PI * along + Math.PI * label;
      place = [2.7 * along * Math.sin(turn), 2.7 * along * Math.cos(turn)];
    } else {
      const centre = label ? 1.2 : -1.2;
      place = [centre + 0.5 * draw(), centre + 0.5 * draw()];
    }
    x[2 * i] = place[0] + noise * draw();
    x[2 * i + 1] = place[1] + noise * draw();
  });
  return { x, labels };
}
