"""Draw the index page's picture: a boot on its way through LeNet-5, every square a real activation.

Run by hand after a change of the network or of this drawing: `.venv/bin/python book/hero.py` (about half a minute); it
writes `book/_static/hero.svg`, which is kept in git.
"""

from __future__ import annotations

import base64
import io
import math
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image

from course_lib import models, runtime, train
from course_lib.data import datasets

WIDTH, HEIGHT, BASE = 1200, 400, 180  # drawing size and the height of its middle line, in SVG units
SQUEEZE, SKEW = 0.46, -16  # a map seen from the side: its width is squeezed, its right edge raised (degrees)
GROUND, INK, FAINT, ACCENT = "#14171c", "#f1efe9", "#9aa3b2", "#ffab70"
PATCHES = [
    *((9, c) for c in (1, 6, 11, 16, 21)),
    *((15, c) for c in (21, 16, 11, 6, 1)),
    (11, 7),
    (11, 15),
]  # (row, column)
TURN = 0.4  # seconds a patch is shown
BOOT = 0  # index of an ankle boot in the test set
# (index in LeNet5.features, side in SVG units, left edge of the first map, step to the next, labels)
STAGES = (
    (1, 190, 222, 34, ("convolution", "6 maps of 28×28")),
    (2, 130, 496, 25, ("pooling", "6 of 14×14")),
    (4, 104, 694, 11, ("convolution", "16 maps of 10×10")),
    (5, 72, 918, 5, ("pooling", "16 of 5×5")),
)


def main() -> None:
    """Train, run one boot through, draw, write."""
    train_set, test_set = datasets.load("fashion_mnist", "train"), datasets.load("fashion_mnist", "test")
    runtime.seed_all(0)
    model = models.LeNet5()
    train.fit(model, train_set, test_set, epochs=3)
    x = test_set.inputs()[BOOT : BOOT + 1]
    with torch.inference_mode():
        stages = [model.features.cpu()[: stage[0] + 1](x)[0].numpy() for stage in STAGES]  # [K, h, w] each
        probabilities = model(x).softmax(1)[0].tolist()
    out = Path(__file__).parent / "_static" / "hero.svg"
    out.write_text(drawing(test_set.images[BOOT, 0].numpy(), stages, probabilities, test_set.classes), encoding="utf-8")
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


def drawing(image: np.ndarray, stages: list[np.ndarray], probabilities: list[float], classes: tuple[str, ...]) -> str:
    """The whole SVG."""
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="system-ui, sans-serif">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" rx="18" fill="{GROUND}"/>',
        picture(image / 255, 28, BASE - 85, 170, "gray"),
        label(113, ("image", "28×28 pixels")),
    ]
    for maps, (_, side, left, step, words) in zip(stages, STAGES, strict=True):
        top = maps.max()
        for k, one in enumerate(maps):
            parts.append(plane(one / top, left + k * step, side))
        parts.append(label(left + (len(maps) - 1) * step / 2 + side * SQUEEZE / 2, words))
    parts += lens()
    parts += bars(probabilities, classes)
    return "\n".join([*parts, "</svg>"]) + "\n"


def picture(values: np.ndarray, x: float, y: float, side: float, colours: str) -> str:
    """A map with values in 0..1 as a small PNG, each value one square."""
    rgb = (matplotlib.colormaps[colours](np.clip(values, 0, 1) ** 0.8)[..., :3] * 255).astype(np.uint8)
    scale = max(1, 112 // len(values))  # enlarged here, since not every viewer keeps pixels sharp
    buffer = io.BytesIO()
    enlarged = Image.fromarray(rgb.repeat(scale, 0).repeat(scale, 1))
    enlarged.quantize(64, dither=Image.Dither.NONE).save(buffer, "PNG", optimize=True)
    data = base64.b64encode(buffer.getvalue()).decode()
    return f'<image x="{x:g}" y="{y:g}" width="{side:g}" height="{side:g}" href="data:image/png;base64,{data}"/>'


def plane(values: np.ndarray, x: float, side: float) -> str:
    """A map seen from the side, standing on the middle line."""
    frame = f'<rect x="0" y="{-side / 2:g}" width="{side:g}" height="{side:g}" fill="none" stroke="{FAINT}" stroke-opacity=".55"/>'
    inside = picture(values, 0, -side / 2, side, "inferno") + frame
    return f'<g transform="translate({x:g} {BASE + side * 0.065:g}) scale({SQUEEZE} 1) skewY({SKEW})">{inside}</g>'


def lens() -> list[str]:
    """5×5 patches of the image and the one unit of the first map that sees each: they take turns for five seconds, once.

    The last one stays, and is all that a reader sees who asked for less motion.
    """
    turns = len(PATCHES) - 1
    style = (
        f"@keyframes turn {{ from {{ opacity: 1 }} to {{ opacity: 1 }} }} .patch {{ opacity: 0; animation: turn {TURN}s }} "
        f".patch:last-of-type {{ opacity: 1; animation: hide {TURN * turns:g}s }} @keyframes hide {{ from, to {{ opacity: 0 }} }} "
        "@media (prefers-reduced-motion: reduce) { .patch { animation: none !important } }"
    )
    frames = [
        f'<g class="patch" style="animation-delay: {TURN * turn if turn < turns else 0:g}s">{"".join(patch(*place))}</g>'
        for turn, place in enumerate(PATCHES)
    ]
    return [f"<style>{style}</style>", f"<g>{''.join(frames)}</g>"]


def patch(row: int, column: int) -> list[str]:
    """The patch whose upper left pixel this is, and its unit."""
    side = 170 / 28
    x, y = 28 + column * side, BASE - 85 + row * side
    _, width, left, _, _ = STAGES[0]
    across, down = width * (column + 2.5) / 28, width * ((row + 2.5) / 28 - 0.5)  # on the map before it is turned
    unit_x = left + SQUEEZE * across
    unit_y = BASE + width * 0.065 + down + across * math.tan(math.radians(SKEW))
    edges = (y, y + 5 * side)
    lines = [
        f'<path d="M{x + 5 * side:g} {edge:g} L{unit_x:g} {unit_y:g}" stroke="{ACCENT}" stroke-width="1.2"/>'
        for edge in edges
    ]
    box = f'<rect x="{x:g}" y="{y:g}" width="{5 * side:g}" height="{5 * side:g}" fill="{ACCENT}" fill-opacity=".2" stroke="{ACCENT}" stroke-width="2"/>'
    return [*lines, box, f'<circle cx="{unit_x:g}" cy="{unit_y:g}" r="4" fill="{ACCENT}"/>']


def bars(probabilities: list[float], classes: tuple[str, ...]) -> list[str]:
    """The network's answer: one bar a class."""
    parts, best = [], max(probabilities)
    for k, (share, name) in enumerate(zip(probabilities, classes, strict=True)):
        y, strong = BASE - 118 + k * 25, share == best
        parts.append(
            f'<rect x="1068" y="{y:g}" width="{2 + 108 * share:.1f}" height="7" rx="3" fill="{ACCENT if strong else FAINT}"/>'
        )
        weight = "700" if strong else "400"
        parts.append(text(1068, y - 4, name, 13, INK if strong else FAINT, f'font-weight="{weight}"'))
    return [*parts, label(1120, ("answer", "10 classes"))]


def label(x: float, words: tuple[str, str]) -> str:
    """Two lines below a stage."""
    middle = 'text-anchor="middle"'
    return text(x, HEIGHT - 44, words[0], 17, INK, f'{middle} font-weight="600"') + text(
        x, HEIGHT - 21, words[1], 14, FAINT, middle
    )


def text(x: float, y: float, words: str, size: int, colour: str, more: str = "") -> str:
    """One line of text."""
    return f'<text x="{x:g}" y="{y:g}" font-size="{size}" fill="{colour}" {more}>{words}</text>'


if __name__ == "__main__":
    main()
