import pytest
import torch
from torch import nn

from course_lib import understand


def test_total_variation_by_hand():
    x = torch.tensor([[[0.0, 1.0], [3.0, 3.0]]])
    assert understand.total_variation(x) == (9 + 4) / 2 + (1 + 0) / 2  # down: 3, 2; right: 1, 0


def bright_left():
    """Two units: the left column minus the right, and the reverse."""
    net = nn.Sequential(nn.Flatten(), nn.Linear(16, 2, bias=False))
    sign = torch.tensor([1.0, 1.0, -1.0, -1.0]).repeat(4)
    net[1].weight.data = torch.stack([sign, -sign])
    return net


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (-2.0, 2.0)])
def test_the_image_a_linear_unit_likes_best_has_its_weights_signs(low, high):
    free = {"steps": 60, "lr": 0.05, "decay": 0.0, "smooth": 0.0, "jitter": 0, "low": low, "high": high}
    image = understand.activation_maximisation(bright_left(), "", 0, (1, 4, 4), **free)
    assert torch.equal(image[0], torch.tensor([high, high, low, low]).expand(4, 4))
    image = understand.activation_maximisation(bright_left(), "1", 1, (1, 4, 4), **free)
    assert torch.equal(image[0], torch.tensor([low, low, high, high]).expand(4, 4))


def test_penalties_pull_towards_grey_and_smoothness():
    def look(decay=0.0, smooth=0.0, **options):
        return understand.activation_maximisation(
            bright_left(), "", 0, (1, 4, 4), steps=60, lr=0.05, decay=decay, smooth=smooth, jitter=0, **options
        )

    assert look(decay=1e4).sub(0.5).abs().max() < 0.02
    assert understand.total_variation(look(smooth=100.0)) < 0.1 * understand.total_variation(look())
    colour = torch.tensor([0.0]).reshape(1, 1, 1), torch.tensor([10.0]).reshape(1, 1, 1)
    grey = look(decay=1e4, low=colour[0], high=colour[1])
    assert (grey - 5).abs().max() < 0.2  # in the model's units


def test_same_seed_same_image():
    net = nn.Conv2d(1, 2, 3)
    first, again, other = (
        understand.activation_maximisation(net, "", 1, (1, 8, 8), steps=3, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_a_layer_that_loses_nothing_is_inverted():
    net = nn.Sequential(nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(16, 1, 3))
    x = torch.rand(1, 8, 8)
    found = understand.feature_inversion(net, "1", x, steps=300, decay=0.0, smooth=0.0)
    assert (found - x).abs().max() < 0.1


def test_what_a_layer_has_lost_does_not_come_back():
    net = nn.AvgPool2d(8)
    net.register_parameter("unused", nn.Parameter(torch.zeros(1)))
    x = torch.rand(1, 8, 8)
    found = understand.feature_inversion(net, "", x, steps=100, smooth=1.0)
    assert (found.mean() - x.mean()).abs() < 0.02 < 0.5 * x.std()
    assert found.std() < 0.1 * x.std()
