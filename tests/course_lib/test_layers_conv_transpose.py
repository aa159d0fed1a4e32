import pytest
import torch
from torch import nn

from course_lib import layers


@pytest.mark.parametrize(
    "window",
    [
        {"stride": 2, "padding": 1, "output_padding": 1},
        {"groups": 2, "dilation": 2, "bias": False},
        {"stride": (3, 2), "padding": (0, 1)},
    ],
)
def test_exchanges_state_with_torch(window):
    theirs, ours = nn.ConvTranspose2d(4, 6, 3, **window).double(), layers.ConvTranspose2d(4, 6, 3, **window).double()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    x = torch.randn(2, 4, 3, 4, dtype=torch.float64)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-10, rtol=0)


def test_starts_as_torch_does():
    started = []
    for module in (nn.ConvTranspose2d, layers.ConvTranspose2d):
        torch.manual_seed(4)
        started.append(module(4, 6, 3, groups=2).state_dict())
    for name, value in started[0].items():
        torch.testing.assert_close(started[1][name], value)


@pytest.mark.usefixtures("untyped")
def test_refuses():
    with pytest.raises(ValueError, match="groups is 3, but must divide in_channels, which is 4"):
        layers.ConvTranspose2d(4, 6, 3, groups=3)
    with pytest.raises(ValueError, match="x has 1 channels but weight has stamps for 4"):
        layers.ConvTranspose2d(4, 6, 3)(torch.zeros(1, 1, 3, 3))
