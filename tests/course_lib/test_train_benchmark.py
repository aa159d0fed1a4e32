"""benchmarks/time_to_94.py runs; how fast it is, only a GPU can tell."""

import importlib
from pathlib import Path

import pytest
import torch


@pytest.fixture
def benchmark(monkeypatch):
    monkeypatch.syspath_prepend(str(Path(__file__).parents[2] / "benchmarks"))
    return importlib.import_module("time_to_94")


def test_two_percent_of_an_epoch(benchmark, capsys):
    benchmark.main(["--dry", "--cpu"])
    said = capsys.readouterr().out
    assert "torch" in said and "seed 0: " in said and "for 1 epochs, did not reach 94%" in said
    assert "s on cpu; test accuracy" in said and "% over 1 seed" in said


def test_without_a_gpu_one_sentence_says_so(benchmark, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(SystemExit, match="needs a CUDA GPU, and there is none: add --cpu"):
        benchmark.main([])
