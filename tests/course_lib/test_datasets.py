"""One way in: names and splits, image sets, their constants, and the sets that are always there."""

import dataclasses
import functools

import pytest
import torch

from course_lib.data import datasets
from course_lib.data.image_set import channel_statistics

load = functools.cache(datasets.load)  # to render scenes takes a second


@pytest.fixture(scope="module", params=["fashion_mnist", "digits", "scenes10", "scenes100"])
def train(request):
    return load(request.param, "train")


def test_the_stored_constants_are_those_of_the_training_images(train):
    mean, std = channel_statistics(train.images)
    assert train.mean == pytest.approx(mean, abs=1e-4) and train.std == pytest.approx(std, abs=1e-4)
    x = train.inputs()
    assert x.mean((0, 2, 3)).tolist() == pytest.approx([0] * len(mean), abs=2e-3)
    assert x.std((0, 2, 3)).tolist() == pytest.approx([1] * len(mean), abs=2e-3)


def test_every_class_is_there_and_has_its_share(train):
    counts = train.labels.bincount()
    assert len(counts) == len(train.classes) == len(set(train.classes)) in (10, 100)
    assert counts.min() > 0.7 * len(train) / len(counts)


def test_channel_statistics_by_hand():
    """Two images of two pixels: channel 0 holds 0, 0, 255, 255; channel 1 holds 51 (a fifth) everywhere."""
    images = torch.tensor([[[[0, 0]], [[51, 51]]], [[[255, 255]], [[51, 51]]]], dtype=torch.uint8)
    mean, std = channel_statistics(images)
    assert mean == pytest.approx((0.5, 0.2)) and std == pytest.approx((0.5, 0))


def test_channel_statistics_are_torchs():
    images = torch.randint(256, (7, 3, 4, 5), dtype=torch.uint8)
    mean, std = channel_statistics(images)
    pixels = images.double() / 255
    assert mean == pytest.approx(pixels.mean((0, 2, 3)).tolist(), abs=1e-12)
    assert std == pytest.approx(pixels.std((0, 2, 3), correction=0).tolist(), abs=1e-12)


# Splits


def test_fit_and_validation_are_the_training_images_cut_in_two():
    train, fit, validation = (datasets.load("digits", split) for split in ("train", "fit", "validation"))
    assert (len(train), len(fit), len(validation)) == (1437, 1294, 143)
    assert torch.equal(torch.cat([fit.images, validation.images]), train.images)
    assert torch.equal(torch.cat([fit.labels, validation.labels]), train.labels)
    assert fit.mean == validation.mean == train.mean


@pytest.mark.parametrize("train", ["digits", "scenes10"], indirect=True)
def test_training_and_test_images_differ(train):
    test = {image.tobytes() for image in load(train.name, "test").images.numpy()}
    assert test.isdisjoint(image.tobytes() for image in train.images.numpy())


def test_digits_are_fashion_mnists_size():
    train, test = datasets.load("digits", "train"), datasets.load("digits", "test")
    assert len(train) + len(test) == 1797 and train.images.shape[1:] == (1, 28, 28)


# Scenes


def test_scenes_are_the_same_each_time_and_cifars_size():
    first, again = load("scenes10", "test"), datasets.load("scenes10", "test")
    assert first.images.shape == (2000, 3, 32, 32) and torch.equal(first.images, again.images)
    assert first.classes[:3] == ("red disc", "blue disc", "red square") and first.coarse_labels is None


def test_a_red_thing_is_red():
    """Class 0 is the red disc and 1 the blue one: in the middle of the picture, on average, one channel rules."""
    test = load("scenes10", "test")
    red, blue = (test[test.labels == k].inputs()[:, :, 12:20, 12:20].mean((0, 2, 3)) for k in (0, 1))
    assert red.argmax() == 0 and blue.argmax() == 2


def test_superclasses_of_scenes100():
    test = load("scenes100", "test")
    assert len(test.coarse_classes) == 20 and test.classes[7] == "yellow square on grass"
    for fine, coarse in zip(test.labels[:200].tolist(), test.coarse_labels[:200].tolist()):
        assert test.classes[fine].endswith(" " + test.coarse_classes[coarse])
    grass = test.images[test.coarse_labels < 5].float()[:, :, 24:].mean((0, 2, 3))  # the ground of the first five
    assert grass.argmax() == 1


# Image sets


@pytest.fixture
def four():
    images, labels = torch.arange(16, dtype=torch.uint8).view(4, 1, 2, 2), torch.tensor([0, 1, 2, 1])
    return datasets.ImageSet("four", images, labels, ("a", "b", "c"), (0.5,), (0.25,), "here", labels % 2, ("x", "y"))


def test_an_image_set_is_cut_like_a_tensor(four):
    assert len(four) == 4 and len(four[:3]) == 3
    chosen = four[torch.tensor([3, 0])]
    assert chosen.images[:, 0, 0, 0].tolist() == [12, 0] and chosen.labels.tolist() == [1, 0]
    assert chosen.coarse_labels.tolist() == [1, 0] and chosen.classes == four.classes
    assert four[four.labels == 1].images[:, 0, 0, 0].tolist() == [4, 12]
    assert len(four[:0]) == 0


def test_each_channel_has_its_own_scale():
    """51 is a fifth: (0.2 − 0.1) / 0.5 = 0.2 in channel 0 and (0.2 − 0.4) / 0.1 = −2 in channel 1."""
    images = torch.full((1, 2, 1, 1), 51, dtype=torch.uint8)
    x = datasets.ImageSet("one", images, torch.tensor([0]), ("a",), (0.1, 0.4), (0.5, 0.1), "here").inputs()
    assert x.flatten().tolist() == pytest.approx([0.2, -2.0])


@pytest.mark.usefixtures("untyped")
def test_one_image_is_not_an_image_set(four):
    for index in (0, torch.tensor(0), "labels"):
        with pytest.raises(TypeError, match="a slice or a list of indices as a tensor; got"):
            four[index]


@pytest.mark.usefixtures("untyped")
def test_images_and_labels_that_do_not_belong_together(four):
    with pytest.raises(datasets.CorruptDataError, match="four from here has 4 images but 3 labels"):
        dataclasses.replace(four, labels=four.labels[:3])
    with pytest.raises(datasets.CorruptDataError, match="a label 2 but only 2 classes"):
        dataclasses.replace(four, classes=("a", "b"))
    with pytest.raises(datasets.CorruptDataError, match="a label 1 but only 1 classes"):
        dataclasses.replace(four, coarse_classes=("x",))


# Bad input


@pytest.mark.usefixtures("untyped")
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("CIFAR", "did you mean 'cifar10'"),
        ("Fashion-MNIST", "did you mean 'fashion_mnist'"),
        ("imagenet", "choose one of: fashion_mnist, digits, cifar10"),
        (None, "choose one of"),
        (["digits"], "There are: fashion_mnist, digits"),
    ],
)
def test_unknown_names_are_sentences(name, said):
    with pytest.raises(ValueError, match=f"There is no data set .*{said}"):
        datasets.load(name, "train")


def test_unknown_splits_are_sentences():
    with pytest.raises(ValueError, match="no split 'valid'; did you mean 'validation'\\? There are: train, fit"):
        datasets.load("digits", "valid")
