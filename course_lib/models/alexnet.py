"""AlexNet: *ImageNet classification with deep convolutional neural networks* (Krizhevsky, Sutskever, Hinton, 2012).

================  ===========  =============  ===============================================================
builder           parameters   multiply-adds  reference
================  ===========  =============  ===============================================================
``alexnet_2012``  60,965,224   0.724 G        18.2 % top-5 error, one network; 15.4 % for an ensemble of seven
``alexnet``       61,100,840   0.714 G        56.5 % top-1 with torchvision's weights
================  ===========  =============  ===============================================================

Two networks carry the name. ``alexnet_2012`` is the lecture's, for 227×227 images: 96 first filters, local response
normalisation, and groups, because it was trained on two GPUs that talked only in some layers. ``alexnet`` is torchvision's, the
later single-column form (Krizhevsky 2014) for 224×224: 64 first filters, neither normalisation nor groups. Taught in lecture 06.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder


class AlexNet(nn.Module):
    """torchvision's AlexNet: one column.

    Args:
        num_classes: length of the output.
        dropout: share of the linear layers' inputs that is dropped in training.
    """

    def __init__(self, num_classes: int = 1000, *, dropout: float = 0.5):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 11, stride=4, padding=2),  # [B, 64, 55, 55]
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # [B, 64, 27, 27]
            nn.Conv2d(64, 192, 5, padding=2),  # [B, 192, 27, 27]
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # [B, 192, 13, 13]
            nn.Conv2d(192, 384, 3, padding=1),  # [B, 384, 13, 13]
            nn.ReLU(inplace=True),
            nn.Conv2d(384, 256, 3, padding=1),  # [B, 256, 13, 13]
            nn.ReLU(inplace=True),
            nn.Conv2d(256, 256, 3, padding=1),  # [B, 256, 13, 13]
            nn.ReLU(inplace=True),
            nn.MaxPool2d(3, stride=2),  # [B, 256, 6, 6]
        )
        self.avgpool = nn.AdaptiveAvgPool2d(6)  # changes nothing at 224×224; other sizes become possible
        self.classifier = _classifier(num_classes, dropout)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B classes"]:
        expect_images(x, channels=3, smallest=63)
        return self.classifier(self.avgpool(self.features(x)).flatten(1))


class AlexNet2012(nn.Module):
    """The lecture's AlexNet, row by row.

    Normalisation follows pooling, as in the deck's table (and in Caffe's widespread copy); the paper normalised first. The paper
    says 224×224, but only 227 gives 55 = (227 − 11)/4 + 1.
    """

    def __init__(self, num_classes: int = 1000, *, dropout: float = 0.5):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 96, 11, stride=4)  # [B, 96, 55, 55]
        self.pool1 = nn.MaxPool2d(3, stride=2)  # [B, 96, 27, 27]
        self.norm1 = _response_norm()
        self.conv2 = nn.Conv2d(96, 256, 5, padding=2, groups=2)  # [B, 256, 27, 27]
        self.pool2 = nn.MaxPool2d(3, stride=2)  # [B, 256, 13, 13]
        self.norm2 = _response_norm()
        self.conv3 = nn.Conv2d(256, 384, 3, padding=1)  # [B, 384, 13, 13]: here the two GPUs talk
        self.conv4 = nn.Conv2d(384, 384, 3, padding=1, groups=2)  # [B, 384, 13, 13]
        self.conv5 = nn.Conv2d(384, 256, 3, padding=1, groups=2)  # [B, 256, 13, 13]
        self.pool3 = nn.MaxPool2d(3, stride=2)  # [B, 256, 6, 6]
        self.relu = nn.ReLU(inplace=True)
        self.classifier = _classifier(num_classes, dropout)
        for name, module in self.named_modules():  # section 5 of the paper
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                nn.init.normal_(module.weight, std=0.01)
                # Ones "in the second, fourth, and fifth convolutional layers, as well as in the fully-connected hidden layers".
                nn.init.constant_(
                    module.bias, float(name in {"conv2", "conv4", "conv5", "classifier.1", "classifier.4"})
                )

    def forward(self, x: Float[Tensor, "B 3 227 227"]) -> Float[Tensor, "B classes"]:
        expect_images(x, channels=3, only=227)
        x = self.norm1(self.pool1(self.relu(self.conv1(x))))
        x = self.norm2(self.pool2(self.relu(self.conv2(x))))
        x = self.relu(self.conv3(x))
        x = self.relu(self.conv4(x))
        x = self.pool3(self.relu(self.conv5(x)))
        return self.classifier(x.flatten(1))


def _classifier(num_classes: int, dropout: float) -> nn.Sequential:
    return nn.Sequential(
        nn.Dropout(dropout),
        nn.Linear(256 * 6 * 6, 4096),
        nn.ReLU(inplace=True),
        nn.Dropout(dropout),
        nn.Linear(4096, 4096),
        nn.ReLU(inplace=True),
        nn.Linear(4096, num_classes),
    )


def _response_norm() -> nn.LocalResponseNorm:
    """The paper's constants, n = 5, α = 1e-4, β = 0.75, k = 2; torch divides α by n, hence the 5."""
    return nn.LocalResponseNorm(5, alpha=5 * 1e-4, beta=0.75, k=2.0)


@builder
def alexnet(num_classes: int = 1000, **options) -> AlexNet:
    """torchvision's AlexNet, for 224×224 images; options go to :class:`AlexNet`."""
    return AlexNet(num_classes, **options)


@builder
def alexnet_2012(num_classes: int = 1000, **options) -> AlexNet2012:
    """The lecture's AlexNet, for 227×227 images; options go to :class:`AlexNet2012`."""
    return AlexNet2012(num_classes, **options)
