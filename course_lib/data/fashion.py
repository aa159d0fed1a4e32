"""Fashion-MNIST (Xiao, Rasul, Vollgraf 2017), and the IDX format in which the MNIST family is stored."""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor

from course_lib.data import built_in, places
from course_lib.data.errors import CorruptDataError
from course_lib.data.image_set import ImageSet

DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package dataset-fashion-mnist puts the four files
CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
STEMS = {"train": "train", "test": "t10k"}
MEAN, STD = (0.2860,), (0.3530,)


def fashion_mnist(split: str) -> ImageSet:
    """From the cache, else Debian's copy, else by torchvision's download; digits where that fails."""
    downloaded = places.cache_dir() / "FashionMNIST" / "raw"
    for folder in (downloaded, DEBIAN):
        if find(folder, split, "images-idx3") and find(folder, split, "labels-idx1"):
            return read_fashion(folder, split)
    if places.fetch(
        "Fashion-MNIST",
        download_fashion,
        instead="scikit-learn's 1,797 digits",
        cure="`apt-get install dataset-fashion-mnist` brings it on Debian or Ubuntu",
    ):
        return read_fashion(downloaded, split)
    return built_in.digits(split)


def download_fashion() -> None:
    """Bring the four files into the cache; torchvision checks the MD5 sum of each."""
    from torchvision.datasets import FashionMNIST  # here, because torchvision takes a second to import

    FashionMNIST(places.cache_dir(), download=True)


def find(folder: Path, split: str, kind: str) -> Path | None:
    """The file of a split, as it is or gzipped."""
    stem = folder / f"{STEMS[split]}-{kind}-ubyte"
    return next((path for path in (stem, stem.with_name(stem.name + ".gz")) if path.is_file()), None)


def read_fashion(folder: Path, split: str) -> ImageSet:
    """Read the two files of a split."""
    images = read_idx(find(folder, split, "images-idx3"), axes=3)[:, None]  # [N, 1, 28, 28]
    labels = read_idx(find(folder, split, "labels-idx1"), axes=1).long()
    return ImageSet("fashion_mnist", images, labels, CLASSES, MEAN, STD, source=str(folder))


def read_idx(path: Path, axes: int) -> UInt8[Tensor, "..."]:
    """Read one file of the IDX format, gzipped or not.

    The header is two zero bytes, a type byte (8: unsigned byte), the number of axes, then each axis' length as a
    big-endian 32-bit number; the pixels follow.

    Raises:
        CorruptDataError: the file is damaged, or has another number of axes.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, zlib.error) as error:
        raise CorruptDataError(f"{path} cannot be unpacked ({error}): delete it and load again.") from error
    start = 4 + 4 * axes
    if len(raw) < start or raw[:4] != bytes([0, 0, 8, axes]):
        raise CorruptDataError(f"{path} is not an IDX file of bytes with {axes} axes: delete it and load again.")
    shape = np.frombuffer(raw, ">u4", count=axes, offset=4).tolist()
    if len(raw) - start != math.prod(shape):
        raise CorruptDataError(
            f"{path} promises shape {shape} but holds {len(raw) - start} bytes: delete it and load again."
        )
    return torch.from_numpy(np.frombuffer(raw, np.uint8)[start:].reshape(shape).copy())
