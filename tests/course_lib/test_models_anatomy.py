"""What models are made of: the table of counts, and the decks' tables row by row."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.flop_counter import FlopCounterMode

from course_lib import layers, models


def walk(name, size=224, depth=None, **options):
    with torch.device("meta"):
        model = models.build(name, **options)
    return models.walk(model, (3, size, size), depth)


# Parameters in millions, multiply-adds in billions, to the digits in which they are published.
COUNTS = {
    "alexnet": (61.100840, 0.714),
    "alexnet_2012": (60.965224, 0.724),
    "densenet121": (7.978856, 2.834),
    "densenet169": (14.149480, 3.360),
    "densenet201": (20.013928, 4.291),
    "efficientnet_lite0": (4.652008, 0.385),
    "googlenet": (6.624904, 1.498),
    "googlenet_2014": (6.998552, 1.583),
    "mobilenet_v2": (3.504872, 0.301),
    "resnet18": (11.689512, 1.814),
    "resnet34": (21.797672, 3.664),
    "resnet50": (25.557032, 4.089),
    "resnet101": (44.549160, 7.801),
    "resnet152": (60.192808, 11.514),
    "resnext50_32x4d": (25.028904, 4.230),
    "resnext101_32x8d": (88.791336, 16.414),
    "resnext101_64x4d": (83.455272, 15.460),
    "vgg11": (132.863336, 7.609),
    "vgg11_bn": (132.868840, 7.609),
    "vgg13": (133.047848, 11.308),
    "vgg13_bn": (133.053736, 11.308),
    "vgg16": (138.357544, 15.470),
    "vgg16_bn": (138.365992, 15.470),
    "vgg19": (143.667240, 19.632),
    "vgg19_bn": (143.678248, 19.632),
}


@pytest.mark.parametrize("name", COUNTS)
def test_counts(name):
    rows = walk(name, 227 if name == "alexnet_2012" else 224)
    parameters, billions = COUNTS[name]
    assert sum(row.parameters for row in rows) == round(parameters * 1e6)
    assert round(sum(row.multiply_adds for row in rows) / 1e9, 3) == billions


def test_every_builder_has_its_counts_tested():
    assert set(models.BUILDERS) == {*COUNTS, "cifar_plain", "cifar_resnet"}


@pytest.mark.parametrize("name", ["alexnet_2012", "googlenet", "resnext50_32x4d", "mobilenet_v2"])
def test_multiply_adds_follow_from_shapes(name):
    """Each number of a convolution's output takes kh·kw·C/groups of them, each of a linear layer's its number of inputs."""
    with torch.device("meta"):
        model = models.build(name)
    parts = dict(model.named_modules())
    size = 227 if name == "alexnet_2012" else 224
    rows = models.walk(model, (3, size, size))
    for row in rows[1:]:
        layer = parts.get(row.name)
        expected = 0
        if isinstance(layer, (nn.Conv2d, nn.Linear)):
            expected = torch.Size(row.output).numel() * layer.weight[0].numel()
        assert row.multiply_adds == expected, row
    with FlopCounterMode(display=False) as counter, torch.no_grad():
        model.eval()(torch.empty(1, 3, size, size, device="meta"))
    assert counter.get_total_flops() == 2 * sum(row.multiply_adds for row in rows)


def test_alexnet_table_of_the_deck():
    rows = walk("alexnet_2012", 227)
    kept = [row.output for row in rows if row.layer not in ("ReLU", "Dropout")]
    assert kept == [
        (3, 227, 227),
        (96, 55, 55), (96, 27, 27), (96, 27, 27),  # conv, pool, norm
        (256, 27, 27), (256, 13, 13), (256, 13, 13),
        (384, 13, 13), (384, 13, 13), (256, 13, 13), (256, 6, 6),
        (4096,), (4096,), (1000,),
    ]  # fmt: skip
    parameters = {row.name: row.parameters for row in rows}
    # The deck's question. Each filter of the 2nd and 5th layer sees half of the maps below, because of the groups.
    assert parameters["conv2"] == 256 * (5 * 5 * 96 // 2 + 1) == 307_456
    assert parameters["conv5"] == 256 * (3 * 3 * 384 // 2 + 1) == 442_624


def test_vgg16_table_of_the_deck():
    rows = [row for row in walk("vgg16") if row.layer in ("Input", "Conv2d", "MaxPool2d", "Linear")]
    numbers = [row.activation_bytes // 4 for row in rows]
    assert numbers == [torch.Size(row.output).numel() for row in rows]
    assert numbers[:4] == [150_528, 3_211_264, 3_211_264, 802_816]  # "150K, 3.2M, 3.2M, 800K"
    # The deck says "24M * 4 bytes = 93 MB", but the rows that it sums are 15.2 M numbers, 61 MB.
    assert sum(numbers) == 15_237_608
    convolutions = [n for n, row in zip(numbers, rows) if row.layer == "Conv2d"]
    assert (
        sum(numbers) + sum(convolutions) + 2 * 4096 == 28_793_320
    )  # and ReLUs stored apart do not make it 24 M either
    assert sum(convolutions[:4]) > 0.6 * sum(numbers)  # "most memory is in early CONV"

    weights = [row.parameters - row.output[0] for row in rows if row.parameters]  # the deck leaves out one bias a map
    assert weights[:4] == [1_728, 36_864, 73_728, 147_456]
    assert weights[-3:] == [102_760_448, 16_777_216, 4_096_000]
    assert sum(weights) == 138_344_128  # "138M"
    assert sum(weights[-3:]) > 0.89 * sum(weights)  # "most params are in late FC"


# Deck 001 and the paper's table 1: output, thousands of parameters, millions of operations.
GOOGLENET = {
    "conv1": ((64, 112, 112), 2.7, 34),
    "conv2+3": ((192, 56, 56), 112, 360),
    "inception3a": ((256, 28, 28), 159, 128),
    "inception3b": ((480, 28, 28), 380, 304),
    "inception4a": ((512, 14, 14), 364, 73),
    "inception4b": ((512, 14, 14), 437, 88),
    "inception4c": ((512, 14, 14), 463, 100),
    "inception4d": ((528, 14, 14), 580, 119),
    "inception4e": ((832, 14, 14), 840, 170),
    "inception5a": ((832, 7, 7), 1072, 54),
    "inception5b": ((1024, 7, 7), 1388, 71),
    "fc": ((1000,), 1000, 1),
}


def test_googlenet_table_of_the_deck():
    rows = {row.name: row for row in walk("googlenet_2014", depth=1)}
    two, three = rows["conv2"], rows["conv3"]  # one row of the deck
    rows["conv2+3"] = three._replace(
        parameters=two.parameters + three.parameters, multiply_adds=two.multiply_adds + three.multiply_adds
    )
    with torch.device("meta"):
        model = models.googlenet_2014()
    ours = {}
    for name, (output, thousands, millions) in GOOGLENET.items():
        assert rows[name].output == output
        parts = [model.conv2, model.conv3] if name == "conv2+3" else [getattr(model, name)]
        weights = sum(
            p.numel() for part in parts for p in part.parameters() if p.ndim > 1
        )  # the deck leaves out biases
        ours[name] = weights
        if name == "conv1":
            assert (weights, rows[name].multiply_adds) == (7 * 7 * 3 * 64, 112 * 112 * 9408)
            assert (
                2 * 7 * 3 * 64 == 2688 and 112 * 112 * 2688 // 10**6 == 33
            )  # what the deck's 2.7 K and 34 M amount to
        elif name == "inception5a":
            assert (weights // 1024, rows[name].multiply_adds // 10**6) == (1018, 51)  # where the deck has 1072 and 54
        else:
            assert weights / 1024 == pytest.approx(thousands, rel=0.075)
            assert rows[name].multiply_adds / 1e6 == pytest.approx(millions, abs=1)
    assert [name for name, w in ours.items() if abs(w / 1024 / GOOGLENET[name][1] - 1) < 0.005] == [
        "conv2+3", "inception3a", "inception3b", "inception4b", "fc"
    ]  # fmt: skip
    # "Only 5 million params, 12x less than AlexNet, 2x more compute".
    assert sum(thousands for _, thousands, _ in GOOGLENET.values()) * 1024 / 1e6 == pytest.approx(6.96, abs=0.01)
    alexnet, googlenet = walk("alexnet_2012", 227), walk("googlenet_2014")
    assert sum(r.parameters for r in alexnet) / sum(r.parameters for r in googlenet) == pytest.approx(8.7, abs=0.02)
    assert sum(r.multiply_adds for r in googlenet) / sum(r.multiply_adds for r in alexnet) == pytest.approx(
        2.18, abs=0.01
    )


def test_googlenet_reduction_pays():
    """The naive module of lecture 07, without 1×1 reductions, against the real one: inception 3a."""
    naive = nn.ModuleList([nn.Conv2d(192, 64, 1), nn.Conv2d(192, 128, 3, padding=1), nn.Conv2d(192, 32, 5, padding=2)])
    cost = sum(sum(row.multiply_adds for row in models.walk(conv, (192, 28, 28))) for conv in naive)
    (reduced,) = [row.multiply_adds for row in walk("googlenet_2014", depth=1) if row.name == "inception3a"]
    assert (cost, reduced) == (28 * 28 * 387_072, 28 * 28 * 163_328)


class Odd(nn.Module):
    """A layer used twice, a loose parameter, a product outside of all layers, a layer that is never called."""

    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 4)
        self.unused = nn.Linear(100, 100)
        self.loose = nn.Parameter(torch.zeros(4, 3))

    def forward(self, x):
        return F.relu(self.layer(self.layer(x))) @ self.loose


def test_walk_of_an_odd_model_by_hand():
    model = Odd()
    rows = models.walk(model, (4,))
    assert rows == [
        ("input", "Input", (4,), 0, 0, 16),
        ("layer", "Linear", (4,), 20, 16, 16),
        ("layer", "Linear", (4,), 0, 16, 16),  # the second time it brings no parameters
        ("(between)", "", (), 12, 12, 16 + 12),  # the ReLU's four numbers and the product's three
    ]
    lines = models.table(rows).splitlines()
    assert lines[0].split() == ["name", "layer", "output", "parameters", "multiply-adds", "memory"]
    assert lines[-1].split() == ["total", "32", "44", "0.00", "MB"]
    assert models.walk(nn.Linear(4, 2), (4,))[1][:5] == ("Linear", "Linear", (2,), 10, 8)


def test_walk_leaves_the_model_alone():
    model = models.cifar_resnet(8).train()
    model.stem.eval()
    before = {key: value.clone() for key, value in model.state_dict().items()}
    models.walk(model, (3, 32, 32))
    assert model.training and not model.stem.training and model.fc.training
    assert all(torch.equal(value, before[key]) for key, value in model.state_dict().items())
    assert not any(m._forward_hooks or m._forward_pre_hooks for m in model.modules())


def test_walk_frees_its_hooks_when_the_input_does_not_fit():
    model = nn.Sequential(nn.Linear(4, 2))
    with pytest.raises(RuntimeError):
        models.walk(model, (5,))
    assert not model[0]._forward_hooks


def test_lenet_table_connections():
    rows = {row.name: row for row in models.walk(models.LeNet5Paper(), (1, 32, 32))}
    assert rows["c3"].parameters == 1516 and rows["c3"].output == (16, 10, 10)


def test_walks_the_course_s_own_layers():
    net = nn.Sequential(layers.Conv2d(3, 8, 3, padding=1), nn.ReLU(), layers.Conv2d(8, 4, 1))
    peer = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 4, 1))
    ours, theirs = (models.walk(one, (3, 6, 5)) for one in (net, peer))
    assert [(row.output, row.parameters, row.multiply_adds) for row in ours] == [
        (row.output, row.parameters, row.multiply_adds) for row in theirs
    ]
