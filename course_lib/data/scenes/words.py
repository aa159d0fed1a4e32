"""The vocabulary of the world, and the small grammar of its captions."""

from __future__ import annotations

from course_lib.data.scenes.shapes import SHAPES

CLASSES = tuple(SHAPES)
TEXTURES = ("plain", "striped", "checked", "dotted", "marbled")
COLOURS = {
    "red": (0.84, 0.16, 0.18), "orange": (0.95, 0.55, 0.13), "yellow": (0.96, 0.86, 0.28), "green": (0.18, 0.62, 0.30),
    "blue": (0.16, 0.40, 0.80), "purple": (0.55, 0.27, 0.68), "pink": (0.96, 0.58, 0.70), "white": (0.94, 0.93, 0.90),
}  # fmt: skip
# Each ground: its dark and its light colour, the texture it wears, and the colour of the sky above it at the horizon
# and on top.
BACKGROUNDS = {
    "grass": ((0.24, 0.44, 0.17), (0.45, 0.64, 0.27), "marbled", (0.80, 0.90, 0.97), (0.42, 0.66, 0.90)),
    "sand": ((0.80, 0.66, 0.42), (0.93, 0.82, 0.60), "marbled", (0.99, 0.92, 0.78), (0.55, 0.78, 0.92)),
    "snow": ((0.78, 0.84, 0.92), (0.96, 0.97, 0.99), "marbled", (0.90, 0.92, 0.95), (0.66, 0.73, 0.82)),
    "water": ((0.10, 0.34, 0.50), (0.28, 0.56, 0.70), "striped", (0.85, 0.93, 0.95), (0.36, 0.60, 0.78)),
    "tiles": ((0.50, 0.50, 0.53), (0.80, 0.79, 0.77), "checked", (0.90, 0.87, 0.82), (0.76, 0.72, 0.68)),
    "wood": ((0.47, 0.30, 0.17), (0.66, 0.46, 0.28), "striped", (0.93, 0.88, 0.78), (0.80, 0.73, 0.60)),
    "heath": ((0.36, 0.22, 0.38), (0.58, 0.36, 0.52), "dotted", (0.97, 0.80, 0.72), (0.56, 0.50, 0.72)),
    "lava": ((0.16, 0.12, 0.13), (0.80, 0.30, 0.10), "marbled", (0.55, 0.24, 0.18), (0.20, 0.13, 0.20)),
}  # fmt: skip
ACTIONS = ("left", "right", "up", "down", "nearer", "farther", "clockwise", "anticlockwise")
VERBS = (
    "moving left", "moving right", "rising", "sinking", "coming nearer", "going away",
    "turning clockwise", "turning anticlockwise",
)  # fmt: skip
SEMANTIC = ("ground", "sky", *CLASSES)
RELATIONS = ("left of", "right of", "in front of", "behind")


def noun(texture: int, colour: int, label: int) -> str:
    """An object in words: "a striped red disc". Plain goes without saying."""
    words = [list(COLOURS)[colour], CLASSES[label]]
    if texture:
        words.insert(0, TEXTURES[texture])
    return f"{'an' if words[0][0] in 'aeiou' else 'a'} {' '.join(words)}"


def relation(right: float, behind: float) -> str:
    """How the first object lies to the second.

    Args:
        right: how far its centre is to the right of the other's, in image widths.
        behind: how much farther it is from the camera, in scene units.
    """
    if abs(right) > 0.25:
        return "right of" if right > 0 else "left of"
    return "behind" if behind > 0 else "in front of"
