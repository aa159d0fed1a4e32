"""CIFAR networks, plain and residual: *Deep residual learning for image recognition* (He et al., 2016), section 4.2, and *Identity
mappings in deep residual networks* (He, Zhang, Ren, Sun, 2016), table 2.

=====  ==========  =============  ================================
depth  parameters  multiply-adds  CIFAR-10 test error, residual
=====  ==========  =============  ================================
 20    0.27 M       41 M          8.75 %
 56    0.85 M      126 M          6.97 % (plain: about 13 %)
110    1.73 M      253 M          6.61 %
=====  ==========  =============  ================================

For one 32×32 image. The second paper moves BatchNorm and ReLU around the addition; ResNet-110 then makes (test error)

========================  ====================================  ==============  ======
variant                   branch                                after addition  error
========================  ====================================  ==============  ======
original                  conv bn relu conv bn                  relu            6.61 %
bn after addition         conv bn relu conv                     bn relu         8.17 %
relu before addition      conv bn relu conv bn relu                             7.84 %
relu-only pre-activation  relu conv bn relu conv bn                             6.71 %
full pre-activation       bn relu conv bn relu conv                             6.37 %
========================  ====================================  ==============  ======

Taught in lecture 08.
"""

from __future__ import annotations

from difflib import get_close_matches

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder
from course_lib.models.weights import he_init

# The figure of the second paper in words: what stands on the residual branch, and what comes after the addition.
VARIANTS = {
    "original": ("conv bn relu conv bn", "relu"),
    "bn after addition": ("conv bn relu conv", "bn relu"),
    "relu before addition": ("conv bn relu conv bn relu", ""),
    "relu-only pre-activation": ("relu conv bn relu conv bn", ""),
    "full pre-activation": ("bn relu conv bn relu conv", ""),
}


def layers(words: str, in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Layers from a line of words; the first convolution changes depth and takes the stride."""
    modules, channels = [], in_channels
    for position, word in enumerate(words.split()):
        if word == "conv":
            modules.append(nn.Conv2d(channels, out_channels, 3, stride, padding=1, bias=False))
            channels, stride = out_channels, 1
        elif word == "bn":
            modules.append(nn.BatchNorm2d(channels))
        else:
            modules.append(nn.ReLU(inplace=position > 0))  # the first layer's input is also the shortcut's
    return nn.Sequential(*modules)


class Block(nn.Module):
    """``after(shortcut(x) + branch(x))``; without the shortcut, a plain pair of layers.

    Args:
        in_channels, out_channels: depths.
        stride: of the first convolution.
        variant: a key of :data:`VARIANTS`.
        residual: whether the input is added.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, variant: str, residual: bool):
        super().__init__()
        branch, after = VARIANTS[variant]
        self.branch = layers(branch, in_channels, out_channels, stride)
        self.after = layers(after, out_channels, out_channels)
        self.stride, self.new_channels, self.residual = stride, out_channels - in_channels, residual

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        out = self.branch(x)
        if self.residual:
            # The paper's option A: every second pixel, and zeros for the new maps. No parameters, so plain and residual
            # networks have the same number.
            out = out + F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, 0, self.new_channels))
        return self.after(out)


class CifarResNet(nn.Module):
    """A 3×3 stem, three stages of n blocks with 16, 32, 64 maps, a global mean, one linear layer: 6n + 2 layers.

    Args:
        depth: 8, 14, 20, …, 110, …: 6n + 2.
        num_classes: length of the output.
        in_channels: depth of the images.
        variant: order of the layers, a key of :data:`VARIANTS`.
        residual: False makes the plain network.
        width: maps of the first stage; the second and third have twice and four times as many.

    Raises:
        ValueError: no network has this depth, or the variant is unknown.
    """

    def __init__(
        self,
        depth: int = 20,
        num_classes: int = 10,
        *,
        in_channels: int = 3,
        variant: str = "original",
        residual: bool = True,
        width: int = 16,
    ):
        super().__init__()
        n, rest = divmod(depth - 2, 6)
        if rest or n < 1:
            near = 6 * max(n, 1) + 2
            raise ValueError(f"depth is {depth}, but these networks have 6n + 2 layers: take {near} or {near + 6}.")
        if variant not in VARIANTS:
            close = get_close_matches(variant, VARIANTS, n=1, cutoff=0.0)[0]
            raise ValueError(
                f"variant is {variant!r}; did you mean {close!r}? There are {', '.join(map(repr, VARIANTS))}."
            )
        self.in_channels = in_channels
        # In the pre-activation variants the first block's BN and ReLU act before the paths part, so they belong to the stem.
        self.stem = layers("conv bn relu", in_channels, width)
        stages, channels = [], width
        for maps in (width, 2 * width, 4 * width):
            stage = []
            for i in range(n):
                stride = 2 if i == 0 and maps > width else 1
                stage.append(Block(channels, maps, stride, variant, residual))
                channels = maps
            stages.append(nn.Sequential(*stage))
        if variant == "full pre-activation":
            stages[0][0].branch = layers("conv bn relu conv", width, width)
        self.stages = nn.Sequential(*stages)
        # What the next block would have done first, had there been one.
        tail = {"relu-only pre-activation": "relu", "full pre-activation": "bn relu"}.get(variant, "")
        self.tail = layers(tail, channels, channels)
        self.fc = nn.Linear(channels, num_classes)
        he_init(self)

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B classes"]:
        expect_images(x, channels=self.in_channels)
        x = self.stem(x)  # [B, 16, H, W]
        x = self.tail(self.stages(x))  # [B, 64, H/4, W/4]
        return self.fc(x.mean(dim=(2, 3)))


@builder
def cifar_resnet(depth: int = 20, num_classes: int = 10, **options) -> CifarResNet:
    """A residual network of ``depth`` layers; options go to :class:`CifarResNet`."""
    return CifarResNet(depth, num_classes, **options)


@builder
def cifar_plain(depth: int = 20, num_classes: int = 10, **options) -> CifarResNet:
    """The same network without the additions; options go to :class:`CifarResNet`."""
    return CifarResNet(depth, num_classes, residual=False, **options)
