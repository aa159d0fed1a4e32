"""Two-dimensional convolution: numbers done by hand, then equality with torch in float64, then gradients."""

import jaxtyping
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}
FORMS = [ops.conv2d, ops.conv2d_loops, ops.conv2d_shifts]
each_form = pytest.mark.parametrize("form", FORMS)


@each_form
def test_by_hand(form):
    """[[0,1,2],[3,4,5],[6,7,8]] with the kernel [[1,0],[0,2]]: 0+2·4, 1+2·5, 3+2·7, 4+2·8, then bias 100."""
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    kernel = torch.tensor([[[[1.0, 0.0], [0.0, 2.0]]]])
    assert form(x, kernel, torch.tensor([100.0])).tolist() == [[[[108, 111], [117, 120]]]]


@each_form
def test_dilation_by_hand(form):
    """The same kernel, taps two apart, on a 3×3 image: one place, 0 + 2·8."""
    x = torch.arange(9.0).reshape(1, 1, 3, 3)
    kernel = torch.tensor([[[[1.0, 0.0], [0.0, 2.0]]]])
    assert form(x, kernel, dilation=2).tolist() == [[[[16]]]]


@each_form
def test_groups_by_hand(form):
    """Two groups: the first filter sees channel 0 only, the second channel 1 only."""
    x = torch.tensor([[[[1.0]], [[10.0]]]])
    weight = torch.tensor([2.0, 3.0]).reshape(2, 1, 1, 1)
    assert form(x, weight, groups=2).flatten().tolist() == [2, 30]


@each_form
def test_groups_are_a_block_diagonal_weight(form):
    x, weight = torch.randn(1, 4, 4, 4, dtype=torch.float64), torch.randn(6, 2, 3, 3, dtype=torch.float64)
    full = torch.zeros(6, 4, 3, 3, dtype=torch.float64)
    full[:3, :2], full[3:, 2:] = weight[:3], weight[3:]
    torch.testing.assert_close(form(x, weight, groups=2), form(x, full), **CLOSE)


@settings(max_examples=60)
@given(
    batch=st.integers(0, 2), channels=st.integers(1, 2), filters=st.integers(1, 2), groups=st.integers(1, 3),
    kernel=st.tuples(st.integers(1, 3), st.integers(1, 4)), extra=st.integers(0, 4),
    stride=st.integers(1, 3) | st.tuples(st.integers(1, 2), st.integers(1, 3)),
    padding=st.integers(0, 2) | st.tuples(st.integers(0, 1), st.integers(0, 2)),
    dilation=st.integers(1, 2) | st.tuples(st.integers(1, 3), st.integers(1, 2)), with_bias=st.booleans(),
)  # fmt: skip
def test_equals_torch(batch, channels, filters, groups, kernel, extra, stride, padding, dilation, with_bias):
    dh, dw = dilation if isinstance(dilation, tuple) else (dilation, dilation)
    kh, kw = kernel
    x = torch.randn(
        batch, channels * groups, dh * (kh - 1) + 1 + extra, dw * (kw - 1) + 1 + 2 * extra, dtype=torch.float64
    )
    weight = torch.randn(filters * groups, channels, kh, kw, dtype=torch.float64)
    bias = torch.randn(filters * groups, dtype=torch.float64) if with_bias else None
    window = (stride, padding, dilation, groups)
    expected = F.conv2d(x, weight, bias, *window)
    for form in FORMS:
        torch.testing.assert_close(form(x, weight, bias, *window), expected, **CLOSE)


@each_form
@pytest.mark.parametrize("border", list(ops.BORDERS))
def test_borders_equal_torch(form, border):
    x, weight = torch.randn(2, 3, 5, 4, dtype=torch.float64), torch.randn(2, 3, 3, 3, dtype=torch.float64)
    layer = torch.nn.Conv2d(
        3, 2, 3, stride=2, padding=(2, 1), bias=False, padding_mode=ops.BORDERS[border].replace("constant", "zeros")
    )
    layer.weight = torch.nn.Parameter(weight)
    torch.testing.assert_close(form(x, weight, None, 2, (2, 1), border=border), layer(x), **CLOSE)


@each_form
@pytest.mark.parametrize("window", [(2, 1, 1, 1, "zero"), (1, (1, 2), 2, 2, "zero"), (2, 1, (1, 2), 1, "reflect")])
def test_gradients(form, window):
    groups = window[3]
    x = torch.randn(1, 2, 5, 4, dtype=torch.float64, requires_grad=True)
    weight = torch.randn(2, 2 // groups, 3, 2, dtype=torch.float64, requires_grad=True)
    bias = torch.randn(2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda *a: form(*a, *window), (x, weight, bias))
    assert torch.autograd.gradgradcheck(lambda *a: form(*a, *window), (x, weight, bias))


def test_backward_keeps_the_image_and_not_its_columns():
    x = torch.randn(2, 3, 8, 8, requires_grad=True)
    weight = torch.randn(4, 3, 3, 3, requires_grad=True)
    saved = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: saved.append(t.numel()) or t, lambda t: t):
        ops.conv2d(x, weight, padding=1)
    assert sorted(saved) == [weight.numel(), x.numel()]


def test_only_the_gradients_asked_for_are_worked_out():
    x, weight = torch.randn(1, 1, 3, 3), torch.randn(1, 1, 2, 2, requires_grad=True)
    ops.conv2d(x, weight).sum().backward()
    assert x.grad is None
    assert weight.grad is not None


def test_torch_func_gives_each_sample_its_own_gradient():
    x, weight = torch.randn(3, 2, 5, 5, dtype=torch.float64), torch.randn(4, 2, 3, 3, dtype=torch.float64)

    def loss(conv):
        return lambda w, image: conv(image[None], w).square().sum()

    ours, theirs = (
        torch.func.vmap(torch.func.grad(loss(conv)), (None, 0))(weight, x) for conv in (ops.conv2d, F.conv2d)
    )
    torch.testing.assert_close(ours, theirs, **CLOSE)


def test_mixed_precision_there_and_back():
    x, weight, bias = (
        torch.randn(2, 3, 6, 6, requires_grad=True),
        torch.randn(4, 3, 3, 3, requires_grad=True),
        torch.randn(4),
    )
    with torch.autocast("cpu", torch.bfloat16):
        ours, theirs = ops.conv2d(x, weight, bias), F.conv2d(x, weight, bias)
        assert ops.conv2d(x.double(), weight.double()).dtype == torch.float64  # as torch does
    assert ours.dtype == theirs.dtype == torch.bfloat16
    torch.testing.assert_close(ours, theirs, atol=0.1, rtol=0.02)
    ours.float().square().sum().backward()
    assert x.grad.dtype == weight.grad.dtype == torch.float32


@each_form
@pytest.mark.parametrize(
    ("x", "weight", "options", "message"),
    [
        ((1, 3, 5, 5), (2, 4, 3, 3), {}, "3 channels but each filter has 4"),
        ((1, 1, 5, 5), (2, 3, 3, 3), {}, "1 channels but each filter has 3"),  # would broadcast
        ((1, 3, 5, 5), (2, 1, 3, 3), {}, "3 channels but each filter has 1"),  # so would this
        ((1, 4, 5, 5), (2, 4, 3, 3), {"groups": 2}, "4 channels but 2 groups of filters that see 4 each need 8"),
        ((1, 4, 5, 5), (3, 2, 3, 3), {"groups": 2}, "groups is 2, but must divide the number of filters, 3"),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"groups": 0}, "groups must be a whole number of at least 1, got 0"),
        ((1, 3, 5, 5), (2, 3, 7, 7), {}, "does not fit into 5 pixels"),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"dilation": 3}, "spans 7 pixels"),
        (
            (3, 5, 5),
            (2, 3, 3, 3),
            {},
            r"x must have the axes \[B, C, H, W\], got shape \(3, 5, 5\): add the missing axes",
        ),
        ((1, 1, 3, 5, 5), (2, 3, 3, 3), {}, "merge or index"),
        ((1, 3, 5, 5), (3, 3), {}, r"weight must have the axes \[K, C, kh, kw\], got shape \(3, 3\)"),
        (
            (1, 3, 5, 5),
            (2, 3, 3, 3),
            {"bias": torch.zeros(1)},
            r"bias must have one number a filter, shape \(2,\), got \(1,\)",
        ),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"stride": 0}, "stride must be a whole number of at least 1, or a pair .* got 0"),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"stride": -1}, "stride must be a whole number of at least 1"),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"padding": -1}, "padding must be a whole number of at least 0"),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"padding": "same"}, "padding must be a whole number .* got 'same'"),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"dilation": 0}, "dilation must be a whole number of at least 1"),
        ((1, 3, 5, 5), (2, 3, 3, 3), {"border": "mirror"}, "border 'mirror' is unknown"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refuses(form, x, weight, options, message):
    with pytest.raises(ValueError, match=message):
        form(torch.zeros(x), torch.zeros(weight), **options)


@each_form
@pytest.mark.usefixtures("untyped")
def test_refuses_kinds_of_numbers(form):
    weight = torch.zeros(1, 1, 3, 3)
    with pytest.raises(
        TypeError, match=r"x must hold floating-point numbers, got torch.uint8: convert it with x.float\(\)"
    ):
        form(torch.zeros(1, 1, 5, 5, dtype=torch.uint8), weight)
    with pytest.raises(TypeError, match="x is torch.float64 and weight is torch.float32: convert one"):
        form(torch.zeros(1, 1, 5, 5, dtype=torch.float64), weight)
    with pytest.raises(TypeError, match="x must be a tensor .* got a list"):
        form([[0.0]], weight)


def test_shapes_in_signatures_are_enforced_here():
    with pytest.raises(jaxtyping.TypeCheckError):
        ops.conv2d(torch.zeros(3, 5, 5), torch.zeros(2, 3, 3, 3))
