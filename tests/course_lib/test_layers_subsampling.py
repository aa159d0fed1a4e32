import pytest
import torch

from course_lib import layers


def test_starts_as_the_mean_and_has_two_parameters_a_map():
    layer = layers.Subsampling(2)
    x = torch.arange(16.0).reshape(1, 2, 2, 4)  # channel 0: 0..7 in two rows of four
    assert layer(x).tolist() == [[[[2.5, 4.5]], [[10.5, 12.5]]]]  # (0+1+4+5)/4 = 2.5, …
    assert sum(p.numel() for p in layer.parameters()) == 4


@pytest.mark.usefixtures("untyped")
def test_refuses():
    with pytest.raises(ValueError, match="x has 1 channels, expected 2"):  # would broadcast
        layers.Subsampling(2)(torch.zeros(1, 1, 4, 4))
    with pytest.raises(ValueError, match="x is 5×4, which 2×2 windows do not tile"):
        layers.Subsampling(2)(torch.zeros(1, 2, 5, 4))
