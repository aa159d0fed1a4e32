"""The grader on a class of submissions of assignment 04: against nbgrader, against the cells alone, with one worker and two.

python benchmarks/grader.py                # 200 submissions, and nbgrader on 3 of them, three times
python benchmarks/grader.py --soak 2000    # nothing lost, memory flat
python benchmarks/grader.py --soak 2000 --root tests/autograder/tiny_course --name 01_tiny    # the same in minutes
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import tempfile
import threading
import time
from pathlib import Path

import nbformat
import psutil
import torch
from common import columns, header, line
from ipykernel.inprocess import InProcessKernelManager
from nbgrader.converters import Autograde

from autograder.course import REPOSITORY, Course
from autograder.grade import grade
from autograder.ledger import Ledger
from autograder.master import source_notebook
from autograder.names import plain
from autograder.release import make_student_version
from autograder.samples import compose, sample_answers
from autograder.steps import run_step

NAME = "04_convnets"


def make_class(folder: Path, size: int, root: Path = REPOSITORY, name: str = NAME) -> Course:
    """A course with `size` submissions: a full, a partial and a wrong one in turn, no two alike."""
    shutil.copytree(root / "notebooks" / name, folder / "notebooks" / name)
    course = Course(folder)
    make_student_version(course, name)
    kinds = [compose(course, name, answers) for answers in sample_answers(course, name).values()]
    for number in range(size):
        notebook = nbformat.from_dict(kinds[number % len(kinds)])
        notebook.cells.append(nbformat.v4.new_markdown_cell(f"Handed in by number {number}.", id="signature"))
        path = course.submitted(f"student{number:04}", name) / f"{name}.ipynb"
        path.parent.mkdir(parents=True)
        nbformat.write(notebook, path)
    return course


class Watch:
    """Wall time, and the CPU time and peak memory of all of this machine: processes come and go too fast to be asked one by one."""

    def __enter__(self) -> Watch:
        self.peak, self.over = 0, threading.Event()
        self.free, self.cpu, self.started = self._free(), self._cpu(), time.perf_counter()
        self.thread = threading.Thread(target=self._look, daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *_) -> None:
        self.seconds = time.perf_counter() - self.started
        self.cpu = self._cpu() - self.cpu
        self.over.set()
        self.thread.join()

    def _cpu(self) -> float:
        times = psutil.cpu_times()
        return times.user + times.system

    def _free(self) -> int:
        return psutil.virtual_memory().available

    def _look(self) -> None:
        while not self.over.wait(0.1):
            self.peak = max(self.peak, self.free - self._free())


def cells_alone(course: Course, repeats: int = 3) -> float:
    """CPU seconds of the full submission's cells and checks in a notebook's kernel: imports done, figures drawn."""
    manager = InProcessKernelManager()
    manager.start_kernel()
    shell = manager.kernel.shell
    shell.run_line_magic("matplotlib", "inline")
    torch.set_num_threads(1)
    cells = [cell for cell in source_notebook(course, NAME).cells if cell.cell_type == "code"]
    code = [plain(cell.source) for cell in cells if "skip-grading" not in cell.metadata.get("tags", [])]
    spent = []
    for _ in range(repeats + 1):
        started = time.process_time()
        for source in code:
            shell.run_cell(source, store_history=False).raise_error()
        spent.append(time.process_time() - started)
    return statistics.median(spent[1:])


def peers(stock: int) -> tuple[float, float]:
    """Wall seconds of nbgrader for `stock` submissions, and CPU seconds of one full answer's cells and checks alone."""
    with tempfile.TemporaryDirectory() as folder:
        course = make_class(Path(folder) / "course", stock)
        with Watch() as watch:
            for number in range(stock):
                run_step(Autograde, course, NAME, folder=course.grading, student=f"student{number:04}")
        return watch.seconds, cells_alone(course)


def compare(size: int, stock: int) -> None:
    """The peers are measured before, between and after our runs: a machine may change its speed within minutes."""
    runs, beside = {}, [peers(stock)]
    for jobs in (1, 2):
        with tempfile.TemporaryDirectory() as folder:
            course = make_class(Path(folder) / "course", size)
            with Watch() as runs[jobs]:
                verdicts = grade(course, NAME, jobs=jobs)
            assert len(verdicts) == size and all(verdict.status == "graded" for verdict in verdicts.values())
            assert {verdicts[f"student{n:04}"].score for n in range(0, size, 3)} == {27.0}
        beside.append(peers(stock))
    seconds, cells = zip(*beside)
    theirs, alone = 60 * stock / statistics.mean(seconds), statistics.mean(cells)
    one, two = (60 * size / run.seconds for run in runs.values())
    columns("", "one worker", "two workers")
    line(f"submissions a minute, {size} of them", f"{one:.1f}", f"{two:.1f}")
    line(f"times nbgrader autograde ({theirs:.1f} a minute)", f"{one / theirs:.1f}×", f"{two / theirs:.1f}×")
    line("times one worker", "1", f"{two / one:.2f}×")
    line("CPU seconds a submission, all of this machine", *(f"{run.cpu / size:.2f}" for run in runs.values()))
    line("CPU seconds of a full answer's cells and checks alone", f"{alone:.2f}", "")
    line("peak memory, all of this machine", *(f"{run.peak / 1e9:.2f} GB" for run in runs.values()))


def soak(size: int, root: Path, name: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        course = make_class(Path(folder) / "course", size, root, name)
        half, peaks = size // 2, []
        columns("", "time", "peak memory")
        for students in (half, size):
            hidden = [
                path
                for path in course.grading.glob(f"submitted/student*/{name}")
                if int(path.parent.name[7:]) >= students
            ]
            for path in hidden:
                path.rename(path.with_name("waiting"))
            with Watch() as watch:
                grade(course, name, jobs=2)
            for path in hidden:
                path.with_name("waiting").rename(path)
            peaks.append(watch.peak)
            line(f"the first {students}", f"{watch.seconds:.0f} s", f"{watch.peak / 1e9:.2f} GB")
        with Ledger(course, name) as ledger:
            verdicts = ledger.verdicts()
        assert len(verdicts) == size and all(verdict.status == "graded" for verdict in verdicts.values())
        line("nothing lost; memory of the second half over the first", "", f"{peaks[1] / peaks[0]:.2f}×")


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--size", type=int, default=200)
    arguments.add_argument(
        "--stock", type=int, default=3, help="how many of them nbgrader grades before, between and after"
    )
    arguments.add_argument("--soak", type=int, help="grade this many in two halves instead")
    arguments.add_argument("--root", type=Path, default=REPOSITORY, help="of the soak: the folder of the course")
    arguments.add_argument("--name", default=NAME, help="of the soak: the assignment")
    chosen = arguments.parse_args()
    header()
    soak(chosen.soak, chosen.root, chosen.name) if chosen.soak else compare(chosen.size, chosen.stock)
