"""Bad input is refused with a sentence: which argument, what came, what was expected, what to do.

Broadcasting would often make *some* result out of a wrong shape; a check at the door keeps that from passing silently.
"""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor


def tensor(name: str, value: object, axes: str) -> None:
    """Refuse anything but a floating-point tensor with these axes: ``"B C H W"`` exactly, ``"B C ..."`` at least."""
    layout = f"[{', '.join(axes.split())}]"
    if not isinstance(value, Tensor):
        raise TypeError(
            f"{name} must be a tensor {layout}, got a {type(value).__name__}: make one with torch.tensor({name})."
        )
    wanted = len(axes.removesuffix("...").split())
    if value.ndim < wanted or (value.ndim > wanted and not axes.endswith("...")):
        advice = (
            f"add the missing axes, such as {name}[None] for a batch of one"
            if value.ndim < wanted
            else "merge or index the extra axes"
        )
        raise ValueError(f"{name} must have the axes {layout}, got shape {tuple(value.shape)}: {advice}.")
    if not value.is_floating_point():
        raise TypeError(
            f"{name} must hold floating-point numbers, got {value.dtype}: convert it with {name}.float() "
            f"(pixels stored as bytes: {name}.float() / 255)."
        )


def autocasting(x: Tensor) -> bool:
    """Whether autocast is on where ``x`` is. The device "meta", which has shapes only, knows none, and asking raises."""
    return x.device.type != "meta" and torch.is_autocast_enabled(x.device.type)


def same_dtype(**tensors: Tensor | None) -> None:
    """Refuse two precisions in one sum, unless autocast is there to bring them together."""
    (first, x), *others = tensors.items()
    for name, other in others:
        if other is not None and other.dtype != x.dtype and not autocasting(x):
            raise TypeError(
                f"{first} is {x.dtype} and {name} is {other.dtype}: convert one, as in {first}.to({name}.dtype)."
            )


def channels(name: str, x: Tensor, count: int) -> None:
    """Refuse a map whose depth, axis 1, is not ``count``."""
    if x.shape[1] != count:
        raise ValueError(
            f"{name} has {x.shape[1]} channels, expected {count}: channels are axis 1, as in [B, C, H, W]; "
            "permute the axes if they come last, or build the layer for this depth."
        )


def per_channel(x: Tensor, **vectors: Tensor) -> None:
    """Refuse a vector that has not one number for each channel of x."""
    for name, vector in vectors.items():
        if vector.shape != (x.shape[1],):
            raise ValueError(
                f"{name} must have one number a channel, shape ({x.shape[1]},), got {tuple(vector.shape)}."
            )


def whole(name: str, value: object, least: int, count: int = 1) -> tuple[int, ...]:
    """``value`` as ``count`` whole numbers: one number stands for all axes, a tuple gives each axis its own."""
    numbers = tuple(value) if isinstance(value, tuple | list) else (value,) * count
    if len(numbers) != count or not all(isinstance(n, int) and n >= least for n in numbers):
        pair = ", or a pair (vertical, horizontal) of them" if count == 2 else ""
        raise ValueError(f"{name} must be a whole number of at least {least}{pair}, got {value!r}.")
    return numbers


def share(name: str, value: float) -> None:
    """Refuse what is not a share of one."""
    if not 0 <= value <= 1:
        advice = f": for {value} percent write {value / 100:g}" if value > 1 else ""
        raise ValueError(f"{name} must lie between 0 and 1, got {value}{advice}.")


def one_of(name: str, value: object, options: Iterable[str]) -> None:
    """Refuse a word that is not in the list."""
    if value not in (options := list(options)):
        raise ValueError(f"{name} {value!r} is unknown: use one of {', '.join(map(repr, options))}.")
