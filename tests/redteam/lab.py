"""A small assignment of five exercises, and submissions of it in which something is up."""

from __future__ import annotations

import time

import jupytext
import psutil
from nbformat import NotebookNode, v4

from autograder.judge import SandboxJudge
from autograder.verdict import Judged, Submission

MASTER = """\
# %% nbgrader={"grade_id": "setup", "locked": true}
import torch
import torch.nn.functional as F
from torch import nn
from course_lib.checks import by_hand, expect_close, expect_equal, expect_error, gradients
data = torch.arange(6.0)
# %% nbgrader={"grade_id": "double", "solution": true}
def double(x):
    return x + x
# %% nbgrader={"grade_id": "double_seen", "grade": true, "locked": true, "points": 1}
assert double(2) == 4, f"double(2) should be 4, got {double(2)}"
# %% nbgrader={"grade_id": "double_hidden", "grade": true, "locked": true, "points": 2}
for n in torch.randint(-99, 99, (5,)).tolist():
    assert abs(double(n) - 2 * n) < 1e-9
expect_close(double(data), 2 * data, "the double of the data")
x = torch.rand(3)
assert torch.allclose(double(x), 2 * x)
# %% nbgrader={"grade_id": "conv", "solution": true}
def conv(x, w):
    patches = F.unfold(x, w.shape[2:])
    out = w.flatten(1) @ patches
    return out.view(len(x), len(w), x.shape[2] - w.shape[2] + 1, -1)
# %% nbgrader={"grade_id": "conv_check", "grade": true, "locked": true, "points": 3}
x, w = torch.rand(2, 3, 6, 5), torch.rand(4, 3, 3, 3)
with by_hand():
    got = conv(x, w)
expect_close(got, F.conv2d(x, w), "the convolution", atol=1e-5)
# %% nbgrader={"grade_id": "net", "solution": true}
class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    def forward(self, x):
        return self.body(x)
# %% nbgrader={"grade_id": "net_check", "grade": true, "locked": true, "points": 2}
torch.manual_seed(0)
net, x = Net(), torch.randn(5, 4)
assert isinstance(net, nn.Module)
assert net(x).shape == (5, 3), f"expected (5, 3), got {tuple(net(x).shape)}"
assert sum(p.numel() for p in net.parameters()) == 67
optimizer = torch.optim.SGD(net.parameters(), lr=0.5)
losses = []
for _ in range(12):
    loss = F.cross_entropy(net(x), torch.tensor([0, 1, 2, 0, 1]))
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
assert losses[-1] < losses[0]
# %% nbgrader={"grade_id": "counter", "solution": true}
def counter(n):
    for i in range(n):
        yield i * i
# %% nbgrader={"grade_id": "counter_check", "grade": true, "locked": true, "points": 1}
assert list(counter(4)) == [0, 1, 4, 9]
# %% nbgrader={"grade_id": "stats", "solution": true}
def stats(x):
    return x.mean(), {"std": x.std(), "n": len(x)}
# %% nbgrader={"grade_id": "stats_check", "grade": true, "locked": true, "points": 1}
x = torch.rand(7)
mean, more = stats(x)
expect_close(mean, x.mean(), "the mean", atol=1e-5)
expect_close(more["std"], x.std(), "the deviation", atol=1e-5)
expect_equal(more["n"], 7, "the number")
"""
SOURCE = jupytext.reads(MASTER, "py:percent")
FULL = {
    c.metadata.nbgrader.grade_id: float(c.metadata.nbgrader.points)
    for c in SOURCE.cells
    if c.metadata.nbgrader.get("grade")
}
OF = {
    name: [check for check in FULL if check.partition("_")[0] == name]
    for name in ("double", "conv", "net", "counter", "stats")
}
LIMITS = {
    "cell_seconds": 2, "check_seconds": 2, "cpu_seconds": 60, "wall_seconds": 90, "memory": 3 * 2**29,
    "processes": 64, "scratch": 32 * 2**20, "output": 100_000,
}  # fmt: skip
WRONG = {"double": "def double(x):\n    return 0 * x"}


def submission(answers: dict[str, str], *extra: str, student: str = "eve") -> Submission:
    """The right answers, changed: `answers` replace those of the cells they name, `extra` cells come before them all."""
    cells = []
    for cell in SOURCE.cells:
        about = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "points": 0}
        metadata = {"nbgrader": {**about, **cell.metadata.nbgrader}}
        source = answers.get(cell.metadata.nbgrader.grade_id, cell.source)
        cells.append(v4.new_code_cell(source, metadata=metadata))
        if cell.metadata.nbgrader.grade_id == "setup":
            cells += [v4.new_code_cell(text) for text in extra]
    return Submission(student, v4.new_notebook(cells=cells))


def source_text() -> str:
    """The instructor's notebook as the judge gets it."""
    return jupytext.writes(SOURCE, "ipynb")


def lost(judged: Judged) -> set[str]:
    """The checks that did not get all their points."""
    return {name for name, check in judged.verdict.checks.items() if check.score < check.max}


def printed(judged: Judged) -> str:
    """All that the notebook's own cells put out, errors included."""
    outputs = [output for cell in judged.notebook.cells for output in cell.get("outputs", [])]
    return "\n".join(str(output.get("text") or output.get("evalue") or output.get("data", "")) for output in outputs)


class Grader:
    """One warm judge."""

    def __init__(self, **limits: float) -> None:
        self.limits = {**LIMITS, **limits}

    def __call__(self, answers: dict[str, str] | None = None, *extra: str, **limits: float) -> Judged:
        judge = SandboxJudge(source_text(), b"secret", {**self.limits, **limits})
        judged = judge(submission(answers or {}, *extra))
        assert judged.verdict.status == "graded"
        assert {name: check.max for name, check in judged.verdict.checks.items()} == FULL
        return judged

    def caught(self, answers: dict[str, str], *extra: str, loses: set[str], flagged: bool = True) -> Judged:
        """Outcome Z: those checks are lost, the rest are graded, and the instructor is told."""
        judged = self(answers, *extra)
        said = [(name, check) for name, check in judged.verdict.checks.items()]
        assert lost(judged) == loses, said
        assert all(judged.verdict.checks[name].score == 0 for name in loses), said
        assert bool(judged.verdict.flags) or not flagged, "nobody is told"
        return judged

    def right(self, answers: dict[str, str] | None = None, *extra: str, cell_seconds: float = 20) -> Judged:
        """Outcome F: full marks, on a machine as slow as it may be."""
        judged = self(answers, *extra, cell_seconds=cell_seconds, check_seconds=20)
        said = [(name, check) for name, check in judged.verdict.checks.items() if check.outcome != "passed"]
        assert judged.verdict.score == judged.verdict.max_score == sum(FULL.values()), (said, printed(judged)[-2000:])
        return judged

    def right_and_gone(self, *extra: str) -> None:
        """Full marks, and whatever these cells started has ended soon after the verdict."""
        before = {process.pid for process in psutil.Process().children(recursive=True)}
        self.right({}, *extra)
        for _ in range(100):
            after = {process.pid for process in psutil.Process().children(recursive=True)} - before
            if not after:
                return
            time.sleep(0.1)
        raise AssertionError(f"still there: {after}")


def cell_of(judged: Judged, text: str) -> NotebookNode:
    """The first cell whose source holds this text."""
    return next(cell for cell in judged.notebook.cells if text in cell.source)
