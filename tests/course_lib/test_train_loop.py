"""The options of ``fit``, and what it refuses."""

import dataclasses
import warnings

import pytest
import torch
from torch import nn

from course_lib import models, runtime, train
from course_lib.data import datasets

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def digits():
    images = datasets.load("digits", "train")
    return images[:300], datasets.load("digits", "test")[:100], images[300:400]


def linear() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, 10))


def fitted(digits, build=linear, **options) -> tuple[nn.Module, train.History]:
    runtime.seed_all(0)
    model = build()
    return model, train.fit(model, *digits[:2], **{"epochs": 1, "device": CPU} | options)


def test_one_step_is_the_textbook_step(digits):
    """One batch of all images, plain SGD: w − lr · ∂L/∂w, here by autograd on the untrained twin."""
    runtime.seed_all(0)
    twin = linear()
    nn.functional.cross_entropy(twin(digits[0].inputs()), digits[0].labels).backward()
    model, _ = fitted(
        digits, batch_size=300, optimizer=lambda p: torch.optim.SGD(p, lr=0.1), schedule=train.schedules.constant
    )
    torch.testing.assert_close(model[1].weight, twin[1].weight - 0.1 * twin[1].weight.grad, atol=1e-6, rtol=0)


def test_the_gradient_is_clipped(digits):
    """A step of SGD at rate 1 is as long as the gradient it took: no longer than clip_norm."""
    runtime.seed_all(0)
    start = nn.utils.parameters_to_vector(linear().parameters())
    steps = {}
    for clip in (None, 0.01):
        model, _ = fitted(
            digits,
            batch_size=300,
            clip_norm=clip,
            optimizer=lambda p: torch.optim.SGD(p, lr=1.0),
            schedule=train.schedules.constant,
        )
        steps[clip] = (nn.utils.parameters_to_vector(model.parameters()) - start).norm().item()
    assert steps[None] > 0.1 and steps[0.01] == pytest.approx(0.01, rel=1e-3)


def test_channels_last_changes_the_layout_and_not_the_function(digits):
    fast, first = fitted(digits, models.LeNet5)
    plain, second = fitted(digits, models.LeNet5, channels_last=False)
    assert fast.features[3].weight.is_contiguous(memory_format=torch.channels_last)
    assert plain.features[3].weight.is_contiguous()
    assert first.train_loss == pytest.approx(second.train_loss, rel=1e-3)


def test_the_best_epoch_by_validation_is_kept(digits):
    """The rate explodes after the second epoch of four, so the best epoch is not the last."""

    def exploding(optimizer, steps):
        return torch.optim.lr_scheduler.LambdaLR(optimizer, lambda done: 1.0 if done < steps // 2 else 1000.0)

    options = {"epochs": 4, "validation": digits[2], "schedule": exploding}
    model, history = fitted(digits, models.LeNet5, keep="best", **options)
    scores = history.validation_accuracy
    assert history.best_epoch == scores.index(max(scores)) < 3 and scores[-1] < max(scores)
    assert train.accuracy(model, digits[2].inputs(), digits[2].labels) == max(scores)
    model, history = fitted(digits, models.LeNet5, **options)
    assert train.accuracy(model, digits[2].inputs(), digits[2].labels) == scores[-1]
    assert train.History(0).best_epoch is None


def test_a_run_that_diverges_stops_and_still_tells_its_history(digits):
    with pytest.warns(RuntimeWarning, match="The loss of epoch 1 is (nan|inf): training has diverged and stops. Lower"):
        _, history = fitted(digits, epochs=3, optimizer=lambda p: torch.optim.SGD(p, lr=1e38))
    assert history.diverged and len(history.train_loss) == len(history.test_accuracy) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert not fitted(digits)[1].diverged


def test_augmentation_is_repeatable_and_seen(digits):
    runs = [fitted(digits, augment=augment)[1].train_loss for augment in (train.augment.crop, train.augment.crop, None)]
    assert runs[0] == runs[1] != runs[2]


def test_a_batch_larger_than_the_set_is_the_set(digits):
    assert fitted(digits, batch_size=300)[1].train_loss == fitted(digits, batch_size=10**6)[1].train_loss


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"epochs": 0}, "epochs must be a whole number of at least 1, got 0"),
        ({"batch_size": 0}, "batch_size must be a whole number of at least 1, got 0"),
        ({"lr": -1.0}, "lr must be a number above 0, got -1.0"),
        ({"clip_norm": 0.0}, "clip_norm must be a number above 0, got 0.0"),
        ({"keep": "first"}, "keep 'first' is unknown: use one of 'last', 'best'"),
        ({"keep": "best"}, "no validation set to choose by.*hold out.*peeking"),
        ({"precision": "bfloat16"}, "on a CPU, which would only be slower"),
    ],
)
def test_bad_options_are_sentences(digits, options, sentence):
    with pytest.raises(ValueError, match=sentence):
        fitted(digits, **options)


def test_bad_sets_are_sentences(digits, untyped):
    good, test, _ = digits
    with pytest.raises(
        ValueError, match=r"train.labels run from 0 to 9, but the model tells 5 classes apart.*num_classes=10"
    ):
        fitted(digits, lambda: models.LeNet5(num_classes=5))
    for labels, sentence in (
        (good.labels - 1, "train.labels run from -1 to 8, .* 0 to 9"),
        (good.labels.float(), r"one class number an image, 300 integers, got torch.float32 of shape \(300,\)"),
        (good.labels[:, None], r"300 integers, got torch.int64 of shape \(300, 1\).*one-hot"),
    ):
        with pytest.raises(ValueError, match=sentence):
            fitted((dataclasses.replace(good, labels=labels), test))
    with pytest.raises(ValueError, match="test is empty, expected at least one labelled image"):
        fitted((good, test[:0]))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="mixed precision is for CUDA")
@pytest.mark.parametrize("precision", ["auto", "float16"])
def test_mixed_precision_learns(digits, precision):
    options = {"device": torch.device("cuda"), "epochs": 4, "batch_size": 32, "clip_norm": 1.0}
    _, full = fitted(digits, models.LeNet5, precision="full", **options)
    _, half = fitted(digits, models.LeNet5, precision=precision, **options)
    assert half.train_loss != full.train_loss and half.train_loss == pytest.approx(full.train_loss, rel=0.1)
