import pytest
from torch import nn

from course_lib import train


def runs(*finals: float) -> train.Runs:
    return train.Runs((nn.Identity(), train.History(seed, [1.0], [final])) for seed, final in enumerate(finals))


def test_a_result_is_a_range():
    assert runs(0.8984, 0.8972, 0.8991).range == "89.7–89.9 % over 3 seeds"
    assert runs(0.9999, 0.0812).range == "8.1–100.0 % over 2 seeds"
    assert runs(0.89701, 0.89699).range == "89.7 % over 2 seeds"
    assert runs(0.5).range == "50.0 % over 1 seed"


def test_no_seeds_are_refused(untyped):
    with pytest.raises(ValueError, match=r"seeds is range\(0, 0\), which is empty"):
        train.over_seeds(nn.Identity, None, None, seeds=range(0), epochs=1)
