import pytest
import torch
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}


def test_a_sobel_kernel_has_rank_one():
    """[[1,0,−1],[2,0,−2],[1,0,−1]] is the column 1 2 1 times the row 1 0 −1: the pair is exact at rank 1."""
    sobel = torch.tensor([[[[1.0, 0, -1], [2, 0, -2], [1, 0, -1]]]], dtype=torch.float64)
    vertical, horizontal = ops.low_rank_factors(sobel, 1)
    torch.testing.assert_close(vertical.flatten() / vertical.flatten()[0], torch.tensor([1.0, 2, 1]).double(), **CLOSE)
    torch.testing.assert_close(ops.low_rank_weight(vertical, horizontal), sobel, **CLOSE)


def test_the_error_of_a_pair_is_what_the_singular_values_say():
    weight = torch.randn(4, 3, 3, 2, dtype=torch.float64)
    values = torch.linalg.svdvals(weight.permute(1, 2, 0, 3).reshape(9, 8))
    for rank in range(1, 9):
        error = (ops.low_rank_weight(*ops.low_rank_factors(weight, rank)) - weight).norm()
        torch.testing.assert_close(error, values[rank:].norm(), **CLOSE)


@pytest.mark.parametrize("border", list(ops.BORDERS))
@pytest.mark.parametrize("stride", [1, 2, (2, 1)])
def test_the_low_rank_pair_equals_one_convolution(border, stride):
    x, bias = torch.randn(2, 3, 5, 6, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    vertical, horizontal = torch.randn(2, 3, 3, 1, dtype=torch.float64), torch.randn(4, 2, 1, 3, dtype=torch.float64)
    expected = ops.conv2d_loops(x, ops.low_rank_weight(vertical, horizontal), bias, stride, 1, border=border)
    torch.testing.assert_close(ops.low_rank_conv2d(x, vertical, horizontal, bias, stride, 1, border), expected, **CLOSE)


def test_depthwise_separable_by_hand():
    """Channel 0 is doubled, channel 1 tripled, then added: 2·1 + 3·10."""
    x, depthwise = torch.tensor([[[[1.0]], [[10.0]]]]), torch.tensor([2.0, 3.0]).reshape(2, 1, 1, 1)
    assert ops.depthwise_separable_conv2d(x, depthwise, torch.ones(1, 2, 1, 1)).item() == 32


@pytest.mark.parametrize("window", [(1, 1, 1), (2, 1, 1), (1, 2, 2)])
def test_depthwise_separable_equals_one_convolution_and_torch(window):
    x, bias = torch.randn(2, 3, 5, 6, dtype=torch.float64), torch.randn(4, dtype=torch.float64)
    depthwise, pointwise = torch.randn(3, 1, 3, 3, dtype=torch.float64), torch.randn(4, 3, 1, 1, dtype=torch.float64)
    ours = ops.depthwise_separable_conv2d(x, depthwise, pointwise, bias, *window)
    torch.testing.assert_close(
        ours, ops.conv2d_loops(x, ops.depthwise_separable_weight(depthwise, pointwise), bias, *window), **CLOSE
    )
    torch.testing.assert_close(
        ours, F.conv2d(F.conv2d(x, depthwise, None, *window, groups=3), pointwise, bias), **CLOSE
    )


@pytest.mark.usefixtures("untyped")
def test_refuses():
    weight = torch.randn(4, 3, 3, 2)
    for rank in (0, 9, -1):
        with pytest.raises(ValueError, match=f"rank must lie between 1 and 8 for filters of shape .*got {rank}"):
            ops.low_rank_factors(weight, rank)
    with pytest.raises(ValueError, match="weight must have the axes"):
        ops.low_rank_factors(torch.randn(3, 3), 1)
    x = torch.zeros(1, 3, 5, 5)
    with pytest.raises(ValueError, match="x has 3 channels but 2 groups of filters that see 1 each need 2"):
        ops.depthwise_separable_conv2d(x, torch.zeros(2, 1, 3, 3), torch.zeros(4, 2, 1, 1))
    with pytest.raises(ValueError, match="x has 2 channels but each filter has 5"):
        ops.low_rank_conv2d(x, torch.zeros(2, 3, 3, 1), torch.zeros(4, 5, 1, 3))
    with pytest.raises(ValueError, match="stride"):
        ops.low_rank_conv2d(x, torch.zeros(2, 3, 3, 1), torch.zeros(4, 2, 1, 3), stride=-1)
