"""Real data behind one call: ``load("fashion_mnist", "train")``, ``photograph("cat")``, ``stereo_pair()``.

A set is looked for where it may already lie, then downloaded, and if the network is down a smaller one that is always
there takes its place and says so. A lesson never dies because a host does.

=================  ===============  =======  ==============================================  ============
name               train + test     image    classes                                         host is down
=================  ===============  =======  ==============================================  ============
``fashion_mnist``  60,000 + 10,000  1×28×28  10 garments                                     digits
``cifar10``        50,000 + 10,000  3×32×32  10 animals and vehicles                         scenes10
``cifar100``       50,000 + 10,000  3×32×32  100 things, in 20 superclasses                  scenes100
``digits``         1,437 + 360      1×28×28  10 handwritten digits                           always there
``scenes10``       10,000 + 2,000   3×32×32  10: five shapes in red and blue                 always there
``scenes100``      10,000 + 2,000   3×32×32  100: the shapes in 5 colours on 4 grounds       always there
=================  ===============  =======  ==============================================  ============
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from course_lib.data.built_in import digits, scene_set
from course_lib.data.cifar import cifar
from course_lib.data.errors import CorruptDataError, expect_name
from course_lib.data.fashion import fashion_mnist
from course_lib.data.image_set import ImageSet, channel_statistics
from course_lib.data.photographs import PHOTOGRAPHS, StereoPair, photograph, stereo_pair

__all__ = [
    "LOADERS", "PHOTOGRAPHS", "SPLITS", "CorruptDataError", "ImageSet", "StereoPair", "channel_statistics", "load",
    "photograph", "stereo_pair",
]  # fmt: skip

LOADERS: dict[str, Callable[[str], ImageSet]] = {  # each takes "train" or "test"
    "fashion_mnist": fashion_mnist,
    "digits": digits,
    "cifar10": partial(cifar, "cifar10"),
    "cifar100": partial(cifar, "cifar100"),
    "scenes10": partial(scene_set, "scenes10"),
    "scenes100": partial(scene_set, "scenes100"),
}
SPLITS = ("train", "fit", "validation", "test")


def load(name: str, split: str) -> ImageSet:
    """Load a data set.

    Args:
        name: one of the table above.
        split: ``train`` or ``test``; to choose between models, ``validation``, which is the last tenth of ``train``,
            and ``fit``, the other nine tenths. The splits are the same for everybody.

    Raises:
        ValueError: unknown name or split.
        CorruptDataError: a file is damaged; the message names it.
    """
    expect_name("data set", name, LOADERS)
    expect_name("split", split, SPLITS)
    if split == "test":
        return LOADERS[name]("test")
    train = LOADERS[name]("train")
    end = len(train) - len(train) // 10
    return {"train": train, "fit": train[:end], "validation": train[end:]}[split]
