"""Sizes, parameter counts and receptive fields, against counting and against gradients."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from course_lib import ops


@given(
    size=st.integers(1, 40), kernel=st.integers(1, 9), stride=st.integers(1, 4), padding=st.integers(0, 3),
    dilation=st.integers(1, 3),
)  # fmt: skip
def test_output_size_counts_the_places(size, kernel, stride, padding, dilation):
    last_tap, room = dilation * (kernel - 1), size + 2 * padding
    places = [start for start in range(0, room, stride) if start + last_tap < room]
    if places:
        assert ops.output_size(size, kernel, stride, padding, dilation) == len(places)
    else:
        with pytest.raises(ValueError, match="does not fit"):
            ops.output_size(size, kernel, stride, padding, dilation)


@pytest.mark.parametrize(
    "bad", [{"stride": 0}, {"stride": -1}, {"kernel": 0}, {"padding": -1}, {"size": 0}, {"dilation": 0}]
)
def test_output_size_refuses(bad):
    with pytest.raises(ValueError, match="at least"):
        ops.output_size(**{"size": 5, "kernel": 3, **bad})


def test_a_dilated_kernel_that_does_not_fit_says_how_wide_it_is():
    with pytest.raises(ValueError, match=r"kernel of 3 \(dilation 4: it spans 9 pixels\) does not fit into 5"):
        ops.output_size(5, 3, dilation=4)


def test_same_padding():
    assert [ops.same_padding(k) for k in (1, 3, 5)] == [0, 1, 2]
    with pytest.raises(ValueError, match="even"):
        ops.same_padding(4)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_conv_parameters_are_torch_s(groups):
    layer = nn.Conv2d(4, 8, 3, groups=groups)
    assert ops.conv_parameters(4, 8, 3, groups=groups) == sum(p.numel() for p in layer.parameters())


def test_receptive_field_is_the_footprint_of_the_gradient():
    windows = [ops.Window(5), ops.Window(2, 2), ops.Window(3, 2), ops.Window(3), ops.Window(2, dilation=2)]
    x = torch.rand(1, 1, 64, 64, dtype=torch.float64, requires_grad=True)
    y = x
    for window in windows:
        kernel = torch.ones(1, 1, window.kernel, window.kernel, dtype=torch.float64)
        y = ops.conv2d(y, kernel, stride=window.stride, dilation=window.dilation)
    y[0, 0, 3, 3].backward()
    touched = x.grad[0, 0].sum(0).nonzero()
    size, jump = ops.receptive_field(windows)
    assert size == 26  # 5, then +1, +2·2, +2·4, +2·4
    assert (touched[0].item(), touched[-1].item()) == (3 * jump, 3 * jump + size - 1)


def test_dilation_doubled_in_each_layer_grows_the_field_exponentially():
    chain = [ops.Window(3, dilation=2**n) for n in range(4)]
    assert [ops.receptive_field(chain[: n + 1])[0] for n in range(4)] == [3, 7, 15, 31]
