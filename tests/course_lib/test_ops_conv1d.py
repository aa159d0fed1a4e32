import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}
FORMS = [ops.conv1d, ops.conv1d_loops, ops.conv1d_shifts]
each_form = pytest.mark.parametrize("form", FORMS)


@each_form
def test_by_hand(form):
    """1 2 3 4 5 with the kernel 1 0 −1 (a derivative): 1−3, 2−4, 3−5; with wrapped borders also 5−2 and 4−1."""
    x, kernel = torch.arange(1.0, 6).reshape(1, 1, 5), torch.tensor([[[1.0, 0.0, -1.0]]])
    assert form(x, kernel).flatten().tolist() == [-2, -2, -2]
    assert form(x, kernel, padding=1, border="wrap").flatten().tolist() == [3, -2, -2, -2, 3]
    assert form(x, kernel, dilation=2).flatten().tolist() == [-4]


@each_form
def test_the_impulse_test_shows_that_the_kernel_is_not_flipped(form):
    impulse = F.one_hot(torch.tensor([[2]]), 5).float()
    assert form(impulse, torch.tensor([[[1.0, 2.0, 3.0]]])).flatten().tolist() == [3, 2, 1]


@settings(max_examples=30)
@given(
    batch=st.integers(0, 2), channels=st.integers(1, 2), groups=st.integers(1, 2), kernel=st.integers(1, 3),
    extra=st.integers(1, 5), stride=st.integers(1, 3), padding=st.integers(0, 1), dilation=st.integers(1, 2),
    border=st.sampled_from(list(ops.BORDERS)),
)  # fmt: skip
def test_equals_torch(batch, channels, groups, kernel, extra, stride, padding, dilation, border):
    x = torch.randn(batch, channels * groups, dilation * (kernel - 1) + 1 + extra, dtype=torch.float64)
    weight, bias = (
        torch.randn(2 * groups, channels, kernel, dtype=torch.float64),
        torch.randn(2 * groups, dtype=torch.float64),
    )
    expected = F.conv1d(F.pad(x, (padding, padding), ops.BORDERS[border]), weight, bias, stride, 0, dilation, groups)
    for form in FORMS:
        torch.testing.assert_close(form(x, weight, bias, stride, padding, dilation, groups, border), expected, **CLOSE)


@each_form
def test_gradients(form):
    tensors = [torch.randn(shape, dtype=torch.float64, requires_grad=True) for shape in ((1, 2, 6), (2, 1, 3), (2,))]
    assert torch.autograd.gradcheck(lambda *a: form(*a, 2, 1, 1, 2), tensors)
    assert torch.autograd.gradgradcheck(lambda *a: form(*a, 2, 1, 1, 2), tensors)


@each_form
@pytest.mark.parametrize(
    ("x", "weight", "options", "message"),
    [
        ((5,), (1, 1, 3), {}, r"x must have the axes \[B, C, L\]"),
        ((1, 1, 5), (3,), {}, r"weight must have the axes \[K, C, k\]"),
        ((1, 1, 5), (1, 1, 7), {}, "does not fit into 5"),
        ((1, 2, 5), (1, 1, 3), {}, "2 channels but each filter has 1"),
        ((1, 1, 5), (1, 1, 3), {"stride": -2}, "stride must be a whole number of at least 1, got -2"),
        ((1, 1, 5), (1, 1, 3), {"border": "mirror"}, "border 'mirror' is unknown"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_refuses(form, x, weight, options, message):
    with pytest.raises(ValueError, match=message):
        form(torch.zeros(x), torch.zeros(weight), **options)
