import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode

from course_lib import models
from course_lib.models.lenet import C3_TABLE


def test_lenet5_shape_parameters_and_cost():
    model = models.LeNet5(num_classes=7)
    assert model(torch.zeros(3, 1, 28, 28)).shape == (3, 7)
    model = models.LeNet5()
    assert models.count_parameters(model) == 61_706
    with FlopCounterMode(display=False) as counter:
        model(torch.zeros(1, 1, 28, 28))
    assert counter.get_total_flops() / 2 == 416_520  # multiply-adds


def test_lenet5_equals_its_layers_written_out():
    from torch.nn import functional as F

    model, x = models.LeNet5().double(), torch.randn(2, 1, 28, 28, dtype=torch.float64)
    f, c = model.features, model.classifier
    y = F.max_pool2d(F.relu(F.conv2d(x, f[0].weight, f[0].bias, padding=2)), 2)
    y = F.max_pool2d(F.relu(F.conv2d(y, f[3].weight, f[3].bias)), 2).flatten(1)
    y = c[5](F.relu(c[3](F.relu(c[1](y)))))
    torch.testing.assert_close(model(x), y, atol=1e-10, rtol=0)


def test_lenet5_paper_has_the_papers_counts():
    model = models.LeNet5Paper()
    counts = {name: models.count_parameters(part) for name, part in model.named_children()}
    assert counts == {"c1": 156, "s2": 12, "c3": 1516, "s4": 32, "c5": 48120, "f6": 10164, "output": 0, "squash": 0}
    assert models.count_parameters(model) == 60_000
    assert sum(map(len, C3_TABLE)) == 60  # connections of Table I
    assert [len(row) for row in C3_TABLE] == [3] * 6 + [4] * 9 + [6]
    for k in range(6):
        assert sum(k in row for row in C3_TABLE) == 10  # every map of S2 feeds ten maps of C3


def test_lenet5_paper_learns():
    """The odd parts (table, gains, fixed codes) pass gradients: it fits 32 random images."""
    model = models.LeNet5Paper()
    x, y = torch.randn(32, 1, 32, 32), torch.randint(0, 10, (32,))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    for _ in range(60):
        loss = torch.nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert (model(x).argmax(1) == y).float().mean() > 0.95


def test_s_cells_want_the_shape_and_not_the_brightness():
    bar = torch.zeros(1, 1, 5, 5)
    bar[0, 0, 2] = 1
    cell = models.SCells(bar)
    fires = cell(bar * 10)[0, 0, 2, 2]
    assert fires > 0.5
    assert cell(bar.transpose(2, 3) * 10)[0, 0, 2, 2] == 0  # the wrong orientation, however bright
    assert cell(torch.ones(1, 1, 5, 5) * 10)[0, 0, 2, 2] == 0  # bright everywhere is no bar
    assert fires == pytest.approx(cell(bar * 100)[0, 0, 2, 2].item(), rel=0.1)  # ten times brighter, much the same


def test_c_cells_forgive_a_shift_and_saturate():
    cells = models.CCells(size=5, stride=2)
    x = torch.zeros(1, 2, 12, 12)
    x[0, 0, 6, 6] = 1
    y, moved = cells(x), cells(torch.roll(x, 1, dims=3))
    assert y.shape == (1, 2, 6, 6) and y[0, 1].sum() == 0  # every map by itself
    assert (y - moved).norm() < 0.6 * y.norm() < 0.6 * 2**0.5 * y.norm()
    assert cells(x * 1e6).max() < 1
