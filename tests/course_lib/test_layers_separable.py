import pytest
import torch
from torch import nn

from course_lib import layers, ops

CLOSE = {"atol": 1e-10, "rtol": 0}


def test_depthwise_separable_exchanges_state_with_torch():
    ours = layers.DepthwiseSeparableConv2d(3, 5, 3, stride=2, padding=1).double()
    theirs = nn.Sequential()
    theirs.add_module("depthwise", nn.Conv2d(3, 3, 3, stride=2, padding=1, groups=3, bias=False))
    theirs.add_module("pointwise", nn.Conv2d(3, 5, 1))
    ours.load_state_dict(theirs.double().state_dict(), strict=True)
    x = torch.randn(2, 3, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), **CLOSE)


def test_depthwise_separable_is_cheap():
    """C·k² + C·K for C·K·k²: 32·9 + 32·64 = 2,336 for 18,432, 7.9 times fewer."""
    assert sum(p.numel() for p in layers.DepthwiseSeparableConv2d(32, 64, 3, bias=False).parameters()) == 2336


def test_low_rank_can_hold_any_convolution_at_full_rank():
    full, pair = (
        layers.Conv2d(2, 3, 3, stride=2, padding=1).double(),
        layers.LowRankConv2d(2, 3, 3, rank=6, stride=2, padding=1).double(),
    )
    vertical, horizontal = ops.low_rank_factors(full.weight, 6)
    pair.load_state_dict(
        {"vertical.weight": vertical, "horizontal.weight": horizontal, "horizontal.bias": full.bias}, strict=True
    )
    x = torch.randn(2, 2, 6, 5, dtype=torch.float64)
    torch.testing.assert_close(pair(x), full(x), **CLOSE)


@pytest.mark.usefixtures("untyped")
def test_refuses():
    with pytest.raises(ValueError, match="rank must be a whole number of at least 1, got 0"):
        layers.LowRankConv2d(2, 3, 3, rank=0)
    with pytest.raises(ValueError, match="x has 1 channels but 3 groups of filters"):
        layers.DepthwiseSeparableConv2d(3, 5, 3)(torch.zeros(1, 1, 5, 5))
