"""GoogLeNet: *Going deeper with convolutions* (Szegedy et al., 2015; winner of ILSVRC 2014).

==================  ==========  =============  ===================================================
builder             parameters  multiply-adds  reference
==================  ==========  =============  ===================================================
``googlenet_2014``   6,998,552  1.583 G        6.67 % top-5 error, an ensemble of seven, many crops
``googlenet``        6,624,904  1.498 G        69.8 % top-1 with torchvision's weights
==================  ==========  =============  ===================================================

For one 224×224 image, without the auxiliary heads, which work in training only. Two networks carry the name:

- ``googlenet_2014`` is the paper's: a true 5×5 branch, biases, local response normalisation, no BatchNorm.
- ``googlenet`` is torchvision's: BatchNorm (eps 1e-3) after every convolution, and a 3×3 where the "5×5" should be, a slip that
  stays because published weights depend on it (github.com/pytorch/vision/issues/906).

The paper's table, which the lecture deck shows row by row, counts weights without biases in units of 1024, and multiply-adds in
millions. Where ours differ (``tests/course_lib/test_models_anatomy.py`` holds every row):

- First row: 2.7 K and 34 M are what a 7×1 followed by a 1×7 would need (2 · 7 · 3 · 64 = 2,688); the 7×7 that the row names has
  9,408 weights and costs 118 M.
- Parameters of 4a to 5b are up to 7 % off the branch widths printed in the same row, although the operations (but for 5a) are
  exact: 5a is 1018 K and 51 M, not 1072 K and 54 M.
- "Only 5 million parameters, 12× fewer than AlexNet": the deck's own rows sum to 6.8 M, ours to 7.0 M, 8.7× fewer. "2× more
  compute" holds: 1.58 G against 0.72 G.

Taught in lecture 07.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder


class GoogLeNetOutputs(NamedTuple):
    """What a GoogLeNet with auxiliary heads returns in training: three sets of logits, each [B, classes]."""

    logits: Tensor
    aux_logits2: Tensor | None
    aux_logits1: Tensor | None


class ConvReLU(nn.Module):
    """Convolution, BatchNorm or a bias, ReLU."""

    def __init__(self, in_channels: int, out_channels: int, kernel: int, stride: int = 1, *, batch_norm: bool = True):
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding=kernel // 2, bias=not batch_norm)
        self.bn = nn.BatchNorm2d(out_channels, eps=1e-3) if batch_norm else None

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        x = self.conv(x)
        return F.relu(x if self.bn is None else self.bn(x), inplace=True)


class Inception(nn.Module):
    """Four branches look at the same maps at different scales; their outputs stand side by side.

    The 1×1 convolutions before the large filters make them affordable: they *reduce* the depth first.

    Args:
        in_channels: depth of the input.
        one, reduce3, three, reduce5, five, pool: widths, in the order of the paper's table.
        kernel5: 5 in the paper, 3 in torchvision.
        batch_norm: as in :class:`ConvReLU`.
    """

    def __init__(
        self,
        in_channels: int,
        one: int,
        reduce3: int,
        three: int,
        reduce5: int,
        five: int,
        pool: int,
        *,
        kernel5: int = 5,
        batch_norm: bool = True,
    ):
        super().__init__()

        def conv(fan_in: int, fan_out: int, kernel: int) -> ConvReLU:
            return ConvReLU(fan_in, fan_out, kernel, batch_norm=batch_norm)

        self.branch1 = conv(in_channels, one, 1)
        self.branch2 = nn.Sequential(conv(in_channels, reduce3, 1), conv(reduce3, three, 3))
        self.branch3 = nn.Sequential(conv(in_channels, reduce5, 1), conv(reduce5, five, kernel5))
        self.branch4 = nn.Sequential(nn.MaxPool2d(3, stride=1, padding=1), conv(in_channels, pool, 1))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"]:
        return torch.cat([self.branch1(x), self.branch2(x), self.branch3(x), self.branch4(x)], dim=1)


class AuxiliaryHead(nn.Module):
    """A small classifier on an inner layer: in training, it feeds gradient into the middle of a deep network."""

    def __init__(self, in_channels: int, num_classes: int, dropout: float, *, batch_norm: bool):
        super().__init__()
        self.conv = ConvReLU(in_channels, 128, 1, batch_norm=batch_norm)
        self.fc1 = nn.Linear(128 * 4 * 4, 1024)
        self.fc2 = nn.Linear(1024, num_classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B classes"]:
        x = self.conv(F.adaptive_avg_pool2d(x, 4))  # [B, 128, 4, 4]; the paper's 5×5 mean at stride 3 also gives 4×4
        x = F.relu(self.fc1(x.flatten(1)), inplace=True)
        return self.fc2(self.dropout(x))


class GoogLeNet(nn.Module):
    """Nine Inception modules between a convolutional stem and a global mean.

    Args:
        num_classes: length of the output.
        aux_logits: whether to have the two auxiliary heads.
        transform_input: undo ImageNet's mean and deviation for weights that were trained on pixels in [−1, 1].
        paper: the paper's form (5×5 branch, biases, LRN) instead of torchvision's (3×3 there, BatchNorm).
        dropout, dropout_aux: before the last linear layer, and in the auxiliary heads.
    """

    def __init__(
        self,
        num_classes: int = 1000,
        *,
        aux_logits: bool = True,
        transform_input: bool = False,
        paper: bool = False,
        dropout: float = 0.2,
        dropout_aux: float = 0.7,
    ):
        super().__init__()
        bn = not paper
        self.aux_logits, self.transform_input = aux_logits, transform_input

        def norm() -> nn.Module:
            return nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75) if paper else nn.Identity()

        def pool(kernel: int = 3) -> nn.MaxPool2d:
            return nn.MaxPool2d(kernel, stride=2, ceil_mode=True)

        def inception(*widths: int) -> Inception:
            return Inception(*widths, kernel5=5 if paper else 3, batch_norm=bn)

        self.conv1 = ConvReLU(3, 64, 7, stride=2, batch_norm=bn)  # [B, 64, 112, 112]
        self.maxpool1 = pool()  # [B, 64, 56, 56]
        self.norm1 = norm()
        self.conv2 = ConvReLU(64, 64, 1, batch_norm=bn)
        self.conv3 = ConvReLU(64, 192, 3, batch_norm=bn)  # [B, 192, 56, 56]
        self.norm2 = norm()
        self.maxpool2 = pool()  # [B, 192, 28, 28]
        self.inception3a = inception(192, 64, 96, 128, 16, 32, 32)  # [B, 256, 28, 28]
        self.inception3b = inception(256, 128, 128, 192, 32, 96, 64)  # [B, 480, 28, 28]
        self.maxpool3 = pool()  # [B, 480, 14, 14]
        self.inception4a = inception(480, 192, 96, 208, 16, 48, 64)  # [B, 512, 14, 14]
        self.inception4b = inception(512, 160, 112, 224, 24, 64, 64)
        self.inception4c = inception(512, 128, 128, 256, 24, 64, 64)
        self.inception4d = inception(512, 112, 144, 288, 32, 64, 64)  # [B, 528, 14, 14]
        self.inception4e = inception(528, 256, 160, 320, 32, 128, 128)  # [B, 832, 14, 14]
        self.maxpool4 = pool(3 if paper else 2)  # [B, 832, 7, 7]
        self.inception5a = inception(832, 256, 160, 320, 32, 128, 128)
        self.inception5b = inception(832, 384, 192, 384, 48, 128, 128)  # [B, 1024, 7, 7]
        self.aux1 = AuxiliaryHead(512, num_classes, dropout_aux, batch_norm=bn) if aux_logits else None
        self.aux2 = AuxiliaryHead(528, num_classes, dropout_aux, batch_norm=bn) if aux_logits else None
        self.avgpool = nn.AdaptiveAvgPool2d(1)  # [B, 1024, 1, 1]
        self.dropout = nn.Dropout(dropout)
        self.fc = nn.Linear(1024, num_classes)
        for module in self.modules():
            if isinstance(module, (nn.Conv2d, nn.Linear)):
                # Without BatchNorm to rescale it, a signal that starts at 0.01 dies on the way through 22 layers.
                nn.init.kaiming_normal_(module.weight) if paper else nn.init.trunc_normal_(module.weight, std=0.01)
                if paper:
                    nn.init.zeros_(module.bias)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B classes"] | GoogLeNetOutputs:
        """Logits; in training with auxiliary heads, theirs too."""
        expect_images(x, channels=3, smallest=15)
        if self.transform_input:
            mean, std = x.new_tensor([[0.485, 0.456, 0.406], [0.229, 0.224, 0.225]])[:, :, None, None]  # [3, 1, 1] each
            x = x * (std / 0.5) + (mean - 0.5) / 0.5
        with_heads = self.training and self.aux_logits
        x = self.norm1(self.maxpool1(self.conv1(x)))
        x = self.maxpool2(self.norm2(self.conv3(self.conv2(x))))
        x = self.maxpool3(self.inception3b(self.inception3a(x)))
        x = self.inception4a(x)
        aux1 = self.aux1(x) if with_heads else None
        x = self.inception4d(self.inception4c(self.inception4b(x)))
        aux2 = self.aux2(x) if with_heads else None
        x = self.maxpool4(self.inception4e(x))
        x = self.inception5b(self.inception5a(x))
        x = self.fc(self.dropout(self.avgpool(x).flatten(1)))
        return GoogLeNetOutputs(x, aux2, aux1) if with_heads else x


@builder
def googlenet(num_classes: int = 1000, **options) -> GoogLeNet:
    """torchvision's GoogLeNet; options go to :class:`GoogLeNet`."""
    return GoogLeNet(num_classes, **options)


@builder
def googlenet_2014(num_classes: int = 1000, *, dropout: float = 0.4, **options) -> GoogLeNet:
    """The paper's GoogLeNet; options go to :class:`GoogLeNet`."""
    return GoogLeNet(num_classes, paper=True, dropout=dropout, **options)
