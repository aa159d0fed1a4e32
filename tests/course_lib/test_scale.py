import pytest
import torch

from course_lib import runtime, scale


@pytest.mark.parametrize(("level", "expected"), [("cpu", 1), ("gpu", 2), ("full", 3)])
def test_pick_follows_the_environment(monkeypatch, level, expected):
    monkeypatch.setenv("COURSE_SCALE", level)
    assert scale.pick(cpu=1, gpu=2, full=3) == expected


def test_a_missing_level_falls_back_to_the_next_smaller(monkeypatch):
    monkeypatch.setenv("COURSE_SCALE", "full")
    assert scale.pick(cpu=1, gpu=2) == 2
    assert scale.pick(cpu=1) == 1


def test_without_a_wish_the_machine_decides(monkeypatch):
    monkeypatch.delenv("COURSE_SCALE", raising=False)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert scale.level() == "gpu" and runtime.device().type == "cuda"
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)
    assert scale.level() == "cpu" and runtime.device().type == "cpu"


def test_an_unknown_level_is_a_sentence(monkeypatch):
    monkeypatch.setenv("COURSE_SCALE", "huge")
    with pytest.raises(ValueError, match="set it to one of cpu, gpu, full"):
        scale.pick(cpu=1)


def test_seed_all_repeats():
    import random

    import numpy as np

    draws = []
    for _ in range(2):
        generator = runtime.seed_all(7)
        draws.append(
            (random.random(), np.random.rand(), torch.rand(1).item(), torch.rand(1, generator=generator).item())
        )
    assert draws[0] == draws[1]
