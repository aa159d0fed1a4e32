import pytest
import torch
from torch import nn

from course_lib.train import optimizers


def test_the_default_is_adamw_with_the_two_numbers():
    optimizer = optimizers.factory(None, 0.1, 0.5)([nn.Parameter(torch.zeros(1))])
    assert type(optimizer) is torch.optim.AdamW
    assert (optimizer.defaults["lr"], optimizer.defaults["weight_decay"]) == (0.1, 0.5)


def test_biases_and_norms_can_be_spared():
    """With gradient zero, SGD at rate 1 and decay ½ halves what decays and leaves the rest."""
    model = nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Flatten(), nn.Linear(2, 2))
    for parameter in model.parameters():
        nn.init.ones_(parameter)
        parameter.grad = torch.zeros_like(parameter)
    torch.optim.SGD(optimizers.parameter_groups(model, "weights"), lr=1.0, weight_decay=0.5).step()
    left = {name: value.unique().item() for name, value in model.named_parameters()}
    assert left == {"0.weight": 0.5, "0.bias": 1, "1.weight": 1, "1.bias": 1, "3.weight": 0.5, "3.bias": 1}
    (group,) = optimizers.parameter_groups(model, "all")
    assert len(group["params"]) == 6


def test_bad_numbers_are_sentences(untyped):
    for lr in (0, -1.0, float("nan"), "fast"):
        with pytest.raises(ValueError, match="lr must be a number above 0, got .*: the default is 0.008"):
            optimizers.factory(None, lr, 0.0)
    with pytest.raises(ValueError, match="weight_decay must be at least 0, got -1"):
        optimizers.factory(None, 0.1, -1)
    with pytest.raises(ValueError, match="are for the default optimiser, but optimizer is given too"):
        optimizers.factory(torch.optim.SGD, 0.1, 0.0)
    with pytest.raises(ValueError, match="decay 'some' is unknown: use one of 'all', 'weights'"):
        optimizers.parameter_groups(nn.Linear(1, 1), "some")
