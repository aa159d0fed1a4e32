"""Send one unit's activation back to the pixels: which of them made it so strong? (lecture 11)

Going back through a convolution is its transpose, through max pooling its switches: both are what backpropagation does
too. The methods differ in one thing, how they pass a ReLU y = max(x, 0) with the signal r that comes from above:

========================  =================  =================================
gradient                  r · [x > 0]        Simonyan, Vedaldi, Zisserman 2014
:func:`deconvnet`         max(r, 0)          Zeiler, Fergus 2014
:func:`guided_backprop`   max(r, 0) · [x>0]  Springenberg et al. 2015
========================  =================  =================================
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from course_lib.ops import expect
from course_lib.understand.lend import outputs_of, unit_of, untouched

Place = tuple[int, int] | None  # row and column of the unit in its map; None is where it is strongest, in each image


def deconvnet(
    model: nn.Module, layer: str, x: Float[Tensor, "B C H W"], unit: int, place: Place = None
) -> Float[Tensor, "B C H W"]:
    """The deconvnet's picture of one unit, for any network: backpropagation with another rule at every ReLU.

    All it keeps of the image are the switches of max pooling. Where a network has none (EfficientNet, a ResNet after its
    stem) the picture loses the image, which is why :func:`guided_backprop` was invented.

    Args:
        model: any network; it is left as it was.
        layer: the unit's layer, a name as in ``model.get_submodule``.
        x: a batch of images.
        unit: index of the map, or of the entry of a vector.
        place: where in the map.

    Returns:
        What the unit's own activation, all others set to zero, becomes when it is projected down to the pixels.
    """
    return _project(model, layer, x, unit, place, masked=False)


def guided_backprop(
    model: nn.Module, layer: str, x: Float[Tensor, "B C H W"], unit: int, place: Place = None
) -> Float[Tensor, "B C H W"]:
    """As :func:`deconvnet`, but a ReLU that was closed on the way up stays closed on the way down.

    Sharper, and it needs no switches; but whatever class one asks for, it shows much the same edges (Selvaraju 2017).
    """
    return _project(model, layer, x, unit, place, masked=True)


@torch.no_grad()
def deconvnet_by_layers(
    stack: nn.Sequential, x: Float[Tensor, "B C H W"], unit: int, place: Place = None
) -> Float[Tensor, "B C H W"]:
    """The plain definition, as in the paper's figure 1: up with switches, then down layer by layer.

    Args:
        stack: Conv2d, ReLU and MaxPool2d, such as ``vgg11().features[:9]``; the unit is one of its last layer.
        x, unit, place: as in :func:`deconvnet`.
    """
    maps, steps = x, []
    for layer in stack:
        size, switches = tuple(maps.shape[2:]), None
        if isinstance(layer, nn.MaxPool2d):
            window = layer.kernel_size, layer.stride, layer.padding, layer.dilation, layer.ceil_mode
            maps, switches = F.max_pool2d(maps, *window, return_indices=True)
        elif isinstance(layer, (nn.Conv2d, nn.ReLU)):
            maps = layer(maps.clone())  # a ReLU may work in place
        else:
            raise ValueError(
                f"stack holds a {type(layer).__name__}: this form knows Conv2d, ReLU and MaxPool2d; "
                "deconvnet takes any model."
            )
        steps.append((layer, size, switches))
    values = unit_of(maps, str(len(stack) - 1), unit)  # [B, N]
    at = _where(values, maps.shape[2:], place)
    down = torch.zeros_like(maps)
    down[:, unit] = torch.zeros_like(values).scatter(1, at, values.gather(1, at)).unflatten(1, maps.shape[2:])
    for layer, size, switches in reversed(steps):
        if isinstance(layer, nn.ReLU):
            down = down.relu()
        elif isinstance(layer, nn.Conv2d):
            down = _transposed(layer, down, size)
        else:  # windows that share a maximum add up there
            flat = down.new_zeros(*down.shape[:2], size[0] * size[1])
            down = flat.scatter_add(2, switches.flatten(2), down.flatten(2)).unflatten(2, size)
    return down


def _transposed(layer: nn.Conv2d, y: Tensor, size: tuple[int, int]) -> Tensor:
    """The layer's filters, transposed, without its bias, back to the size that it started from."""
    window = layer.stride, layer.padding, layer.dilation
    smallest = [(n - 1) * s - 2 * p + d * (k - 1) + 1 for n, k, s, p, d in zip(y.shape[2:], layer.kernel_size, *window)]
    missing = [n - m for n, m in zip(size, smallest)]  # rows and columns that the stride had left over
    return F.conv_transpose2d(y, layer.weight, None, layer.stride, layer.padding, missing, layer.groups, layer.dilation)


class ReluRule(TorchFunctionMode):
    """While it stands, every ReLU, a module or a call, lets only positive signals pass on the way back.

    Ones that work in place are answered with a new tensor, which the model must use, as all known to us do.

    Args:
        masked: also keep the ReLU's own derivative, [x > 0]; without it the way back ignores the way up.
    """

    WITH_SWITCH = (F.relu, F.relu6, F.hardtanh)  # their last argument says whether to work in place
    WITHOUT = (torch.relu, torch.relu_, Tensor.relu, Tensor.relu_)

    def __init__(self, masked: bool):
        super().__init__()
        self.masked = masked

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if func in self.WITH_SWITCH and kwargs.get("min_val", 0) == 0:  # ReLU6 is a hardtanh from 0 to 6
            x, y = args[0], func(*args, **{**kwargs, "inplace": False})
        elif func in self.WITHOUT:
            x, y = args[0], torch.relu(args[0])
        else:
            return func(*args, **kwargs)
        if not self.masked:
            y = x + (y - x).detach()  # y's value, the identity's derivative
        if y.requires_grad:
            y.register_hook(lambda signal: signal.clamp_min(0))
        return y


@torch.enable_grad()
def _project(model: nn.Module, layer: str, x: Tensor, unit: int, place: Place, masked: bool) -> Tensor:
    expect.tensor("x", x, "B C H W")
    x = x.detach().clone().requires_grad_()
    with untouched(model), ReluRule(masked):
        output, _ = outputs_of(model, layer, x)
    values = unit_of(output, layer, unit)  # [B, N]
    chosen = values.gather(1, _where(values, output.shape[2:], place))  # [B, 1]
    return torch.autograd.grad(chosen, x, chosen.detach())[0]


def _where(values: Tensor, size: torch.Size, place: Place) -> Tensor:
    """Index of the unit's place in each image, [B, 1]."""
    if place is None:
        return values.argmax(1, keepdim=True)
    if len(size) != 2 or not all(-1 < at < n for at, n in zip(place, size)):
        raise ValueError(
            f"place is {place}, but the unit's map is {tuple(size)}: give a row and a column inside it, or None."
        )
    row, column = place
    return torch.full((len(values), 1), row * size[1] + column, device=values.device)
