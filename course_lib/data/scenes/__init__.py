"""A procedural world of shapes with every truth of the course: ``scenes.sample(100, seed=0)``.

Read it in this order: ``words`` (what there is), ``shapes``, ``world`` (a scene before it is seen), ``camera``,
``stage`` (where rays meet surfaces), ``windows``, ``render``, ``truths``, ``batch`` (what comes out). ``dice`` makes the random
numbers, ``picture`` (which alone needs matplotlib, and is imported by name) the figure of one scene and all its truths.
"""

from __future__ import annotations

from typing import Literal

import torch

from course_lib.data.scenes.batch import OPTIONAL, SceneBatch
from course_lib.data.scenes.render import render
from course_lib.data.scenes.shapes import KEYPOINTS
from course_lib.data.scenes.words import ACTIONS, BACKGROUNDS, CLASSES, COLOURS, RELATIONS, SEMANTIC, TEXTURES
from course_lib.data.scenes.world import World, draw

__all__ = [
    "ACTIONS", "BACKGROUNDS", "CLASSES", "COLOURS", "KEYPOINTS", "OPTIONAL", "RELATIONS", "SEMANTIC", "TEXTURES",
    "SceneBatch", "World", "draw", "render", "sample",
]  # fmt: skip

CAMERAS = ("free", "still", "moving", "stereo")
MAX_FRAMES = 32  # by then an object that comes nearer has crossed three quarters of its way


def sample(
    n: int,
    *,
    seed: int,
    size: int = 64,
    difficulty: float | int = 0.5,
    objects: tuple[int, int] | None = None,
    frames: int = 1,
    camera: Literal["free", "still", "moving", "stereo"] = "free",
    biased: Literal["class", "action"] | None = None,
    place: int | None = None,
    start: int = 0,
    truths: tuple[str, ...] | None = None,
    device: torch.device | str | None = None,
    dtype: torch.dtype = torch.float32,
) -> SceneBatch:
    """Draw scenes start … start + n − 1 of a seed, and render them. Scene i is the same in whatever batch it comes.

    Args:
        n: how many scenes.
        seed: another seed is another endless list of scenes; give training and test sets different ones.
        size: side of the image in pixels.
        difficulty: 0 (one large, plain, upright shape on plain ground) to 1 (small, turned, textured, hidden, faint,
            noisy).
        objects: fewest and most objects in a scene; by default 1 and 1 + 3·difficulty.
        frames: length of the clip; above 1 the main object performs its action.
        camera: ``free`` (another pose each scene, the more so the harder), ``still``, ``moving`` (as free, and drifting
            from frame to frame) or ``stereo`` (frames 0 and 1 are what a left and a right eye see).
        biased: let the background give away the main object's ``class`` or ``action`` in 19 scenes of 20.
        place: show the contents of this one scene every time, from other poses: to learn where the camera is.
        truths: names out of ``OPTIONAL``, to save time and memory; all by default.
        device: where to render; the CPU by default.
        dtype: of images and truths; float64 for tests of exactness.

    Raises:
        ValueError: an argument is out of range; the message says which values it may have.
    """
    if n < 1 or start < 0:
        raise ValueError(f"Got n={n}, start={start}: there is at least 1 scene, and the first has number 0.")
    if size < 8:
        raise ValueError(f"An image of size {size} shows nothing: give at least 8 pixels.")
    if not 0 <= difficulty <= 1:
        raise ValueError(f"difficulty is {difficulty}, but the dial goes from 0 (separable) to 1 (confusable).")
    objects = objects or (1, 1 + round(3 * difficulty))
    if len(objects) != 2 or not 1 <= objects[0] <= objects[1] <= 16:
        raise ValueError(f"objects is {objects}: give the fewest and the most, such as (1, 4), between 1 and 16.")
    if not 1 <= frames <= MAX_FRAMES:
        raise ValueError(f"Got frames={frames}; a clip has 1 to {MAX_FRAMES}.")
    if camera not in CAMERAS:
        raise ValueError(f"There is no camera {camera!r}; choose one of: {', '.join(CAMERAS)}.")
    if camera == "stereo" and frames != 2:
        raise ValueError(
            f"A stereo pair is two frames, the left and the right eye's; got frames={frames}: give frames=2."
        )
    if biased not in (None, "class", "action"):
        raise ValueError(f"biased is {biased!r}; the background can give away 'class' or 'action', or nothing (None).")
    world = draw(
        torch.arange(start, start + n),
        seed=seed, difficulty=difficulty, objects=objects, frames=frames, camera=camera, biased=biased, place=place,
    )  # fmt: skip
    return render(world, size=size, frames=frames, truths=truths, device=device, dtype=dtype)
