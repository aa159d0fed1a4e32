"""Questions asked before a run, so that bad input costs a second and not an hour."""

from __future__ import annotations

import math

from course_lib.data.datasets import ImageSet
from course_lib.ops import expect


def positive(name: str, value: object, advice: str) -> None:
    """Refuse what is not a number above zero."""
    if not isinstance(value, int | float) or not 0 < value < math.inf:
        raise ValueError(f"{name} must be a number above 0, got {value!r}: {advice}.")


def check_options(
    *, epochs: int, batch_size: int, clip_norm: float | None, keep: str, validation: ImageSet | None
) -> None:
    """Refuse numbers that train nothing, and a choice without a set to choose by."""
    expect.whole("epochs", epochs, least=1)
    expect.whole("batch_size", batch_size, least=1)
    if clip_norm is not None:
        positive("clip_norm", clip_norm, "1.0 is a common choice, None clips nothing")
    expect.one_of("keep", keep, ("last", "best"))
    if keep == "best" and validation is None:
        raise ValueError(
            "keep is 'best', but there is no validation set to choose by: pass validation=…, a part of the training set "
            "that you hold out. Choosing by the test set would be peeking."
        )


def check_sets(**sets: ImageSet) -> None:
    """Refuse an empty set, and one whose labels are not one whole number an image."""
    for name, images in sets.items():
        if len(images) == 0:
            raise ValueError(f"{name} is empty, expected at least one labelled image: check how the set was cut.")
        if images.labels.shape != (len(images),) or images.labels.is_floating_point():
            raise ValueError(
                f"{name}.labels must hold one class number an image, {len(images)} integers, got {images.labels.dtype} of "
                f"shape {tuple(images.labels.shape)}: cut images and labels alike, and give indices, not one-hot rows."
            )


def check_labels(classes: int, **sets: ImageSet) -> None:
    """Refuse labels for which the model, with this many logits, has no answer."""
    for name, images in sets.items():
        low, high = images.labels.min().item(), images.labels.max().item()
        if low < 0 or high >= classes:
            raise ValueError(
                f"{name}.labels run from {low} to {high}, but the model tells {classes} classes apart, 0 to {classes - 1}: "
                f"build it with num_classes={high + 1}, or number the labels from 0."
            )
