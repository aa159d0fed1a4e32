import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import models, understand


def test_by_hand():
    net = nn.Sequential(nn.Linear(2, 2, bias=False), nn.ReLU(inplace=True), nn.Tanh())
    net[0].weight.data = torch.tensor([[1.0, 0.0], [-1.0, 0.0]])
    linear, relu, tanh = understand.activation_statistics(net, torch.tensor([[2.0, 9.0], [4.0, 9.0]]))
    assert linear[:5] == ("0", "Linear", 0.0, pytest.approx(10**0.5), 0.0)  # the outputs are 2, −2, 4, −4
    assert relu[:6] == ("1", "ReLU", 1.5, pytest.approx(2.75**0.5), 0.5, 0.0)  # 2, 0, 4, 0: the second unit is dead
    assert tanh.saturated == 0.25 and tanh.dead == 0.5  # tanh 2 = 0.96, tanh 4 = 0.9993
    assert tanh.gradient_std is None


def test_a_dead_map_is_zero_everywhere_for_every_image():
    x = torch.tensor([1.0, -1.0, -1.0, -1.0]).reshape(2, 2, 1, 1).expand(2, 2, 3, 3)
    (relu,) = understand.activation_statistics(nn.Sequential(nn.ReLU()), x)
    assert relu.dead == 0.5  # the first map lives, in one of the two images
    assert relu.mean == 0.25


def deep(activation, scale, width=64, depth=8):
    """Linear layers with weights of variance scale / fan-in."""
    parts = []
    for _ in range(depth):
        parts += [nn.Linear(width, width, bias=False), activation()]
        nn.init.normal_(parts[-2].weight, std=(scale / width) ** 0.5)
    return nn.Sequential(*parts)


def spreads(net):
    rows = understand.activation_statistics(net, torch.randn(512, 64), torch.randn(512, 64), loss=F.mse_loss)
    return rows[1::2]


def test_too_small_too_large_xavier_and_he():
    """Lecture 05's four pictures. With ReLU, He's variance 2/n keeps E[x²], Xavier's 1/n halves it in every layer."""
    small, large, xavier = (spreads(deep(nn.Tanh, scale)) for scale in (0.01, 100.0, 1.0))
    assert small[-1].std < 1e-6 and large[-1].saturated > 0.8 and 0.2 < xavier[-1].std < 0.6
    he, halved = spreads(deep(nn.ReLU, 2.0)), spreads(deep(nn.ReLU, 1.0))
    power = [row.std**2 + row.mean**2 for row in (he[0], he[-1], halved[0], halved[-1])]
    assert 0.3 < power[1] / power[0] < 3 and 0.3 / 128 < power[3] / power[2] < 3 / 128
    assert small[0].gradient_std < 1e-6 * small[-1].gradient_std  # and the gradient fades on its way back
    assert 0.1 < he[0].gradient_std / he[-1].gradient_std < 10


def test_gradients_equal_autograd_s():
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(8, 3)).double()
    x, y = torch.rand(2, 1, 4, 4, dtype=torch.float64), torch.tensor([0, 2])
    hidden = net[0](x).detach().requires_grad_()
    (grad,) = torch.autograd.grad(F.cross_entropy(net[3](hidden.relu().flatten(1)), y), hidden)
    net.requires_grad_(False)  # frozen weights are no hindrance
    assert understand.activation_statistics(net, x, y)[0].gradient_std == pytest.approx(grad.std(correction=0).item())


def test_batch_norm_in_training_mode_uses_the_batch():
    net = nn.Sequential(nn.BatchNorm2d(2))
    x = 5 + 3 * torch.randn(8, 2, 4, 4)
    assert understand.activation_statistics(net, x)[0].mean > 4
    assert abs(understand.activation_statistics(net, x, training=True)[0].mean) < 1e-5


def test_a_resnet_has_a_row_a_layer_in_the_order_of_its_parts():
    net = models.cifar_resnet(8)
    rows = understand.activation_statistics(net, torch.randn(2, 3, 32, 32), torch.tensor([1, 2]))
    leaves = [name for name, part in net.named_modules() if not any(part.children())]
    assert [row.name for row in rows] == [name for name in leaves if name in {row.name for row in rows}]
    assert rows[-1].layer == "Linear" and all(row.gradient_std is not None for row in rows)
