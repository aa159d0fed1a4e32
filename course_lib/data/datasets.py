"""Real data sets behind one call: ``load("fashion_mnist", "train")``.

A set is looked for where it may already lie, then downloaded, and if the network is down a smaller one that ships with
scikit-learn takes its place and says so. A lesson never dies because a host does.
"""

from __future__ import annotations

import gzip
import os
import socket
import sys
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor
from torch.nn import functional as F

SPLITS = ("train", "test")
DEBIAN = Path("/usr/share/datasets/fashion-mnist")  # where Debian's package dataset-fashion-mnist puts the four files
FASHION_CLASSES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
FASHION_FILES = {"train": "train", "test": "t10k"}


class CorruptDataError(RuntimeError):
    """A data file is there but does not hold what its format promises."""


@dataclass(frozen=True)
class ImageSet:
    """Labelled images, in memory, as they are stored: small enough to keep whole and normalise on the device."""

    name: str
    images: UInt8[Tensor, "N C H W"]
    labels: Int[Tensor, " N"]
    classes: tuple[str, ...]
    mean: float  # of the training images, on the scale 0..1
    std: float
    source: str  # where the bytes came from

    def __len__(self) -> int:
        return len(self.images)

    def inputs(self, device: torch.device | str = "cpu") -> Float[Tensor, "N C H W"]:
        """Float images with zero mean and unit variance over the training set, on ``device``."""
        return (self.images.to(device).float() / 255 - self.mean) / self.std


def load(name: str, split: str) -> ImageSet:
    """Load a data set.

    Args:
        name: ``fashion_mnist`` (60,000 + 10,000 grey images of 28×28) or ``digits`` (scikit-learn's, enlarged to 28×28).
        split: ``train`` or ``test``; the splits are fixed.

    Raises:
        ValueError: unknown name or split.
        CorruptDataError: a file is damaged; the message names it.
    """
    if name not in LOADERS:
        raise ValueError(f"There is no data set {name!r}; choose one of: {', '.join(sorted(LOADERS))}.")
    if split not in SPLITS:
        raise ValueError(f"There is no split {split!r}; choose one of: {', '.join(SPLITS)}.")
    return LOADERS[name](split)


def cache_dir() -> Path:
    """Where downloads are kept: ``$COURSE_DATA``, else ``datasets`` in torch's own cache."""
    return Path(os.environ.get("COURSE_DATA") or Path(torch.hub.get_dir()).parent / "datasets")


def _fashion_mnist(split: str) -> ImageSet:
    for folder in (cache_dir() / "FashionMNIST" / "raw", DEBIAN):
        if _fashion_file(folder, split, "images-idx3") and _fashion_file(folder, split, "labels-idx1"):
            return _read_fashion(folder, split)
    try:
        _download_fashion()
    except (OSError, RuntimeError) as error:
        print(
            f"Fashion-MNIST is not on this machine and could not be downloaded ({error}). Going on with scikit-learn's 1,797 "
            "digits instead: the code is the same, the numbers are not. On Debian or Ubuntu, "
            "`apt-get install dataset-fashion-mnist` brings it.",
            file=sys.stderr,
        )
        return _digits(split)
    return _read_fashion(cache_dir() / "FashionMNIST" / "raw", split)


def _download_fashion() -> None:
    from torchvision.datasets import FashionMNIST  # here, because torchvision takes a second to import

    with _connection_timeout(20):
        FashionMNIST(cache_dir(), download=True)  # torchvision checks the MD5 of each file


@contextmanager
def _connection_timeout(seconds: float):
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _fashion_file(folder: Path, split: str, kind: str) -> Path | None:
    stem = folder / f"{FASHION_FILES[split]}-{kind}-ubyte"
    return next((p for p in (stem, stem.with_name(stem.name + ".gz")) if p.is_file()), None)


def _read_fashion(folder: Path, split: str) -> ImageSet:
    images = read_idx(_fashion_file(folder, split, "images-idx3"))[:, None]  # [N, 1, 28, 28]
    labels = read_idx(_fashion_file(folder, split, "labels-idx1")).long()
    return ImageSet("fashion_mnist", images, labels, FASHION_CLASSES, mean=0.2860, std=0.3530, source=str(folder))


def read_idx(path: Path) -> UInt8[Tensor, "..."]:
    """Read one file of the IDX format of the MNIST family, gzipped or not.

    The header is two zero bytes, a type byte (8: unsigned byte), the number of axes, then each axis' length as a big-endian
    32-bit number; the pixels follow.
    """
    try:
        raw = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (OSError, EOFError, gzip.zlib.error) as error:
        raise CorruptDataError(f"{path} cannot be unpacked ({error}): delete it and load again.") from error
    if len(raw) < 4 or raw[:3] != b"\0\0\x08":
        raise CorruptDataError(f"{path} is not an IDX file of bytes: delete it and load again.")
    axes = raw[3]
    shape = np.frombuffer(raw, ">i4", count=axes, offset=4).tolist() if len(raw) >= 4 + 4 * axes else [-1]
    start = 4 + 4 * axes
    if min(shape) < 0 or len(raw) - start != int(np.prod(shape)):
        raise CorruptDataError(f"{path} promises shape {shape} but holds {len(raw) - start} bytes: delete it and load again.")
    return torch.from_numpy(np.frombuffer(raw, np.uint8, offset=start).copy()).reshape(shape)


def _digits(split: str) -> ImageSet:
    from sklearn.datasets import load_digits

    data = load_digits()
    images = torch.from_numpy(data.images)[:, None].float() * (255 / 16)  # stored as 8×8 with values 0..16
    images = F.interpolate(images, size=28, mode="bilinear").clamp(0, 255).byte()
    test = torch.arange(len(images)) % 5 == 0  # every fifth image
    keep = test if split == "test" else ~test
    labels = torch.from_numpy(data.target).long()
    classes = tuple(str(digit) for digit in range(10))
    return ImageSet("digits", images[keep], labels[keep], classes, mean=0.3038, std=0.3246, source="scikit-learn")


LOADERS: dict[str, Callable[[str], ImageSet]] = {"fashion_mnist": _fashion_mnist, "digits": _digits}
