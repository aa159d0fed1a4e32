"""Time, space and sudden death: ended at the limit, and nothing else suffers."""

import threading
import time

import pytest
from lab import FULL, cell_of, lost

from autograder.sandbox.launch import Limits
from autograder.trial import Trial


def test_the_limits_that_hold_unless_an_assignment_says_otherwise():
    limits = Limits()
    assert (limits.cell_seconds, limits.check_seconds, limits.cpu_seconds, limits.wall_seconds) == (60, 10, 300, 900)
    assert (limits.memory, limits.processes, limits.output, limits.scratch) == (4 * 2**30, 64, 10**6, 256 * 2**20)


DEATHS = {
    "os._exit": "import os\ndef counter(n): os._exit(0)",
    "sys.exit": "import ctypes\ndef counter(n): raise SystemExit(0)",
    "abort": "import os\ndef counter(n): os.abort()",
    "a segmentation fault": "import ctypes\ndef counter(n): return ctypes.string_at(0)",
    "endless recursion": "import gc\ndef counter(n): return counter(n) + 1",
    "a stack overflow in C": "import sys, gc\ndef counter(n):\n    sys.setrecursionlimit(10**9)\n    class A:\n        def __getattr__(self, n): return getattr(self, n)\n    return A().x",
    "a signal to itself": "import os\ndef counter(n): os.kill(os.getpid(), 9)",
    "a signal to all": "import os\ndef counter(n): os.kill(-1, 9); os.kill(1, 9); os.kill(os.getppid(), 9)",
    "all files closed": "import os, gc\ndef counter(n): os.closerange(0, 512); return 3",
    "MemoryError": "import gc\ndef counter(n): raise MemoryError",
    "KeyboardInterrupt": "import gc\ndef counter(n): raise KeyboardInterrupt",
    "GeneratorExit": "import gc\ndef counter(n): raise GeneratorExit",
    "SIGSTOP": "import os, signal\ndef counter(n): os.kill(os.getpid(), signal.SIGSTOP)",
    "an endless loop": "import gc\ndef counter(n):\n    while True: pass",
    "one that cannot be interrupted": "import gc\ndef counter(n):\n    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    "sleep": "import time, gc\ndef counter(n): time.sleep(1000)",
    "a bomb of memory": "import gc\ndef counter(n):\n    kept = []\n    while True: kept.append(bytearray(10**7))",
    "a gigantic tensor": "import gc\ndef counter(n): return torch.ones(10**11)",
    "a gigantic list": "import gc\ndef counter(n): return [0] * 10**8",
    "a gigantic text": "import gc\ndef counter(n): return 'x' * 10**8",
    "a bomb of processes": "import os\ndef counter(n):\n    while True: os.fork()",
}  # fmt: skip


@pytest.mark.parametrize("code", DEATHS.values(), ids=DEATHS)
def test_an_answer_that_dies_or_hangs_loses_its_own_checks(grader, code):
    judged = grader.caught({"counter": code}, loses={"counter_check"})
    assert judged.verdict.checks["counter_check"].message


CELLS = {
    "os._exit": "import os; os._exit(0)",
    "sys.exit": "import sys; sys.exit(3)",
    "a segmentation fault": "import ctypes; ctypes.string_at(0)",
    "an endless loop": "while True: pass",
    "a swallowed interrupt": "while True:\n    try:\n        while True: pass\n    except BaseException: pass",
    "sleep": "import time; time.sleep(1000)",
    "input()": "answer = input('your name? ')",
    "breakpoint()": "breakpoint()",
    "a debugger": "%debug",
    "endless print": "while True: print('x' * 1000)",
    "a huge line": "print('x' * 10**8)",
    "a huge repr": "list(range(10**6))",
    "a huge page": "from IPython.display import HTML; HTML('<b>' * 10**7)",
    "a bomb of memory": "kept = []\nwhile True: kept.append(bytearray(10**7))",
    "shared memory": "import mmap, os\nm = mmap.mmap(-1, 2**33)\nos.fork()\nfor i in range(0, 2**33, 4096): m[i] = 1",
    "memory held by many": "import os, time\nfor i in range(40):\n    b = bytearray(os.urandom(1)) * 10**8\n    if os.fork() == 0: time.sleep(1000)",
    "a bomb of processes": "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass",
    "a bomb of threads": "import threading, time\nwhile True: threading.Thread(target=time.sleep, args=(1000,)).start()",
    "a full disk": "with open('/tmp/big', 'wb') as f:\n    while True: f.write(b'x' * 10**6)",
    "many files": "for i in range(10**6): open(f'/tmp/{i}', 'w').close()",
    "full /dev/shm": "with open('/dev/shm/big', 'wb') as f:\n    while True: f.write(b'x' * 10**6)",
    "deep recursion": "def f(): return f()\nf()",
    "an error without end": "class E(Exception):\n    def __str__(self):\n        while True: pass\nraise E",
    "an error that raises": "class E(Exception):\n    def __str__(self): raise self\nraise E",
    "a repr without end": "class R:\n    def __repr__(self):\n        while True: pass\nR()",
    "all files closed": "import os; os.closerange(3, 512)",
    "the interrupt ignored": "import signal, time\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\ntime.sleep(1000)",
    "a child that returns": "import os\nos.fork()\nprint('hello')",
    "a cell that is no Python": "this is ( not python",
    "an error after too much": "print('x' * 10**8)\n1 / 0",
    "a null byte": "print('\\0')\nx = '\\ud800'\nprint(x)",
}  # fmt: skip


QUIET = {
    "input()",
    "breakpoint()",
    "a debugger",
    "endless print",
    "a huge line",
    "a huge repr",
    "a huge page",
    "a child that returns",
    "a null byte",
}
GROUPS = [list(CELLS)[start : start + 6] for start in range(0, len(CELLS), 6)]


@pytest.mark.parametrize("names", GROUPS, ids=", ".join)
def test_cells_that_die_or_hang_leave_the_rest_alone(grader, names):
    judged = grader.right({}, *(CELLS[name] for name in names), cell_seconds=2)
    for name in names:
        outputs = cell_of(judged, CELLS[name]).outputs
        assert len(str(outputs)) < 10**6, name
        assert name in QUIET or any(output.output_type == "error" for output in outputs), name


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_cell_that_went_well_is_run_again_until_it_does(grader, monkeypatch, times):
    """Where a container was lost: what the lost one leaves behind may be in the way of the next."""
    execute, ran = Trial._execute, []

    def disturbed(trial, number):
        source = trial.sources[number]
        ran.append(source)
        if source.startswith("import torch") and 1 < ran.count(source) <= times + 1:
            trial.sources[number] = "raise RuntimeError"
        try:
            return execute(trial, number)
        finally:
            trial.sources[number] = source

    monkeypatch.setattr(Trial, "_execute", disturbed)
    judged = grader({}, "import os; os._exit(0)", check_seconds=20)
    assert lost(judged) == (set() if times < 3 else {"net_check"}), "work by hand is run anew in any case"


def test_what_is_over_when_it_is_known_to_have_been_too_much_costs_nothing_else(grader, monkeypatch):
    """The guard looks while others go on: a cell or check that came after is not killed for it."""
    too_much, here = Trial._too_much, threading.get_ident()

    def too_late(trial, container):
        if threading.get_ident() == here:
            return too_much(trial, container)
        turn = trial.turn
        while trial.turn == turn and not trial.over.is_set():
            time.sleep(0.001)
        return "it used too much"

    monkeypatch.setattr(Trial, "_too_much", too_late)
    judged = grader.right({}, *["import time; time.sleep(0.4)"] * 3)
    assert not judged.verdict.flags


LEAVES_BEHIND = {
    "a daemon": """
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        while True: time.sleep(0.1)
    os._exit(0)""",
    "a shell in the background": "import subprocess\nsubprocess.Popen(['sleep', '1234567'], start_new_session=True)",
    "one that holds the pipes": "get_ipython().system('sleep 1234567 &')",
    "one that ignores signals": """
import os, signal, time
if os.fork() == 0:
    for n in range(1, 32):
        try: signal.signal(n, signal.SIG_IGN)
        except OSError: pass
    time.sleep(1234567)""",
}


@pytest.mark.parametrize("code", LEAVES_BEHIND.values(), ids=LEAVES_BEHIND)
def test_nothing_runs_on_after_the_verdict(grader, code):
    grader.right()  # the runner is there from here on
    grader.right_and_gone(code)


def test_output_of_many_cells_is_bounded(grader):
    cells = [f"print('{number}' * 90_000)" for number in range(40)]
    judged = grader.right({}, *cells)
    assert len(str([cell.outputs for cell in judged.notebook.cells])) < 3 * 10**6


def test_a_submission_that_computes_without_end_gets_a_verdict():
    from lab import Grader

    grader = Grader(cpu_seconds=3, wall_seconds=40, cell_seconds=2)
    judged = grader({}, *["while True: pass"] * 8)
    assert judged.verdict.flags and judged.verdict.score < sum(FULL.values())
    assert any("computing" in check.message for check in judged.verdict.checks.values()), judged.verdict.checks
