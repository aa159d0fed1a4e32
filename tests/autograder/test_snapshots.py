"""Whether a tensor still holds what it held."""

import pytest
import torch

from autograder.sandbox.inside.values import Snapshot

GRID = torch.arange(6.0).reshape(2, 3)
SAME = {
    "itself": (GRID, GRID),
    "NaN": (torch.tensor([1, float("nan")]), torch.tensor([1, float("nan")])),
    "another layout": (GRID, GRID.T.contiguous().T),
    "every other column": (GRID[:, ::2], torch.tensor([[0.0, 2], [3, 5]])),
    "a conjugate": (torch.tensor([1 - 2j]), torch.tensor([1 + 2j]).conj()),
    "a negative view": (torch.tensor([-2.0]), torch.tensor([1 + 2j]).conj().imag),
    "nothing": (torch.empty(0, 3), torch.empty(0, 3)),
}
OTHER = {
    "a value": (GRID, GRID + 1),
    "minus zero": (torch.tensor([0.0]), torch.tensor([-0.0])),
    "a shape": (GRID, GRID.reshape(3, 2)),
    "a dtype": (torch.zeros(2), torch.zeros(2, dtype=torch.int32)),
    "a transpose": (torch.arange(4.0).reshape(2, 2), torch.arange(4.0).reshape(2, 2).T),
    "whether it is differentiated": (GRID, GRID.clone().requires_grad_()),
}


@pytest.mark.parametrize(("before", "after"), SAME.values(), ids=SAME)
def test_the_same_numbers(before, after):
    assert Snapshot(before).holds(after) and Snapshot(after).holds(before)


@pytest.mark.parametrize(("before", "after"), OTHER.values(), ids=OTHER)
def test_a_change_is_seen(before, after):
    assert not Snapshot(before).holds(after) and not Snapshot(after).holds(before)


def test_changes_that_autograd_does_not_count_are_seen():
    weight = torch.nn.Parameter(torch.ones(3))
    snapshot = Snapshot(weight)
    weight.data[1] = 2
    assert not snapshot.holds(weight)
    weight.data[1] = 1
    assert snapshot.holds(weight)
    weight.detach().numpy()[2] = 5
    assert not snapshot.holds(weight)


def test_gradients_count():
    weight = torch.nn.Parameter(torch.ones(3))
    bare = Snapshot(weight)
    weight.sum().backward()
    assert not bare.holds(weight)
    trained = Snapshot(weight)
    assert trained.holds(weight)
    weight.grad += 1
    assert not trained.holds(weight)
    weight.grad = None
    assert bare.holds(weight) and not trained.holds(weight)
