"""One submission's way through the sandbox: its cells run there, its checks here."""

from __future__ import annotations

import hashlib
import json
import os
import socket
import threading
from collections import Counter
from copy import deepcopy
from dataclasses import dataclass, field

from nbformat import NotebookNode
from nbgrader.utils import determine_grade

from autograder.check_code import GRACE, OutOfTime, explain, forbidden_by, points_of, sentence
from autograder.notebook_file import new_output
from autograder.plan import CheckCode, Plan
from autograder.processes import Copy, computing, kill, usage
from autograder.reading import not_by_hand, only, suspicions
from autograder.sandbox.inside import wire
from autograder.sandbox.launch import BusyDeadline, Container, Limits, Zygote
from autograder.sandbox.session import Gone, Session
from autograder.verdict import Check, GraderError, Judged, Submission, Verdict

SKIP = "skip-grading"  # the tag of a released cell that no check rests on, such as a long experiment
TRIES = 3  # for a cell that went well, to do so again where its container was lost
NAMES = {"failed": "AssertionError", "error": "Error", "timeout": "Timeout", "killed": "Killed"}  # for feedback


@dataclass
class Workshop:
    """What a worker process prepares once for an assignment."""

    plan: Plan
    names: dict
    zygote: Zygote
    forbidden: dict[str, tuple[str, ...]] = field(init=False)  # by check: what it forbids with by_hand()

    def __post_init__(self) -> None:
        self.forbidden = {name: forbidden_by(code, self.names) for name, code in self.plan.checks.items()}


class Elsewhere(Exception):
    """A check forbids what is there; it is to be judged where it is not."""


class Trial:
    """One submission's way through the sandbox.

    Its checks of work by hand come last, each kind in a container of its own, in which nothing runs but what their names
    rest on, and torch's finished operators were never seen.
    """

    def __init__(self, workshop: Workshop, submission: Submission, limits: Limits, seed: int) -> None:
        self.workshop, self.limits, self.seed = workshop, limits, seed
        self.notebook = deepcopy(submission.notebook)
        self.verdict = Verdict(submission.student, "graded", seed=seed, flags=list(submission.flags))
        self.container: Container | None = None
        self.forbidden: tuple[str, ...] = ()  # what the container does without
        self.sources = [cell.source for cell in self.notebook.cells]  # of the cells, as they are run
        self.done: dict[int, bool] = {}  # cells whose effects the container holds, and whether they went well
        self.by_hand: dict[tuple[str, ...], set[str]] = {}  # checks that are still to be judged, by what they forbid
        self.missing: set[str] = set()  # what the container should do without for the check that is being judged
        self.broken = ""  # the first error of what work by hand rests on
        self.until = wire.Deadline(limits.wall_seconds)
        self.read: dict[tuple, str] = {}  # what was found in its code that is not work by hand
        self.target: int | None = None  # the handle of what the guard may kill
        self.turn = 0  # how often that has changed
        self.aim = threading.Lock()  # held to change it, and to kill
        self.killed = ""  # why the guard killed it
        self.said = 20 * limits.output  # bytes of output that are still kept
        self.copy: Copy | None = None  # of the container's process; it answers checks
        self.seen = 0.0  # CPU seconds of the container, when last looked at
        self.spent = 0.0  # CPU seconds of containers that are gone

    def run(self, until_lost: bool = False) -> Judged:
        """Run all cells and checks, or all up to the first check that does not give all its points."""
        guard = threading.Thread(target=self._guard, daemon=True)
        self.over = threading.Event()
        guard.start()
        try:
            lost = self._go_through(until_lost)
            while self.by_hand and not (until_lost and lost):
                lost = self._go_through_by_hand(*self.by_hand.popitem(), until_lost)
        finally:
            self.over.set()
            self._drop_copy()
            if self.container:
                self.container.close()
            guard.join()
        if not self.workshop.zygote.alive():  # then what was lost with it is not the student's fault
            raise GraderError("the runner is gone")
        verdict = self.verdict
        graded = [c.metadata.nbgrader for c in self.notebook.cells if c.metadata.get("nbgrader", {}).get("grade")]
        names = [about.grade_id for about in graded]
        verdict.checks = {name: verdict.checks[name] for name in names if name in verdict.checks}
        verdict.score = sum(check.score for check in verdict.checks.values())
        verdict.max_score = float(sum(about.points for about in graded))
        return Judged(verdict, self.notebook)

    def _go_through(self, until_lost: bool) -> bool:
        """Run the notebook as it is, and the checks on it, but for work by hand; whether one gave less than its points."""
        lost = False
        for number, cell in enumerate(self.notebook.cells):
            if cell.cell_type == "code":
                cell.outputs, cell.execution_count = [], None
            about = cell.metadata.get("nbgrader", {})
            if about.get("grade") and about.get("solution"):
                self._leave_to_a_person(cell, about)
            if cell.cell_type != "code":
                continue
            if _is_check(cell):
                if forbidden := self.workshop.forbidden[about["grade_id"]]:
                    self.by_hand.setdefault(forbidden, set()).add(about["grade_id"])
                elif not self._check(cell):
                    lost = True
            elif SKIP in cell.metadata.get("tags", []):
                cell.outputs = [new_output("stream", name="stdout", text="(This cell is not run in grading.)")]
            elif cell.source.strip():
                self._run_cell(number, cell)
                self._flag([] if _is_locked(cell) else suspicions(cell.source))
            if lost and until_lost:
                break
        return lost

    def _go_through_by_hand(self, forbidden: tuple[str, ...], grade_ids: set[str], until_lost: bool) -> bool:
        """Run what these checks rest on where nothing is to be had that they forbid, and then the checks.

        Nothing of what ran before is left: no process that would help, and nothing that was changed to get around this.
        """
        self._drop_container()
        self.forbidden, self.done, self.broken, lost = forbidden, {}, "", False
        names = set().union(*(self.workshop.plan.checks[grade_id].names for grade_id in grade_ids))
        self.sources = only([cell.source if _is_run(cell) else "" for cell in self.notebook.cells], names)
        for number, cell in enumerate(self.notebook.cells):
            if self.sources[number]:
                self._run_part(number)
            elif _is_check(cell) and cell.metadata.nbgrader.grade_id in grade_ids and not self._check(cell):
                lost = True
                if until_lost:
                    break
        return lost

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
            cell.outputs, why, good = self._execute(number)
        if why:
            cell.outputs.append(new_output("error", ename="Killed", evalue=why, traceback=[f"Killed: {why}"]))
            self._flag([f"cell {number} ended its process: {why}"])
        else:
            self.done[number] = good

    def _run_part(self, number: int) -> None:
        """Run what work by hand rests on of a cell; what it puts out has been seen."""
        if self._ready():
            return
        outputs, why, good = self._execute(number)
        if not why:
            self.done[number] = good
        broken = next(filter(None, [why, *map(_error, outputs)]), "")
        self.broken = self.broken or broken
        if broken and not any(map(_error, self.notebook.cells[number].outputs)):
            where = f"cell {number} works only where all of torch is there ({broken[:200]})"
            self._flag([f"an exercise to be written by hand: {where}"])

    def _ready(self) -> str:
        """See that there is a container that holds what all cells so far did; returns why not."""
        if self.container:
            return ""
        again = Counter[int]()
        while True:
            if self.until.left() <= 0:
                return f"the submission took more than {self.limits.wall_seconds:g} seconds"
            if self.spent > self.limits.cpu_seconds:
                return f"the submission took more than {self.limits.cpu_seconds:g} seconds of computing"
            forbidden = "|".join(self.forbidden)
            self.container = self.workshop.zygote.container(self.limits, derived(self.seed, "cells"), forbidden)
            for number, went_well in self.done.items():
                _, why, good = self._execute(number)
                if why or went_well > good:
                    again[number] += 1
                    if went_well and again[number] < TRIES:  # what an earlier cell left behind may have been in its way
                        self._drop_container()
                        break
                    if why:
                        del self.done[number]
                        break
            else:
                return ""

    def _execute(self, number: int) -> tuple[list[NotebookNode], str, bool]:
        """Run a cell; its outputs, why its process ended, if it did, and whether it raised nothing."""
        self._drop_copy()
        outputs: list[NotebookNode] = []
        link, size = self.container.link, 0
        until = BusyDeadline(self.limits.cell_seconds, self.container.pid, self.until)
        interrupted = False
        self._let_guard_kill(self.container.handle)
        try:
            wire.send(link, {"cell": self.sources[number]}, until=until)
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
                    self._let_guard_kill(None)
                    self.killed = self.killed or self._too_much(self.container)  # since the guard last looked
                    if self.killed:
                        raise wire.WireError(self.killed)
                    self._flag([f"{text[:300]}" for text in header.get("flags", []) if isinstance(text, str)][:50])
                    if interrupted:
                        text = f"the cell was stopped after {self.limits.cell_seconds:g} seconds"
                        outputs.append(new_output("error", ename="Timeout", evalue=text, traceback=[text]))
                        self._flag([text])
                    good = header["done"] is True and not interrupted
                    if not good and not any(output.output_type == "error" for output in outputs):
                        text = "the cell raised an error that could not be shown"
                        outputs.append(new_output("error", ename="Error", evalue=text, traceback=[text]))
                    return outputs, "", good
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
            self._let_guard_kill(None)
        self._drop_container()
        return outputs, why, False

    def _drop_container(self) -> None:
        if not self.container:
            return
        self._drop_copy()
        self.spent += max(self.seen, computing(self.container.pid))
        self.seen = 0.0
        self.container.close()
        self.container = None

    # Checks.

    def _check(self, cell: NotebookNode) -> bool:
        """Judge what a check rests on; whether it lost no points yet."""
        code = self.workshop.plan.checks[cell.metadata.nbgrader.grade_id]
        check, self.missing = Check(0.0, code.points, "killed"), set(self.forbidden)
        for _ in range(2):  # the second time in a fresh container: what an earlier cell broke may show only now
            why = self._ready()
            if why:
                check.message = f"your notebook did not get this far: {why}"
            if why or self._judge(check, code):
                break
        if self.missing != set(self.forbidden):
            self.by_hand.setdefault(tuple(sorted(self.missing)), set()).add(code.grade_id)
            return True
        self.verdict.checks[code.grade_id] = check
        if check.outcome != "passed":
            name = NAMES[check.outcome]
            cell.outputs = [new_output("error", ename=name, evalue=check.message, traceback=[check.message])]
        if 0 < check.score < check.max:
            result = new_output("execute_result", data={"text/plain": repr(check.score)})
            cell.outputs.insert(0, result)
        return check.score == check.max

    def _judge(self, check: Check, code: CheckCode) -> bool:
        """Run one check here, on a copy of the student's process as it is now; whether there was such a copy.

        A copy that answered earlier checks may not tell the truth about this one: only what passes in it counts.
        """
        if not (self.copy and self._judge_in(self.copy, check, code)):
            self._drop_copy()
            try:
                self.copy = self._fork()
            except (wire.WireError, OSError) as error:
                why = self.killed or f"the process ended ({error})"
                self._drop_container()
                check.outcome, check.message = "killed", why
                return False
            self._judge_in(self.copy, check, code)
        if check.outcome != "passed" and self.copy.used:
            self._drop_copy()
        return True

    def _judge_in(self, copy: Copy, check: Check, code: CheckCode) -> bool:
        """Run one check on this copy of the student's process; whether that settles it."""
        seed, late = derived(self.seed, code.grade_id), f"it took longer than {self.limits.check_seconds:g} seconds"
        session = Session(copy.link, BusyDeadline(self.limits.check_seconds, copy.pid, self.until))
        session.before_watch = lambda watch: self._see_to_the_watch(watch, session, code)
        self._let_guard_kill(copy.handle)
        check.score = 0.0
        try:
            if self.forbidden:
                self._read_by_hand(code, session)
            session.begin(derived(seed, "answer"))
            hopeless = 4 * self.limits.check_seconds + 10
            check.score = points_of(code, session, self.workshop.names, seed, hopeless)
            check.outcome = "passed" if check.score == check.max else "failed"
            check.message = "" if check.outcome == "passed" else f"{check.score:g} of {check.max:g} points"
        except wire.WireError as error:
            session.flags["its process answered a check with nonsense"] = None
            check.outcome = "killed"
            check.message = self.killed or f"your code's process answered nonsense ({error})"
        except Gone as gone:
            check.outcome = gone.outcome
            check.message = self.killed or (late if gone.outcome == "timeout" else str(gone))
        except OutOfTime:
            check.outcome, check.message = "timeout", late
        except AssertionError as error:
            check.outcome, check.message = "failed", sentence(error) or "a condition of this check does not hold"
        except MemoryError:
            check.outcome, check.message = "failed", "the result is too large to be looked at"
        except Exception as error:  # noqa: BLE001 - the student's code, or a value the check cannot use
            check.outcome, check.message = "error", explain(error, session, code, self.broken)
        finally:
            self._let_guard_kill(None)
            session.close()
        gone = check.outcome in ("timeout", "killed")
        settled = check.outcome == "passed" or (not copy.used and not (gone and copy.answered))
        if settled:
            self._flag(list(session.flags))
        copy.answered += 1
        copy.used |= session.touched or gone
        return settled

    def _fork(self) -> Copy:
        """A child of the student's process, which answers checks."""
        ours, theirs = socket.socketpair()
        soon = wire.Deadline(self.limits.check_seconds + GRACE)
        self.killed = ""
        try:
            with theirs:
                wire.send(self.container.link, {"check": True}, fds=[theirs.fileno()], until=soon)
            header, _, fds = wire.receive(self.container.link, until=soon, max_bytes=10**5)
            if header.get("forked") is not True or len(fds) != 1:
                for fd in fds:
                    os.close(fd)
                raise wire.WireError("no child was made")
            return Copy(ours, fds[0], self.container.pid)
        except BaseException:
            ours.close()
            raise

    def _drop_copy(self) -> None:
        if self.copy:
            self.copy.close()
        self.copy = None

    def _see_to_the_watch(self, watch: dict, session: Session, code: CheckCode) -> None:
        """Before anything of a check runs under by_hand() or own_work(): whether this is the place for it, and its code."""
        if not watch.keys() & {"forbidden", "own"}:
            return
        if watch.get("forbidden", "") not in {"", *self.forbidden}:
            self.missing.add(watch["forbidden"])
            raise Elsewhere
        self._read_by_hand(code, session, only_course="forbidden" not in watch)

    def _read_by_hand(self, code: CheckCode, session: Session, *, only_course: bool = False) -> None:
        """Raises AssertionError if what a check asks for is no work by hand."""
        key = code.names, only_course
        if key not in self.read:
            sources = [cell.source for cell in self.notebook.cells if cell.cell_type == "code"]
            self.read[key] = not_by_hand(sources, code.names, only_course=only_course)
        if why := self.read[key]:
            session.flags[f"an exercise to be written by hand: its code {why}"] = None
            raise AssertionError(f"this exercise is to be written here, by hand, but your code {why}.")

    # What it may use.

    def _too_much(self, container: Container) -> str:
        """What it uses more of than it may; empty if nothing."""
        memory, seconds, tasks = usage(container.pid, self.limits.memory)
        self.seen = max(self.seen, seconds)
        if tasks >= self.limits.processes:  # else it would only starve itself and everybody until its time is up
            return f"it started {self.limits.processes} processes and threads, and no more are allowed"
        if memory > self.limits.memory:
            return f"it used more than {self.limits.memory / 2**30:.3g} GB of memory"
        if self.spent + seconds > self.limits.cpu_seconds:
            return f"the submission took more than {self.limits.cpu_seconds:g} seconds of computing"
        return ""

    def _let_guard_kill(self, target: int | None) -> None:
        """From here on it may kill what this handle leads to; None: nothing, and why it did stays known."""
        with self.aim:
            self.target, self.turn = target, self.turn + 1
            if target is not None:
                self.killed = ""

    def _guard(self) -> None:
        """Kill what uses too much; runs beside the trial."""
        killed = None
        while not self.over.wait(0.25):
            turn, container, target = self.turn, self.container, self.target
            if not container or target is None:
                continue
            why = self._too_much(container)
            with self.aim:
                if not why or self.turn != turn:  # it was done before this was known
                    continue
                self.killed = why
                if target == killed or self.spent + self.seen > self.limits.cpu_seconds:  # others hold it, or it is over
                    target = container.handle
                kill(target)
                killed = target


def _is_check(cell: NotebookNode) -> bool:
    about = cell.metadata.get("nbgrader", {})
    return cell.cell_type == "code" and bool(about.get("grade")) and not about.get("solution")


def _is_run(cell: NotebookNode) -> bool:
    return cell.cell_type == "code" and not _is_check(cell) and SKIP not in cell.metadata.get("tags", [])


def _is_locked(cell: NotebookNode) -> bool:
    """Whether a cell is the instructor's, as restored from the released notebook."""
    about = cell.metadata.get("nbgrader", {})
    return bool(about.get("locked")) and not about.get("solution")


def derived(seed: int, purpose: str) -> int:
    """A seed of its own, which does not betray the one it comes from."""
    return int.from_bytes(hashlib.sha256(f"{seed} {purpose}".encode()).digest()[:6])


def _error(output: NotebookNode) -> str:
    return f"{output.ename}: {output.evalue}" if output.output_type == "error" else ""


def _append(outputs: list[NotebookNode], header: dict) -> None:
    """Take an output over, if it is one."""
    kind = header["said"]
    if kind == "stream":
        name, text = ("stderr" if header["name"] == "stderr" else "stdout"), str(header["text"])
        if outputs and outputs[-1].output_type == "stream" and outputs[-1].name == name:
            outputs[-1].text += text
        else:
            outputs.append(new_output("stream", name=name, text=text))
    elif kind in ("display_data", "execute_result"):
        data = {mime: text for mime, text in header["data"].items() if mime in wire.MIMES and isinstance(text, str)}
        metadata = {"image/png": {"alt": str(header.get("alt", ""))}} if header.get("alt") else {}
        outputs.append(new_output(kind, data=data, metadata=metadata))
    elif kind == "error":
        lines = [str(line) for line in header["traceback"]][:100]
        outputs.append(new_output("error", ename=str(header["ename"]), evalue=str(header["evalue"]), traceback=lines))
    else:
        raise ValueError("no output")
