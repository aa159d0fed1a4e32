"""Labelled images in memory, with what is needed to normalise them."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import torch
from jaxtyping import Bool, Float, Int, UInt8
from torch import Tensor

from course_lib.data.errors import CorruptDataError


@dataclass(frozen=True)
class ImageSet:
    """Labelled images, in memory, as they are stored: small enough to keep whole and normalise on the device.

    ``train_set[:1000]`` and ``train_set[indices]`` are image sets, too.

    Raises:
        CorruptDataError: images and labels do not belong together.
    """

    name: str
    images: UInt8[Tensor, "N C H W"]
    labels: Int[Tensor, " N"]  # indices into `classes`
    classes: tuple[str, ...]
    mean: tuple[float, ...]  # of each channel of the training images, on the scale 0..1
    std: tuple[float, ...]
    source: str  # where the bytes came from
    coarse_labels: Int[Tensor, " N"] | None = None  # indices into `coarse_classes`, where a set has superclasses
    coarse_classes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for labels, classes in ((self.labels, self.classes), (self.coarse_labels, self.coarse_classes)):
            if labels is not None and len(labels) != len(self.images):
                raise CorruptDataError(
                    f"{self.name} from {self.source} has {len(self.images)} images but {len(labels)} labels: "
                    "delete its files and load again."
                )
            if labels is not None and len(labels) and labels.max() >= len(classes):
                raise CorruptDataError(
                    f"{self.name} from {self.source} has a label {int(labels.max())} but only {len(classes)} classes: "
                    "delete its files and load again."
                )

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: slice | Int[Tensor, " M"] | Bool[Tensor, " N"]) -> ImageSet:
        if not isinstance(index, slice | Tensor) or (isinstance(index, Tensor) and index.ndim != 1):
            raise TypeError(f"An image set is cut with a slice or a list of indices as a tensor; got {index!r}.")
        coarse = None if self.coarse_labels is None else self.coarse_labels[index]
        return dataclasses.replace(self, images=self.images[index], labels=self.labels[index], coarse_labels=coarse)

    def inputs(self, device: torch.device | str = "cpu") -> Float[Tensor, "N C H W"]:
        """Float images whose channels have zero mean and unit variance over the training set, on ``device``."""
        mean, std = (torch.tensor(numbers, device=device)[:, None, None] for numbers in (self.mean, self.std))
        return (self.images.to(device).float() / 255 - mean) / std


def channel_statistics(images: UInt8[Tensor, "N C H W"]) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel on the scale 0..1, from how often each of the 256 values occurs."""
    values = torch.arange(256, dtype=torch.float64) / 255
    counts = torch.stack([channel.flatten().bincount(minlength=256) for channel in images.unbind(1)])  # [C, 256]
    shares = counts.double() / counts.sum(1, keepdim=True)
    mean = shares @ values  # [C]
    variance = (shares * (values - mean[:, None]) ** 2).sum(1)
    return tuple(mean.tolist()), tuple(variance.sqrt().tolist())
