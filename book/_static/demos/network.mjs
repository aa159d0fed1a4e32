// Networks that the build exported to ONNX, run by ONNX Runtime Web; both are fetched when a demo first wants an answer.

const folder = new URL("./networks/", import.meta.url);
const RUNTIME = "runtime.wasm";
// The smallest module with a SIMD instruction: (func (result v128) i32.const 0 i8x16.splat i8x16.popcnt)
const SIMD = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11);
const networks = {}; // promises, by name
let runtime; // promise
let queue = Promise.resolve(); // the runtime does one thing at a time

/** A function of the network NAME: numbers of an image and their shape to {output: numbers}. `tell` hears how far loading is. */
export function network(name, tell = () => {}) {
  networks[name] ??= load(name, tell).catch((error) => {
    delete networks[name]; // so that the reader may try again
    throw error;
  });
  return networks[name];
}

/** Megabytes that a first answer loads. Throws where the browser cannot run networks. */
export async function megabytes(name) {
  const lacks = typeof WebAssembly !== "object" ? "WebAssembly" : WebAssembly.validate(SIMD) ? "" : "the SIMD instructions of WebAssembly";
  if (lacks) throw new Error(`it lacks ${lacks}, which run the network; browsers of 2023 and later have them`);
  const sizes = await (await got("sizes.json")).json();
  return Math.round((sizes[RUNTIME] + sizes[`${name}.onnx`]) / 1e6);
}

/** Shares of one, from scores. */
export function softmax(scores) {
  const most = Math.max(...scores);
  const powers = Array.from(scores, (score) => Math.exp(score - most));
  const total = powers.reduce((sum, power) => sum + power, 0);
  return powers.map((power) => power / total);
}

async function load(name, tell) {
  const sizes = await (await got("sizes.json")).json();
  const files = [...(runtime ? [] : [RUNTIME]), `${name}.onnx`];
  const all = files.reduce((sum, file) => sum + sizes[file], 0);
  let [here, told] = [0, -1];
  const count = (bytes) => {
    here += bytes;
    const tenth = Math.floor(10 * here / all);
    if (tenth <= told) return;
    told = tenth;
    tell(`Loading the network: ${Math.round(here / 1e6)} of ${Math.round(all / 1e6)} MB.`);
  };
  runtime ??= begin(count).catch((error) => {
    runtime = null;
    throw error;
  });
  const [{ InferenceSession, Tensor }, model] = await Promise.all([runtime, bytes(`${name}.onnx`, count)]).catch((error) => {
    told = Infinity; // one part is lost: what the other still loads is no news
    throw error;
  });
  tell("Starting the network.");
  const session = await inTurn(() => InferenceSession.create(model));
  return (numbers, shape) => inTurn(async () => {
    const outputs = await session.run({ image: new Tensor("float32", numbers, shape) });
    return Object.fromEntries(Object.entries(outputs).map(([output, tensor]) => [output, tensor.data]));
  });
}

function inTurn(task) {
  const result = queue.then(task);
  queue = result.catch(() => {});
  return result;
}

async function begin(count) {
  const [ort, wasmBinary] = await Promise.all([import(new URL("runtime.mjs", folder)), bytes(RUNTIME, count)]);
  // One thread: more need headers that a plain server does not send.
  Object.assign(ort.env.wasm, { numThreads: 1, wasmBinary: wasmBinary.buffer });
  ort.env.logLevel = "error";
  return ort;
}

async function got(file) {
  const response = await fetch(new URL(file, folder));
  if (!response.ok) throw new Error(`${file} is missing, ${response.status}`);
  return response;
}

/** A file, piece by piece. */
async function bytes(file, count) {
  const pieces = [];
  const reader = (await got(file)).body.getReader();
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    pieces.push(piece.value);
    count(piece.value.length);
  }
  return new Uint8Array(await new Blob(pieces).arrayBuffer());
}
