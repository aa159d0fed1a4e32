import torch
from torch import nn

from course_lib import layers


def test_conv_layer_exchanges_state_with_torch():
    theirs, ours = nn.Conv2d(3, 5, 3, stride=2, padding=1).double(), layers.Conv2d(3, 5, 3, stride=2, padding=1).double()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(2, 3, 9, 8, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-10, rtol=0)
    assert layers.Conv2d(1, 1, 3, bias=False).bias is None


def test_scaled_tanh_keeps_plus_and_minus_one():
    y = layers.ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0]))
    torch.testing.assert_close(y, torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0)


def test_subsampling_starts_as_the_mean_and_has_two_parameters_a_map():
    layer = layers.Subsampling(2)
    x = torch.arange(16.0).reshape(1, 2, 2, 4)  # channel 0: 0..7 in two rows of four
    assert layer(x).tolist() == [[[[2.5, 4.5]], [[10.5, 12.5]]]]  # (0+1+4+5)/4 = 2.5, …
    assert sum(p.numel() for p in layer.parameters()) == 4


def test_table_conv_sees_only_its_maps():
    layer = layers.TableConv2d([[0], [0, 2]], in_channels=3, kernel_size=3)
    nn.init.ones_(layer.weight)  # a careless optimiser may write there; the mask holds
    x = torch.zeros(1, 3, 3, 3)
    x[0, 1] = 1.0  # a map that nobody is connected to
    assert layer(x).abs().sum() == 0
    x[0, 2] = 1.0
    assert layer(x).flatten().tolist() == [0, 9]
    assert layer.parameter_count() == 3 * 9 + 2


def test_table_conv_gives_absent_connections_no_gradient():
    layer = layers.TableConv2d([[0], [0, 2]], in_channels=3, kernel_size=3)
    layer(torch.randn(2, 3, 5, 5)).square().sum().backward()
    assert (layer.weight.grad[layer.mask.expand_as(layer.weight) == 0] == 0).all()
