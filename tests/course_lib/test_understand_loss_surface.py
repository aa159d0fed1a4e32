import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import models, understand

STEPS = torch.linspace(-1, 1, 5, dtype=torch.float64)


def quadratic():
    """With x the identity and y = 0 the mean squared error is |w|² / 2."""
    net = nn.Linear(2, 1, bias=False).double()
    net.weight.data = torch.tensor([[3.0, 4.0]]).double()
    return net, torch.eye(2).double(), torch.zeros(2, 1).double()


def test_a_quadratic_by_hand():
    net, x, y = quadratic()
    first, second = ({"weight": torch.tensor([row]).double()} for row in ([1.0, 0.0], [0.0, 2.0]))
    curve = understand.loss_surface(net, x, y, [first], STEPS, loss=F.mse_loss)
    torch.testing.assert_close(curve, ((3 + STEPS) ** 2 + 16) / 2)
    surface = understand.loss_surface(net, x, y, [first, second], STEPS, loss=F.mse_loss)
    torch.testing.assert_close(surface, ((3 + STEPS[:, None]) ** 2 + (4 + 2 * STEPS) ** 2) / 2)
    assert net.weight.tolist() == [[3, 4]]


def test_directions_are_as_long_as_the_filters_and_leave_biases_and_batch_norm():
    net = models.cifar_resnet(8)
    direction = understand.filter_normalised_direction(net)
    assert list(direction) == [name for name, _ in net.named_parameters()]
    for name, w in net.named_parameters():
        d = direction[name]
        if w.ndim < 2:
            assert (d == 0).all(), name
        else:
            torch.testing.assert_close(d.flatten(1).norm(dim=1), w.flatten(1).norm(dim=1).detach())
    other = understand.filter_normalised_direction(net, seed=1)
    assert not torch.equal(direction["fc.weight"], other["fc.weight"])


def test_a_filter_of_zeros_does_not_move():
    net = nn.Linear(3, 2)
    net.weight.data[0] = 0
    assert understand.filter_normalised_direction(net)["weight"][0].tolist() == [0, 0, 0]


def test_rescaling_a_relu_network_changes_nothing():
    """The reason for the normalisation: the same function must have the same surface."""
    net = nn.Sequential(nn.Linear(4, 8, bias=False), nn.ReLU(), nn.Linear(8, 3, bias=False)).double()
    x, y = torch.randn(20, 4, dtype=torch.float64), torch.randint(0, 3, (20,))
    curves = []
    for _ in range(2):
        curves.append(understand.loss_surface(net, x, y, [understand.filter_normalised_direction(net)], STEPS))
        net[0].weight.data *= 10
        net[2].weight.data /= 10
    torch.testing.assert_close(*curves, atol=1e-10, rtol=0)


def test_the_middle_is_the_model_s_own_loss():
    net = models.cifar_resnet(8).eval()
    x, y = torch.randn(4, 3, 32, 32), torch.arange(4)
    curve = understand.loss_surface(net, x, y, [understand.filter_normalised_direction(net)], torch.tensor([0.0, 1.0]))
    torch.testing.assert_close(curve[0], F.cross_entropy(net(x), y))
    assert curve[1] != curve[0]


@pytest.mark.usefixtures("untyped")
def test_refuses():
    net, x, y = quadratic()
    good = understand.filter_normalised_direction(net)
    for directions, message in (
        ([], "directions holds 0: give one for a curve or two for a surface"),
        ([good] * 3, "directions holds 3"),
        ([{"weight": torch.zeros(1)}], r"directions must have the names and shapes of model.named_parameters\(\)"),
        ([{}], "directions must have the names"),
    ):
        with pytest.raises(ValueError, match=message):
            understand.loss_surface(net, x, y, directions, STEPS)
