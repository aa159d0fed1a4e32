import pytest
import torch
from torch import nn

from course_lib import layers

CLOSE = {"atol": 1e-10, "rtol": 0}


@pytest.mark.parametrize("momentum", [0.1, 0.5, None])
def test_training_then_evaluation_equals_torch(momentum):
    theirs, ours = (module(3, eps=1e-3, momentum=momentum).double() for module in (nn.BatchNorm2d, layers.BatchNorm2d))
    nn.init.normal_(theirs.weight)
    ours.load_state_dict(theirs.state_dict(), strict=True)
    for _ in range(3):
        x = 4 + 2 * torch.randn(2, 3, 3, 2, dtype=torch.float64)
        torch.testing.assert_close(ours(x), theirs(x), **CLOSE)
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, **CLOSE)
    torch.testing.assert_close(ours.eval()(x), theirs.eval()(x), **CLOSE)
    assert ours.num_batches_tracked == 3  # evaluation does not count


def test_running_statistics_by_hand():
    """The batch 0 2 4 6: mean 3, unbiased variance 20/3. From 0 and 1, a tenth of the way: 0.3 and 0.9 + 2/3."""
    layer = layers.BatchNorm2d(1)
    layer(torch.tensor([0.0, 2.0, 4.0, 6.0]).reshape(1, 1, 2, 2))
    torch.testing.assert_close(layer.running_mean, torch.tensor([0.3]))
    torch.testing.assert_close(layer.running_var, torch.tensor([0.9 + 2 / 3]))


def test_evaluation_does_not_care_who_else_is_in_the_batch():
    layer, x = layers.BatchNorm2d(2).eval(), torch.randn(3, 2, 4, 4)
    assert torch.equal(layer(x)[:1], layer(x[:1]))


def test_statistics_stay_in_full_precision_under_autocast():
    ours, theirs = layers.BatchNorm2d(2), nn.BatchNorm2d(2)
    x = (100 + torch.randn(8, 2, 4, 4)).bfloat16().requires_grad_()
    with torch.autocast("cpu", torch.bfloat16):
        y, _ = ours(x), theirs(x)
    y.square().sum().backward()
    assert x.grad.dtype == torch.bfloat16
    torch.testing.assert_close(ours.running_mean, theirs.running_mean)
    torch.testing.assert_close(ours.running_var, theirs.running_var)


@pytest.mark.usefixtures("untyped")
def test_refuses():
    layer = layers.BatchNorm2d(3)
    for x, message in (
        (torch.zeros(2, 1, 4, 4), "x has 1 channels, expected 3: channels are axis 1"),
        (torch.zeros(2, 4, 4, 3), "x has 4 channels, expected 3: .* permute the axes if they come last"),
        (torch.zeros(2, 3), r"x must have the axes \[B, C, H, W\], got shape \(2, 3\)"),
        (torch.zeros(1, 3, 1, 1), "fewer than two numbers a channel"),
    ):
        with pytest.raises(ValueError, match=message):
            layer(x)
    assert layer.num_batches_tracked == 0  # a refused batch leaves no trace
    with pytest.raises(ValueError, match="momentum must lie between 0 and 1, got 90: for 90 percent write 0.9"):
        layers.BatchNorm2d(3, momentum=90)
