"""MobileNetV2: *MobileNetV2: inverted residuals and linear bottlenecks* (Sandler, Howard, Zhu, Zhmoginov, Chen, 2018).

================  ==========  =============  ==================================
builder           parameters  multiply-adds  top-1 of torchvision's weights
================  ==========  =============  ==================================
``mobilenet_v2``  3,504,872   0.301 G        71.9 %
================  ==========  =============  ==================================

For one 224×224 image: better than ``alexnet`` by 15 points with 6 % of its parameters. Taught in lecture 09.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder
from course_lib.models.weights import he_init

# The paper's table 2: expansion, output channels, repeats, stride of the first.
STAGES = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1))


def conv_bn_relu6(in_channels: int, out_channels: int, kernel: int, stride: int = 1, groups: int = 1) -> nn.Sequential:
    """Convolution, BatchNorm, ReLU capped at 6, which survives 8-bit arithmetic."""
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """1×1 up, depthwise 3×3, 1×1 down without ReLU; the shortcut joins the narrow ends.

    Args:
        in_channels, out_channels: depths of the narrow ends.
        stride: of the depthwise convolution.
        expansion: the wide middle's depth over the input's.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, expansion: int):
        super().__init__()
        wide = in_channels * expansion
        up = [conv_bn_relu6(in_channels, wide, 1)] if expansion != 1 else []
        self.conv = nn.Sequential(
            *up,
            conv_bn_relu6(wide, wide, 3, stride, groups=wide),
            nn.Conv2d(wide, out_channels, 1, bias=False),  # a ReLU here would destroy what few channels hold
            nn.BatchNorm2d(out_channels),
        )
        self.residual = stride == 1 and in_channels == out_channels

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        return x + self.conv(x) if self.residual else self.conv(x)


class MobileNetV2(nn.Module):
    """A stem, seventeen inverted residuals, a global mean and one linear layer.

    Args:
        num_classes: length of the output.
        dropout: before the linear layer.
    """

    def __init__(self, num_classes: int = 1000, *, dropout: float = 0.2):
        super().__init__()
        layers, channels = [conv_bn_relu6(3, 32, 3, stride=2)], 32
        for expansion, width, repeats, stride in STAGES:
            for i in range(repeats):
                layers.append(InvertedResidual(channels, width, stride if i == 0 else 1, expansion))
                channels = width
        self.features = nn.Sequential(*layers, conv_bn_relu6(channels, 1280, 1))
        self.classifier = nn.Sequential(nn.Dropout(dropout), nn.Linear(1280, num_classes))
        he_init(self, linear_std=0.01)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B classes"]:
        expect_images(x, channels=3)
        return self.classifier(self.features(x).mean(dim=(2, 3)))


@builder
def mobilenet_v2(num_classes: int = 1000, **options) -> MobileNetV2:
    """MobileNetV2; options go to :class:`MobileNetV2`."""
    return MobileNetV2(num_classes, **options)
