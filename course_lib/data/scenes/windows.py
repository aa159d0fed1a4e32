"""A window for each object, as small as will hold it: painting an object does not cost a whole picture."""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float, Int, Shaped
from torch import Tensor

from course_lib.data.scenes.camera import FOCAL
from course_lib.data.scenes.shapes import REACH, SLOPE, Groups, by_shape
from course_lib.data.scenes.stage import BEND, Cards, Stage

STEP = 8  # the sides of windows are multiples of this many pixels, so that objects of about one size share a tensor


class Windows(NamedTuple):
    """The windows of M objects, all of one side w; those of the farthest objects come first."""

    objects: Int[Tensor, " M"]  # their numbers, view · K + slot
    views: Int[Tensor, " M"]
    slots: Int[Tensor, " M"]
    ends: list[int]  # how many of them are the farthest of their view, the farthest or second farthest, …
    corner: Int[Tensor, "M 2"]  # column and row of the first pixel
    x: Float[Tensor, "M 1 w"]  # the rays through the pixels
    y: Float[Tensor, "M w 1"]
    shapes: Groups
    cards: Cards

    def places(self, rank: int) -> tuple[slice, tuple[Tensor, Tensor, Tensor]]:
        """Which of the windows hold the objects of this rank, and their index into what `sliding` makes of B pictures."""
        part = slice(self.ends[rank - 1] if rank else 0, self.ends[rank])
        return part, (self.views[part], self.corner[part, 1], self.corner[part, 0])


def sliding(pictures: Shaped[Tensor, "... H W"], side: int) -> Shaped[Tensor, "... _ _ side side"]:
    """Every window of H × W pictures, by the row and the column of its first pixel: a view, nothing is copied."""
    return pictures.unfold(-2, side, 1).unfold(-2, side, 1)


def bounds(
    at: Float[Tensor, "M 3"], scale: Float[Tensor, " M"], reach: Float[Tensor, " M"], size: int
) -> Float[Tensor, "2 M 2"]:
    """The first and the last column and row (as pixel coordinates) that an object's soft edge can reach.

    A sphere about the object's middle holds it; a plane through the camera that touches the sphere bounds its picture.
    """
    ahead = at[:, 2].clamp_min(1e-6)
    reach = reach + 0.5 * ahead / (FOCAL * size * scale * SLOPE)  # an edge is soft over half a pixel to each side
    radius = (scale * (reach**2 + (BEND / 2 * reach**2) ** 2).sqrt())[:, None]
    across, ahead = at[:, :2], ahead[:, None]
    to_plane = radius * (across**2 + ahead**2 - radius**2).clamp_min(0).sqrt()
    tangents = torch.stack([across * ahead - to_plane, across * ahead + to_plane]) / (ahead**2 - radius**2)
    whole = torch.tensor([-1.0, 1.0]).to(at)[:, None, None] / FOCAL  # around a camera that is inside of the sphere
    return size * (0.5 + FOCAL * torch.where(ahead > radius, tangents, whole))


def windows(stage: Stage, x: Float[Tensor, "1 1 W"], y: Float[Tensor, "1 H 1"]) -> list[Windows]:
    """The windows of all objects that are there, those of one side together."""
    size, (b, k), device = x.shape[-1], stage.present.shape, x.device
    at, scale = stage.cards.at.cpu(), stage.cards.scale.cpu()
    ranks = at[:, 2].view(b, k).masked_fill(~stage.present, -1).argsort(dim=1, descending=True).argsort(dim=1).flatten()
    low, high = bounds(at, scale, REACH[stage.labels.flatten()].to(at), size)
    first = (low - 0.5).ceil().clamp(0, size - 1).long()  # pixel c has its centre at c + ½
    last = (high - 0.5).floor().clamp(0, size - 1).long()
    sides = ((last - first).amax(1) // STEP + 1).mul(STEP).clamp(max=size)
    corners = torch.minimum(first, size - sides[:, None])
    found = []
    for side in sides[stage.present.flatten()].unique().tolist():
        objects = ((sides == side) & stage.present.flatten()).nonzero()[:, 0]
        objects = objects[ranks[objects].argsort(stable=True)]
        corner, steps = corners[objects].to(device), torch.arange(side, device=device)
        columns, rows = (corner[:, i, None] + steps for i in (0, 1))  # [M, w]
        found.append(
            Windows(
                objects=objects.to(device),
                views=(objects // k).to(device),
                slots=(objects % k).to(device),
                ends=ranks[objects].bincount(minlength=k).cumsum(0).tolist(),
                corner=corner,
                x=x[0, 0, columns][:, None],
                y=y[0, rows],
                shapes=by_shape(stage.labels.flatten()[objects], device),
                cards=stage.cards.take(objects.to(device)),
            )
        )
    return found
