import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}
FORMS = [ops.batch_norm, ops.batch_norm_formula]
each_form = pytest.mark.parametrize("form", FORMS)


@each_form
def test_by_hand(form):
    """0 2 4 6 has mean 3 and variance 5; with ε = 4 the divisor is 3. Then times 3, plus 1: x − 3 + 1."""
    x = torch.tensor([0.0, 2.0, 4.0, 6.0]).reshape(2, 1, 2)
    y, mean, var = form(x, torch.tensor([3.0]), torch.tensor([1.0]), eps=4.0)
    assert (mean.item(), var.item()) == (3, 5)
    torch.testing.assert_close(y.flatten(), torch.tensor([-2.0, 0, 2, 4]))


@settings(max_examples=30)
@given(batch=st.integers(2, 4), channels=st.integers(1, 3), places=st.sampled_from([(), (3,), (2, 3), (2, 1, 2)]))
def test_equals_torch_there_and_back(batch, channels, places):
    x = 3 + 2 * torch.randn(batch, channels, *places, dtype=torch.float64)
    weight, bias = torch.randn(2, channels, dtype=torch.float64)
    grad = torch.randn_like(x)

    def run(form):
        inputs = [t.clone().requires_grad_() for t in (x, weight, bias)]
        y = form(*inputs)
        return y, *torch.autograd.grad(y, inputs, grad)

    theirs = run(lambda x, w, b: F.batch_norm(x, None, None, w, b, training=True))
    for form in FORMS:
        for one, other in zip(run(lambda *a, form=form: form(*a)[0]), theirs):
            torch.testing.assert_close(one, other, **CLOSE)


@each_form
def test_gradients(form):
    x = torch.randn(3, 2, 2, dtype=torch.float64, requires_grad=True)
    weight, bias = (torch.randn(2, dtype=torch.float64, requires_grad=True) for _ in range(2))
    assert torch.autograd.gradcheck(lambda *a: form(*a)[0], (x, weight, bias))
    assert torch.autograd.gradgradcheck(lambda *a: form(*a)[0], (x, weight, bias))


def test_the_gradient_ignores_a_shift_and_a_scale_of_the_input():
    x = torch.randn(8, 1, dtype=torch.float64, requires_grad=True)
    y, *_ = ops.batch_norm(x, torch.ones(1).double(), torch.zeros(1).double(), eps=0.0)
    (grad,) = torch.autograd.grad(y, x, torch.randn_like(y))
    assert grad.sum().abs() < 1e-10
    assert (grad * x).sum().abs() < 1e-10


def test_inference_equals_torch():
    x, mean, weight, bias = torch.randn(2, 3, 4, dtype=torch.float64), *torch.randn(3, 3, dtype=torch.float64)
    var = torch.rand(3, dtype=torch.float64)
    ours = ops.batch_norm_inference(x, mean, var, weight, bias, 1e-3)
    torch.testing.assert_close(ours, F.batch_norm(x, mean, var, weight, bias, eps=1e-3), **CLOSE)


@each_form
@pytest.mark.usefixtures("untyped")
def test_refuses(form):
    ones = torch.ones(3)
    with pytest.raises(
        ValueError, match=r"fewer than two numbers a channel.*larger batch, or switch the model to evaluation"
    ):
        form(torch.zeros(1, 3, 1, 1), ones, ones)
    with pytest.raises(ValueError, match="fewer than two"):
        form(torch.zeros(0, 3, 2, 2), ones, ones)
    with pytest.raises(ValueError, match=r"weight must have one number a channel, shape \(3,\), got \(1,\)"):
        form(torch.zeros(2, 3, 2, 2), torch.ones(1), ones)
    with pytest.raises(TypeError, match="floating-point"):
        form(torch.zeros(2, 3, 2, 2, dtype=torch.uint8), ones, ones)
    with pytest.raises(TypeError, match="x is torch.float32 and weight is torch.float64"):
        form(torch.zeros(2, 3, 2, 2), ones.double(), ones.double())
    with pytest.raises(ValueError, match=r"x must have the axes \[B, C, ...\]"):
        form(torch.zeros(3), ones, ones)


@pytest.mark.usefixtures("untyped")
def test_inference_refuses():
    with pytest.raises(ValueError, match="mean must have one number a channel"):
        ops.batch_norm_inference(torch.zeros(2, 3), torch.zeros(1), *torch.ones(3, 3))
