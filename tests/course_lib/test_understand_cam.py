import pytest
import torch
import torchvision
from captum.attr import LayerGradCam
from torch import nn

from course_lib import models, understand


class GlobalMean(nn.Module):
    """Maps as they come, their mean, two classes."""

    def __init__(self):
        super().__init__()
        self.maps, self.fc = nn.Identity(), nn.Linear(2, 2)
        self.fc.weight.data, self.fc.bias.data = torch.tensor([[1.0, 2.0], [-1.0, 0.0]]), torch.tensor([5.0, 0.0])

    def forward(self, x):
        return self.fc(self.maps(x).mean((2, 3)))


MAPS = torch.tensor([[[0.0, 1.0], [2.0, 3.0]], [[4.0, 4.0], [0.0, 0.0]]])[None]


def test_by_hand():
    net = GlobalMean()
    assert understand.cam(MAPS, net.fc, 0)[0].tolist() == [[8, 9], [2, 3]]  # 1·first + 2·second
    assert understand.cam(MAPS, net.fc, 1)[0].tolist() == [[0, -1], [-2, -3]]
    assert torch.equal(understand.cam(MAPS, net.fc), understand.cam(MAPS, net.fc, 0))
    assert understand.grad_cam(net, "maps", MAPS, 0)[0].tolist() == [[2, 2.25], [0.5, 0.75]]  # over four places
    assert understand.grad_cam(net, "maps", MAPS, 1).max() == 0  # nothing speaks for the second class


def ours_and_theirs(name):
    return [getattr(library, name)(num_classes=5).double().eval() for library in (models, torchvision.models)]


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_the_mean_of_cam_is_the_logit_and_grad_cam_is_cam_over_the_places(name):
    x, target = torch.randn(2, 3, 64, 64, dtype=torch.float64), torch.tensor([1, 4])
    for net in ours_and_theirs(name):
        layer, fc = ("layer4", net.fc) if name == "resnet18" else ("features", net.classifier)
        maps = understand.features(net, layer, x)
        if name == "densenet121":
            maps = maps.relu()  # DenseNet's last ReLU is a call between its parts
        found = understand.cam(maps, fc, target)
        with torch.no_grad():
            logits = net(x)[torch.arange(2), target]
        torch.testing.assert_close(found.mean((1, 2)) + fc.bias[target], logits, atol=1e-10, rtol=0)
        if name == "resnet18":
            grad_cam = understand.grad_cam(net, layer, x, target)
            torch.testing.assert_close(grad_cam, found.relu() / found[0].numel(), atol=1e-10, rtol=0)


@pytest.mark.parametrize(
    ("name", "layer", "side"),
    [
        ("resnet18", "layer3.1.conv1", 33),  # followed by a BatchNorm
        ("googlenet", "inception4c", 64),
        ("mobilenet_v2", "features.10", 33),
        ("efficientnet_lite0", "_conv_head", 40),
    ],
)
def test_grad_cam_equals_captum(name, layer, side):
    net = models.build(name, num_classes=6).double().eval()
    x, target = torch.randn(2, 3, side, side, dtype=torch.float64), torch.tensor([5, 0])
    theirs = LayerGradCam(net, net.get_submodule(layer)).attribute(x, target, relu_attributions=True)
    ours = understand.grad_cam(net, layer, x, target)
    assert ours.max() > 0
    torch.testing.assert_close(ours, theirs[:, 0].detach(), atol=1e-10, rtol=0)


def test_grad_cam_before_a_relu_that_works_in_place():
    """The convolution's own output counts, not what the ReLU makes of it; captum keeps a copy too."""
    net = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), nn.Flatten(), nn.Linear(4 * 36, 3)).double()
    x = torch.randn(2, 3, 8, 8, dtype=torch.float64)
    theirs = LayerGradCam(net, net[0]).attribute(x, 1, relu_attributions=True)
    for frozen in (False, True):
        net.requires_grad_(not frozen)
        torch.testing.assert_close(understand.grad_cam(net, "0", x, 1), theirs[:, 0].detach(), atol=1e-10, rtol=0)


class Detector(nn.Module):
    """No classifier: its answer is a dictionary."""

    def __init__(self):
        super().__init__()
        self.maps = nn.Conv2d(3, 2, 3)

    def forward(self, x):
        return {"boxes": self.maps(x)}


def test_refuses_a_model_without_logits_but_shows_its_features():
    x = torch.zeros(1, 3, 8, 8)
    assert understand.features(Detector(), "maps", x).shape == (1, 2, 6, 6)
    with pytest.raises(TypeError, match=r"model\(x\) must be a tensor \[B, classes\], got a dict"):
        understand.grad_cam(Detector(), "maps", x)


@pytest.mark.usefixtures("untyped")
def test_refuses():
    net, x = models.resnet18(num_classes=5), torch.randn(1, 3, 33, 33)
    with pytest.raises(
        ValueError, match=r"layer 'fc' gives \(1, 5\), not maps \[B, K, h, w\]: choose one before the pooling"
    ):
        understand.grad_cam(net, "fc", x)
    with pytest.raises(ValueError, match="layer 'layer5' is not in this ResNet: did you mean"):
        understand.grad_cam(net, "layer5", x)
    with pytest.raises(ValueError, match="target is 5, but this model has 5 classes: use 0 to 4"):
        understand.grad_cam(net, "layer4", x, 5)
    with pytest.raises(ValueError, match="maps has 256 channels, but classifier takes 512 numbers: CAM needs the maps"):
        understand.cam(understand.features(net, "layer3", x), net.fc)
