"""Every model that torchvision has: same names, same numbers."""

import pytest
import torch

from course_lib import models
from course_lib.models import __main__ as command
from course_lib.models import parity
from course_lib.models.parity import agreement, reference, side, twin

RESNETS = ["resnet18", "resnet34", "resnet50", "resnet101", "resnet152"]
RESNEXTS = ["resnext50_32x4d", "resnext101_32x8d", "resnext101_64x4d"]
VGGS = [f"vgg{depth}{bn}" for depth in (11, 13, 16, 19) for bn in ("", "_bn")]
DENSENETS = ["densenet121", "densenet169", "densenet201"]


def assert_same_logits(ours, theirs, size):
    found = agreement(ours, theirs, size)
    assert found.holds, found


@pytest.mark.parametrize("name", ["alexnet", *DENSENETS, "mobilenet_v2", *RESNETS, *RESNEXTS, *VGGS])
def test_logits_equal_torchvisions(name):
    theirs = reference(name)
    assert_same_logits(twin(theirs, getattr(models, name)), theirs, side(name))


def test_number_of_classes():
    theirs = reference("resnet18", num_classes=7)
    assert_same_logits(twin(theirs, models.resnet18, num_classes=7), theirs, 33)


@pytest.mark.parametrize("transform_input", [False, True])
def test_googlenet(transform_input):
    options = {"aux_logits": True, "transform_input": transform_input}
    theirs = reference("googlenet", **options)
    ours = twin(theirs, models.googlenet, **options)
    assert_same_logits(ours, theirs, 33)
    assert_same_logits(ours, theirs, 64)  # ceil_mode rounds the other way


def test_googlenet_auxiliary_heads():
    """In training both return three sets of logits; without dropout and noise they are the same ones."""
    options = {"aux_logits": True, "dropout": 0.0, "dropout_aux": 0.0}
    theirs = reference("googlenet", **options)
    ours = twin(theirs, models.googlenet, **options).train()
    x = torch.randn(4, 3, 64, 64, dtype=torch.float64)
    with torch.no_grad():
        for found, expected in zip(ours(x), theirs.train()(x)):
            torch.testing.assert_close(found, expected, atol=1e-10, rtol=0)
    assert len(ours(x)) == 3 and isinstance(ours.eval()(x), torch.Tensor)


@pytest.mark.parametrize("dilate", [(False, False, True), (False, True, True)])
def test_dilated_resnet(dilate):
    """The backbone of lecture 17: the resolution stays, the filters spread."""
    theirs = reference("resnet50", replace_stride_with_dilation=list(dilate))
    ours = twin(theirs, models.resnet50, replace_stride_with_dilation=dilate)
    assert_same_logits(ours, theirs, 65)
    rows = {row.name: row.output for row in models.walk(ours, (3, 224, 224), depth=1)}
    assert rows["layer4"] == (2048, 28, 28) if dilate[1] else (2048, 14, 14)


@pytest.mark.parametrize("name", ["densenet121", "googlenet", "mobilenet_v2", "resnet18", "resnext50_32x4d"])
def test_gradients_equal_torchvisions(name):
    """In training mode, so that batch statistics and every in-place step are in it."""
    options = {"googlenet": {"aux_logits": False, "dropout": 0.0}, "mobilenet_v2": {"dropout": 0.0}}.get(name, {})
    theirs = reference(name, num_classes=5, **options)
    ours = twin(theirs, getattr(models, name), num_classes=5, **options)
    x = torch.randn(2, 3, 64, 64, dtype=torch.float64)
    ours.train()(x).square().sum().backward()
    theirs.train()(x).square().sum().backward()
    found = dict(ours.named_parameters())
    for key, parameter in theirs.named_parameters():
        atol = 1e-10 * parameter.grad.abs().max().item()
        torch.testing.assert_close(found[key].grad, parameter.grad, atol=atol, rtol=0)


def test_densenet_takes_the_published_spelling():
    """The files on torchvision's server spell norm1 as norm.1 and have no step counters."""
    theirs = reference("densenet121", num_classes=5)
    published = {
        key.replace("norm1", "norm.1")
        .replace("norm2", "norm.2")
        .replace("conv1", "conv.1")
        .replace("conv2", "conv.2"): value
        for key, value in theirs.state_dict().items()
        if not key.endswith("num_batches_tracked")
    }
    assert "features.denseblock1.denselayer1.norm.1.weight" in published
    direct = models.densenet121(num_classes=5).double().eval()
    direct.load_state_dict(published, strict=True)
    assert_same_logits(direct, theirs, 33)
    assert_same_logits(models.load_weights(models.densenet121(num_classes=5).double(), published).eval(), theirs, 33)


def test_parity_sees_a_wrong_model():
    """One number of one layer is changed: the logits differ. Equal logits that ignore the image are no proof."""
    theirs = reference("resnet18", num_classes=3)
    ours = twin(reference("resnet18", num_classes=3), models.resnet18, num_classes=3)
    ours.load_state_dict(theirs.state_dict())
    assert agreement(ours, theirs, 33).holds
    ours.layer4[1].bn2.eps *= 1.001
    assert not agreement(ours, theirs, 33).holds
    for model in (ours, theirs):
        torch.nn.init.zeros_(model.fc.weight)
    found = agreement(ours, theirs, 33)
    assert found.difference == 0 and not found.holds


@pytest.mark.parametrize(("tolerance", "status", "ends"), [(1e-10, 0, "the same here"), (-1, 1, "mobilenet_v2.")])
def test_the_command_prints_a_line_a_model_and_fails_if_one_is_unlike(tolerance, status, ends, monkeypatch, capsys):
    monkeypatch.setattr(models, "BUILDERS", {name: models.BUILDERS[name] for name in ("cifar_plain", "mobilenet_v2")})
    monkeypatch.setattr(parity, "TOLERANCE", tolerance)
    assert command.main() == status
    lines = capsys.readouterr().out.splitlines()
    assert lines[-3].split()[:5] == ["mobilenet_v2", "3.504872", "3.504872", "0.301", "0.301"] and ends in lines[-1]
