"""Transposed convolution: by hand, against torch, and as the transpose of a Jacobian."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}
FORMS_1D = [ops.conv_transpose1d, ops.conv_transpose1d_loops]
FORMS_2D = [ops.conv_transpose2d, ops.conv_transpose2d_loops]


@pytest.mark.parametrize("form", FORMS_1D)
def test_1d_by_hand(form):
    """1 and 10 stamp the kernel 1 2 3, two pixels apart: 1 2 3 0 0 + 0 0 10 20 30; padding 1 crops both ends."""
    x, kernel = torch.tensor([[[1.0, 10.0]]]), torch.tensor([[[1.0, 2.0, 3.0]]])
    assert form(x, kernel, stride=2).flatten().tolist() == [1, 2, 13, 20, 30]
    assert form(x, kernel, stride=2, padding=1).flatten().tolist() == [2, 13, 20]
    assert form(x, kernel, stride=2, padding=1, output_padding=1).flatten().tolist() == [2, 13, 20, 30]


@pytest.mark.parametrize("form", FORMS_2D)
def test_2d_by_hand(form):
    """A 3×3 stamp of ones, stride 2, on [[1, 2], [3, 4]]: neighbours overlap by one, all four in the middle."""
    y = form(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), torch.ones(1, 1, 3, 3), stride=2)
    assert y[0, 0].tolist() == [[1, 1, 3, 2, 2], [1, 1, 3, 2, 2], [4, 4, 10, 6, 6], [3, 3, 7, 4, 4], [3, 3, 7, 4, 4]]


@settings(max_examples=30)
@given(
    batch=st.integers(0, 2), channels=st.integers(1, 2), groups=st.integers(1, 2), kernel=st.integers(2, 4),
    length=st.integers(2, 5), stride=st.integers(1, 3), padding=st.integers(0, 1),
    output_padding=st.integers(0, 2), dilation=st.integers(1, 2),
)  # fmt: skip
def test_equals_torch(batch, channels, groups, kernel, length, stride, padding, output_padding, dilation):
    window = (stride, padding, output_padding % stride, groups, dilation)  # in torch's order
    ours = {
        "stride": stride,
        "padding": padding,
        "output_padding": output_padding % stride,
        "groups": groups,
        "dilation": dilation,
    }
    bias = torch.randn(2 * groups, dtype=torch.float64)
    x, weight = (
        torch.randn(batch, channels * groups, length, dtype=torch.float64),
        torch.randn(channels * groups, 2, kernel, dtype=torch.float64),
    )
    for form in FORMS_1D:
        torch.testing.assert_close(form(x, weight, bias, **ours), F.conv_transpose1d(x, weight, bias, *window), **CLOSE)
    x, weight = (
        x[:, :, None] * torch.randn(3, 1, dtype=torch.float64),
        torch.randn(channels * groups, 2, 3, kernel, dtype=torch.float64),
    )
    for form in FORMS_2D:
        torch.testing.assert_close(form(x, weight, bias, **ours), F.conv_transpose2d(x, weight, bias, *window), **CLOSE)


@pytest.mark.parametrize(("conv", "transposed", "x", "kernel"), [
    (ops.conv1d, ops.conv_transpose1d, (1, 2, 6), (3, 2, 3)),
    (ops.conv2d, ops.conv_transpose2d, (1, 2, 5, 6), (3, 2, 3, 2)),
])  # fmt: skip
def test_it_is_the_jacobian_s_transpose(conv, transposed, x, kernel):
    x, weight = torch.randn(x, dtype=torch.float64), torch.randn(kernel, dtype=torch.float64)
    y = torch.randn_like(conv(x, weight, stride=2, padding=1))
    jacobian = torch.func.jacrev(lambda t: conv(t, weight, stride=2, padding=1))(x).reshape(y.numel(), x.numel())
    leftover = tuple(
        ours - ops.transposed_size(out, k, 2, 1) for ours, out, k in zip(x.shape[2:], y.shape[2:], kernel[2:])
    )
    back = transposed(y, weight, stride=2, padding=1, output_padding=leftover if len(leftover) > 1 else leftover[0])
    torch.testing.assert_close(back.flatten(), jacobian.T @ y.flatten(), **CLOSE)


@pytest.mark.parametrize("form", FORMS_2D)
def test_gradients(form):
    tensors = [
        torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((1, 2, 3, 2), (2, 1, 3, 2), (2,))
    ]
    assert torch.autograd.gradcheck(lambda *a: form(*a, 2, 1, groups=2), tensors)
    assert torch.autograd.gradgradcheck(lambda *a: form(*a, 2, 1, groups=2), tensors)


@pytest.mark.parametrize("form", FORMS_2D)
@pytest.mark.parametrize(
    ("x", "weight", "options", "message"),
    [
        ((1, 3, 4, 4), (2, 3, 3, 3), {}, r"x has 3 channels but weight has stamps for 2: its axes are \[C, K, …\]"),
        ((1, 1, 4, 4), (3, 2, 3, 3), {}, "x has 1 channels but weight has stamps for 3"),
        ((3, 4, 4), (3, 2, 3, 3), {}, r"x must have the axes \[B, C, H, W\]"),
        ((1, 3, 4, 4), (3, 2, 3, 3), {"stride": 0}, "stride must be a whole number of at least 1"),
        (
            (1, 3, 4, 4),
            (3, 2, 3, 3),
            {"stride": 2, "output_padding": 2},
            "output_padding is 2, expected less than the stride, 2",
        ),
        ((1, 3, 1, 1), (3, 2, 3, 3), {"padding": 2}, "padding 2 crops away all of the output: use at most 1"),
        ((1, 3, 4, 4), (3, 2, 3, 3), {"groups": 2}, "groups is 2, but must divide the 3 channels"),
        ((1, 3, 4, 4), (3, 2, 3, 3), {"bias": torch.zeros(1)}, r"shape \(2,\), got \(1,\)"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refuses(form, x, weight, options, message):
    with pytest.raises(ValueError, match=message):
        form(torch.zeros(x), torch.zeros(weight), **options)
