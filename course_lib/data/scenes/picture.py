"""One scene and all its truths, side by side: the figure to keep beside the code that learns them.

The only module of the package that draws; the others do without matplotlib.
"""

from __future__ import annotations

from collections.abc import Sequence

import matplotlib
import matplotlib.pyplot as plt
import torch
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from torch import Tensor

from course_lib import viz
from course_lib.data.scenes.batch import SceneBatch
from course_lib.data.scenes.words import ACTIONS, CLASSES, SEMANTIC

INSTANCES = (viz.ORANGE, viz.SKY, viz.GREEN, viz.YELLOW, viz.PURPLE, viz.BLUE, viz.VERMILION)
SEMANTIC_COLOURS = (viz.PALE, "#cfe3f2", *INSTANCES, "#7a5c3e")


def truths(batch: SceneBatch, index: int = 0, *, frame: int = 0, only: Sequence[str] = ()) -> Figure:
    """Draw one frame of one scene, twelve ways.

    Args:
        batch: with all truths, and at least one frame after the one to draw if its flow is to be seen.
        index: which scene.
        frame: which frame of it.
        only: titles of the panels to draw, larger; by default all, under the scene's caption.

    Raises:
        ValueError: the batch lacks a truth that is to be drawn, or there is no such panel.
    """
    there = batch.present[index].cpu().nonzero()[:, 0].tolist()
    labels = batch.labels[index].tolist()

    def of(truth: Tensor | None) -> Tensor:
        if truth is None:
            raise ValueError("The batch lacks a truth to draw; sample it with truths=None, which brings all of them.")
        return truth[index, frame].detach().cpu()

    image = of(batch.images)
    panels = {
        "image": lambda ax: _show(ax, image),
        "boxes": lambda ax: _boxes(ax, image, of(batch.boxes), of(batch.visible_boxes), labels, there),
        "keypoints": lambda ax: _keypoints(ax, image, of(batch.keypoints), there),
        "semantic": lambda ax: _semantic(ax, of(batch.semantic)),
        "instances": lambda ax: _overlay(ax, image, of(batch.masks)),
        "amodal masks": lambda ax: _overlay(ax, image, of(batch.amodal)),
        "depth": lambda ax: _show(ax, of(batch.depth), cmap="viridis_r"),
        "normals": lambda ax: _show(ax, (of(batch.normals) * torch.tensor([0.5, -0.5, -0.5])[:, None, None] + 0.5)),
        "albedo": lambda ax: _show(ax, of(batch.albedo).clamp(0, 1)),
        "shading": lambda ax: _show(ax, of(batch.shading), cmap="gray", vmin=0),
    }
    if batch.flow is not None and frame < batch.flow.shape[1]:
        panels["flow to the next frame"] = lambda ax: _flow(ax, image, of(batch.flow), of(batch.flow_visible))
    panels["camera and words"] = lambda ax: _words(ax, batch, index, frame)
    if set(only) - panels.keys():
        raise ValueError(f"There is no panel {min(set(only) - panels.keys())!r}; choose among: {', '.join(panels)}.")
    names, rows, side = (only, 1, 2.4) if only else (tuple(panels), 2, 1.9)
    columns = -(-len(names) // rows)
    fig, axes = plt.subplots(rows, columns, figsize=(side * columns, (side + 0.25) * rows), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, name in zip(axes.flat, names):
        ax.set_title(name, fontsize=9, fontweight="normal")
        panels[name](ax)
    if not only:
        fig.suptitle(batch.captions[index], fontsize=11, fontweight="bold")
    return fig


def grid(
    images: Float[Tensor, "N 3 H W"], titles: Sequence[str] = (), *, columns: int, title: str = "", side: float = 1.2
) -> Figure:
    """Pictures in colour, row by row; titles, if there are fewer than pictures, stand over the first row."""
    rows = -(-len(images) // columns)
    fig, axes = plt.subplots(rows, columns, figsize=(side * columns, side * rows + 0.3), squeeze=False)
    for ax in axes.flat:
        ax.set_axis_off()
    for ax, image in zip(axes.flat, images.detach().cpu()):
        _show(ax, image.clamp(0, 1))
    for ax, name in zip(axes.flat, titles):
        ax.set_title(name, fontsize=9, fontweight="normal")
    fig.suptitle(title, fontsize=11, fontweight="bold")
    return fig


def flow_colours(flow: Float[Tensor, "2 H W"]) -> Float[Tensor, "3 H W"]:
    """Direction as hue and length as saturation (Baker et al. 2011); nothing moves where it is white."""
    length = flow.norm(dim=0)
    hue = torch.atan2(flow[1], flow[0]) / (2 * torch.pi) % 1
    hsv = torch.stack([hue, (length / length.max().clamp_min(1e-6)).clamp(0, 1), torch.full_like(hue, 0.95)], dim=-1)
    return torch.from_numpy(matplotlib.colors.hsv_to_rgb(hsv.numpy())).movedim(-1, 0)


def _boxes(ax: Axes, image: Tensor, amodal: Tensor, visible: Tensor, labels: list[int], there: list[int]) -> None:
    _show(ax, image * 0.75 + 0.25)
    for k in there:
        for (x0, y0, x1, y1), line in ((amodal[k].tolist(), ":"), (visible[k].tolist(), "-")):
            if x1 > x0:
                ax.add_patch(
                    Rectangle((x0 - 0.5, y0 - 0.5), x1 - x0, y1 - y0, fill=False, ls=line, lw=1.6, ec=_instance(k))
                )
        x0, y0, x1, _ = visible[k].tolist()
        if x1 > x0:
            style = {
                "fontsize": 6.5,
                "color": viz.INK,
                "bbox": {"boxstyle": "square,pad=0.12", "fc": _instance(k), "ec": "none"},
            }
            ax.text(x0 - 0.5, y0 - 0.5, CLASSES[labels[k]], va="bottom", clip_on=True, **style)


def _keypoints(ax: Axes, image: Tensor, keypoints: Tensor, there: list[int]) -> None:
    _show(ax, image * 0.6 + 0.4)
    for k in there:
        for x, y, flag in keypoints[k].tolist():
            if flag:
                look = {"mfc": _instance(k) if flag == 2 else "none", "mec": viz.INK if flag == 2 else _instance(k)}
                ax.plot(x - 0.5, y - 0.5, "o", ms=4.5, mew=0.7 if flag == 2 else 1.4, **look)


def _semantic(ax: Axes, semantic: Tensor) -> None:
    _show(ax, semantic, cmap=matplotlib.colors.ListedColormap(SEMANTIC_COLOURS), vmin=-0.5, vmax=len(SEMANTIC) - 0.5)
    for label in semantic.unique().tolist():
        row, column = _inner_point(semantic == label)
        ax.text(column, row, SEMANTIC[label], fontsize=6.5, ha="center", va="center")


def _inner_point(mask: Tensor) -> tuple[int, int]:
    """The pixel of a mask that erosion reaches last, so that a label lies inside."""
    inside = mask.float()[None, None]
    while True:
        outside = torch.nn.functional.pad(1 - inside, (1, 1, 1, 1), value=1)
        eroded = 1 - torch.nn.functional.max_pool2d(outside, 3, 1)
        if not eroded.any():
            where = inside[0, 0].nonzero().float()
            return tuple(where[(where - where.mean(0)).norm(dim=1).argmin()].int().tolist())
        inside = eroded


def _overlay(ax: Axes, image: Tensor, masks: Tensor) -> None:
    shown = 0.35 * image.mean(0, keepdim=True).expand(3, -1, -1) + 0.5
    for k, mask in enumerate(masks.float()):
        shown = shown + 0.6 * mask * (torch.tensor(matplotlib.colors.to_rgb(_instance(k)))[:, None, None] - shown)
    _show(ax, shown.clamp(0, 1))
    for k, mask in enumerate(masks):
        if mask.any() and not mask.all():
            ax.contour(mask.numpy(), levels=[0.5], colors=[_instance(k)], linewidths=1.2)


def _flow(ax: Axes, image: Tensor, flow: Tensor, visible: Tensor) -> None:
    _show(ax, torch.where(visible, flow_colours(flow), 0.25))
    step = max(1, image.shape[-1] // 12)
    rows, columns = torch.meshgrid(*[torch.arange(step // 2, image.shape[-1], step)] * 2, indexing="ij")
    moves = (flow[:, rows, columns] * (flow[:, rows, columns].norm(dim=0) > 0.1)).numpy()
    ax.quiver(
        columns.numpy(), rows.numpy(), *moves, angles="xy", scale_units="xy", scale=0.35, width=0.008, color=viz.INK
    )


def _words(ax: Axes, batch: SceneBatch, index: int, frame: int) -> None:
    pose = [f"{number:+.2f}" for number in batch.poses[index, frame].tolist()]
    lines = ["position", *pose[:3], "", "quaternion", *pose[3:], "", "class", CLASSES[batch.labels[index, 0]]]
    if batch.images.shape[1] > 1:
        lines += ["", "action", ACTIONS[batch.actions[index]]]
    for i, line in enumerate(lines):
        heading = line.isalpha() and line in ("position", "quaternion", "class", "action")
        ax.text(
            0.5, 1 - (i + 0.5) / len(lines), line, ha="center", va="center", fontsize=7.5, alpha=0.6 if heading else 1
        )


def _show(ax: Axes, image: Tensor, **look: object) -> None:
    """A map [H, W], or an image [3, H, W] in 0..1."""
    ax.imshow((image.movedim(0, -1) if image.ndim == 3 else image).numpy(), **look)


def _instance(k: int) -> str:
    return INSTANCES[k % len(INSTANCES)]
