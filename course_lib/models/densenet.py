"""DenseNet: *Densely connected convolutional networks* (Huang, Liu, van der Maaten, Weinberger, 2017).

===============  ==========  =============  ==============================
builder          parameters  multiply-adds  top-1 of torchvision's weights
===============  ==========  =============  ==============================
``densenet121``   7,978,856  2.834 G        74.4 %
``densenet169``  14,149,480  3.360 G        75.6 %
``densenet201``  20,013,928  4.291 G        76.9 %
===============  ==========  =============  ==============================

For one 224×224 image. Where ResNet adds, DenseNet concatenates: each layer sees the maps of all layers before it in its block and
contributes ``growth_rate`` new ones. Taught in lecture 08.

torchvision can also recompute the concatenations during the backward pass to save memory; that updates BatchNorm's running
statistics twice a step, and is left out here.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder
from course_lib.models.weights import he_init, modern_name


class DenseLayer(nn.Module):
    """BN–ReLU–1×1 down to 4k maps, BN–ReLU–3×3 to k new ones, where k is the growth rate."""

    def __init__(self, in_channels: int, growth_rate: int, dropout: float = 0.0):
        super().__init__()
        self.norm1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU(inplace=True)
        self.conv1 = nn.Conv2d(in_channels, 4 * growth_rate, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(4 * growth_rate)
        self.relu2 = nn.ReLU(inplace=True)
        self.conv2 = nn.Conv2d(4 * growth_rate, growth_rate, 3, padding=1, bias=False)
        self.dropout = dropout

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B k H W"]:
        x = self.conv1(self.relu1(self.norm1(x)))
        x = self.conv2(self.relu2(self.norm2(x)))
        return F.dropout(x, self.dropout, self.training)


class DenseBlock(nn.ModuleDict):
    """Layers that each read everything written so far: the output is the input and all new maps, side by side."""

    def __init__(self, layers: int, in_channels: int, growth_rate: int, dropout: float = 0.0):
        super().__init__(
            {
                f"denselayer{i + 1}": DenseLayer(in_channels + i * growth_rate, growth_rate, dropout)
                for i in range(layers)
            }
        )

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"]:
        maps = [x]
        for layer in self.values():
            maps.append(layer(torch.cat(maps, 1)))
        return torch.cat(maps, 1)  # [B, C + layers · k, H, W]


def transition(in_channels: int) -> nn.Sequential:
    """Between two blocks: half the maps, half the height and width."""
    return nn.Sequential(
        OrderedDict(
            norm=nn.BatchNorm2d(in_channels),
            relu=nn.ReLU(inplace=True),
            conv=nn.Conv2d(in_channels, in_channels // 2, 1, bias=False),
            pool=nn.AvgPool2d(2),
        )
    )


class DenseNet(nn.Module):
    """A stem, four dense blocks with transitions between them, a global mean and one linear layer.

    Args:
        depths: layers in each block.
        num_classes: length of the output.
        growth_rate: new maps a layer, k in the paper.
        dropout: share of each layer's new maps that is dropped in training.
    """

    def __init__(self, depths: Sequence[int], num_classes: int = 1000, *, growth_rate: int = 32, dropout: float = 0.0):
        super().__init__()
        channels = 2 * growth_rate
        self.features = nn.Sequential(
            OrderedDict(
                conv0=nn.Conv2d(3, channels, 7, stride=2, padding=3, bias=False),
                norm0=nn.BatchNorm2d(channels),
                relu0=nn.ReLU(inplace=True),
                pool0=nn.MaxPool2d(3, stride=2, padding=1),
            )
        )
        for i, layers in enumerate(depths, start=1):
            self.features.add_module(f"denseblock{i}", DenseBlock(layers, channels, growth_rate, dropout))
            channels += layers * growth_rate
            if i < len(depths):
                self.features.add_module(f"transition{i}", transition(channels))
                channels //= 2
        self.features.add_module("norm5", nn.BatchNorm2d(channels))
        self.classifier = nn.Linear(channels, num_classes)
        he_init(self, mode="fan_in")
        nn.init.zeros_(self.classifier.bias)
        self.register_load_state_dict_pre_hook(_respell)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B classes"]:
        expect_images(x, channels=3, smallest=29)
        x = F.relu(self.features(x), inplace=True)  # [B, C, H/32, W/32]
        return self.classifier(F.adaptive_avg_pool2d(x, 1).flatten(1))


def _respell(module: nn.Module, state_dict: dict[str, Tensor], *_) -> None:
    """Accept the published weights, which spell ``norm1`` as ``norm.1``."""
    for key in [key for key in state_dict if modern_name(key) != key]:
        state_dict[modern_name(key)] = state_dict.pop(key)


@builder
def densenet121(num_classes: int = 1000, **options) -> DenseNet:
    """DenseNet-121; options go to :class:`DenseNet`."""
    return DenseNet((6, 12, 24, 16), num_classes, **options)


@builder
def densenet169(num_classes: int = 1000, **options) -> DenseNet:
    """DenseNet-169; options go to :class:`DenseNet`."""
    return DenseNet((6, 12, 32, 32), num_classes, **options)


@builder
def densenet201(num_classes: int = 1000, **options) -> DenseNet:
    """DenseNet-201; options go to :class:`DenseNet`."""
    return DenseNet((6, 12, 48, 32), num_classes, **options)
