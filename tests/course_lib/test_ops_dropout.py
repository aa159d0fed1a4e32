import pytest
import torch
from torch.nn import functional as F

from course_lib import ops


def seed(number=1):
    return torch.Generator().manual_seed(number)


@pytest.mark.parametrize("p", [0.0, 0.25, 0.5, 0.9])
def test_survivors_are_scaled_and_the_paper_s_form_is_the_same_but_for_the_scale(p):
    x = torch.randn(1000, dtype=torch.float64)
    ours, paper = ops.dropout(x, p, generator=seed()), ops.dropout_paper(x, p, generator=seed())
    torch.testing.assert_close(ours, paper / (1 - p), atol=1e-10, rtol=0)
    kept = ours != 0
    torch.testing.assert_close(ours[kept], x[kept] / (1 - p), atol=1e-10, rtol=0)
    assert abs(kept.double().mean() - (1 - p)) < 4 * (p * (1 - p) / 1000) ** 0.5 + 1e-12


@pytest.mark.parametrize("p", [0.0, 0.3, 0.5, 1.0])
def test_the_same_seed_drops_what_torch_drops(p):
    x = torch.randn(5, 7, dtype=torch.float64)
    torch.manual_seed(3)
    ours = ops.dropout(x, p)
    torch.manual_seed(3)
    torch.testing.assert_close(ours, F.dropout(x, p), atol=1e-10, rtol=0)


def test_evaluation_leaves_inverted_dropout_alone_and_scales_the_paper_s():
    x = torch.tensor([1.0, 2.0])
    assert ops.dropout(x, 0.5, training=False).tolist() == [1, 2]
    assert ops.dropout_paper(x, 0.5, training=False).tolist() == [0.5, 1]


def test_evaluation_draws_no_random_number():
    generator = seed()
    before = generator.get_state()
    ops.dropout(torch.ones(3), training=False, generator=generator)
    assert torch.equal(generator.get_state(), before)


def test_gradients():
    x = torch.randn(6, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda t: ops.dropout(t, 0.5, generator=seed()), x)


@pytest.mark.parametrize("form", [ops.dropout, ops.dropout_paper])
@pytest.mark.parametrize("training", [True, False])
@pytest.mark.usefixtures("untyped")
def test_refuses(form, training):
    for p in (-0.1, 50, float("nan")):
        with pytest.raises(ValueError, match="p must lie between 0 and 1"):
            form(torch.ones(3), p, training)
    with pytest.raises(TypeError, match="floating-point numbers, got torch.int64"):
        form(torch.ones(3, dtype=torch.int64), 0.5, training)
