"""The grader on a class of submissions of assignment 04: against nbgrader, against the cells alone, with one worker and two.

python benchmarks/grader.py                # 200 submissions, 4 of them also by nbgrader
python benchmarks/grader.py --soak 2000    # nothing lost, memory flat
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import torch
from common import header
from nbgrader.converters import Autograde

from autograder.course import REPOSITORY, Course
from autograder.grade import grade
from autograder.ledger import Ledger
from autograder.master import source_notebook
from autograder.plan import plain
from autograder.release import make_student_version
from autograder.samples import compose, sample_answers
from autograder.steps import run_step

NAME = "04_convnets"


def make_class(folder: Path, size: int) -> Course:
    """A course with `size` submissions: a full, a partial and a wrong one in turn, no two alike."""
    shutil.copytree(REPOSITORY / "notebooks" / NAME, folder / "notebooks" / NAME)
    course = Course(folder)
    make_student_version(course, NAME)
    kinds = [compose(course, NAME, answers) for answers in sample_answers(course, NAME).values()]
    for number in range(size):
        notebook = nbformat.from_dict(kinds[number % len(kinds)])
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"Handed in by number {number}.", id="signature"))
        path = course.submitted(f"student{number:04}", NAME) / f"{NAME}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    return course


class Watch:
    """Wall time, and the CPU time and peak memory of this process and all below it."""

    def __enter__(self) -> Watch:
        self.me, self.peak, self.over = psutil.Process(), 0, threading.Event()
        self.cpu, self.started = self._cpu(), time.perf_counter()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.seconds = time.perf_counter() - self.started
        self.over.set()
        self.thread.join()
        self.cpu = self._cpu() - self.cpu

    def _cpu(self) -> float:
        """Of everything on this machine: processes come and go too fast to be asked one by one."""
        times = psutil.cpu_times()
        return times.user + times.system

    def _look(self) -> None:
        while not self.over.wait(0.5):
            memory = 0
            for process in [self.me, *self.me.children(recursive=True)]:
                with contextlib.suppress(psutil.Error, OSError):
                    rollup = Path(f"/proc/{process.pid}/smaps_rollup").read_text()
                    memory += 1024 * next(
                        int(line.split()[1]) for line in rollup.splitlines() if line.startswith("Pss:")
                    )
            self.peak = max(self.peak, memory)


def cells_alone(course: Course, repeats: int = 3) -> float:
    """CPU seconds of the full submission's cells and checks in one plain Python process, imports done."""
    import matplotlib

    matplotlib.use("agg")
    torch.set_num_threads(1)
    cells = [cell for cell in source_notebook(course, NAME).cells if cell.cell_type == "code"]
    code = [plain(cell.source) for cell in cells if "skip-grading" not in cell.metadata.get("tags", [])]
    spent = []
    for _ in range(repeats + 1):
        names: dict = {"__name__": "__main__"}
        started = time.process_time()
        with contextlib.redirect_stdout(io.StringIO()):
            for source in code:
                exec(source, names)  # noqa: S102
        spent.append(time.process_time() - started)
    return statistics.median(spent[1:])


def line(name: str, text: str) -> None:
    print(f"{name:<52} {text}", flush=True)


def compare(size: int, stock: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        course = make_class(Path(folder) / "course", size)
        with Watch() as nbgrader:
            for number in range(stock):
                student = f"student{number:04}"
                run_step(Autograde, course, NAME, folder=course.grading, student=student)
        theirs = 60 * stock / nbgrader.seconds
        line(f"nbgrader autograde, {stock} submissions", f"{theirs:8.1f} a minute")
    rates = {}
    for jobs in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            course = make_class(Path(folder) / "course", size)
            with Watch() as ours:
                verdicts = grade(course, NAME, jobs=jobs)
            assert len(verdicts) == size and all(verdict.status == "graded" for verdict in verdicts.values())
            assert {verdicts[f"student{n:04}"].score for n in range(0, size, 3)} == {27.0}
            rates[jobs] = 60 * size / ours.seconds
            line(f"ours, {jobs} worker{'s' * (jobs > 1)}, {size} submissions", f"{rates[jobs]:8.1f} a minute")
            line("  times nbgrader", f"{rates[jobs] / theirs:8.1f}×")
            line("  CPU seconds a submission, all of this machine", f"{ours.cpu / size:8.2f}")
            line("  peak memory", f"{ours.peak / 1e9:8.2f} GB")
            if jobs == 1:
                alone = cells_alone(course)
                line("  CPU seconds of a full submission's cells alone", f"{alone:8.2f}")
    line("two workers over one", f"{rates[2] / rates[1]:8.2f}×")


def soak(size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        course = make_class(Path(folder) / "course", size)
        half, peaks = size // 2, []
        for students in (half, size):
            hidden = [
                path
                for path in course.grading.glob(f"submitted/student*/{NAME}")
                if int(path.parent.name[7:]) >= students
            ]
            for path in hidden:
                path.rename(path.with_name("waiting"))
            with Watch() as watch:
                grade(course, NAME, jobs=2)
            for path in hidden:
                path.with_name("waiting").rename(path)
            peaks.append(watch.peak)
            line(f"the first {students}", f"{watch.seconds:8.0f} s, peak {watch.peak / 1e9:.2f} GB")
        with Ledger(course, NAME) as ledger:
            verdicts = ledger.verdicts()
        assert len(verdicts) == size and all(verdict.status == "graded" for verdict in verdicts.values())
        line("nothing lost; memory of the second half over the first", f"{peaks[1] / peaks[0]:8.2f}×")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--size", type=int, default=200)
    arguments.add_argument("--stock", type=int, default=4, help="how many of them nbgrader grades, too")
    arguments.add_argument("--soak", type=int, help="grade this many in two halves instead")
    chosen = arguments.parse_args()
    header()
    soak(chosen.soak) if chosen.soak else compare(chosen.size, chosen.stock)
