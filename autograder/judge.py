"""The judge: the student's cells run in the sandbox, the checks run here, and only values cross between them."""

from __future__ import annotations

import ast
import contextlib
import ctypes
import hashlib
import hmac
import io
import json
import math
import os
import random
import re
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import numpy as np
import psutil
import torch
from nbformat import NotebookNode, v4
from nbgrader.utils import determine_grade

from autograder.plan import CheckCode, Plan
from autograder.reading import not_by_hand, suspicions
from autograder.sandbox.inside import wire
from autograder.sandbox.launch import BusyDeadline, Container, Limits, Zygote, nested, process_of
from autograder.sandbox.remote import Gone, Remote, Session
from autograder.verdict import Check, GraderError, Judged, Submission, Verdict
from course_lib import checks

MIMES = {"text/plain", "text/html", "text/markdown", "text/latex", "image/png", "image/jpeg", "image/svg+xml"}
SKIP = "skip-grading"  # the tag of a released cell that no check rests on, such as a long experiment
GRACE = 2.0  # seconds after an interrupt, or after a check's time, until the process is killed


@dataclass
class SandboxJudge:
    """Judge submissions of one assignment.

    Args:
        source: the instructor's notebook, with hidden tests, as JSON text.
        secret: the course's own; with the submission it decides the inputs that checks draw.
        settings: limits that the assignment sets.
    """

    source: str
    secret: bytes
    settings: dict = field(default_factory=dict)

    @property
    def version(self) -> str:
        """Changes whenever the way of judging does: its code, or the assignment's limits."""
        here = Path(__file__).parent
        files = [here / "judge.py", here / "plan.py", here / "reading.py", *sorted(here.glob("sandbox/**/*.py"))]
        code = b"".join(file.read_bytes() for file in [*files, Path(checks.__file__)])
        return hashlib.sha256(code + json.dumps(self.settings, sort_keys=True).encode()).hexdigest()[:16]

    def __call__(self, submission: Submission) -> Judged:
        workshop = _workshop(self.source)
        limits = Limits().changed(self.settings)
        cells = "\0".join(cell.source for cell in submission.notebook.cells)
        message = "\0".join([submission.student, self.source, cells]).encode("utf-8", "replace")
        seed = int.from_bytes(hmac.digest(self.secret, message, "sha256")[:6])
        try:
            return _Trial(workshop, submission, limits, seed).run()
        except GraderError:
            _forget_workshop(self.source)
            raise


@dataclass
class _Workshop:
    """What a worker process prepares once for an assignment."""

    plan: Plan
    names: dict
    zygote: Zygote


_workshops: dict[str, _Workshop] = {}


def _workshop(source: str) -> _Workshop:
    key = hashlib.sha256(source.encode()).hexdigest()
    if key not in _workshops:
        torch.set_num_threads(1)
        _warm_up()
        plan = Plan.of(nbformat.reads(source, as_version=4))
        _workshops[key] = _Workshop(plan, plan.namespace(), Zygote(plan.modules, nested=nested()))
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


class _Trial:
    """One submission's way through the sandbox."""

    def __init__(self, workshop: _Workshop, submission: Submission, limits: Limits, seed: int) -> None:
        self.workshop, self.limits, self.seed = workshop, limits, seed
        self.notebook = deepcopy(submission.notebook)
        self.verdict = Verdict(submission.student, "graded", seed=seed, flags=list(submission.flags))
        self.container: Container | None = None
        self.done: list[int] = []  # cells whose effects the container holds
        self.until = wire.Deadline(limits.wall_seconds)
        self.target: int | None = None  # the handle of what the guard may kill
        self.killed = ""  # why the guard killed it
        self.said = 20 * limits.output  # bytes of output that are still kept
        self.born = 0.0  # when the child that answers the present check was made
        self.seen = 0.0  # CPU seconds of the container, when last looked at
        self.spent = 0.0  # CPU seconds of containers that are gone

    def run(self) -> Judged:
        guard = threading.Thread(target=self._guard, daemon=True)
        self.over = threading.Event()
        guard.start()
        try:
            for number, cell in enumerate(self.notebook.cells):
                if cell.cell_type == "code":
                    cell.outputs, cell.execution_count = [], None
                about = cell.metadata.get("nbgrader", {})
                if about.get("grade") and about.get("solution"):
                    self._leave_to_a_person(cell, about)
                if cell.cell_type != "code":
                    continue
                if about.get("grade") and not about.get("solution"):
                    self._check(number, cell, self.workshop.plan.checks[about["grade_id"]])
                elif SKIP in cell.metadata.get("tags", []):
                    cell.outputs = [v4.new_output("stream", name="stdout", text="(This cell is not run in grading.)")]
                elif cell.source.strip():
                    self._run_cell(number, cell)
                    self._flag([] if _is_locked(cell) else suspicions(cell.source))
        finally:
            self.over.set()
            if self.container:
                self.container.close()
            guard.join()
        verdict = self.verdict
        verdict.score = sum(check.score for check in verdict.checks.values())
        graded = [c.metadata.nbgrader for c in self.notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
        verdict.max_score = float(sum(about.points for about in graded))
        return Judged(verdict, self.notebook)

    def _leave_to_a_person(self, cell: NotebookNode, about: dict) -> None:
        score, points = determine_grade(cell)
        if score is None:
            self.verdict.needs_manual_grade.append(about["grade_id"])
        else:
            self.verdict.checks[about["grade_id"]] = Check(score, points, "failed", "no answer")

    def _flag(self, sentences: list[str]) -> None:
        self.verdict.flags += [text for text in sentences if text not in self.verdict.flags]

    # Cells.

    def _run_cell(self, number: int, cell: NotebookNode) -> None:
        why = self._ready()
        if not why:
            said, why = self._execute(cell.source)
            cell.outputs = said
        if why:
            cell.outputs.append(v4.new_output("error", ename="Killed", evalue=why, traceback=[f"Killed: {why}"]))
            self._flag([f"cell {number} ended its process: {why}"])
        else:
            self.done.append(number)

    def _ready(self) -> str:
        """See that there is a container that holds what all cells so far did; returns why not."""
        if self.container:
            return ""
        while True:
            if self.until.left() <= 0:
                return f"the submission took more than {self.limits.wall_seconds:g} seconds"
            if self.spent > self.limits.cpu_seconds:
                return f"the submission took more than {self.limits.cpu_seconds:g} seconds of computing"
            self.container = self.workshop.zygote.container(self.limits, _derived(self.seed, "cells"))
            for number in list(self.done):
                _, why = self._execute(self.notebook.cells[number].source)
                if why:  # it went well the first time
                    self.done.remove(number)
                    break
            else:
                return ""

    def _execute(self, source: str) -> tuple[list[NotebookNode], str]:
        """Run a cell; its outputs, and why its process ended, if it did."""
        outputs: list[NotebookNode] = []
        link, size = self.container.link, 0
        until = BusyDeadline(self.limits.cell_seconds, self.container.pid, self.until)
        interrupted = False
        self.killed, self.target = "", self.container.handle
        try:
            wire.send(link, {"cell": source}, until=until)
            while True:
                try:
                    header, _, fds = wire.receive(link, until=until, max_bytes=4 * self.limits.output + 10**6)
                except wire.Late:
                    if interrupted:
                        raise
                    interrupted, until = True, wire.Deadline(GRACE)
                    self.container.interrupt()
                    continue
                for fd in fds:
                    os.close(fd)
                if fds:
                    raise wire.WireError("it handed over a file")
                if "done" in header:
                    self._flag([f"{text[:300]}" for text in header.get("flags", []) if isinstance(text, str)][:50])
                    if interrupted:
                        text = f"the cell was stopped after {self.limits.cell_seconds:g} seconds"
                        outputs.append(v4.new_output("error", ename="Timeout", evalue=text, traceback=[text]))
                        self._flag([text])
                    return outputs, ""
                more = len(json.dumps(header))
                size, self.said = size + more, self.said - more
                if size > 4 * self.limits.output + 10**6:
                    raise wire.WireError("it said too much")
                if "broken" in header:
                    raise wire.WireError(str(header["broken"])[:300])
                if self.said > 0:
                    _append(outputs, header)
        except wire.Late:
            why = f"it ran longer than {self.limits.cell_seconds:g} seconds and would not be stopped"
        except (wire.WireError, KeyError, TypeError, ValueError, AttributeError) as error:
            why = self.killed or f"the process ended ({error})"
        finally:
            self.target = None
        self._drop_container()
        return outputs, why

    def _drop_container(self) -> None:
        self.spent += max(self.seen, _computing(self.container.pid))
        self.seen = 0.0
        self.container.close()
        self.container = None

    # Checks.

    def _check(self, number: int, cell: NotebookNode, code: CheckCode) -> None:
        check = Check(0.0, code.points, "killed")
        for _ in range(2):  # the second time in a fresh container: what an earlier cell broke may show only now
            why = self._ready()
            if why:
                check.message = f"your notebook did not get this far: {why}"
            if why or self._judge(check, code):
                break
        self.verdict.checks[code.grade_id] = check
        if check.outcome != "passed":
            name = {"failed": "AssertionError", "error": "Error", "timeout": "Timeout", "killed": "Killed"}[
                check.outcome
            ]
            cell.outputs = [v4.new_output("error", ename=name, evalue=check.message, traceback=[check.message])]
        if 0 < check.score < check.max:
            result = v4.new_output("execute_result", data={"text/plain": repr(check.score)})
            cell.outputs.insert(0, result)

    def _judge(self, check: Check, code: CheckCode) -> bool:
        """Run one check here, on a copy of the student's process as it is now; whether there was such a copy."""
        seed = _derived(self.seed, code.grade_id)
        try:
            with self._forked(code, seed) as session:
                try:
                    check.score = self._points(code, session, seed)
                    check.outcome = "passed" if check.score == check.max else "failed"
                    check.message = "" if check.outcome == "passed" else f"{check.score:g} of {check.max:g} points"
                except wire.WireError as error:
                    self._flag(["its process answered a check with nonsense"])
                    check.outcome, check.message = (
                        "killed",
                        self.killed or f"your code's process answered nonsense ({error})",
                    )
                except Gone as gone:
                    check.outcome = gone.outcome
                    late = f"it took longer than {self.limits.check_seconds:g} seconds"
                    check.message = self.killed or (late if gone.outcome == "timeout" else str(gone))
                except _OutOfTime:
                    check.outcome, check.message = (
                        "timeout",
                        f"it took longer than {self.limits.check_seconds:g} seconds",
                    )
                except AssertionError as error:
                    check.outcome = "failed"
                    check.message = _sentence(error) or "a condition of this check does not hold"
                except MemoryError:
                    check.outcome, check.message = "failed", "the result is too large to be looked at"
                except Exception as error:  # noqa: BLE001 - the student's code, or a value the check cannot use
                    check.outcome, check.message = "error", _explain(error, session, code)
                self._flag(list(session.flags))
        except (wire.WireError, OSError) as error:
            why = self.killed or f"the process ended ({error})"
            self._drop_container()
            check.outcome, check.message = "killed", why
            return False
        if check.outcome != "passed":
            _end_those_since(self.born, self.container.pid)
        return True

    def _points(self, code: CheckCode, session: Session, seed: int) -> float:
        names = dict(self.workshop.names)
        for name in code.names:
            names.pop(name, None)  # what the student deletes is not to be replaced by the grader's
            with contextlib.suppress(KeyError):
                names[name] = session.ask("name", name)
        random.seed(seed)
        np.random.seed(seed % 2**32)
        torch.manual_seed(seed)
        with _time_limit(session.until), contextlib.redirect_stdout(io.StringIO()):
            value = _value_of(code.source, names)
        return _worth(value, code.points)

    @contextmanager
    def _forked(self, code: CheckCode, seed: int) -> Iterator[Session]:
        """A child of the student's process, which answers one check and then ends."""
        ours, theirs = socket.socketpair()
        handle, session, stopped, self.born = None, None, [], 0.0
        soon = wire.Deadline(self.limits.check_seconds + GRACE)
        self.killed = ""
        try:
            with theirs:
                request = {"check": True, "seed": _derived(seed, "answer")}
                wire.send(self.container.link, request, fds=[theirs.fileno()], until=soon)
            header, _, fds = wire.receive(self.container.link, until=soon, max_bytes=10**5)
            if header.get("forked") is not True or len(fds) != 1:
                for fd in fds:
                    os.close(fd)
                raise wire.WireError("no child was made")
            (handle,) = fds
            self.target, pid = handle, process_of(handle)
            with contextlib.suppress(psutil.Error):
                self.born = psutil.Process(pid).create_time()
            session = Session(ours, BusyDeadline(self.limits.check_seconds, pid, self.until))
            session.before_watch = lambda watch: self._see_to_the_watch(watch, session, code, pid, stopped)
            yield session
        finally:
            self.target = None
            ours.close()
            if session:
                session.close()
            for process in stopped:
                with contextlib.suppress(psutil.Error):
                    process.resume()
            if handle is not None:
                _kill(handle)
                os.close(handle)

    def _see_to_the_watch(
        self, watch: dict, session: Session, code: CheckCode, pid: int, stopped: list[psutil.Process]
    ) -> None:
        """Once, before anything of this check runs under by_hand() or own_work(): what the watch itself cannot see."""
        if not watch.keys() & {"forbidden", "own"}:
            return
        session.before_watch = lambda watch: None
        with contextlib.suppress(psutil.Error):
            stopped += _stop_others(self.container.pid, pid)
        sources = [cell.source for cell in self.notebook.cells if cell.cell_type == "code"]
        why = not_by_hand(sources, code.names, only_course="forbidden" not in watch)
        if not why and not session.watch_is_on(watch):
            why = "takes off the watch over it"
        if why:
            self._flag([f"an exercise to be written by hand: its code {why}"])
            raise AssertionError(f"this exercise is to be written here, by hand, but your code {why}.")

    # What it uses.

    def _guard(self) -> None:
        """Kill what uses too much; runs beside the trial."""
        killed = None
        while not self.over.wait(0.25):
            container, target = self.container, self.target
            if not container or target is None:
                continue
            try:
                memory, seconds, tasks = _usage(container.pid)
            except (psutil.Error, OSError):
                continue
            self.seen = max(self.seen, seconds)
            if tasks >= self.limits.processes:  # else it would only starve itself and everybody until its time is up
                self.killed = f"it started {self.limits.processes} processes and threads, and no more are allowed"
            elif memory > self.limits.memory:
                self.killed = f"it used more than {self.limits.memory / 2**30:.3g} GB of memory"
            elif self.spent + seconds > self.limits.cpu_seconds:
                self.killed = f"the submission took more than {self.limits.cpu_seconds:g} seconds of computing"
                target = container.handle
            else:
                continue
            if target == killed:  # it is still too much: others hold it
                target = container.handle
            _kill(target)
            killed = target


def _is_locked(cell: NotebookNode) -> bool:
    """Whether a cell is the instructor's, as restored from the released notebook."""
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("locked")) and not about.get("solution")


def _derived(seed: int, purpose: str) -> int:
    """A seed of its own, which does not betray the one it comes from."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:6])


def _kill(handle: int) -> None:
    with contextlib.suppress(OSError):
        if process_of(handle):  # a process handle, and not some other file
            signal.pidfd_send_signal(handle, signal.SIGKILL)


def _usage(pid: int) -> tuple[int, float, int]:
    """What the processes of a container hold: bytes of memory, seconds of computing, processes and threads."""
    memory = seconds = tasks = 0
    root = psutil.Process(pid)
    for process in [root, *root.children(recursive=True)]:
        with contextlib.suppress(psutil.Error, OSError):
            rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
            shares = re.findall(r"^Pss_(?:Anon|Shmem): +(\d+)", rollup, re.MULTILINE)  # what several hold counts once
            memory += 1024 * sum(map(int, shares or re.findall(r"^Pss: +(\d+)", rollup, re.MULTILINE)))
            seconds += sum(process.cpu_times()[:4])  # with those of its children that have ended
            tasks += process.num_threads()
    return memory, seconds, tasks


def _end_those_since(born: float, container: int) -> None:
    """End what a check that did not pass may have started, and left to the checks after it."""
    with contextlib.suppress(psutil.Error):
        for process in psutil.Process(container).children(recursive=True) if born else []:
            if process.create_time() >= born:
                process.kill()


def _stop_others(container: int, child: int) -> list[psutil.Process]:
    """Hold all processes of a container but one and what that one starts, so that no helper computes for it."""
    stopped: dict[int, psutil.Process] = {}
    for _ in range(10):
        root = psutil.Process(container)
        kept = {child, *(process.pid for process in psutil.Process(child).children(recursive=True))}
        found = [p for p in [root, *root.children(recursive=True)] if p.pid not in kept and p.pid not in stopped]
        if not found:
            break
        for process in found:
            stopped[process.pid] = process
            with contextlib.suppress(psutil.Error):
                process.suspend()
    return list(stopped.values())


def _computing(pid: int) -> float:
    try:
        return _usage(pid)[1]
    except (psutil.Error, OSError):
        return 0.0


class _OutOfTime(BaseException):
    """Raised in the thread of a check whose own code takes too long."""


@contextmanager
def _time_limit(until: wire.Deadline) -> Iterator[None]:
    """Stop code of this thread that is still busy when the time is up; works in any thread."""
    thread, over = threading.get_ident(), threading.Event()

    def stop() -> None:
        while (left := until.left() + GRACE) > 0:
            if over.wait(left):
                return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(_OutOfTime))

    watch = threading.Thread(target=stop, daemon=True)
    watch.start()
    try:
        yield
    finally:
        over.set()
        watch.join()


def _worth(value: object, points: float) -> float:
    """The points that a check gives which ends with this value: all of them, unless it is a number."""
    if issubclass(type(value), Remote):
        raise AssertionError("the last line of this check needs a number, and your code returned something else")
    if isinstance(value, torch.Tensor | np.ndarray | np.generic) and math.prod(value.shape) == 1:
        value = value.item()
    if type(value) in (int, float):
        return min(max(float(value), 0.0), points) if math.isfinite(value) else 0.0
    return points


def _value_of(source: str, names: dict) -> object:
    """Run a check; the value of its last line, if that is an expression (points, as in nbgrader)."""
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    exec(compile(tree, "<check>", "exec"), names)  # noqa: S102 - the instructor's own code
    return eval(compile(ast.Expression(last.value), "<check>", "eval"), names) if last else None


def _append(outputs: list[NotebookNode], header: dict) -> None:
    """Take an output over, if it is one."""
    kind = header["said"]
    if kind == "stream":
        name, text = ("stderr" if header["name"] == "stderr" else "stdout"), str(header["text"])
        if outputs and outputs[-1].output_type == "stream" and outputs[-1].name == name:
            outputs[-1].text += text
        else:
            outputs.append(v4.new_output("stream", name=name, text=text))
    elif kind in ("display_data", "execute_result"):
        data = {mime: text for mime, text in header["data"].items() if mime in MIMES and isinstance(text, str)}
        metadata = {"image/png": {"alt": str(header.get("alt", ""))}} if header.get("alt") else {}
        outputs.append(v4.new_output(kind, data=data, metadata=metadata))
    elif kind == "error":
        lines = [str(line) for line in header["traceback"]][:100]
        outputs.append(
            v4.new_output("error", ename=str(header["ename"]), evalue=str(header["evalue"]), traceback=lines)
        )
    else:
        raise ValueError("no output")


def _sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:1000]


def _explain(error: Exception, session: Session, code: CheckCode) -> str:
    text = f"{type(error).__name__}: {_sentence(error)}".rstrip(": ")
    if isinstance(error, NameError) and getattr(error, "name", None) in code.names:
        return f"{error.name} is not defined: run its cell, and see whether it raises an error."
    if getattr(error, "line", None):
        text += f" (line {error.line} of the cell)"
    elif session.opaque:
        text += f" (your code returned a {session.opaque[-1]}, which this check cannot use)"
    return text
