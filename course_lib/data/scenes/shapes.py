"""The eight shapes: each is a function that tells how far a point is from its outline, negative inside.

Points are given in the object's own frame: p to the right, q down, a shape about one unit in radius. Distances are
exact near the outline, which is all that a one-pixel soft edge needs. The formulas follow Quilez, "2D distance
functions".
"""

from __future__ import annotations

from collections.abc import Callable
from math import cos, pi, sin, sqrt
from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor

Points = Float[Tensor, "..."]


def disc(p: Points, q: Points) -> Points:
    return _length(p, q) - 0.9


def ring(p: Points, q: Points) -> Points:
    return (_length(p, q) - 0.7).abs() - 0.25


def square(p: Points, q: Points) -> Points:
    return torch.maximum(p.abs(), q.abs()) - 0.75


def triangle(p: Points, q: Points) -> Points:
    """The largest of the distances to three lines, left and right in one by symmetry; the tip is up."""
    return torch.maximum(q, sin(pi / 3) * p.abs() - 0.5 * q) - 0.5


def hexagon(p: Points, q: Points) -> Points:
    q = q.abs()
    return torch.maximum(q, sin(pi / 3) * p.abs() + 0.5 * q) - 0.8


def cross(p: Points, q: Points) -> Points:
    p, q = p.abs(), q.abs()
    return torch.maximum(torch.minimum(p, q) - 0.3, torch.maximum(p, q) - 0.9)


def heart(p: Points, q: Points) -> Points:
    """A square on its corner, and a disc on each of its upper sides."""
    p, a = p.abs(), 0.75
    return torch.minimum((p + q.abs() - a) * sqrt(0.5), _length(p - a / 2, q + a / 2) - a * sqrt(0.5))


def star(p: Points, q: Points) -> Points:
    """Two mirrors fold the five arms onto the upper one, whose right side is one line from its tip to the notch."""
    p = p.abs()
    for angle in (0.6 * pi, 0.2 * pi):  # where the mirrors look
        x, y = cos(angle), sin(angle)
        behind = (p * x + q * y).clamp_min(0) * 2
        p, q = p - x * behind, q - y * behind
    x, y = 0.5 * sin(0.2 * pi), -0.5 * cos(0.2 * pi)  # the notch, half as far out as the tip at (0, −1)
    return (p.abs() * (y + 1) - (q + 1) * x) / sqrt(x**2 + (y + 1) ** 2)


def _length(p: Points, q: Points) -> Points:
    return (p * p + q * q).sqrt()


SHAPES: dict[str, Callable[[Points, Points], Points]] = {
    "disc": disc, "square": square, "triangle": triangle, "star": star,
    "ring": ring, "cross": cross, "hexagon": hexagon, "heart": heart,
}  # fmt: skip

# Every object has two eyes, so that a turn shows even on a disc: (p, q) of the right one, for each shape.
EYES = torch.tensor(
    [
        [0.30, -0.25],
        [0.30, -0.25],
        [0.20, 0.00],
        [0.19, -0.12],
        [0.38, -0.59],
        [0.15, -0.12],
        [0.30, -0.25],
        [0.36, -0.30],
    ],
    dtype=torch.float64,
)
EYE_RADIUS, PUPIL_RADIUS = 0.13, 0.075
REACH = torch.tensor([0.9, 1.061, 1.0, 1.0, 0.95, 0.949, 0.924, 1.061], dtype=torch.float64)  # radius of each shape
SLOPE = 0.44  # beyond it, a shape's distance grows by so much a unit at least (at the tips of the star)
KEYPOINTS = ("left eye", "right eye", "top", "right", "bottom", "left")


class Groups(NamedTuple):
    """M objects of mixed shapes, sorted so that each shape's formula runs once."""

    order: Int[Tensor, " M"]
    counts: list[int]  # how many have each shape, in the order of SHAPES


def by_shape(labels: Int[Tensor, " M"], device: torch.device) -> Groups:
    """Sort objects by shape; labels are indices into SHAPES."""
    return Groups(labels.argsort(stable=True).to(device), labels.bincount(minlength=len(SHAPES)).tolist())


def distance(groups: Groups, p: Float[Tensor, "M H W"], q: Float[Tensor, "M H W"]) -> Float[Tensor, "M H W"]:
    """How far points (p, q) are from the outlines of M objects of mixed shapes."""
    far = sorted_distance(groups.counts, p[groups.order], q[groups.order])
    return torch.empty_like(p).index_copy_(0, groups.order, far)


def sorted_distance(counts: list[int], p: Float[Tensor, "M H W"], q: Float[Tensor, "M H W"]) -> Float[Tensor, "M H W"]:
    """The same for objects that are sorted by shape, `counts` of each."""
    parts = zip(SHAPES.values(), p.split(counts), q.split(counts), strict=True)
    return torch.cat([shape(*points) for shape, *points in parts if len(points[0])])


def _outline(shape: Callable[[Points, Points], Points], x: int, y: int) -> list[float]:
    """Where a walk from the centre along (x, y) leaves the shape for good."""
    steps = torch.linspace(0, 1.2, 12001, dtype=torch.float64)
    last = steps[shape(steps * x, steps * y) < 0][-1].item()
    return [last * x, last * y]


def _keypoints() -> Float[Tensor, "C P 2"]:
    directions = ((0, -1), (1, 0), (0, 1), (-1, 0))
    ends = torch.tensor([[_outline(shape, *d) for d in directions] for shape in SHAPES.values()], dtype=torch.float64)
    left_eyes = EYES * torch.tensor([-1.0, 1.0], dtype=torch.float64)
    return torch.cat([left_eyes[:, None], EYES[:, None], ends], dim=1)


KEYPOINT_PLACES = _keypoints()  # [C, P, 2]: both eyes, then where the object's own axes leave its outline
