import pytest
import torch
from torch import nn

from course_lib import layers


def test_exchanges_state_with_torch():
    ours, theirs = layers.AttentionGate(3).double(), nn.Sequential()
    theirs.add_module("conv", nn.Conv2d(3, 1, 1).double())
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64)
    torch.testing.assert_close(ours(x), x * theirs(x).sigmoid(), atol=1e-10, rtol=0)


def test_a_gate_without_opinion_is_half_open():
    gate = layers.AttentionGate(2)
    nn.init.zeros_(gate.conv.weight)
    nn.init.zeros_(gate.conv.bias)
    x = torch.arange(8.0).reshape(1, 2, 2, 2)
    assert torch.equal(gate.mask(x), torch.full((1, 1, 2, 2), 0.5))
    assert torch.equal(gate(x), x / 2)


@pytest.mark.usefixtures("untyped")
def test_refuses():
    with pytest.raises(ValueError, match="x has 1 channels but each filter has 2"):
        layers.AttentionGate(2)(torch.zeros(1, 1, 4, 4))
