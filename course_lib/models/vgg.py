"""VGG: *Very deep convolutional networks for large-scale image recognition* (Simonyan, Zisserman, 2015).

=========  ===========  =============  ==============================
builder    parameters   multiply-adds  top-1 of torchvision's weights
=========  ===========  =============  ==============================
``vgg11``  132,863,336   7.609 G       69.0 %, with BatchNorm 70.4 %
``vgg13``  133,047,848  11.308 G       69.9 %, with BatchNorm 71.6 %
``vgg16``  138,357,544  15.470 G       71.6 %, with BatchNorm 73.4 %
``vgg19``  143,667,240  19.632 G       72.4 %, with BatchNorm 74.2 %
=========  ===========  =============  ==============================

For one 224×224 image. Nothing but 3×3 convolutions and halving: most of the memory is early, most of the parameters sit in the
first linear layer. ``models.table(models.walk(vgg16(), (3, 224, 224)))`` prints the table. Taught in lecture 06.

The lecture deck's VGG-16 table ends with "24 M activations, 93 MB an image". Its own rows (image, convolutions, poolings, linear
layers) sum to 15,237,608 numbers: 61 MB in float32. Stored ReLU outputs would make it 28.8 M, so neither count gives 24 M.
Its 138 M parameters are right: 138,344,128 weights in its rows, and 13,416 biases that it leaves out.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder
from course_lib.models.weights import he_init

# The columns of the paper's table 1: a number is a 3×3 convolution with so many filters, M halves the map.
CONFIGURATIONS = {
    "A": "64 M 128 M 256 256 M 512 512 M 512 512 M",
    "B": "64 64 M 128 128 M 256 256 M 512 512 M 512 512 M",
    "D": "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M",
    "E": "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M",
}


class VGG(nn.Module):
    """Convolutions from a line of text, then three linear layers.

    Args:
        configuration: numbers of filters and ``M`` for pooling, as in :data:`CONFIGURATIONS`.
        num_classes: length of the output.
        batch_norm: put BatchNorm between each convolution and its ReLU; the paper is older than BatchNorm.
        dropout: share of the hidden linear units that is dropped in training.
    """

    def __init__(self, configuration: str, num_classes: int = 1000, *, batch_norm: bool = False, dropout: float = 0.5):
        super().__init__()
        layers, channels = [], 3
        for word in configuration.split():
            if word == "M":
                layers.append(nn.MaxPool2d(2))
                continue
            layers.append(nn.Conv2d(channels, int(word), 3, padding=1))
            if batch_norm:
                layers.append(nn.BatchNorm2d(int(word)))
            layers.append(nn.ReLU(inplace=True))
            channels = int(word)
        self.features = nn.Sequential(*layers)
        self.avgpool = nn.AdaptiveAvgPool2d(7)  # changes nothing at 224×224; other sizes become possible
        self.classifier = nn.Sequential(
            nn.Linear(channels * 7 * 7, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, 4096),
            nn.ReLU(inplace=True),
            nn.Dropout(dropout),
            nn.Linear(4096, num_classes),
        )
        he_init(self, linear_std=0.01)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B classes"]:
        expect_images(x, channels=3, smallest=32)
        x = self.avgpool(self.features(x))  # [B, 512, 7, 7]
        return self.classifier(x.flatten(1))


@builder
def vgg11(num_classes: int = 1000, **options) -> VGG:
    """VGG-11, configuration A; options go to :class:`VGG`."""
    return VGG(CONFIGURATIONS["A"], num_classes, **options)


@builder
def vgg13(num_classes: int = 1000, **options) -> VGG:
    """VGG-13, configuration B; options go to :class:`VGG`."""
    return VGG(CONFIGURATIONS["B"], num_classes, **options)


@builder
def vgg16(num_classes: int = 1000, **options) -> VGG:
    """VGG-16, configuration D; options go to :class:`VGG`."""
    return VGG(CONFIGURATIONS["D"], num_classes, **options)


@builder
def vgg19(num_classes: int = 1000, **options) -> VGG:
    """VGG-19, configuration E; options go to :class:`VGG`."""
    return VGG(CONFIGURATIONS["E"], num_classes, **options)


@builder
def vgg11_bn(num_classes: int = 1000, **options) -> VGG:
    """VGG-11 with BatchNorm."""
    return vgg11(num_classes, batch_norm=True, **options)


@builder
def vgg13_bn(num_classes: int = 1000, **options) -> VGG:
    """VGG-13 with BatchNorm."""
    return vgg13(num_classes, batch_norm=True, **options)


@builder
def vgg16_bn(num_classes: int = 1000, **options) -> VGG:
    """VGG-16 with BatchNorm."""
    return vgg16(num_classes, batch_norm=True, **options)


@builder
def vgg19_bn(num_classes: int = 1000, **options) -> VGG:
    """VGG-19 with BatchNorm."""
    return vgg19(num_classes, batch_norm=True, **options)
