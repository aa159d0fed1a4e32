import torch
from torch import nn

from course_lib import layers


def test_local_response_norm_equals_torch():
    x = 5 * torch.randn(2, 7, 3, 2, dtype=torch.float64)
    ours, theirs = layers.LocalResponseNorm(5, 5e-4, 0.75, 2.0), nn.LocalResponseNorm(5, 5e-4, 0.75, 2.0)
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-10, rtol=0)
    ours.load_state_dict(theirs.state_dict(), strict=True)
