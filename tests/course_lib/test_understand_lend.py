"""Whatever looks into a model leaves it as it was, also when it fails; and says in a sentence why it fails."""

import pytest
import torch
from torch import nn

from course_lib import models, understand
from course_lib.understand.lend import classes_of, find_layer, unit_of


def little_net():
    """All that could be left behind: BatchNorm's buffers, dropout, a ReLU in place, mixed modes, a frozen weight."""
    net = nn.Sequential(
        nn.Conv2d(3, 4, 3, padding=1),
        nn.BatchNorm2d(4),
        nn.ReLU(inplace=True),
        nn.Dropout(0.5),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    )
    net[3].eval()
    net[0].bias.requires_grad_(False)
    return net


def state(net):
    return {
        "modes": [m.training for m in net.modules()],
        "frozen": [p.requires_grad for p in net.parameters()],
        "grads": [p.grad for p in net.parameters()],
        "hooks": [(len(m._forward_hooks), len(m._forward_pre_hooks), len(m._backward_hooks)) for m in net.modules()],
        "weights": {key: value.tolist() for key, value in net.state_dict().items()},
        "attributes": [sorted(vars(m)) for m in net.modules()],
    }


def surface(net, x):
    steps = torch.tensor([-1.0, 1.0])
    return understand.loss_surface(net, x, torch.arange(2), [understand.filter_normalised_direction(net)], steps)


LOOKS = {
    "activation_maximisation": lambda net, x: understand.activation_maximisation(net, "6", 1, (3, 6, 6), steps=2),
    "activation_statistics": lambda net, x: understand.activation_statistics(net, x, torch.arange(2), training=True),
    "adversarial_attack": lambda net, x: understand.adversarial_attack(net, x, 1, 0.1, steps=2),
    "deconvnet": lambda net, x: understand.deconvnet(net, "2", x, 1),
    "effective_receptive_field": lambda net, x: understand.effective_receptive_field(net[:4], x),
    "feature_inversion": lambda net, x: understand.feature_inversion(net, "2", x[0], steps=2),
    "features": lambda net, x: understand.features(net, "4", x),
    "grad_cam": lambda net, x: understand.grad_cam(net, "2", x),
    "guided_backprop": lambda net, x: understand.guided_backprop(net, "2", x, 1),
    "loss_surface": surface,
    "occlusion": lambda net, x: understand.occlusion(net, x, window=3, stride=3),
    "strongest_patches": lambda net, x: understand.strongest_patches(net[:4], x, 1, 3, 1, -1, top=1),
}
each_look = pytest.mark.parametrize("look", LOOKS.values(), ids=LOOKS)


@each_look
@pytest.mark.parametrize("around", [torch.enable_grad, torch.no_grad])
def test_every_look_leaves_the_model_and_the_images_as_they_were(look, around):
    net, x = little_net(), torch.rand(2, 3, 6, 6)
    before, pixels = state(net), x.clone()
    with around():
        look(net, x)
    assert state(net) == before
    assert torch.equal(x, pixels) and not x.requires_grad


class Break(nn.Module):
    def forward(self, x):
        raise ArithmeticError("broken on purpose")


@each_look
def test_every_look_leaves_it_so_after_an_error(look):
    net = little_net()
    net[3] = Break()
    before = state(net)
    with pytest.raises(ArithmeticError):
        look(net, torch.rand(2, 3, 6, 6))
    assert state(net) == before


@pytest.mark.parametrize("name", sorted(set(understand.__all__) - {*LOOKS}))
def test_every_other_public_name_takes_no_model_or_is_known_not_to_change_it(name):
    assert name in {
        "Field", "LayerStatistics", "adversarial_step", "cam", "deconvnet_by_layers", "field_width",
        "filter_normalised_direction", "nearest_neighbours", "receptive_fields", "recording",
        "total_variation", "untouched",
    }  # fmt: skip


def test_untouched_puts_back_modes_and_buffers():
    net = little_net().train()
    before = state(net)
    with pytest.raises(KeyError), understand.untouched(net):
        assert not any(m.training for m in net.modules())
        net[1].running_mean += 1
        raise KeyError
    with understand.untouched(net, training=True):
        assert net.training
        net(torch.rand(2, 3, 6, 6))
    assert state(net) == before


def test_recording_keeps_what_a_relu_in_place_would_overwrite():
    net = nn.Sequential(nn.Conv2d(1, 1, 1), nn.ReLU(inplace=True))
    nn.init.constant_(net[0].weight, -1.0)
    nn.init.zeros_(net[0].bias)
    with understand.recording(net, "0", "1") as kept:
        net(torch.ones(1, 1, 1, 1))
    assert kept["0"].item() == -1 and kept["1"].item() == 0


def test_layers_are_found_by_name():
    net = models.resnet18()
    assert find_layer(net, "layer4.1") is net.layer4[1] and find_layer(net, "") is net
    with pytest.raises(ValueError, match=r"layer 'layer4.2' is not in this ResNet: did you mean 'layer4.1'"):
        find_layer(net, "layer4.2")
    with pytest.raises(ValueError, match=r"layer 'ÖÖ' is not in this ResNet: did you mean 'conv1' or 'bn1' or 'relu'"):
        find_layer(net, "ÖÖ")


def test_a_part_that_is_never_called_is_refused():
    net = models.efficientnet_lite0()
    with pytest.raises(ValueError, match="layer '_blocks' returned no tensor, or did not run"):
        understand.features(net, "_blocks", torch.zeros(1, 3, 32, 32))


def test_classes():
    logits = torch.tensor([[0.0, 2.0, 1.0], [3.0, 1.0, 2.0]])
    assert classes_of(logits, None).tolist() == [1, 0]
    assert classes_of(logits, 2).tolist() == [2, 2]
    assert classes_of(logits, torch.tensor([2, 1])).tolist() == [2, 1]


@pytest.mark.usefixtures("untyped")
def test_classes_that_are_not_there():
    logits = torch.zeros(2, 3)
    for target in (3, -1, torch.tensor([0, 3])):
        with pytest.raises(ValueError, match=r"target is .*, but this model has 3 classes: use 0 to 2"):
            classes_of(logits, target)
    for target in (torch.zeros(3, dtype=torch.long), 1.5):
        with pytest.raises(
            ValueError, match="target must be one class or 2 of them, one an image, as whole numbers; got"
        ):
            classes_of(logits, target)
    with pytest.raises(ValueError, match=r"model\(x\) must have the axes \[B, classes\], got shape \(2, 3, 4, 4\)"):
        classes_of(torch.zeros(2, 3, 4, 4), 1)


def test_units():
    maps = torch.arange(8.0).reshape(1, 2, 2, 2)
    assert unit_of(maps, "a", 1).tolist() == [[4, 5, 6, 7]]
    assert unit_of(torch.tensor([[1.0, 2.0]]), "a", 1).tolist() == [[2]]
    with pytest.raises(ValueError, match="unit is 2, but layer 'a' has 2 units: use 0 to 1"):
        unit_of(maps, "a", 2)
