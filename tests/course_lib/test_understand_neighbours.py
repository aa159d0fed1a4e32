import pytest
import torch
import torchvision
from torch import nn

from course_lib import models, understand

GALLERY = torch.tensor([[1.0, 0.0], [10.0, 1.0], [0.0, 2.0]])


def test_by_hand():
    distance, index = understand.nearest_neighbours(torch.tensor([[1.0, 0.1]]), GALLERY, 3)
    assert index.tolist() == [[1, 0, 2]]  # cosine: the same direction, whatever the length
    assert distance[0, 0] == pytest.approx(0, abs=1e-6) and distance[0, 2] == pytest.approx(1 - 0.1 / 1.01**0.5)
    distance, index = understand.nearest_neighbours(torch.tensor([[1.0, 0.0]]), GALLERY, 2, metric="euclidean")
    assert index.tolist() == [[0, 2]] and distance.tolist() == [pytest.approx([0, 5**0.5])]


@pytest.mark.parametrize("metric", ["cosine", "euclidean"])
def test_batches_change_nothing_and_agree_with_the_formula(metric):
    q, g = torch.randn(7, 2, 3, dtype=torch.float64), torch.randn(30, 2, 3, dtype=torch.float64)
    distance, index = understand.nearest_neighbours(q, g, 4, metric=metric, batch_size=3)
    a, b = q.flatten(1)[:, None], g.flatten(1)[None]
    every = (a - b).square().sum(2).sqrt() if metric == "euclidean" else 1 - torch.cosine_similarity(a, b, dim=2)
    expected = every.sort(1)
    assert torch.equal(index, expected.indices[:, :4])
    torch.testing.assert_close(distance, expected.values[:, :4], atol=1e-10, rtol=0)


def test_near_points_keep_their_distance():
    """The matrix-product form of Euclid would give a few hundredths here instead of nothing."""
    g = 100 + torch.randn(50, 64)
    assert understand.nearest_neighbours(g, g, 1, metric="euclidean")[0].max() == 0


@pytest.mark.usefixtures("untyped")
def test_refuses():
    with pytest.raises(ValueError, match="metric 'l1' is unknown: use one of 'cosine', 'euclidean'"):
        understand.nearest_neighbours(GALLERY, GALLERY, metric="l1")
    with pytest.raises(ValueError, match=r"queries must have the axes \[Q, D, ...\], got shape \(2,\)"):
        understand.nearest_neighbours(GALLERY[0], GALLERY)
    with pytest.raises(TypeError, match="queries is torch.float64 and gallery is torch.float32: convert one"):
        understand.nearest_neighbours(GALLERY.double(), GALLERY)
    with pytest.raises(ValueError, match="k is 4, but gallery holds 3 items: use 1 to 3"):
        understand.nearest_neighbours(GALLERY, GALLERY, 4)
    with pytest.raises(ValueError, match=r"queries hold items of shape \(3,\) and gallery of \(2,\)"):
        understand.nearest_neighbours(torch.zeros(1, 3), GALLERY, 1)


def test_features_of_a_named_layer_in_batches():
    """Dropout and BatchNorm stand in evaluation mode, so that batches do not matter."""
    net = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.ReLU(inplace=True), nn.Dropout(0.5)).train()
    x = torch.randn(5, 1, 4, 4)
    with understand.untouched(net), torch.no_grad():
        expected = net[1](net[0](x))
    torch.testing.assert_close(understand.features(net, "1", x, batch_size=2), expected)
    assert (expected < 0).any() and net[3].training


@pytest.mark.parametrize("build", [models.resnet18, torchvision.models.resnet18])
def test_features_of_our_models_and_torchvision_s(build):
    net = build(num_classes=3)
    x = torch.randn(1, 3, 33, 33)
    assert understand.features(net, "layer4.1", x).shape == (1, 512, 2, 2)
    torch.testing.assert_close(understand.features(net, "", x), net.eval()(x).detach())
