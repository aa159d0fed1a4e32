"""Residual blocks that make their own shortcut (He et al. 2016, option B): what a ResNet is put together from when its author need
not think of shapes. Assignment 08 hands them to the student's network.

>>> ProjectedBottleneck(64, 32, stride=2).downsample[0]
Conv2d(64, 128, kernel_size=(1, 1), stride=(2, 2), bias=False)
"""

from __future__ import annotations

from torch import nn

from course_lib.models.resnet import BasicBlock, Bottleneck


def projection(in_channels: int, out_channels: int, stride: int) -> nn.Sequential | None:
    """A 1×1 convolution and BatchNorm where depth or size changes, else None: the identity."""
    if stride == 1 and in_channels == out_channels:
        return None
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 1, stride, bias=False),
        nn.BatchNorm2d(out_channels),
    )


class ProjectedBasic(BasicBlock):
    """:class:`BasicBlock` from ``in_channels`` to ``width`` maps."""

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__(in_channels, width, stride, projection(in_channels, width * self.expansion, stride))


class ProjectedBottleneck(Bottleneck):
    """:class:`Bottleneck` from ``in_channels`` to ``4 * width`` maps."""

    def __init__(self, in_channels: int, width: int, stride: int = 1):
        super().__init__(in_channels, width, stride, projection(in_channels, width * self.expansion, stride))
