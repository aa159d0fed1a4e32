"""The operators: numbers done by hand, then equality with torch in float64, then gradients."""

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}


@pytest.mark.parametrize("form", [ops.conv2d, ops.conv2d_loops])
def test_conv2d_by_hand(form):
    """[[0,1,2],[3,4,5],[6,7,8]] with the kernel [[1,0],[0,2]]: 0+2·4, 1+2·5, 3+2·7, 4+2·8, then bias 100."""
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    kernel = torch.tensor([[[[1.0, 0.0], [0.0, 2.0]]]])
    assert form(x, kernel, torch.tensor([100.0])).tolist() == [[[[108, 111], [117, 120]]]]


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(0, 2), channels=st.integers(1, 3), filters=st.integers(1, 3), kh=st.integers(1, 4), kw=st.integers(1, 4),
    extra=st.integers(0, 5), stride=st.integers(1, 3), padding=st.integers(0, 2), with_bias=st.booleans(),
)  # fmt: skip
def test_conv2d_equals_torch(batch, channels, filters, kh, kw, extra, stride, padding, with_bias):
    x = torch.randn(batch, channels, kh + extra, kw + 2 * extra, dtype=torch.float64)
    weight = torch.randn(filters, channels, kh, kw, dtype=torch.float64)
    bias = torch.randn(filters, dtype=torch.float64) if with_bias else None
    expected = F.conv2d(x, weight, bias, stride, padding)
    for form in (ops.conv2d, ops.conv2d_loops):
        torch.testing.assert_close(form(x, weight, bias, stride, padding), expected, **CLOSE)


@pytest.mark.parametrize("form", [ops.conv2d, ops.conv2d_loops])
def test_conv2d_gradients(form):
    x = torch.randn(2, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(3, 2, 3, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: form(*a, 2, 1), (x, weight, bias))
    assert torch.autograd.gradgradcheck(lambda *a: form(*a, 2, 1), (x, weight, bias))


@pytest.mark.parametrize("form", [ops.conv2d, ops.conv2d_loops])
@pytest.mark.parametrize(
    ("x", "weight", "message"),
    [
        ((1, 3, 5, 5), (2, 4, 3, 3), "3 channels but each filter has 4"),
        ((1, 3, 5, 5), (2, 3, 7, 7), "does not fit into 5 pixels"),
        ((3, 5, 5), (2, 3, 3, 3), r"needs x \[B, C, H, W\].*got \(3, 5, 5\)"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_conv2d_refuses(form, x, weight, message):
    with pytest.raises(ValueError, match=message):
        form(torch.zeros(x), torch.zeros(weight))


def test_shapes_in_signatures_are_enforced_here():
    with pytest.raises(jaxtyping.TypeCheckError):
        ops.conv2d(torch.zeros(3, 5, 5), torch.zeros(2, 3, 3, 3))


def test_max_pool_by_hand_with_a_tie():
    x = torch.tensor([[1, 4, 3, 6], [2, 1, 0, 9], [2, 2, 7, 7], [5, 3, 3, 6]]).float()[None, None].requires_grad_()
    y = ops.max_pool2d(x, 2)
    y.sum().backward()
    assert y.tolist() == [[[[4, 9], [5, 7]]]]
    assert x.grad.tolist() == [[[[0, 1, 0, 0], [0, 0, 0, 1], [0, 0, 1, 0], [1, 0, 0, 0]]]]  # the first 7 wins


@settings(max_examples=40, deadline=None)
@given(kernel=st.integers(1, 4), stride=st.none() | st.integers(1, 4), height=st.integers(4, 9), width=st.integers(4, 9))
def test_pooling_equals_torch(kernel, stride, height, width):
    x = torch.randn(2, 3, height, width, dtype=torch.float64) - 5  # all negative: a zero start would show
    torch.testing.assert_close(ops.max_pool2d(x, kernel, stride), F.max_pool2d(x, kernel, stride), **CLOSE)
    torch.testing.assert_close(ops.avg_pool2d(x, kernel, stride), F.avg_pool2d(x, kernel, stride), **CLOSE)


def test_pooling_gradients():
    x = torch.randn(1, 2, 5, 5, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: ops.max_pool2d(t, 3, 2), x)
    assert torch.autograd.gradcheck(lambda t: ops.avg_pool2d(t, 3, 2), x)


@settings(deadline=None)
@given(size=st.integers(1, 40), kernel=st.integers(1, 9), stride=st.integers(1, 4), padding=st.integers(0, 3))
def test_output_size_counts_the_places(size, kernel, stride, padding):
    places = [start for start in range(0, size + 2 * padding, stride) if start + kernel <= size + 2 * padding]
    if places:
        assert ops.output_size(size, kernel, stride, padding) == len(places)
    else:
        with pytest.raises(ValueError, match="does not fit"):
            ops.output_size(size, kernel, stride, padding)


@pytest.mark.parametrize("bad", [{"stride": 0}, {"kernel": 0}, {"padding": -1}, {"size": 0}])
def test_output_size_refuses(bad):
    with pytest.raises(ValueError, match="at least"):
        ops.output_size(**{"size": 5, "kernel": 3, **bad})


def test_same_padding():
    assert [ops.same_padding(k) for k in (1, 3, 5)] == [0, 1, 2]
    with pytest.raises(ValueError, match="even"):
        ops.same_padding(4)


def test_receptive_field_is_the_footprint_of_the_gradient():
    windows = [ops.Window(5), ops.Window(2, 2), ops.Window(3, 2), ops.Window(3)]
    x = torch.rand(1, 1, 64, 64, dtype=torch.float64, requires_grad=True)
    y = x
    for k, stride, _ in windows:
        y = ops.conv2d(y, torch.ones(1, 1, k, k, dtype=torch.float64), stride=stride)
    y[0, 0, 3, 3].backward()
    touched = x.grad[0, 0].sum(0).nonzero()
    assert len(touched) == ops.receptive_field(windows)[0] == 18  # 5, then +1, +2·2, +2·4
    assert touched[0].item() == 3 * ops.receptive_field(windows)[1]
