"""The judge: the student's cells run in the sandbox, the checks run here, and only values cross between them."""

from __future__ import annotations

import hashlib
import hmac
import json
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import torch

from autograder.plan import Plan
from autograder.sandbox.launch import Limits, Zygote, nested
from autograder.trial import Trial, Workshop
from autograder.verdict import GraderError, Judged, Submission
from course_lib import checks

MODULES = (
    "judge",
    "trial",
    "check_code",
    "processes",
    "plan",
    "names",
    "reading",
)  # how it judges, besides the sandbox


@dataclass
class SandboxJudge:
    """Judge submissions of one assignment.

    Args:
        source: the instructor's notebook, with hidden tests, as JSON text.
        secret: the course's own; with the submission it decides the inputs that checks draw.
        settings: limits that the assignment sets.
        until_lost: stop at the first check that does not give all its points; for an audit, which asks no more.
    """

    source: str
    secret: bytes
    settings: dict = field(default_factory=dict)
    until_lost: bool = False

    @property
    def version(self) -> str:
        """Changes whenever the way of judging does: its code, or the assignment's limits."""
        here = Path(__file__).parent
        files = [*(here / f"{name}.py" for name in MODULES), *sorted(here.glob("sandbox/**/*.py"))]
        code = b"".join(file.read_bytes() for file in [*files, Path(checks.__file__)])
        return hashlib.sha256(code + json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:16]

    def __call__(self, submission: Submission) -> Judged:
        workshop = _workshop(self.source)
        limits = Limits().changed(self.settings)
        cells = "\0".join(cell.source for cell in submission.notebook.cells)
        message = "\0".join([submission.student, self.source, cells]).encode("utf-8", "replace")
        seed = int.from_bytes(hmac.digest(self.secret, message, "sha256")[:6])
        try:
            return Trial(workshop, submission, limits, seed).run(self.until_lost)
        except GraderError:
            _forget_workshop(self.source)
            raise


_workshops: dict[str, Workshop] = {}


def _workshop(source: str) -> Workshop:
    key = hashlib.sha256(source.encode()).hexdigest()
    if key not in _workshops:
        torch.set_num_threads(1)
        plan = Plan.of(nbformat.reads(source, as_version=4))
        with ExitStack() as undo:
            zygote = undo.enter_context(Zygote(plan.modules, nested=nested()))  # gets warm while this process does
            _warm_up()
            names = plan.namespace()
            zygote.wait()
            undo.pop_all()
        _workshops[key] = Workshop(plan, names, zygote)
    return _workshops[key]


def _warm_up() -> None:
    """What torch loads at the first step of an optimiser takes seconds, and is no check's fault."""
    weight = torch.nn.Parameter(torch.ones(1))
    torch.autograd.grad(weight.sum(), weight)
    torch.optim.SGD([weight], lr=0.1).step()


def _forget_workshop(source: str) -> None:
    workshop = _workshops.pop(hashlib.sha256(source.encode()).hexdigest(), None)
    if workshop:
        workshop.zygote.close()
