"""Sets that need no network: scikit-learn's digits, and scenes that are rendered when asked for.

They have the shapes and the number of classes of a larger set, and take its place when its host is down.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch.nn import functional as F

from course_lib.data import scenes
from course_lib.data.image_set import ImageSet


def digits(split: str) -> ImageSet:
    """Handwritten digits out of scikit-learn's wheel (Alpaydın, Kaynak 1998), enlarged to Fashion-MNIST's 28×28."""
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.from_numpy(data.images)[:, None].float() * (255 / 16)  # stored as 8×8 with values 0..16
    images = F.interpolate(images, size=28, mode="bilinear").clamp(0, 255).byte()
    test = torch.arange(len(images)) % 5 == 0  # every fifth image
    keep = test if split == "test" else ~test
    labels = torch.from_numpy(data.target).long()
    classes = tuple(str(digit) for digit in range(10))
    return ImageSet("digits", images[keep], labels[keep], classes, mean=(0.3038,), std=(0.3246,), source="scikit-learn")


@dataclass(frozen=True)
class Kinds:
    """Which scenes there are: five shapes, in some colours, on some grounds; a class is one of each."""

    colours: tuple[str, ...]
    grounds: tuple[str, ...]  # empty: any, and not part of the class
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


SCENES = {
    "scenes10": Kinds(("red", "blue"), (), mean=(0.5324, 0.5269, 0.5534), std=(0.2129, 0.2244, 0.2529)),
    "scenes100": Kinds(
        ("red", "orange", "yellow", "green", "blue"),
        ("grass", "sand", "snow", "water"),
        mean=(0.5316, 0.6319, 0.6522),
        std=(0.2186, 0.1661, 0.2441),
    ),
}
SHAPES = scenes.CLASSES[:5]
COUNTS = {"train": 10_000, "test": 2_000}
SEEDS = {"train": 0, "test": 1}


def scene_set(name: str, split: str) -> ImageSet:
    """Colour pictures of 32×32 pixels of one object each, as many of every shape: CIFAR's stand-in.

    ``scenes10`` tells five shapes in red and in blue apart. ``scenes100`` tells five shapes in five colours on four
    grounds apart; a shape on a ground is a superclass, of which there are 20 as in CIFAR-100.
    """
    kinds, n = SCENES[name], COUNTS[split]
    colours = torch.tensor([list(scenes.COLOURS).index(colour) for colour in kinds.colours])
    grounds = torch.tensor([list(scenes.BACKGROUNDS).index(ground) for ground in kinds.grounds])
    world = scenes.draw(
        torch.arange(8 * n),  # more than enough to find n with these colours and grounds
        seed=SEEDS[split], difficulty=0.5, objects=(1, 1), frames=1, camera="free", biased=None, place=None,
    )  # fmt: skip
    fits = torch.isin(world.colours[:, 0], colours)
    if kinds.grounds:
        fits &= torch.isin(world.backgrounds, grounds)
    shape = torch.arange(n) % len(SHAPES)
    world = world[fits.nonzero()[:n, 0]].with_main(shape)
    pictures = scenes.render(world, size=32, truths=()).images[:, 0]  # [n, 3, 32, 32]

    colour = (world.colours[:, :1] == colours).int().argmax(1)  # [n]
    ground = (world.backgrounds[:, None] == grounds).int().argmax(1) if kinds.grounds else torch.zeros_like(shape)
    coarse = ground * len(SHAPES) + shape
    places = [f" on {where}" for where in kinds.grounds] or [""]
    things = tuple(thing + place for place, thing in itertools.product(places, SHAPES))
    return ImageSet(
        name,
        (pictures * 255).round().byte(),
        coarse * len(colours) + colour,
        tuple(f"{colour} {thing}" for thing, colour in itertools.product(things, kinds.colours)),
        kinds.mean,
        kinds.std,
        source="course_lib.data.scenes",
        coarse_labels=coarse if kinds.grounds else None,
        coarse_classes=things if kinds.grounds else (),
    )
