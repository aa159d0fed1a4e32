"""A network that has seen the world, and scikit-image's cat beside its espresso: do the maps find what they should?"""

import pytest
import skimage.data
import torch
from torch.nn import functional as F

from course_lib import models, understand
from course_lib.models.efficientnet_lite import MEAN, STD

CATS = range(281, 286)  # tabby, tiger, Persian, Siamese, Egyptian
EGYPTIAN, ESPRESSO, MONARCH = 285, 967, 323
LOW, HIGH = -MEAN / STD, (1 - MEAN) / STD
SIDE = 128


def photograph(pixels, left):
    """A square of the photograph's full height, from the column ``left`` on, as the network wants it."""
    image = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / 255
    height = image.shape[2]
    image = F.interpolate(image[..., left : left + height], size=(SIDE, SIDE), mode="bilinear", antialias=True)
    return (image.clamp(0, 1) - MEAN) / STD


@pytest.fixture(scope="module")
def net():
    return models.efficientnet_lite0(pretrained=True).eval()


@pytest.fixture(scope="module")
def cat():
    return photograph(skimage.data.chelsea(), 75)


@pytest.fixture(scope="module")
def both(cat):
    """Cat left, cup right: the box of each is known exactly."""
    return torch.cat([cat, photograph(skimage.data.coffee(), 120)], dim=3)


def share_left(heat):
    """How much of a map lies in the left half of the image."""
    return (heat[..., : heat.shape[2] // 2].sum() / heat.sum()).item()


def test_it_sees_both(net, both):
    with torch.no_grad():
        found = net(both).softmax(1)[0].topk(5).indices.tolist()
    assert ESPRESSO in found and set(found) & {*CATS}


@pytest.mark.parametrize(("target", "left"), [(EGYPTIAN, True), (ESPRESSO, False)])
def test_each_method_finds_the_cat_and_the_cup(net, both, target, left):
    looks = {
        "CAM": understand.cam(net.features(both).detach(), net._fc, target).relu(),
        "Grad-CAM": understand.grad_cam(net, "_conv_head", both, target),
        "occlusion": understand.occlusion(net, both, target, window=64, stride=32, probability=False).relu(),
    }
    for name, heat in looks.items():
        share = share_left(heat) if left else 1 - share_left(heat)
        assert share > 0.7, f"{name}: {share:.0%}"


def test_guided_backpropagation_shows_the_same_edges_whatever_it_is_asked_for(net, both):
    """Known since Selvaraju et al. (2017): sharp, but not about the class."""
    cat, cup = (
        understand.guided_backprop(net, "", both, target).abs().sum(1).flatten() for target in (EGYPTIAN, ESPRESSO)
    )
    alike = torch.corrcoef(torch.stack([cat, cup]))[0, 1]
    assert alike > 0.7


def test_a_change_that_nobody_sees_changes_the_answer(net, cat):
    epsilon = 4 / 255 / STD
    cats = [*CATS]
    with torch.no_grad():
        before = net(cat).softmax(1)[0]
    (label,) = before.argmax(0, keepdim=True).tolist()
    assert label in cats and before[cats].sum() > 0.5
    stepped = understand.adversarial_step(net, cat, label, epsilon, low=LOW, high=HIGH)
    espresso = understand.adversarial_attack(net, cat, ESPRESSO, epsilon, targeted=True, low=LOW, high=HIGH)
    for found in (stepped, espresso):
        assert (found - cat).abs().max() <= epsilon + 1e-6 and found.min() >= LOW and found.max() <= HIGH + 1e-6
    with torch.no_grad():
        assert net(stepped).argmax() != label
        after = net(espresso).softmax(1)[0]
    assert after.argmax() == ESPRESSO and after[cats].sum() < 0.2


def test_an_image_made_for_a_class_is_of_that_class(net):
    options = {"steps": 25, "lr": 0.05, "low": LOW, "high": HIGH}
    image = understand.activation_maximisation(net, "", MONARCH, (3, 96, 96), **options)
    with torch.no_grad():
        assert net(image[None]).softmax(1)[0, MONARCH] > 0.9


def test_early_layers_still_know_the_image_and_late_ones_less(net, cat):
    x = F.interpolate(cat, size=64)[0]
    options = {"steps": 25, "lr": 0.05, "smooth": 1.0, "low": LOW, "high": HIGH}
    early, late = (understand.feature_inversion(net, layer, x, **options) for layer in ("_bn0", "_conv_head"))
    alike = [torch.corrcoef(torch.stack([found.flatten(), x.flatten()]))[0, 1] for found in (early, late)]
    assert alike[0] > 0.8 > alike[1] + 0.2


def test_the_nearest_image_is_the_same_thing_seen_otherwise(net, cat, both):
    cup = both[..., SIDE:]
    gallery = torch.cat([cup, cat.flip(3), cup.roll(20, 3)])
    vectors, query = (understand.features(net, "_dropout", x) for x in (gallery, cat))
    distance, index = understand.nearest_neighbours(query, vectors, 3)
    assert index[0, 0] == 1 and distance[0, 0] < 0.5 * distance[0, 1]
