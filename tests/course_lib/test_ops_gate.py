import pytest
import torch

from course_lib import ops

each_form = pytest.mark.parametrize("form", [ops.gate, ops.gate_loops])


@each_form
def test_by_hand(form):
    x = torch.arange(8.0).reshape(1, 2, 2, 2)
    left = torch.tensor([[[[1.0, 0.0], [1.0, 0.0]]]])  # look at the left column only
    assert form(x, left)[0].tolist() == [[[0, 0], [2, 0]], [[4, 0], [6, 0]]]
    second = torch.tensor([0.0, 1.0]).reshape(1, 2, 1, 1)  # only the second feature counts
    assert form(x, second)[0].tolist() == [[[0, 0], [0, 0]], [[4, 5], [6, 7]]]


@pytest.mark.parametrize("mask", [(2, 1, 4, 5), (2, 3, 1, 1)])
def test_both_forms_agree_with_torch_s_product_and_pass_gradients(mask):
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    mask = torch.rand(mask, dtype=torch.float64, requires_grad=True)
    assert torch.equal(ops.gate(x, mask), torch.mul(x, mask))
    assert torch.equal(ops.gate(x, mask), ops.gate_loops(x, mask))
    assert torch.autograd.gradcheck(ops.gate, (x[:1, :, :2, :2], mask[:1, :, :2, :2]))


@each_form
@pytest.mark.parametrize("shape", [(2, 3, 4, 5), (1, 1, 4, 5), (2, 1, 1, 1), (2, 1, 4, 1), (2, 2, 1, 1), (2, 1, 5, 4)])
@pytest.mark.usefixtures("untyped")
def test_refuses_what_would_broadcast(form, shape):
    with pytest.raises(
        ValueError, match=r"mask must be \[B, 1, H, W\] = \(2, 1, 4, 5\) or \[B, C, 1, 1\] = \(2, 3, 1, 1\)"
    ):
        form(torch.zeros(2, 3, 4, 5), torch.ones(shape))


@each_form
@pytest.mark.usefixtures("untyped")
def test_refuses_a_mask_of_bytes(form):
    with pytest.raises(TypeError, match="mask must hold floating-point numbers, got torch.bool"):
        form(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2, dtype=torch.bool))
