"""Where the rays of a camera meet the surfaces of a world.

Every surface is simple enough to be met by a formula. The ground is the plane y = 0 and the sky a backdrop at z = 10;
an object is one of the shapes cut from a shallow bowl that turns its belly to us, z = κ/2 (p² + q²) in its own frame. A
ray meets a bowl where a quadratic is zero, so depth, normals, keypoints and motion are exact and agree with each other.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor

from course_lib.data.scenes.camera import FOCAL, rotation
from course_lib.data.scenes.shapes import EYES, SHAPES, sorted_distance
from course_lib.data.scenes.world import World

BEND = 0.45  # κ: normals lean up to 24° at the rim
BACKDROP = 10.0  # z of the sky
SOLID = 0.7  # light on a surface that faces it is divided by this, so that objects, which face us, are well lit


class Cards(NamedTuple):
    """M objects as cameras see them: a point (p, q, r) of an object is at ``turn``·(p, q, r)·scale + at."""

    turn: Float[Tensor, "M 3 3"]
    at: Float[Tensor, "M 3"]
    scale: Float[Tensor, " M"]
    light: Float[Tensor, "M 3"]  # towards the light, in the object's frame
    shadow: Float[Tensor, "M 2 3"]  # p and q of the point between the light and (X, 0, Z) on the ground: affine in X, Z
    eye: Float[Tensor, "M 2"]
    paint: Float[Tensor, "M 2 3"]
    waves: Float[Tensor, "M 12"]
    lamp: Float[Tensor, "M 2"]  # ambient and direct light

    def take(self, rows: Int[Tensor, " m"]) -> Cards:
        return Cards(*(column[rows] for column in self))


class Slot(NamedTuple):
    """The objects of one number, one in each view that has it, sorted by shape."""

    views: Int[Tensor, " m"]
    counts: list[int]  # how many have each shape
    cards: Cards  # m of them


class Stage(NamedTuple):
    """B views of a world (frames of one scene follow each other) on a device, ready to be asked what is seen where."""

    rotation: Float[Tensor, "B 3 3"]  # the camera's, to the world
    position: Float[Tensor, "B 3"]
    labels: Int[Tensor, "B K"]  # on the CPU, as is `present`: they decide what is computed
    present: Bool[Tensor, "B K"]
    cards: Cards  # B·K of them
    slots: list[Slot]


def build(world: World, frames: int, device: torch.device, dtype: torch.dtype) -> Stage:
    """Place the objects before their cameras: small matrices, made on the CPU in float64, then moved."""
    poses = world.poses(frames)  # [n, T, 7]
    camera, position = rotation(poses[..., 3:]), poses[..., :3]  # [n, T, 3, 3], [n, T, 3]
    centres, turns = world.placements(frames)  # [n, T, K, 3], [n, T, K, 3, 3]
    at = (centres - position[:, :, None]) @ camera
    scale = world.scales[:, None].expand(at.shape[:-1])

    lights = world.lights[:, None, None, :, None]  # [n, 1, 1, 3, 1]
    to_object = turns.transpose(-1, -2)  # world to object
    light = (to_object @ lights)[..., 0]
    # A ground point G and the light L: the object's frame sees G + λL, and λ is where its third coordinate is 0.
    flat = (to_object[..., :2, :] - light[..., :2, None] / light[..., 2:, None] * to_object[..., 2:, :]) / scale[
        ..., None, None
    ]
    shadow = torch.stack([flat[..., 0], flat[..., 2], -(flat @ centres[..., None])[..., 0]], dim=-1)

    each = at.shape[:-1]  # n, T, K
    direct = (1 - world.ambient) * world.brightness / SOLID
    lamp = torch.stack([world.ambient * world.brightness, direct], dim=-1)[:, None, None].expand(*each, 2)
    objects = [
        column[:, None].expand(*each, *column.shape[2:])
        for column in (EYES[world.labels], world.paints[:, 2:], world.waves[:, 2:])
    ]
    columns = [camera.transpose(-1, -2)[:, :, None] @ turns, at, scale, light, shadow, *objects, lamp]
    cards = Cards(*(column.flatten(0, 2).to(device, dtype) for column in columns))
    labels, present = (part[:, None].expand(each).flatten(0, 1) for part in (world.labels, world.present))
    k = labels.shape[1]
    slots = [_slot(labels[:, i], present[:, i], Cards(*(column[i::k] for column in cards)), device) for i in range(k)]
    return Stage(
        camera.flatten(0, 1).to(device, dtype), position.flatten(0, 1).to(device, dtype), labels, present, cards, slots
    )


def _slot(labels: Int[Tensor, " B"], present: Bool[Tensor, " B"], cards: Cards, device: torch.device) -> Slot:
    views = present.nonzero()[:, 0]
    views = views[labels[views].argsort(stable=True)]
    counts = labels[views].bincount(minlength=len(SHAPES)).tolist()
    return Slot(views.to(device), counts, cards.take(views.to(device)))


def pixel_rays(size: int, like: Tensor) -> tuple[Float[Tensor, "1 1 W"], Float[Tensor, "1 H 1"]]:
    """The rays (x, y, 1) through the pixel centres, in camera coordinates."""
    steps = ((torch.arange(size, dtype=torch.float64) + 0.5) / size - 0.5).to(like) / FOCAL
    return steps[None, None, :], steps[None, :, None]


def affine(
    weights: Float[Tensor, "M 3"], x: Float[Tensor, "_ _ _"], y: Float[Tensor, "_ _ _"]
) -> Float[Tensor, "M H W"]:
    """w₀x + w₁y + w₂, for x and y of every pixel, or x of the columns [_, 1, W] and y of the rows [_, H, 1]."""
    w_x, w_y, w_1 = weights[:, :, None, None].unbind(1)
    if y.shape[-1] == 1:
        return w_x * x + (w_y * y + w_1)
    return (w_x * x).addcmul_(w_y, y).add_(w_1)


def meet(
    cards: Cards, x: Float[Tensor, "_ _ _"], y: Float[Tensor, "_ _ _"]
) -> tuple[Float[Tensor, "M H W"], Float[Tensor, "M H W"], Float[Tensor, "M H W"]]:
    """Depth along the optical axis, and (p, q) in the object's frame, of where rays (x, y, 1) meet the bowls.

    With the ray o + t·d in the object's frame, r = κ/2 (p² + q²) becomes a t² + b t + c = 0. Rays that miss a bowl get
    a point far outside of every shape.
    """
    s = cards.scale[:, None]
    d = (
        cards.turn.transpose(1, 2) / s[..., None]
    )  # [M, 3, 3]: rows are the coordinates, columns the weights of (x, y, 1)
    o = -(d @ cards.at[..., None])  # [M, 3, 1]
    b = affine(BEND * (o[:, 0] * d[:, 0] + o[:, 1] * d[:, 1]) - d[:, 2], x, y)
    c = BEND / 2 * (o[:, :1] ** 2 + o[:, 1:2] ** 2) - o[:, 2:]  # [M, 1, 1]
    dp, dq = affine(d[:, 0], x, y), affine(d[:, 1], x, y)
    square = (dp * dp).addcmul_(dq, dq)
    root = (b * b).addcmul_(square, -2 * BEND * c).clamp_min_(0).sqrt_()
    z = root.sub_(b).reciprocal_().mul_(2 * c)  # the nearer root, 2c / (√(b² − 4ac) − b): the form that does not cancel
    return z, o[:, :1].addcmul(z, dp), o[:, 1:2].addcmul(z, dq)


def background(
    stage: Stage, x: Float[Tensor, "_ _ _"], y: Float[Tensor, "_ _ _"]
) -> tuple[Float[Tensor, "B H W"], Float[Tensor, "B H W"]]:
    """Inverse depths of the ground and of the backdrop: for a plane it is an affine function of the pixel."""
    below = stage.position[:, 1:2]  # minus the height of the camera
    ground = affine(stage.rotation[:, 1] / -below, x, y)
    return ground, affine(stage.rotation[:, 2] / (BACKDROP - stage.position[:, 2:]), x, y)


def nearest_depth(stage: Stage, x: Float[Tensor, "B H W"], y: Float[Tensor, "B H W"]) -> Float[Tensor, "B H W"]:
    """How far the first surface is along any rays (x, y, 1): what decides whether a point behind it can be seen."""
    depth = torch.maximum(*background(stage, x, y)).reciprocal()
    for views, counts, cards in stage.slots:
        if not len(views):
            continue
        z, p, q = meet(cards, x[views], y[views])
        before = depth[views]
        seen = (sorted_distance(counts, p, q) < 0) & (z < before)
        depth[views] = torch.where(seen, z, before)
    return depth
