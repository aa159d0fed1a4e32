import torch

from course_lib import layers


def test_keeps_plus_and_minus_one():
    y = layers.ScaledTanh()(torch.tensor([-1.0, 0.0, 1.0]))
    torch.testing.assert_close(y, torch.tensor([-1.0, 0.0, 1.0]), atol=1e-4, rtol=0)
