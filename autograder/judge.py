"""The judge: the student's cells run in the sandbox, the checks run here, and only values cross between them."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from socket import socket

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

    @property
    def modules(self) -> list[str]:
        """What judging imports: all that the instructor's cells do, and what torch loads at an optimiser's first step."""
        return [*Plan.of(nbformat.reads(self.source, as_version=4)).modules, "torch._dynamo"]

    @contextmanager
    def shared(self) -> Iterator[Callable[[int, int], None] | None]:
        """One warm runner for all processes of this machine that judge; each calls what is given here when it starts.

        A runner takes seconds to get warm, and half a gigabyte. Where there is a process for every core, each keeps to its
        own: it takes turns with the submission that it judges, and waking up another core costs more than most questions
        do. A submission that starts many processes competes with its own judge, unless it asks for other cores.
        """
        if not nested():  # then it would serve none of them
            yield None
            return
        plan = Plan.of(nbformat.reads(self.source, as_version=4))
        with Zygote(plan.modules) as zygote:
            yield partial(_use, _key(self.source), zygote.control)

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
_runners: dict[str, socket] = {}  # those that this process shares with others; each is taken once


def _use(key: str, runner: socket, number: int, jobs: int) -> None:
    _runners[key] = runner
    cores = sorted(os.sched_getaffinity(0))
    if number < len(cores) <= jobs:
        os.sched_setaffinity(0, {cores[number]})


def _key(source: str) -> str:
    return hashlib.sha256(source.encode()).hexdigest()


def _workshop(source: str) -> Workshop:
    key = _key(source)
    if key not in _workshops:
        torch.set_num_threads(1)
        plan = Plan.of(nbformat.reads(source, as_version=4))
        runner = _runners.pop(key, None)  # should it fail, the next try gets one of its own
        with ExitStack() as undo:  # it gets warm while this process does
            zygote = undo.enter_context(Zygote(plan.modules, nested=bool(runner) or nested(), control=runner))
            _warm_up()
            names = plan.namespace()
            zygote.wait()
            undo.pop_all()
        _workshops[key] = Workshop(plan, names, zygote)
    return _workshops[key]


def _warm_up() -> None:
    """What torch does at the first gradient and the first step of an optimiser takes long, and is no check's fault."""
    weight = torch.nn.Parameter(torch.ones(1))
    torch.autograd.grad(weight.sum(), weight)
    torch.optim.SGD([weight], lr=0.1).step()


def _forget_workshop(source: str) -> None:
    workshop = _workshops.pop(_key(source), None)
    if workshop:
        workshop.zygote.close()
