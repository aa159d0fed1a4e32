import pytest
import torch
from torch import nn

from course_lib import layers

CLOSE = {"atol": 1e-10, "rtol": 0}
WINDOWS = [
    {"stride": 2, "padding": 1},
    {"dilation": 2, "groups": 2, "bias": False},
    {"stride": (1, 2), "padding": (0, 1), "dilation": (2, 1)},
]


@pytest.mark.parametrize("window", WINDOWS)
def test_exchanges_state_with_torch(window):
    theirs, ours = nn.Conv2d(4, 6, 3, **window).double(), layers.Conv2d(4, 6, 3, **window).double()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    theirs.load_state_dict(ours.state_dict(), strict=True)
    x = torch.randn(2, 4, 9, 8, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)


@pytest.mark.parametrize("kernel", [3, (1, 5)])
def test_starts_as_torch_does(kernel):
    started = []
    for module in (nn.Conv2d, layers.Conv2d):
        torch.manual_seed(4)
        started.append(module(4, 6, kernel, groups=2).state_dict())
    for name, value in started[0].items():
        torch.testing.assert_close(started[1][name], value)


@pytest.mark.parametrize(("border", "mode"), [("wrap", "circular"), ("copy", "replicate"), ("reflect", "reflect")])
def test_borders(border, mode):
    theirs, ours = (
        nn.Conv2d(2, 3, 3, padding=1, padding_mode=mode).double(),
        layers.Conv2d(2, 3, 3, padding=1, border=border).double(),
    )
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(1, 2, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)


def test_without_bias():
    assert layers.Conv2d(1, 1, 3, bias=False).bias is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kernel_size": 0}, "kernel_size must be a whole number of at least 1, or a pair"),
        ({"in_channels": 0}, "in_channels must be a whole number of at least 1"),
        ({"groups": 2}, "groups is 2, but must divide in_channels, which is 3"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refuses_when_built(arguments, message):
    with pytest.raises(ValueError, match=message):
        layers.Conv2d(**{"in_channels": 3, "out_channels": 4, "kernel_size": 3, **arguments})


@pytest.mark.usefixtures("untyped")
def test_refuses_bad_input():
    with pytest.raises(ValueError, match="x has 1 channels but each filter has 3"):
        layers.Conv2d(3, 4, 3)(torch.zeros(1, 1, 5, 5))
    with pytest.raises(TypeError, match=r"x.float\(\) / 255"):
        layers.Conv2d(3, 4, 3)(torch.zeros(1, 3, 5, 5, dtype=torch.uint8))
