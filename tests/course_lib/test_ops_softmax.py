import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}
LARGE = torch.tensor([[1000.0, 0.0], [0.0, -1000.0]])


@pytest.mark.parametrize("form", [ops.softmax, ops.softmax_naive])
def test_softmax_by_hand(form):
    """exp of log 1, log 2, log 5 is 1 2 5, of 8 altogether."""
    x = torch.tensor([1.0, 2.0, 5.0]).log()
    torch.testing.assert_close(form(x), torch.tensor([1 / 8, 2 / 8, 5 / 8]))


def test_the_naive_forms_overflow_and_the_stable_ones_do_not():
    target = torch.tensor([1, 0])
    assert ops.softmax_naive(LARGE)[0, 0].isnan()
    assert ops.softmax(LARGE).tolist() == [[1, 0], [1, 0]]
    assert ops.log_softmax(LARGE).tolist() == [[0, -1000], [0, -1000]]
    assert not ops.cross_entropy_naive(LARGE, target).isfinite()
    assert ops.cross_entropy(LARGE, target) == 500  # (1000 + 0) / 2


@pytest.mark.parametrize("form", [ops.cross_entropy, ops.cross_entropy_naive])
def test_guessing_costs_log_k(form):
    torch.testing.assert_close(form(torch.zeros(4, 10), torch.arange(4)), torch.tensor(math.log(10)))


@settings(max_examples=30)
@given(
    batch=st.integers(1, 3),
    classes=st.integers(1, 5),
    places=st.sampled_from([(), (3,), (2, 3)]),
    dim=st.integers(-2, 1),
)
def test_equals_torch(batch, classes, places, dim):
    x = torch.randn(batch, classes, *places, dtype=torch.float64)
    target = torch.randint(classes, (batch, *places))
    for form in (ops.softmax, ops.softmax_naive):
        torch.testing.assert_close(form(x, dim), F.softmax(x, dim), **CLOSE)
    torch.testing.assert_close(ops.log_softmax(x, dim), F.log_softmax(x, dim), **CLOSE)
    torch.testing.assert_close(ops.log_softmax(x, dim), ops.softmax_naive(x, dim).log(), **CLOSE)
    for form in (ops.cross_entropy, ops.cross_entropy_naive):
        torch.testing.assert_close(form(x, target), F.cross_entropy(x, target), **CLOSE)


def test_gradients():
    x, target = torch.randn(3, 4, dtype=torch.float64, requires_grad=True), torch.tensor([0, 3, 1])
    for form in (ops.softmax, ops.softmax_naive, ops.log_softmax, lambda t: ops.cross_entropy(t, target)):
        assert torch.autograd.gradcheck(form, x)
    (grad,) = torch.autograd.grad(ops.cross_entropy(x, target), x)
    torch.testing.assert_close(grad, (x.softmax(1) - F.one_hot(target, 4)) / 3, **CLOSE)


def test_the_gradient_survives_a_tie_and_a_large_score():
    x = torch.tensor([[1000.0, 1000.0, 0.0]], requires_grad=True)
    ops.cross_entropy(x, torch.tensor([2])).backward()
    assert x.grad.tolist() == [[0.5, 0.5, -1]]


@pytest.mark.parametrize("form", [ops.softmax, ops.softmax_naive, ops.log_softmax])
@pytest.mark.usefixtures("untyped")
def test_softmax_refuses(form):
    with pytest.raises(ValueError, match=r"dim is 2, but x of shape \(2, 3\) has axes 0 to 1"):
        form(torch.zeros(2, 3), 2)
    with pytest.raises(ValueError, match=r"x must have the axes \[scores, ...\], got shape \(\)"):
        form(torch.tensor(1.0))
    with pytest.raises(TypeError, match="floating-point"):
        form(torch.zeros(2, 3, dtype=torch.int64))


@pytest.mark.parametrize("form", [ops.cross_entropy, ops.cross_entropy_naive])
@pytest.mark.parametrize(
    ("logits", "target", "error", "message"),
    [
        ((2, 3), torch.zeros(2), TypeError, "class numbers as torch.int64, got torch.float32"),
        ((2, 3), torch.zeros(2, 1).long(), ValueError, r"target must have shape \(2,\) .* got \(2, 1\)"),
        ((2, 3), torch.zeros(1).long(), ValueError, r"target must have shape \(2,\) .* got \(1,\)"),
        ((2, 3), torch.zeros(2, 3).long(), ValueError, r"one-hot rows into numbers with target.argmax\(1\)"),
        (
            (2, 3),
            torch.tensor([1, 3]),
            ValueError,
            "classes 1 to 3, but logits has scores for 0 to 2: number the classes from 0",
        ),
        ((2, 3), torch.tensor([-1, 0]), ValueError, "classes -1 to 0"),
        ((3,), torch.zeros(3).long(), ValueError, r"logits must have the axes \[B, K, ...\]"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_cross_entropy_refuses(form, logits, target, error, message):
    with pytest.raises(error, match=message):
        form(torch.zeros(logits), target)
