"""Truths that follow from what is seen where."""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from course_lib.data.scenes.camera import FOCAL, project
from course_lib.data.scenes.shapes import KEYPOINT_PLACES
from course_lib.data.scenes.stage import BEND, Stage, affine, nearest_depth
from course_lib.data.scenes.windows import Windows, sliding
from course_lib.data.scenes.world import World

HIDDEN = 1 + 1e-3  # a point is hidden when a surface is nearer than it by more than rounding


def of_masks(
    groups: list[Windows], masks: list[Bool[Tensor, "_ _ _"]], surface: UInt8[Tensor, "B H W"], k: int, wanted: set[str]
) -> dict[str, Tensor]:
    """The truths that follow from the objects' masks in their windows: whole, and as far as they are seen."""
    b, size = surface.shape[:2]
    shapes = {"visibility": (), "boxes": (4,), "visible_boxes": (4,), "amodal": (size, size)}
    out = {
        name: torch.zeros(b * k, *shape, dtype=torch.bool if name == "amodal" else None, device=surface.device)
        for name, shape in shapes.items()
        if name in {*wanted, "visibility"}
    }
    for group, mask in zip(groups, masks):
        columns, rows = group.corner.unbind(1)
        found = sliding(surface, mask.shape[-1])[group.views, rows, columns]
        visible = found == (2 + group.slots)[:, None, None]
        areas = [part.flatten(1).count_nonzero(1) for part in (visible, mask)]
        out["visibility"][group.objects] = areas[0] / areas[1].clamp_min(1)
        if "boxes" in out:
            out["boxes"][group.objects] = boxes(mask, group.corner)
        if "visible_boxes" in out:
            out["visible_boxes"][group.objects] = boxes(visible, group.corner)
        if "amodal" in out:
            sliding(out["amodal"], mask.shape[-1])[group.objects, rows, columns] = mask
    return {name: value.unflatten(0, (b, k)) for name, value in out.items()}


def boxes(masks: Bool[Tensor, "M h w"], corner: Int[Tensor, "M 2"]) -> Float[Tensor, "M 4"]:
    """The smallest box (x₀, y₀, x₁, y₁) around each mask, in pixels; zeros around an empty one.

    Args:
        corner: column and row of each mask's first pixel in its picture.
    """
    ends = []
    for axis in (-2, -1):
        line = masks.view(torch.uint8).amax(axis)  # the columns [M, w], then the rows [M, h]; any() is slower
        ends += [line.argmax(-1), line.shape[-1] - line.flip(-1).argmax(-1)]
    found = torch.stack([ends[0], ends[2], ends[1], ends[3]], dim=-1) + corner.repeat(1, 2)
    return torch.where(line.bool().any(-1, keepdim=True), found, 0).float()


def semantic(surface: UInt8[Tensor, "B H W"], labels: Int[Tensor, "n K"]) -> UInt8[Tensor, "B H W"]:
    """Each pixel's index into SEMANTIC."""
    stuff = torch.tensor([0, 1]).expand(len(labels), 2)
    table = torch.cat([stuff, labels + 2], dim=1).repeat_interleave(len(surface) // len(labels), dim=0)
    table = table.byte().to(surface.device)  # [B, K + 2]
    return table.gather(1, surface.flatten(1).long()).view_as(surface)


def keypoints(stage: Stage, world: World, size: int) -> Float[Tensor, "B K P 3"]:
    """Pixel coordinates (x, y) of each object's keypoints, and 2 where one is seen, 1 where it is hidden, 0 where it is
    outside of the picture or its object absent."""
    b, k = len(stage.position), world.labels.shape[1]
    places = KEYPOINT_PLACES[world.labels]  # [n, K, P, 2]
    bowl = torch.cat([places, BEND / 2 * places.square().sum(-1, keepdim=True)], dim=-1)
    bowl = bowl.repeat_interleave(b // len(world), dim=0).flatten(0, 1).to(stage.position)  # [B·K, P, 3]
    points = bowl * stage.cards.scale[:, None, None] @ stage.cards.turn.transpose(1, 2) + stage.cards.at[:, None]
    points = points.unflatten(0, (b, k))  # [B, K, P, 3] in camera coordinates
    pixels = project(points, size)
    rays = (points / points[..., 2:]).flatten(1, 2)[:, None]  # [B, 1, K·P, 3]
    nearest = nearest_depth(stage, rays[..., 0], rays[..., 1]).view(points.shape[:-1])
    flag = 1 + (points[..., 2] < nearest * HIDDEN).to(pixels)
    inside = ((pixels >= 0) & (pixels < size)).all(-1) & (points[..., 2] > 0)
    inside &= world.present.repeat_interleave(b // len(world), dim=0).to(inside.device)[..., None]
    return torch.cat([pixels, (flag * inside)[..., None]], dim=-1)


def flow(
    stage: Stage, depth: Tensor, surface: Tensor, x: Tensor, y: Tensor, frames: int
) -> tuple[Float[Tensor, "F 2 H W"], Bool[Tensor, "F H W"]]:
    """Where each pixel of a frame goes in the next one, in pixels, and whether it is still seen there.

    A rigid motion takes the point X = z·(x, y, 1) seen in a pixel to A X + b, which is then projected. The ground and
    the sky move with the camera's motion alone, each object with its own as well.
    """
    n, k = len(stage.position) // frames, len(stage.cards.at) // len(stage.position)

    def pair(column: Tensor) -> tuple[Tensor, Tensor]:
        """One column in the frames that have a next one, and in those next ones."""
        column = column.unflatten(0, (n, frames))
        return column[:, :-1].flatten(0, 1), column[:, 1:].flatten(0, 1)

    (turn, turn_next), (at, at_next) = (
        pair(column.unflatten(0, (n * frames, k))) for column in (stage.cards.turn, stage.cards.at)
    )
    (camera, camera_next), (position, position_next) = pair(stage.rotation), pair(stage.position)
    depth, surface = pair(depth)[0], pair(surface)[0]
    still = (
        camera_next.transpose(1, 2) @ camera,
        (camera_next.transpose(1, 2) @ (position - position_next)[..., None])[..., 0],
    )
    moved = turn_next @ turn.transpose(-1, -2)
    moved = moved, at_next - (moved @ at[..., None])[..., 0]

    target = _carry(*still, depth, x, y)
    for slot in range(k):
        own = _carry(moved[0][:, slot], moved[1][:, slot], depth, x, y)
        target = torch.where((surface == slot + 2)[:, None], own, target)
    x_next, y_next = target[:, 0] / target[:, 2], target[:, 1] / target[:, 2]
    shift = torch.stack([x_next - x, y_next - y], dim=1) * (FOCAL * x.shape[-1])

    # Ask the next frames what is nearest along those rays; the first frame of a clip is nobody's next.
    rays = [
        torch.cat([t.unflatten(0, (n, -1))[:, :1], t.unflatten(0, (n, -1))], dim=1).flatten(0, 1)
        for t in (x_next, y_next)
    ]
    nearest = pair(nearest_depth(stage, *rays))[1]
    inside = (x_next.abs() < 0.5 / FOCAL) & (y_next.abs() < 0.5 / FOCAL)
    return shift, inside & (target[:, 2] < nearest * HIDDEN)


def _carry(
    a: Float[Tensor, "F 3 3"], b: Float[Tensor, "F 3"], depth: Tensor, x: Tensor, y: Tensor
) -> Float[Tensor, "F 3 H W"]:
    """The points depth·(x, y, 1) after the motion A X + b."""
    return torch.stack([affine(a[:, i], x, y) * depth + b[:, i, None, None] for i in range(3)], dim=1)
