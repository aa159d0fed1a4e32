import dataclasses

import pytest
import torch
from torch import nn

from course_lib import models, train
from course_lib.data import datasets


@pytest.fixture(scope="module")
def digits():
    return datasets.load("digits", "train"), datasets.load("digits", "test")


def test_fit_learns_and_repeats(digits):
    cpu = torch.device("cpu")
    (model, first), (_, other) = train.over_seeds(models.LeNet5, *digits, seeds=range(2), epochs=4, device=cpu)
    assert first.test_accuracy[-1] > 0.85 and len(first.train_loss) == len(first.test_accuracy) == 4
    assert first.train_loss[-1] < first.train_loss[0] / 2 and first.seconds > 0
    assert other.train_loss != first.train_loss
    ((_, again),) = train.over_seeds(models.LeNet5, *digits, seeds=range(1), epochs=4, device=cpu)
    assert again.train_loss == first.train_loss  # same seed, same machine: the same numbers
    assert train.accuracy(model, digits[1].inputs(), digits[1].labels) == first.test_accuracy[-1]


def test_the_mean_loss_counts_every_image_once(digits):
    """With rate zero nothing is learned, so the epoch's loss is the plain loss over the set, short last batch included."""
    few = dataclasses.replace(digits[0], images=digits[0].images[:130], labels=digits[0].labels[:130])
    torch.manual_seed(0)
    model = models.LeNet5().eval()
    expected = nn.functional.cross_entropy(model(few.inputs()), few.labels).item()
    history = train.fit(model, few, few, epochs=1, lr=1e-20, batch_size=64, device=torch.device("cpu"))
    assert history.train_loss == [pytest.approx(expected, rel=1e-5)]


def test_predict_is_in_evaluation_mode_and_in_order():
    model = nn.Sequential(nn.Dropout(0.9), nn.Flatten(), nn.Linear(4, 2))
    x = torch.randn(7, 1, 2, 2)
    logits = train.predict(model.train(), x, batch_size=3)
    model.eval()
    torch.testing.assert_close(logits, model(x).detach())
    assert train.accuracy(model, x, logits.argmax(1)) == 1.0
    assert train.accuracy(model, x, 1 - logits.argmax(1)) == 0.0
