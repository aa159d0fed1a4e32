"""Two blocks of *Inception-v4, Inception-ResNet and the impact of residual connections on learning* (Szegedy, Ioffe, Vanhoucke,
Alemi, 2017).

=====================  ==========  ============================  ================================================
block                  parameters  multiply-adds at 35×35        the whole network's error on ImageNet (one crop)
=====================  ==========  ============================  ================================================
``InceptionA``         317,632     0.39 G, 384 maps              Inception-v4: 5.0 % top-5
``InceptionResNetA``   137,568     0.17 G, 384 maps              Inception-ResNet-v2: 4.9 % top-5
=====================  ==========  ============================  ================================================

The plain block concatenates its branches; the residual one adds them, scaled down, to its input. Taught in lecture 07.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.googlenet import ConvReLU


class InceptionA(nn.Module):
    """Inception-v4's block for 35×35 maps (the paper's figure 4): two 3×3 in a chain do the work of a 5×5.

    Args:
        in_channels: depth of the input; the output has 4 · 96 = 384 maps.
    """

    def __init__(self, in_channels: int = 384):
        super().__init__()
        self.pool = nn.Sequential(
            nn.AvgPool2d(3, stride=1, padding=1, count_include_pad=False), ConvReLU(in_channels, 96, 1)
        )
        self.one = ConvReLU(in_channels, 96, 1)
        self.three = nn.Sequential(ConvReLU(in_channels, 64, 1), ConvReLU(64, 96, 3))
        self.five = nn.Sequential(ConvReLU(in_channels, 64, 1), ConvReLU(64, 96, 3), ConvReLU(96, 96, 3))

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B 384 H W"]:
        return torch.cat([self.pool(x), self.one(x), self.three(x), self.five(x)], dim=1)


class InceptionResNetA(nn.Module):
    """Inception-ResNet-v2's block for 35×35 maps (figure 16): ``relu(x + scale · F(x))``, F an Inception module.

    Args:
        channels: depth of input and output.
        scale: what the branches count for. The paper found 0.1 to 0.3 needed above 1,000 filters: without it, activations
            died early in training.
    """

    def __init__(self, channels: int = 384, scale: float = 0.17):
        super().__init__()
        self.one = ConvReLU(channels, 32, 1)
        self.three = nn.Sequential(ConvReLU(channels, 32, 1), ConvReLU(32, 32, 3))
        self.five = nn.Sequential(ConvReLU(channels, 32, 1), ConvReLU(32, 48, 3), ConvReLU(48, 64, 3))
        self.up = nn.Conv2d(
            32 + 32 + 64, channels, 1
        )  # back to the input's depth, and linear, so that the sum can shrink too
        self.scale = scale

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        branches = torch.cat([self.one(x), self.three(x), self.five(x)], dim=1)  # [B, 128, H, W]
        return F.relu(x + self.scale * self.up(branches))
