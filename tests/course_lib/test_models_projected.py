"""Blocks that make their own shortcut, and CIFAR networks of other widths."""

import pytest
import torch
from torchvision.models import resnet18, resnet50

from course_lib import models
from course_lib.models.projected import ProjectedBasic, ProjectedBottleneck, projection


def test_a_projection_stands_only_where_the_shape_changes():
    assert projection(4, 4, 1) is None
    for in_channels, out_channels, stride in ((4, 4, 2), (4, 6, 1), (4, 6, 2)):
        assert projection(in_channels, out_channels, stride)(torch.ones(1, in_channels, 6, 6)).shape == (
            1, out_channels, 6 // stride, 6 // stride,
        )  # fmt: skip


@pytest.mark.parametrize(
    ("block", "stage"),
    [(ProjectedBasic(64, 128, 2), resnet18().layer2), (ProjectedBottleneck(256, 128, 2), resnet50().layer2)],
)
def test_they_are_torchvisions(block, stage):
    x = torch.randn(1, block.conv1.in_channels, 8, 8)
    block.load_state_dict(stage[0].state_dict())
    torch.testing.assert_close(block.eval()(x), stage[0].eval()(x))


def test_the_width_of_a_cifar_network():
    assert models.count_parameters(models.cifar_resnet(20)) == models.count_parameters(
        models.cifar_resnet(20, width=16)
    )
    for variant in ("original", "full pre-activation", "relu-only pre-activation"):
        net = models.cifar_resnet(8, width=4, in_channels=1, variant=variant).eval()
        assert net(torch.zeros(2, 1, 8, 8)).shape == (2, 10) and net.fc.in_features == 16
