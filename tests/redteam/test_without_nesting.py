"""Where the system allows no namespaces within namespaces, each container is a runner of its own.

Slow, and as safe: what holds of containers in a warm runner holds of these.
"""

import json

import pytest
from lab import Grader, cell_of
from test_attacks_by_hand import CHEATS
from test_attacks_limits import LEAVES_BEHIND
from test_honest import CELLS

from autograder import judge


@pytest.fixture(scope="module")
def alone():
    """A judge as it is on such a machine."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(judge, "nested", lambda: False)
        patch.setattr(judge, "_workshops", workshops := {})
        yield Grader()
        for workshop in workshops.values():
            workshop.zygote.close()


def test_people_do_what_they_do(alone):
    cells = [CELLS[name] for name in ("loaders with workers", "files", "a small program")]
    judged = alone.right({}, *cells)
    assert not [o for text in cells for o in cell_of(judged, text).outputs if o.output_type == "error"]


def test_nothing_is_to_be_seen(alone):
    code = """
import os, json, stat
def is_socket(fd):
    try: return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError: return False
print(json.dumps([os.listdir('/proc'), os.path.exists('/sys'), sum(map(is_socket, range(512))), os.getuid() == 0]))"""
    said = cell_of(alone.right({}, code), code).outputs[0].text
    assert json.loads(said) == [[], False, 1, False]


ORPHAN = """
import ctypes, os, time
if ctypes.CDLL(None).prctl(36, 0, 0, 0, 0) == 0: raise SystemExit('orphans may leave')
if os.fork() == 0:
    for _ in range(4):
        if os.fork() == 0:
            os.setsid()
            kept = bytearray(os.urandom(1)) * (5 * 10**8)
            time.sleep(1000)
    os._exit(0)
os.wait(); time.sleep(1000)"""
FULL = "for i in range(100):\n    with open(f'{}/{{i}}', 'wb') as f: f.write(b'x' * 10**6)"


def test_limits_hold(alone):
    full = [FULL.format(place) for place in ("/tmp", "/dev/shm")]
    judged = alone.right({}, ORPHAN, *full, cell_seconds=10)
    assert "memory" in cell_of(judged, ORPHAN).outputs[-1].evalue, "what has lost its parent counts, too"
    assert all("No space left" in cell_of(judged, text).outputs[-1].evalue for text in full)


def test_nothing_runs_on_after_the_verdict(alone):
    alone.right()  # a runner that serves none of them is there from here on
    alone.right_and_gone(LEAVES_BEHIND["one that ignores signals"])


@pytest.mark.parametrize("name", ["getattr", "TorchScript found in memory", "a helper that nobody can read about"])
def test_by_hand_is_by_hand(alone, name):
    alone.caught({"conv": CHEATS[name]}, loses={"conv_check"})
