"""Figures: one look, one way to show them, and alt text on every one.

Colours are Okabe and Ito's, told apart by colour-blind readers too. On the site, figures of lines and letters follow dark
mode; those with a photograph or a colour map keep their light ground, so that these stay true.
"""

from __future__ import annotations

import base64
import html
import io
import os
from collections.abc import Callable, Sequence
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import torch
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.figure import Figure

BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, YELLOW = PALETTE = (
    "#0072B2", "#E69F00", "#009E73", "#D55E00", "#CC79A7", "#56B4E9", "#F0E442",
)  # fmt: skip
INK, GROUND, PALE = "#24292f", "#fdfcf9", "#e6e4dc"
DRAWN = "drawn"  # the class of what follows dark mode
DPI = 144  # two screen pixels a unit: figures are shown at half their pixel size

STYLE = {
    "axes.edgecolor": INK,
    "axes.facecolor": GROUND,
    "axes.grid": False,
    "axes.labelcolor": INK,
    "axes.prop_cycle": matplotlib.cycler(color=PALETTE),
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "figure.constrained_layout.use": True,
    "figure.facecolor": GROUND,
    "font.size": 10,
    "image.cmap": "gray",
    "image.interpolation": "nearest",
    "legend.frameon": False,
    "lines.linewidth": 2,
    "text.color": INK,
    "xtick.color": INK,
    "ytick.color": INK,
}
plt.rcParams.update(STYLE)


def show(fig: Figure, alt: str) -> None:
    """Display a figure with its alt text and close it. Outside a notebook, print the alt text instead.

    Args:
        alt: what the figure shows, in a sentence, for a reader who cannot see it.
    """
    if not alt.strip():
        raise ValueError("Every figure needs alt text: say in a sentence what it shows.")
    if not _in_notebook():
        print(f"[figure] {alt}")
        plt.close(fig)
        return
    from IPython.display import display

    data, metadata = _bundle(fig, alt)
    display(data, metadata=metadata, raw=True)


def knob(draw: Callable[[Any], Figure], alt: Callable[[Any], str], *, default: int = 0, **choices: Sequence) -> None:
    """One slider over a figure: live in a notebook, frame by frame on the static page.

    ``viz.knob(draw, alt, stride=[1, 2, 3])`` shows ``draw(stride)`` for the chosen value.

    Args:
        draw: makes the figure for a value.
        alt: says what the figure shows for a value.
        default: index of the value shown first.
        choices: exactly one keyword, the knob's name, and the values it can take.
    """
    if len(choices) != 1:
        raise ValueError(f"A knob turns one thing; got {len(choices)} ({', '.join(choices) or 'none'}).")
    ((name, values),) = choices.items()
    if os.environ.get("COURSE_BUILD"):  # the book: every frame is drawn now, the page's script flips them
        from IPython.display import HTML, display

        display(HTML(_static_knob(draw, alt, name, list(values), default)))
    elif not _in_notebook():
        show(draw(values[default]), alt(values[default]))
    else:
        _live_knob(draw, alt, name, list(values), default)


def _live_knob(draw: Callable, alt: Callable, name: str, values: list, default: int) -> None:
    import ipywidgets
    from IPython.display import display

    slider = ipywidgets.SelectionSlider(options=values, value=values[default], description=name.replace("_", " "))
    data, metadata = _bundle(draw(slider.value), alt(slider.value))
    handle = display(data, metadata=metadata, raw=True, display_id=True)

    def redraw(change: dict) -> None:
        data, metadata = _bundle(draw(change["new"]), alt(change["new"]))
        handle.update(data, metadata=metadata, raw=True)

    slider.observe(redraw, names="value")
    display(slider)


def _static_knob(draw: Callable, alt: Callable, name: str, values: list, default: int) -> str:
    frames = "".join(
        _static_frame(draw(value), alt(value), str(value), hidden=i != default) for i, value in enumerate(values)
    )
    return (
        f'<div class="knob" data-name="{name}"><label>{name.replace("_", " ")} <input type="range" min="0" '
        f'max="{len(values) - 1}" step="1" value="{default}" hidden> <output>{values[default]}</output></label>{frames}</div>'
    )


def _static_frame(fig: Figure, alt: str, value: str, *, hidden: bool) -> str:
    data, metadata = _bundle(fig, alt)
    classes = " ".join(["knob-frame", *metadata["image/png"]["classes"]])
    return (
        f'<img class="{classes}" data-value="{html.escape(value)}" alt="{html.escape(alt)}" '
        f'src="data:image/png;base64,{data["image/png"]}"{" hidden" if hidden else ""}>'
    )


def _in_notebook() -> bool:
    try:
        from IPython import get_ipython
    except ImportError:
        return False
    return hasattr(get_ipython(), "kernel")


def _png(fig: Figure) -> tuple[bytes, int]:
    """The figure as PNG bytes, and its width in screen pixels. Closes the figure."""
    buffer = io.BytesIO()
    fig.savefig(buffer, dpi=DPI, bbox_inches="tight", pad_inches=0.12)
    plt.close(fig)
    data = buffer.getvalue()
    return data, int.from_bytes(data[16:20], "big") // 2  # the PNG header holds its width


def _is_drawn(fig: Figure) -> bool:
    """Whether a figure is lines, areas and letters alone: nothing in it whose colours are values, such as a photograph."""
    coloured = fig.findobj(lambda each: isinstance(each, ScalarMappable) and each.get_array() is not None)
    return all(each.get_gid() == DRAWN for each in coloured)


def _bundle(fig: Figure, alt: str) -> tuple[dict, dict]:
    classes = [DRAWN] if _is_drawn(fig) else []
    data, width = _png(fig)
    return {"image/png": base64.b64encode(data).decode(), "text/plain": alt}, {
        "image/png": {"alt": alt, "width": width, "classes": classes}
    }


def image_grid(
    images: torch.Tensor,
    *,
    titles: Sequence[str] = (),
    columns: int | None = None,
    size: float = 1.1,
    title: str = "",
    symmetric: bool = False,
) -> Figure:
    """Small pictures side by side.

    Args:
        images: [N, H, W] or [N, 1, H, W], any range.
        titles: one a picture.
        size: side of each picture, in inches.
        symmetric: centre the colours on zero (for weights): orange below, blue above.
    """
    images = images.detach().cpu().float().reshape(len(images), *images.shape[-2:])
    columns = columns or min(len(images), 8)
    rows = -(-len(images) // columns)
    fig, axes = plt.subplots(
        rows, columns, figsize=(columns * size, rows * (size + 0.25 * bool(titles))), squeeze=False
    )
    limit = images.abs().max().item() or 1.0
    look = {"cmap": "PuOr", "vmin": -limit, "vmax": limit} if symmetric else {}
    for i, ax in enumerate(axes.flat):
        ax.axis("off")
        if i < len(images):
            ax.imshow(images[i], **look)
            if titles:
                ax.set_title(titles[i], fontsize=8, fontweight="normal")
    fig.suptitle(title, fontsize=11, fontweight="bold")
    return fig


def number_grid(
    ax: Axes,
    values: torch.Tensor | np.ndarray,
    *,
    title: str = "",
    highlight: torch.Tensor | np.ndarray | None = None,
    colour: str = SKY,
) -> None:
    """A matrix written out cell by cell, some cells coloured.

    Args:
        values: [H, W] of numbers; NaN leaves the cell empty.
        highlight: [H, W] of weights in 0..1, how strongly each cell is coloured.
    """
    values = np.asarray(values, dtype=float)
    strength = np.zeros(values.shape) if highlight is None else np.asarray(highlight, dtype=float)
    rgb = np.array(matplotlib.colors.to_rgb(colour))
    ax.imshow(1 - strength[..., None] * (1 - rgb) * 0.75, vmin=0, vmax=1, gid=DRAWN)
    for (row, column), value in np.ndenumerate(values):
        if not np.isnan(value):
            ax.text(column, row, f"{value:g}", ha="center", va="center", fontsize=9, color=INK)
    height, width = values.shape
    ax.set_xticks(np.arange(width + 1) - 0.5, [])
    ax.set_yticks(np.arange(height + 1) - 0.5, [])
    ax.grid(color=PALE, linewidth=1)
    ax.tick_params(length=0)
    ax.set_title(title, fontsize=9, fontweight="normal")
    for spine in ax.spines.values():
        spine.set(visible=True, color=INK, linewidth=0.8)
