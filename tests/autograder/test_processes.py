"""What the processes of a container use, seen from outside."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from autograder import processes

FAMILY = """
import sys, threading, time
from subprocess import Popen
child = lambda code: Popen([sys.executable, "-c", code])
threading.Thread(target=lambda: (child("import time; time.sleep(60)"), time.sleep(60)), daemon=True).start()
child("from subprocess import run; import sys; run([sys.executable, '-c', 'import time; time.sleep(60)'])")
time.sleep(60)
"""


@pytest.fixture
def family():
    """A process with two children, one of them started by a thread, and a grandchild."""
    root = subprocess.Popen([sys.executable, "-c", FAMILY])
    found, until = [], time.monotonic() + 30
    while len(found) < 3 and time.monotonic() < until:
        time.sleep(0.1)
        found = psutil.Process(root.pid).children(recursive=True)
    yield root.pid, {process.pid for process in found}
    for process in [psutil.Process(root.pid), *found]:
        process.kill()
    root.wait()


@pytest.mark.parametrize("listed", [True, False], ids=["the kernel's lists", "psutil"])
def test_children_and_grandchildren_are_found(family, listed, monkeypatch):
    monkeypatch.setattr(processes, "LISTED", listed and processes.LISTED)
    pid, below = family
    assert len(below) == 3 and set(processes.below(pid)) == below
    assert processes.usage(pid, 2**40)[2] >= 5, "four processes, one of them with two threads"


def test_a_process_that_is_gone_has_none():
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    assert processes.computing(gone.pid) == 0
    if processes.LISTED:
        assert processes.below(gone.pid) == []
    assert os.getpid() not in processes.below(os.getpid())
