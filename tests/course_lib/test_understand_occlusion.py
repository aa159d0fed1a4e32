import pytest
import torch
from captum.attr import Occlusion
from torch import nn

from course_lib import understand


class Sum(nn.Module):
    """Two classes: the sum of the left half, and of the right half."""

    def forward(self, x):
        return torch.stack([half.sum((1, 2, 3)) for half in x.chunk(2, dim=3)], dim=1)


def test_by_hand():
    x = torch.arange(16.0).reshape(1, 1, 4, 4)
    drop = understand.occlusion(Sum(), x, 0, window=2, stride=2, probability=False)
    # The upper left square holds 0 + 1 + 4 + 5; the right half is not asked about.
    assert drop[0].tolist() == [[10, 10, 0, 0], [10, 10, 0, 0], [42, 42, 0, 0], [42, 42, 0, 0]]
    grey = understand.occlusion(Sum(), x, 0, window=2, stride=2, grey=1.0, probability=False)
    assert grey[0, 0, 0] == 10 - 4
    overlap = understand.occlusion(Sum(), x, 0, window=2, stride=1, probability=False)
    assert overlap[0, 0, 0] == 10  # one square covers the corner
    assert overlap[0, 0, 1] == (10 + 6) / 2  # two squares cover its neighbour: 0 + 1 + 4 + 5, and 1 + 5 of this half
    sparse = understand.occlusion(Sum(), x, 0, window=1, stride=3, probability=False)
    assert sparse[0].tolist() == [[0, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0, 0], [12, 0, 0, 0]]  # the rest is never covered


def net():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 5 * 7, 3)).double().eval()


@pytest.mark.parametrize(("window", "stride"), [(3, 3), (3, 2), (7, 1)])
def test_equals_captum(window, stride):
    """Sides of 7 and 9: some squares reach out. Captum rounds its result to float32."""
    model, x = net(), torch.randn(2, 3, 7, 9, dtype=torch.float64)
    target = torch.tensor([2, 0])
    ours = understand.occlusion(
        model, x, target, window=window, stride=stride, grey=0.3, probability=False, batch_size=4
    )
    theirs = Occlusion(model).attribute(
        x, sliding_window_shapes=(3, window, window), strides=(3, stride, stride), baselines=0.3, target=target
    )
    torch.testing.assert_close(ours, theirs[:, 0].double(), atol=1e-6, rtol=0)


def test_probability_of_the_model_s_own_choice():
    model, x = net(), torch.randn(2, 3, 7, 9, dtype=torch.float64)
    drop = understand.occlusion(model, x, window=7, stride=2)
    hidden = x.clone()
    hidden[:, :, :, :7] = 0
    with torch.no_grad():
        before, after = model(x).softmax(1), model(hidden).softmax(1)
    best = before.argmax(1, keepdim=True)
    torch.testing.assert_close(drop[:, 0, 0], (before - after).gather(1, best)[:, 0])


def test_grey_may_be_a_colour():
    colour = torch.tensor([0.1, 0.2, 0.3], dtype=torch.float64).reshape(3, 1, 1)
    x = colour.expand(1, 3, 7, 9)
    assert (understand.occlusion(net(), x, window=3, grey=colour) == 0).all()


def test_refuses_a_square_larger_than_the_image():
    with pytest.raises(ValueError, match="window is 8, larger than the image, 7×9: use a smaller square"):
        understand.occlusion(net(), torch.zeros(1, 3, 7, 9, dtype=torch.float64), window=8)
