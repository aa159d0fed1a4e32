"""CIFAR-10 and CIFAR-100 (Krizhevsky 2009): 60,000 colour photographs of 32×32 pixels in 10 or 100 classes.

Both are read from their author's *binary* archives. The Python archives, which torchvision downloads, are pickles, and
to read a pickle is to run whatever it says; so a copy that torchvision left behind is not used.
"""

from __future__ import annotations

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path

import torch

from course_lib.data import built_in, places
from course_lib.data.errors import CorruptDataError
from course_lib.data.image_set import ImageSet


@dataclass(frozen=True)
class Version:
    """What there is to know about an archive before it is opened."""

    title: str
    url: str
    md5: str
    folder: str  # in the archive
    files: dict[str, list[str]]  # by split: an image is its labels, a byte each, then 32·32 red, green and blue values
    class_files: list[str]  # the names that the label bytes stand for, a line each; one file a label byte
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    stand_in: str  # key of built_in.SCENES


VERSIONS = {
    "cifar10": Version(
        title="CIFAR-10",
        url="https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz",
        md5="c32a1d4ab5d03f1284b67883e8d87530",
        folder="cifar-10-batches-bin",
        files={"train": [f"data_batch_{i}.bin" for i in range(1, 6)], "test": ["test_batch.bin"]},
        class_files=["batches.meta.txt"],
        mean=(0.4914, 0.4822, 0.4465),
        std=(0.2470, 0.2435, 0.2616),
        stand_in="scenes10",
    ),
    "cifar100": Version(
        title="CIFAR-100",
        url="https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz",
        md5="03b5dce01913d631647c71ecec9e9cb8",
        folder="cifar-100-binary",
        files={"train": ["train.bin"], "test": ["test.bin"]},
        class_files=["coarse_label_names.txt", "fine_label_names.txt"],
        mean=(0.5071, 0.4865, 0.4409),
        std=(0.2673, 0.2564, 0.2762),
        stand_in="scenes100",
    ),
}


def cifar(name: str, split: str) -> ImageSet:
    """From the cache, else by download; scenes with as many classes where that fails."""
    version = VERSIONS[name]
    path = places.cache_dir() / version.url.rpartition("/")[2]
    if not path.is_file() and not places.fetch(
        version.title,
        lambda: places.download(version.url, version.md5),
        instead=f"{built_in.COUNTS['train']:,} rendered scenes",
        cure=f"where there is a network, put {version.url} into {path.parent}",
    ):
        return built_in.scene_set(version.stand_in, split)
    return read_cifar(path, name, split)


def read_cifar(path: Path, name: str, split: str) -> ImageSet:
    """Read one split out of the archive, without unpacking it to disk.

    Raises:
        CorruptDataError: the archive is not, byte by byte, the one its author published.
    """
    version = VERSIONS[name]
    with path.open("rb") as file:
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    if md5 != version.md5:
        raise CorruptDataError(
            f"{path} is damaged: its MD5 sum is {md5}, {version.title}'s is {version.md5}; delete it and load again."
        )
    wanted = {f"{version.folder}/{file}" for file in version.files[split] + version.class_files}
    with tarfile.open(path) as archive:  # one pass: to go back in it is to decompress it again
        found = {Path(entry.name).name: archive.extractfile(entry).read() for entry in archive if entry.name in wanted}
    classes = [tuple(found[file].decode().split()) for file in version.class_files]
    records = torch.frombuffer(bytearray().join(found[file] for file in version.files[split]), dtype=torch.uint8)
    records = records.view(-1, len(classes) + 3 * 32 * 32)  # [N, labels + pixels]
    *coarse_labels, labels = records[:, : len(classes)].long().unbind(1)  # the finest label comes last
    return ImageSet(
        name,
        records[:, len(classes) :].reshape(-1, 3, 32, 32),
        labels,
        classes[-1],
        version.mean,
        version.std,
        source=str(path),
        coarse_labels=coarse_labels[0] if coarse_labels else None,
        coarse_classes=classes[0] if coarse_labels else (),
    )
