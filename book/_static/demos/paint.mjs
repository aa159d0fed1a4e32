// Numbers as pictures on a canvas, for the demos that learn.

const small = document.createElement("canvas"); // where a picture is made before it is drawn at its size

/** [red, green, blue] of a colour as the style sheets write it. */
function rgb(context, colour) {
  context.fillStyle = colour; // reads back as #rrggbb
  return [1, 3, 5].map((at) => parseInt(context.fillStyle.slice(at, at + 2), 16));
}

/** Colours of values from −1 to 1: blue, through the ground at 0, to orange. */
export function twoSided(context, { one, two, ground }) {
  const [high, low, middle] = [one, two, ground].map((colour) => rgb(context, colour));
  return (value) => {
    const share = Math.min(Math.abs(value), 1);
    return middle.map((m, c) => m + share * ((value > 0 ? high : low)[c] - m));
  };
}

/** Colours of values from 0 to 1: from the ground to the ink. */
export function oneSided(context, { ink, ground }) {
  const [high, low] = [ink, ground].map((colour) => rgb(context, colour));
  return (value) => low.map((l, c) => l + Math.min(Math.max(value, 0), 1) * (high[c] - l));
}

/** Draw values [rows·columns], coloured by `shade`, into the box (left, top, width, height). */
export function paint(context, values, columns, shade, [left, top, width, height], smooth = false) {
  const rows = values.length / columns;
  [small.width, small.height] = [columns, rows];
  const inside = small.getContext("2d");
  const image = inside.createImageData(columns, rows);
  for (let i = 0; i < values.length; i++) {
    const [r, g, b] = shade(values[i]);
    image.data[4 * i] = r;
    image.data[4 * i + 1] = g;
    image.data[4 * i + 2] = b;
    image.data[4 * i + 3] = 255;
  }
  inside.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = smooth;
  context.drawImage(small, left, top, width, height);
}

/** Draw curves from 0 to `top` over `steps` steps; lines: [{values, colour, dashes, name}], spread over the whole width; ticks: heights with a number. */
export function curves(context, width, height, look, { lines, steps, top, ticks }) {
  const [left, right, above, below] = [30, 6, 18, 20];
  const up = (value) => height - below - Math.min(value / top, 1) * (height - above - below);
  context.clearRect(0, 0, width, height);
  context.font = "11px system-ui, sans-serif";
  context.lineWidth = 1;
  context.textAlign = "right";
  for (const tick of ticks) {
    context.strokeStyle = look.border;
    context.beginPath();
    context.moveTo(left, up(tick));
    context.lineTo(width - right, up(tick));
    context.stroke();
    context.fillStyle = look.ink;
    context.fillText(String(tick), left - 4, up(tick) + 4);
  }
  context.fillText(`step ${steps}`, width - right, height - 5);
  context.textAlign = "left";
  let place = left;
  for (const { values, colour, dashes = [], name } of lines) {
    context.strokeStyle = context.fillStyle = colour;
    context.lineWidth = 2;
    context.setLineDash(dashes);
    context.beginPath();
    context.moveTo(place, 8);
    context.lineTo(place + 18, 8);
    context.stroke();
    context.fillText(name, place + 23, 12);
    place += 35 + context.measureText(name).width;
    context.beginPath();
    values.forEach((value, i) => {
      const x = left + (values.length > 1 ? i / (values.length - 1) : 0) * (width - left - right);
      if (i) context.lineTo(x, up(value));
      else context.moveTo(x, up(value));
    });
    context.stroke();
  }
  context.setLineDash([]);
}
