"""The data of the demos, written into the site when it is made; nothing of it lies in the repository.

`digits.json`: scikit-learn's 1797 digits, which the demo `train` learns. `photograph.png`: what the filter bench filters.
`garments.json`: what the demo `garment` begins with. `photographs/`, `imagenet.json`: what the demo `see` looks at, and its words.
The networks themselves are made by book/networks.py.
"""

from __future__ import annotations

import json
from base64 import b64encode
from pathlib import Path

from PIL import Image
from sklearn.datasets import load_digits
from sphinx.application import Sphinx
from torch.nn import functional
from torchvision.models import get_model_weights

from course_lib.data import datasets
from course_lib.data.photographs import photograph

ALPHABET = "0123456789abcdefg"  # a pixel is a character: ink 0 to 16
SIDE = 128
PHOTOGRAPHS = ("cat", "coffee", "rocket", "camera", "astronaut")  # all free of rights


def digits() -> str:
    """JSON: `labels`, a figure an image, and `images`, 64 characters an image, row by row. 117 kB, less than half of it zipped."""
    data = load_digits()
    ink = data.images.astype(int).ravel()  # [1797 * 64]
    return json.dumps({"labels": "".join(map(str, data.target)), "images": "".join(ALPHABET[value] for value in ink)})


def grey_photograph() -> Image.Image:
    """The astronaut, grey, 128 × 128."""
    grey = photograph("astronaut").mean(0)[None, None]  # [1, 1, 512, 512]
    small = functional.interpolate(grey, (SIDE, SIDE), mode="area")[0, 0]
    return Image.fromarray((small * 255).round().byte().numpy())


def garments() -> str:
    """JSON: `classes`, `mean` and `std` as in lecture 04, and `examples`, the first test image of each class, 784 bytes in base64."""
    data = datasets.load("fashion_mnist", "test")
    firsts = [data.images[(data.labels == k).nonzero()[0, 0], 0] for k in range(len(data.classes))]  # [28, 28] each
    examples = [b64encode(image.numpy().tobytes()).decode() for image in firsts]
    return json.dumps({"classes": data.classes, "mean": data.mean[0], "std": data.std[0], "examples": examples})


def whole_photograph(name: str) -> Image.Image:
    """A photograph as it is, in colour."""
    values = photograph(name).expand(3, -1, -1)  # [3, H, W]
    return Image.fromarray((values * 255).round().byte().permute(1, 2, 0).numpy())


def write(app: Sphinx, exception: Exception | None) -> None:
    """Sphinx's build-finished: put the files beside the demos' modules."""
    folder = Path(app.outdir) / "_static" / "demos"
    if exception is None and folder.is_dir():
        (folder / "digits.json").write_text(digits(), encoding="utf-8")
        grey_photograph().save(folder / "photograph.png")
        (folder / "garments.json").write_text(garments(), encoding="utf-8")
        words = get_model_weights("resnet18").IMAGENET1K_V1.meta["categories"]  # the 1000 classes in their order
        (folder / "imagenet.json").write_text(json.dumps(words), encoding="utf-8")
        (folder / "photographs").mkdir(exist_ok=True)
        for name in PHOTOGRAPHS:
            whole_photograph(name).save(folder / "photographs" / f"{name}.webp", quality=90)
