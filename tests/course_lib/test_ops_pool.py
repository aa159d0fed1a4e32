"""Pooling and unpooling: the decks' numbers, then equality with torch."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}


def test_max_pool_by_hand_with_a_tie():
    x = torch.tensor([[1, 4, 3, 6], [2, 1, 0, 9], [2, 2, 7, 7], [5, 3, 3, 6]]).float()[None, None].requires_grad_()
    y = ops.max_pool2d(x, 2)
    y.sum().backward()
    assert y.tolist() == [[[[4, 9], [5, 7]]]]
    assert x.grad.tolist() == [[[[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]]]]  # the first 7 wins


@pytest.mark.parametrize("unpool", [ops.max_unpool2d, ops.max_unpool2d_loops])
def test_switches_remember_where_the_maxima_stood(unpool):
    """The decks' 4×4 example: 5 at (1, 1), 6 at (0, 2), 7 at (3, 0), 8 at (3, 3)."""
    x = torch.tensor([[1, 2, 6, 3], [3, 5, 2, 1], [1, 2, 2, 1], [7, 3, 4, 8]]).float()[None, None]
    y, switches = ops.max_pool2d_switches(x, 2)
    assert y[0, 0].tolist() == [[5, 6], [7, 8]]
    assert switches[0, 0].tolist() == [[5, 2], [12, 15]]
    back = unpool(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), switches, (4, 4))
    assert back[0, 0].tolist() == [[0, 0, 2, 0], [0, 1, 0, 0], [0, 0, 0, 0], [3, 0, 0, 4]]


@settings(max_examples=40)
@given(
    kernel=st.integers(1, 4), stride=st.none() | st.integers(1, 4), height=st.integers(4, 9), width=st.integers(4, 9)
)
def test_pooling_equals_torch(kernel, stride, height, width):
    x = torch.randn(2, 3, height, width, dtype=torch.float64) - 5  # all negative: a zero start would show
    largest, switches = F.max_pool2d(x, kernel, stride, return_indices=True)
    for ours, theirs in zip(ops.max_pool2d_switches(x, kernel, stride), (largest, switches)):
        assert torch.equal(ours, theirs)
    mean = F.avg_pool2d(x, kernel, stride)
    torch.testing.assert_close(ops.avg_pool2d(x, kernel, stride), mean, **CLOSE)
    torch.testing.assert_close(ops.pool2d_loops(x, kernel, stride, lambda w: w.mean(-1)), mean, **CLOSE)
    assert torch.equal(ops.pool2d_loops(x, kernel, stride, lambda w: w.max(-1).values), largest)
    back = (
        F.max_unpool2d(largest, switches, kernel, stride, output_size=(height, width))
        if (stride or kernel) == kernel
        else None
    )
    for unpool in (ops.max_unpool2d, ops.max_unpool2d_loops):
        ours = unpool(largest, switches, (height, width))
        assert back is None or torch.equal(ours, back)
        assert torch.equal(
            ours, torch.where(ours == 0, 0, x)
        )  # also where windows overlap: a maximum returns to its own pixel


def test_gradients():
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    _, switches = ops.max_pool2d_switches(x, 2)
    y = torch.randn(1, 2, 2, 2, dtype=torch.float64, requires_grad=True)
    for f, t in (
        (lambda t: ops.max_pool2d(t, 3, 2), x),
        (lambda t: ops.avg_pool2d(t, 3, 2), x),
        (lambda t: ops.pool2d_loops(t, 3, 2, lambda w: w.max(-1).values), x),
        (lambda t: ops.max_unpool2d(t, switches, (5, 5)), y),
    ):
        assert torch.autograd.gradcheck(f, t)


@pytest.mark.parametrize(
    "pool",
    [
        ops.max_pool2d,
        ops.avg_pool2d,
        ops.max_pool2d_switches,
        lambda x, k, s=None: ops.pool2d_loops(x, k, s, torch.mean),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_pooling_refuses(pool):
    for x, kernel, stride, message in (
        (torch.zeros(1, 1, 3, 3), 4, None, "does not fit into 3 pixels"),
        (torch.zeros(1, 1, 3, 3), 0, None, "kernel must be a whole number of at least 1, got 0"),
        (torch.zeros(1, 1, 3, 3), 2, 0, "stride must be a whole number of at least 1, got 0"),
        (torch.zeros(1, 1, 3, 3), 2, -1, "stride must be a whole number of at least 1, got -1"),
        (torch.zeros(3, 3), 2, None, r"x must have the axes \[B, C, H, W\], got shape \(3, 3\)"),
    ):
        with pytest.raises(ValueError, match=message):
            pool(x, kernel, stride)
    with pytest.raises(TypeError, match="x must hold floating-point numbers, got torch.uint8"):
        pool(torch.zeros(1, 1, 4, 4, dtype=torch.uint8), 2)


@pytest.mark.parametrize("unpool", [ops.max_unpool2d, ops.max_unpool2d_loops])
@pytest.mark.usefixtures("untyped")
def test_unpooling_refuses(unpool):
    y, switches = ops.max_pool2d_switches(torch.randn(1, 2, 4, 4), 2)
    switches[0, 0, 1, 1] = 15
    with pytest.raises(ValueError, match=r"point from \d+ to 15, but size \(3, 3\) has places 0 to 8"):
        unpool(y, switches, (3, 3))
    with pytest.raises(ValueError, match="switches must have y's shape"):
        unpool(y, switches[:, :1], (4, 4))
    with pytest.raises(ValueError, match="size must be a whole number of at least 1"):
        unpool(y, switches, (4, 0))
    with pytest.raises(TypeError, match="switches must be whole numbers, got torch.float32"):
        unpool(y, switches.float(), (4, 4))
