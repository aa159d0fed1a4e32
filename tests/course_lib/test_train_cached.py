"""Stored runs: found again, and never mistaken for another."""

import dataclasses
from functools import partial

import pytest
import torch
from torch import nn

from course_lib import models, train
from course_lib.data import datasets
from course_lib.train import cached

WIDTH = 8


@pytest.fixture(scope="module")
def few():
    return datasets.load("digits", "train")[:60], datasets.load("digits", "test")[:60]


@pytest.fixture
def trained(monkeypatch):
    """How many batches were really trained on, counted at the loss."""
    batches, real = [], nn.functional.cross_entropy
    monkeypatch.setattr(nn.functional, "cross_entropy", lambda *a, **o: batches.append(1) or real(*a, **o))
    return batches


def build() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, WIDTH), nn.ReLU(), nn.Dropout(0.1), nn.Linear(WIDTH, 10))


def test_the_second_time_nothing_is_trained(few, tmp_path, trained):
    first = train.over_seeds(build, *few, seeds=range(2), folder=tmp_path, epochs=2)
    assert len(trained) == 4 and len(list(tmp_path.iterdir())) == 2
    again = train.over_seeds(build, *few, seeds=range(2), folder=tmp_path, epochs=2)
    assert len(trained) == 4 and [h for _, h in again] == [h for _, h in first]
    for (model, _), (stored, _) in zip(first, again, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(model.parameters(), stored.parameters(), strict=True))
    fresh = train.over_seeds(build, *few, seeds=range(2), epochs=2)
    assert [h.train_loss for _, h in fresh] == [h.train_loss for _, h in first]


def test_a_damaged_file_is_trained_again_and_says_so(few, tmp_path, trained, capsys):
    once = partial(train.train_or_load, build, *few, folder=tmp_path, epochs=1)
    _, history = once()
    (path,) = tmp_path.iterdir()
    path.write_bytes(path.read_bytes()[:-100])
    _, again = once()
    assert again.train_loss == history.train_loss and len(trained) == 2
    said = capsys.readouterr().err
    assert "cannot be used and is trained again" in said and str(path) in said and "is damaged" in said
    once()
    assert len(trained) == 2


def test_whatever_decides_the_result_is_in_the_key(few, monkeypatch):
    train_set, test_set = few
    lr = 0.1

    def key(build=build, data=train_set, **options):
        torch.manual_seed(0)
        return cached.key(build, build(), train=data, test=test_set, **{"epochs": 1} | options)

    keys = [key()]
    assert key() == keys[0] and len(keys[0]) == 64
    keys += [
        key(epochs=2),
        key(device=torch.device("cpu")),
        key(build=models.LeNet5),
        key(schedule=train.schedules.cosine),
        key(schedule=train.schedules.warm_up(train.schedules.cosine)),
        key(schedule=train.schedules.warm_up(train.schedules.constant)),
        key(schedule=partial(train.schedules.step, at=(0.3,))),
        key(schedule=partial(train.schedules.step, at=(0.4,))),
        key(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=lr)),
        key(data=dataclasses.replace(train_set, labels=train_set.labels.flip(0))),
        key(data=dataclasses.replace(train_set, images=255 - train_set.images)),
    ]
    lr = 0.2
    keys.append(key(optimizer=lambda parameters: torch.optim.SGD(parameters, lr=lr)))
    monkeypatch.setitem(globals(), "WIDTH", 9)
    keys.append(key())
    monkeypatch.setattr(torch, "__version__", "99.1.0")
    keys.append(key())
    assert len(set(keys)) == len(keys)
    monkeypatch.setattr(torch, "__version__", "99.1.7+cpu")
    assert key() == keys[-1]


def test_what_cannot_be_described_is_a_sentence(few, tmp_path):
    with pytest.raises(ValueError, match="holds a object, which the key of a stored run cannot describe"):
        cached.key(build, build(), odd=object())
    nowhere = {}
    exec("from torch import nn\ndef made():\n    return nn.Linear(1, 1)", nowhere)  # noqa: S102
    nowhere["made"].__module__ = "__main__"
    with pytest.raises(ValueError, match="uses made, whose source cannot be read.*define it in a file"):
        cached.key(nowhere["made"], nn.Linear(1, 1))
    with pytest.raises(ValueError, match="checkpoint is chosen by train_or_load"):
        train.train_or_load(build, *few, folder=tmp_path, epochs=1, checkpoint="here.pt")
