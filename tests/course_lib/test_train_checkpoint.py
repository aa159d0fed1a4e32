"""A run killed at any moment goes on to the same numbers; a bad file is named."""

import dataclasses
import hashlib
import io
import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from course_lib import runtime, train
from course_lib.data import datasets
from course_lib.train import checkpoint

ROOT = Path(__file__).parents[2]


def cut() -> tuple[datasets.ImageSet, datasets.ImageSet]:
    return datasets.load("digits", "train")[:200], datasets.load("digits", "test")[:200]


@pytest.fixture(scope="module")
def few():
    return cut()


@pytest.fixture
def one_thread():
    """Sums in the order of the child process."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def small() -> nn.Module:
    """Everything that has a state of its own: momentum, running statistics, and dropout, which draws global numbers."""
    return nn.Sequential(
        nn.Conv2d(1, 4, 5, stride=2), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Dropout(0.2), nn.Linear(576, 10)
    )


def run(few, path, augment=train.augment.crop, build=small, **options) -> tuple[nn.Module, train.History]:
    runtime.seed_all(0)
    model = build()
    options = {"epochs": 4, "batch_size": 32, "validation": few[1], "keep": "best"} | options
    history = train.fit(model, *few, checkpoint=path, augment=augment, device=torch.device("cpu"), **options)
    return model, history


CHILD = """
import os
import signal
from tests.course_lib import test_train_checkpoint as here
from course_lib import train

batches = 0

def deadly(images, generator):
    global batches
    batches += 1
    if batches == {batch}:
        os.kill(os.getpid(), signal.SIGKILL)
    return train.augment.crop(images, generator)

here.run(here.cut(), {path!r}, augment=deadly)
"""


def same(first, second) -> bool:
    (model, history), (other, told) = first, second
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    told = dataclasses.replace(told, seconds=history.seconds)
    return history == told and all(torch.equal(a, b) for a, b in pairs)


def test_a_killed_run_resumes_to_the_same_numbers(few, tmp_path, one_thread):
    path = tmp_path / "run.pt"
    child = subprocess.run(
        [
            sys.executable,
            "-c",
            CHILD.format(batch=18, path=str(path)),
        ],  # 7 batches an epoch: in the middle of the third
        cwd=ROOT,
        env=os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert child.returncode == -signal.SIGKILL, child.stderr
    assert len(checkpoint.read(path)["history"]["train_loss"]) == 2
    resumed, whole = run(few, path), run(few, None)
    assert same(resumed, whole)
    assert same(run(few, path), whole)  # nothing left to do: read back
    assert [file.name for file in tmp_path.iterdir()] == ["run.pt"]


def test_numbers_drawn_after_a_run_are_those_drawn_after_reading_it_back(few, tmp_path):
    run(few, tmp_path / "run.pt", epochs=1)
    drawn = torch.rand(3)
    run(few, tmp_path / "run.pt", epochs=1)
    assert torch.equal(torch.rand(3), drawn)


@pytest.mark.parametrize(
    "schedule",
    [
        train.schedules.constant,
        train.schedules.step,
        train.schedules.cosine,
        train.schedules.warm_up(train.schedules.cosine),
        partial(train.schedules.one_cycle, peak=0.5),
    ],
)
def test_every_schedule_goes_on_where_it_stopped(few, tmp_path, monkeypatch, schedule):
    whole = run(few, None, schedule=schedule, epochs=2)
    save = checkpoint.Run.save

    def last_words(self, path):
        save(self, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(checkpoint.Run, "save", last_words)
    with pytest.raises(KeyboardInterrupt):
        run(few, tmp_path / "run.pt", schedule=schedule, epochs=2)
    monkeypatch.undo()
    assert same(run(few, tmp_path / "run.pt", schedule=schedule, epochs=2), whole)


@pytest.fixture(scope="module")
def good(few, tmp_path_factory):
    path = tmp_path_factory.mktemp("good") / "run.pt"
    run(few, path, epochs=1)
    return path.read_bytes()


def flip(raw: bytes) -> bytes:
    middle = len(raw) // 2
    return raw[:middle] + bytes([raw[middle] ^ 1]) + raw[middle + 1 :]


@pytest.mark.parametrize(
    ("harm", "sentence"),
    [
        (lambda raw: raw[:-1], "is damaged: its .* bytes do not fit their own digest"),
        (lambda raw: raw[:30], "is damaged"),
        (flip, "is damaged"),  # torch itself would load it
        (lambda raw: b"", "is not a checkpoint that this version of course_lib.train wrote"),
        (lambda raw: b"<html>not found</html>", "is not a checkpoint"),
    ],
)
def test_a_bad_file_is_named(few, tmp_path, good, harm, sentence):
    path = tmp_path / "run.pt"
    path.write_bytes(harm(good))
    with pytest.raises(train.CheckpointError, match=f"run.pt {sentence}.*Delete it to train from the start"):
        run(few, path, epochs=1)


def test_reading_runs_no_code(tmp_path):
    """A well-formed file whose content is a call to os.mkdir."""

    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "done"),)

    buffer = io.BytesIO()
    torch.save({"model": Attack()}, buffer)
    payload = buffer.getvalue()
    (tmp_path / "run.pt").write_bytes(checkpoint.MAGIC + hashlib.sha256(payload).digest() + payload)
    with pytest.raises(train.CheckpointError, match="holds something other than tensors and plain values"):
        checkpoint.read(tmp_path / "run.pt")
    assert not (tmp_path / "done").exists()


def test_a_checkpoint_of_another_run_is_refused(few, tmp_path, good):
    (tmp_path / "run.pt").write_bytes(good)
    for options, sentence in (
        ({"epochs": 2}, "there epochs is 1, here 2"),
        ({"epochs": 1, "seed": 1}, "there seed is 0, here 1"),
        ({"epochs": 1, "lr": 0.1}, "there optimizer is AdamW .*lr: .*, here AdamW"),
        ({"epochs": 1, "validation": None, "keep": "last"}, "images in validation is 200, here None"),
        ({"epochs": 1, "build": lambda: nn.Sequential(nn.Flatten(), nn.Linear(784, 10))}, "another model.*'1.weight'"),
    ):
        with pytest.raises(train.CheckpointError, match=f"run.pt belongs to .*{sentence}.*Delete it"):
            run(few, tmp_path / "run.pt", **options)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    path = tmp_path / "new folder" / "file"
    checkpoint.write_atomically(path, b"old")

    def full(descriptor):
        raise OSError("No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        checkpoint.write_atomically(path, b"new")
    assert path.read_bytes() == b"old" and list(path.parent.iterdir()) == [path]
