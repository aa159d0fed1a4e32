"""ResNet and ResNeXt: *Deep residual learning for image recognition* (He, Zhang, Ren, Sun, 2016), *Aggregated residual
transformations for deep neural networks* (Xie, Girshick, Dollár, Tu, He, 2017).

====================  ============  =============  ====================================
builder               parameters    multiply-adds  top-1 of torchvision's first weights
====================  ============  =============  ====================================
``resnet18``          11,689,512     1.814 G       69.8 %
``resnet34``          21,797,672     3.664 G       73.3 %
``resnet50``          25,557,032     4.089 G       76.1 %
``resnet101``         44,549,160     7.801 G       77.4 %
``resnet152``         60,192,808    11.514 G       78.3 %
``resnext50_32x4d``   25,028,904     4.230 G       77.6 %
``resnext101_32x8d``  88,791,336    16.414 G       79.3 %
``resnext101_64x4d``  83,455,272    15.460 G       83.2 % (newer recipe)
====================  ============  =============  ====================================

For one 224×224 image. Taught in lecture 08; the backbone of parts III and IV.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from jaxtyping import Float
from torch import Tensor, nn

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder
from course_lib.models.weights import he_init


def conv3x3(in_channels: int, out_channels: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
    """A 3×3 convolution that keeps the size at stride 1. No bias: the BatchNorm that follows has one."""
    return nn.Conv2d(
        in_channels, out_channels, 3, stride, padding=dilation, dilation=dilation, groups=groups, bias=False
    )


class BasicBlock(nn.Module):
    """``relu(x + F(x))`` with two 3×3 convolutions in F: the block of ResNet-18 and 34.

    Args:
        in_channels: depth of the input.
        width: depth of the output.
        stride: of the first convolution and of the shortcut.
        downsample: the shortcut's projection where shapes differ; None is the identity.
        norm: makes a normalisation layer from a depth.
    """

    expansion = 1  # output depth over width

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        width_per_group: int = 64,
        dilation: int = 1,
        norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    ):
        super().__init__()
        if (groups, width_per_group, dilation) != (1, 64, 1):
            raise ValueError(
                f"BasicBlock got groups={groups}, width_per_group={width_per_group}, dilation={dilation}: "
                "only a Bottleneck has these; use resnet50 or deeper."
            )
        self.conv1 = conv3x3(in_channels, width, stride)
        self.bn1 = norm(width)
        self.relu = nn.ReLU(inplace=True)
        self.conv2 = conv3x3(width, width)
        self.bn2 = norm(width)
        self.downsample = downsample

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class Bottleneck(nn.Module):
    """``relu(x + F(x))`` with F = 1×1 down, 3×3, 1×1 up: the block of ResNet-50 and deeper, and of ResNeXt.

    The stride sits on the 3×3 ("v1.5"); the paper had it on the first 1×1, which throws three quarters of the input away
    unseen. ResNeXt splits the 3×3 into ``groups`` paths of ``width_per_group`` · ``width`` / 64 channels each.
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        width: int,
        stride: int = 1,
        downsample: nn.Module | None = None,
        groups: int = 1,
        width_per_group: int = 64,
        dilation: int = 1,
        norm: Callable[[int], nn.Module] = nn.BatchNorm2d,
    ):
        super().__init__()
        inner = width * width_per_group // 64 * groups
        self.conv1 = nn.Conv2d(in_channels, inner, 1, bias=False)
        self.bn1 = norm(inner)
        self.conv2 = conv3x3(inner, inner, stride, groups, dilation)
        self.bn2 = norm(inner)
        self.conv3 = nn.Conv2d(inner, width * self.expansion, 1, bias=False)
        self.bn3 = norm(width * self.expansion)
        self.relu = nn.ReLU(inplace=True)
        self.downsample = downsample

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class ResNet(nn.Module):
    """A stem, four stages of residual blocks, a global mean and one linear layer.

    Args:
        block: :class:`BasicBlock` or :class:`Bottleneck`.
        depths: blocks in each of the four stages.
        num_classes: length of the output.
        groups: ResNeXt's cardinality.
        width_per_group: ResNeXt's width of one path, in the first stage.
        replace_stride_with_dilation: for stages 2, 3, 4, whether to keep the resolution and dilate instead (lecture 17).
        norm_layer: makes a normalisation layer from a depth.
    """

    def __init__(
        self,
        block: type[BasicBlock] | type[Bottleneck],
        depths: Sequence[int],
        num_classes: int = 1000,
        *,
        groups: int = 1,
        width_per_group: int = 64,
        replace_stride_with_dilation: Sequence[bool] = (False, False, False),
        norm_layer: Callable[[int], nn.Module] = nn.BatchNorm2d,
    ):
        super().__init__()
        if len(replace_stride_with_dilation) != 3:
            raise ValueError(
                f"replace_stride_with_dilation is {replace_stride_with_dilation!r}: give three booleans, for stages 2, 3, 4."
            )
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = norm_layer(64)
        self.relu = nn.ReLU(inplace=True)
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)

        channels, dilation = 64, 1
        for index, (blocks, dilate) in enumerate(zip(depths, (False, *replace_stride_with_dilation), strict=True)):
            width, stride = 64 * 2**index, 1 if index == 0 else 2
            before = dilation  # the first block of a stage still dilates as the stage before did
            if dilate:
                dilation, stride = dilation * stride, 1
            stage = []
            for i in range(blocks):
                first = i == 0
                shortcut = None
                if first and (stride != 1 or channels != width * block.expansion):
                    shortcut = nn.Sequential(
                        nn.Conv2d(channels, width * block.expansion, 1, stride, bias=False),
                        norm_layer(width * block.expansion),
                    )
                stage.append(
                    block(
                        channels,
                        width,
                        stride if first else 1,
                        shortcut,
                        groups,
                        width_per_group,
                        before if first else dilation,
                        norm_layer,
                    )
                )
                channels = width * block.expansion
            self.add_module(f"layer{index + 1}", nn.Sequential(*stage))

        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B classes"]:
        expect_images(x, channels=3)
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))  # [B, 64, H/4, W/4]
        x = self.layer1(x)  # [B, 64 · expansion, H/4, W/4]
        x = self.layer2(x)  # [B, 128 · expansion, H/8, W/8]
        x = self.layer3(x)  # [B, 256 · expansion, H/16, W/16]
        x = self.layer4(x)  # [B, 512 · expansion, H/32, W/32]
        return self.fc(self.avgpool(x).flatten(1))


@builder
def resnet18(num_classes: int = 1000, **options) -> ResNet:
    """ResNet-18; options go to :class:`ResNet`."""
    return ResNet(BasicBlock, (2, 2, 2, 2), num_classes, **options)


@builder
def resnet34(num_classes: int = 1000, **options) -> ResNet:
    """ResNet-34; options go to :class:`ResNet`."""
    return ResNet(BasicBlock, (3, 4, 6, 3), num_classes, **options)


@builder
def resnet50(num_classes: int = 1000, **options) -> ResNet:
    """ResNet-50; options go to :class:`ResNet`."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, **options)


@builder
def resnet101(num_classes: int = 1000, **options) -> ResNet:
    """ResNet-101; options go to :class:`ResNet`."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, **options)


@builder
def resnet152(num_classes: int = 1000, **options) -> ResNet:
    """ResNet-152; options go to :class:`ResNet`."""
    return ResNet(Bottleneck, (3, 8, 36, 3), num_classes, **options)


@builder
def resnext50_32x4d(num_classes: int = 1000, **options) -> ResNet:
    """ResNeXt-50 with 32 paths, 4 channels wide in the first stage."""
    return ResNet(Bottleneck, (3, 4, 6, 3), num_classes, groups=32, width_per_group=4, **options)


@builder
def resnext101_32x8d(num_classes: int = 1000, **options) -> ResNet:
    """ResNeXt-101 with 32 paths, 8 channels wide in the first stage."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, groups=32, width_per_group=8, **options)


@builder
def resnext101_64x4d(num_classes: int = 1000, **options) -> ResNet:
    """ResNeXt-101 with 64 paths, 4 channels wide in the first stage."""
    return ResNet(Bottleneck, (3, 4, 23, 3), num_classes, groups=64, width_per_group=4, **options)
