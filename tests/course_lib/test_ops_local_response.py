import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.nn import functional as F

from course_lib import ops

FORMS = [ops.local_response_norm, ops.local_response_norm_loops]
each_form = pytest.mark.parametrize("form", FORMS)


@each_form
def test_by_hand(form):
    """Channels 1 2 3, n = 3, α = 3, β = 1, k = 1: 1/(1+1+4), 2/(1+1+4+9), 3/(1+4+9)."""
    x = torch.tensor([1.0, 2.0, 3.0], dtype=torch.float64).reshape(1, 3, 1, 1)
    expected = torch.tensor([1 / 6, 2 / 15, 3 / 14], dtype=torch.float64)
    torch.testing.assert_close(form(x, 3, alpha=3.0, beta=1.0, k=1.0).flatten(), expected)


@settings(max_examples=30)
@given(batch=st.integers(1, 2), channels=st.integers(1, 7), size=st.integers(1, 6))
def test_equals_torch(batch, channels, size):
    x = 10 * torch.randn(batch, channels, 3, 2, dtype=torch.float64)
    for form in FORMS:
        torch.testing.assert_close(
            form(x, size, 0.1, 0.75, 2.0), F.local_response_norm(x, size, 0.1, 0.75, 2.0), atol=1e-10, rtol=0
        )


@each_form
def test_gradients(form):
    x = torch.randn(1, 4, 2, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: form(t, 3, 1.0), x)


@each_form
@pytest.mark.usefixtures("untyped")
def test_refuses(form):
    with pytest.raises(ValueError, match="size must be a whole number of at least 1, got 0"):
        form(torch.zeros(1, 3, 2, 2), 0)
    with pytest.raises(ValueError, match="x must have the axes"):
        form(torch.zeros(3, 2, 2), 5)
    with pytest.raises(TypeError, match="floating-point"):
        form(torch.zeros(1, 3, 2, 2, dtype=torch.int64), 5)
