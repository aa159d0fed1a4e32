import pytest
import torch
from captum.attr import Deconvolution, GuidedBackprop
from torch import nn
from torch.nn import functional as F

from course_lib import models, understand


def stack(*, overlapping=False, inplace=True):
    """Convolution with stride, groups and padding; pooling with or without overlap, with rows left over."""
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, stride=2, padding=1),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(3, stride=2) if overlapping else nn.MaxPool2d(2),
        nn.Conv2d(4, 6, 3, padding=1, groups=2),
        nn.ReLU(inplace=inplace),
        nn.MaxPool2d(2),
        nn.Conv2d(6, 5, 2, dilation=2),
    ).double()


def test_by_hand():
    """y = relu(x0 − 2·x1) at one pixel of two channels; its filter goes back, scaled by the activation."""
    net = nn.Sequential(nn.Conv2d(2, 1, 1, bias=False), nn.ReLU())
    net[0].weight.data = torch.tensor([1.0, -2.0]).reshape(1, 2, 1, 1)
    x = torch.zeros(1, 2, 2, 2)
    x[0, 0] = torch.tensor([[3.0, 1.0], [0.0, 0.0]])
    for form in (lambda *a: understand.deconvnet(net, "1", *a), lambda *a: understand.deconvnet_by_layers(net, *a)):
        assert form(x, 0)[0].tolist() == [[[3, 0], [0, 0]], [[-6, 0], [0, 0]]]
        assert form(x, 0, (0, 1))[0].tolist() == [[[0, 1], [0, 0]], [[0, -2], [0, 0]]]


@pytest.mark.parametrize("overlapping", [False, True])
@pytest.mark.parametrize("place", [None, (0, 0)])
def test_both_forms_agree(overlapping, place):
    net, x = stack(overlapping=overlapping), torch.randn(2, 3, 31, 30, dtype=torch.float64)
    plain = understand.deconvnet_by_layers(net, x, 3, place)
    torch.testing.assert_close(understand.deconvnet(net, "6", x, 3, place), plain, atol=1e-10, rtol=0)
    assert plain.abs().max() > 0


@pytest.mark.parametrize(
    ("ours", "theirs"), [(understand.deconvnet, Deconvolution), (understand.guided_backprop, GuidedBackprop)]
)
@pytest.mark.filterwarnings("ignore:Setting backward hooks")
def test_equals_captum(ours, theirs):
    """Captum sends a one down instead of the activation, and wants ReLUs that do not work in place."""
    net, x = stack(), torch.randn(2, 3, 31, 30, dtype=torch.float64)
    twin = stack(inplace=False)
    twin.load_state_dict(net.state_dict())
    reference = theirs(twin[:6]).attribute(x.clone().requires_grad_(), target=(3, 1, 0))
    activation = twin[:6](x)[:, 3, 1, 0, None, None, None]
    assert activation.min() > 0 and reference.abs().max() > 0
    torch.testing.assert_close(ours(net, "5", x, 3, (1, 0)), reference * activation.detach(), atol=1e-10, rtol=0)


class Calls(nn.Module):
    """The same ReLU in every way in which people write it."""

    def __init__(self, relu):
        super().__init__()
        self.first, self.second, self.relu = nn.Conv2d(1, 2, 3), nn.Conv2d(2, 2, 3), relu

    def forward(self, x):
        return self.second(self.relu(self.first(x)))


@pytest.mark.parametrize("rule", [understand.deconvnet, understand.guided_backprop])
@pytest.mark.parametrize(
    "relu", [F.relu, torch.relu, torch.relu_, torch.Tensor.relu, torch.Tensor.relu_, lambda x: F.relu(x, inplace=True)]
)
def test_a_relu_that_is_called_is_found_too(rule, relu):
    net, twin = Calls(relu), Calls(nn.ReLU())
    twin.load_state_dict(net.state_dict())
    x = torch.randn(1, 1, 8, 8)
    assert torch.equal(rule(net, "second", x, 0), rule(twin, "second", x, 0))


@pytest.mark.parametrize("relu", [nn.ReLU6(inplace=True), F.relu6])
def test_relu6_is_shut_above_for_guided_backprop(relu):
    net = Calls(relu)
    nn.init.constant_(net.first.bias, 10.0)  # every unit beyond 6
    x = torch.randn(1, 1, 8, 8)
    assert (understand.guided_backprop(net, "second", x, 0) == 0).all()
    assert (understand.deconvnet(net, "second", x, 0) != 0).any()


def test_without_relus_both_are_the_gradient_times_the_activation():
    net, x = nn.Sequential(nn.Conv2d(1, 1, 3)), torch.randn(1, 1, 3, 3, requires_grad=True)
    (gradient,) = torch.autograd.grad(net(x).sum(), x)
    for look in (understand.deconvnet, understand.guided_backprop):
        torch.testing.assert_close(look(net, "", x, 0), gradient * net(x).detach())


def test_of_a_network_with_branches():
    net, x = models.resnet18(num_classes=7), torch.randn(1, 3, 64, 64)
    deconv, guided = (look(net, "layer1", x, 9) for look in (understand.deconvnet, understand.guided_backprop))
    assert deconv.shape == guided.shape == x.shape and not torch.equal(deconv, guided)
    field = guided[0].abs().sum(0) > 0
    assert field.any() and not field.all()  # one unit does not see all of the image
    assert understand.guided_backprop(net, "", x, 6).shape == x.shape  # a class is a unit without a place


def test_refuses():
    net, x = stack(), torch.zeros(1, 3, 31, 30, dtype=torch.float64)
    with pytest.raises(ValueError, match="unit is 5, but layer '6' has 5 units: use 0 to 4"):
        understand.deconvnet(net, "6", x, 5)
    with pytest.raises(ValueError, match=r"place is \(0, 9\), but the unit's map is \(2, 1\)"):
        understand.deconvnet(net, "6", x, 0, (0, 9))
    with pytest.raises(ValueError, match="stack holds a Linear: this form knows Conv2d, ReLU and MaxPool2d"):
        understand.deconvnet_by_layers(nn.Sequential(nn.Linear(30, 1).double()), x, 0)
