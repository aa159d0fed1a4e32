import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import understand


def linear(classes=2):
    net = nn.Sequential(nn.Flatten(), nn.Linear(4, classes, bias=False)).double()
    return net, torch.full((3, 1, 2, 2), 0.5, dtype=torch.float64)


def test_on_a_linear_model_the_step_is_epsilon_times_the_sign_of_the_weights():
    net, x = linear()
    w = torch.tensor([0.3, -2.0, 0.01, -0.5], dtype=torch.float64)
    net[1].weight.data = torch.stack([torch.zeros_like(w), w])  # the second class scores w·x
    step = 0.1 * w.sign().reshape(1, 1, 2, 2)
    for label, targeted, sign in ((0, False, 1), (1, True, 1), (1, False, -1), (0, True, -1)):
        found = understand.adversarial_step(net, x, label, 0.1, targeted=targeted)
        torch.testing.assert_close(found, x + sign * step.expand_as(x), atol=1e-15, rtol=0)
    grown = (net(understand.adversarial_step(net, x, 0, 0.1)) - net(x))[0, 1].item()
    assert grown == pytest.approx(0.1 * w.abs().sum().item())  # ε·Σ|w|


def test_a_pixel_without_influence_stays():
    net, x = linear()
    net[1].weight.data[:, 2] = 1.0  # the same for both classes
    assert (understand.adversarial_step(net, x, 0, 0.1)[:, 0, 1, 0] == 0.5).all()


def test_pixels_stay_in_their_range():
    net, x = linear()
    net[1].weight.data = torch.tensor([[0.0, 0.0, 0.0, 0.0], [1.0, 1.0, -1.0, -1.0]]).double()
    for look in (understand.adversarial_step, understand.adversarial_attack):
        assert look(net, x, 0, 0.8)[0].tolist() == [[[1, 1], [0, 0]]]
        low, high = torch.tensor([[[0.25]]]), torch.tensor([[[0.75]]])
        assert look(net, x, 0, 0.8, low=low, high=high)[0].tolist() == [[[0.75, 0.75], [0.25, 0.25]]]


def test_the_attack_stays_in_the_box_and_beats_the_single_step():
    net = nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8 * 36, 3)).double()
    x, y = torch.rand(16, 1, 8, 8, dtype=torch.float64), torch.randint(0, 3, (16,))
    one, many = understand.adversarial_step(net, x, y, 0.1), understand.adversarial_attack(net, x, y, 0.1)
    for found in (one, many):
        assert (found - x).abs().max() <= 0.1 + 1e-15 and found.min() >= 0 and found.max() <= 1
    clean, stepped, attacked = (F.cross_entropy(net(images), y).item() for images in (x, one, many))
    assert clean < stepped < attacked
    target = (y + 1) % 3
    towards = understand.adversarial_attack(net, x, target, 0.1, targeted=True)
    assert F.cross_entropy(net(towards), target) < F.cross_entropy(net(x), target)


def test_one_step_of_full_size_is_the_fast_method():
    net, x = linear()
    attack = understand.adversarial_attack(net, x, 1, 0.1, steps=1, step_size=0.1)
    torch.testing.assert_close(attack, understand.adversarial_step(net, x, 1, 0.1))


def test_images_of_a_batch_do_not_influence_each_other():
    net, x = linear(3)
    x, y = torch.rand_like(x), torch.tensor([0, 1, 2])
    alone = torch.cat([understand.adversarial_step(net, x[i : i + 1], y[i : i + 1], 0.1) for i in range(3)])
    assert torch.equal(understand.adversarial_step(net, x, y, 0.1), alone)


def test_refuses():
    net, x = linear()
    with pytest.raises(ValueError, match=r"x runs from -1.5 to 1.5, outside of the valid pixels from low to high"):
        understand.adversarial_step(net, x - torch.tensor([-1.0, 0.0, 2.0]).reshape(3, 1, 1, 1), 0, 0.1)
    with pytest.raises(ValueError, match="epsilon is -0.1, but is a size: use 0 or more"):
        understand.adversarial_attack(net, x, 0, -0.1)
    with pytest.raises(ValueError, match="labels is 2, but this model has 2 classes: use 0 to 1"):
        understand.adversarial_step(net, x, 2, 0.1)
