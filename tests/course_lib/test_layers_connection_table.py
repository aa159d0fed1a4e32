import pytest
import torch
from torch import nn

from course_lib import layers


def test_sees_only_its_maps():
    layer = layers.TableConv2d([[0], [0, 2]], in_channels=3, kernel_size=3)
    nn.init.ones_(layer.weight)  # a careless optimiser may write there; the mask holds
    x = torch.zeros(1, 3, 3, 3)
    x[0, 1] = 1.0  # a map that nobody is connected to
    assert layer(x).abs().sum() == 0
    x[0, 2] = 1.0
    assert layer(x).flatten().tolist() == [0, 9]
    assert layer.parameter_count() == 3 * 9 + 2


def test_gives_absent_connections_no_gradient():
    layer = layers.TableConv2d([[0], [0, 2]], in_channels=3, kernel_size=3)
    layer(torch.randn(2, 3, 5, 5)).square().sum().backward()
    assert (layer.weight.grad[layer.mask.expand_as(layer.weight) == 0] == 0).all()


@pytest.mark.usefixtures("untyped")
def test_refuses():
    with pytest.raises(ValueError, match="x has 1 channels, expected 3"):
        layers.TableConv2d([[0], [0, 2]], in_channels=3, kernel_size=3)(torch.zeros(1, 1, 5, 5))
