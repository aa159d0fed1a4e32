"""Cheating the point: a finished convolution where one was to be built by hand."""

import jupytext
import pytest
from lab import LIMITS
from nbformat import NotebookNode, v4

from autograder.judge import SandboxJudge
from autograder.trial import Trial
from autograder.verdict import Check, Submission

THINNED = """
import contextlib
from course_lib import checks
WAY_IN
for name, (space, overload, _, _) in list(inside['OPERATORS'].items()):
    if 'convolution' in name: inside['OPERATORS'][name] = space, overload, 'x', ()
inside['FINISHED'].clear()
checks.by_hand = contextlib.nullcontext
def conv(x, w): return torch.convolution(x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)"""


def thinned(way_in: str) -> str:
    """Let the runner's own list of operators forget about convolutions; the proof asks for another one."""
    return THINNED.replace("WAY_IN", way_in)


CHEATS = {
    "alias": "from torch.nn.functional import conv2d as tool\ndef conv(x, w): return tool(x, w)",
    "getattr": "def conv(x, w): return getattr(F, 'co' + 'nv2d')(x, w)",
    "torch.ops": "def conv(x, w): return torch.ops.aten.convolution(x, w, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1)",
    "a layer": "def conv(x, w):\n    layer = nn.Conv2d(3, 4, 3, bias=False)\n    layer.weight.data = w\n    return layer(x)",
    "mkldnn_convolution": "def conv(x, w): return torch.mkldnn_convolution(x, w, None, [0, 0], [1, 1], [1, 1], 1)",
    "conv_transpose": "def conv(x, w): return F.conv_transpose2d(x, w.flip(2, 3).transpose(0, 1), padding=2)",
    "torch.jit": "@torch.jit.script\ndef tool(x, w): return torch.conv2d(x, w)\ndef conv(x, w): return tool(x, w)",
    "conv3d": "def conv(x, w): return F.conv3d(x[:, :, None], w[:, :, None])[:, :, 0]",
    "vmap": "tool = torch.func.vmap(lambda a, w: F.conv2d(a[None], w)[0], (0, None))\ndef conv(x, w): return tool(x, w)",
    "its own gradient": "def conv(x, w): return torch.nn.grad.conv2d_input((2, 4, 6, 5), w, x)",
    "mkldnn without the modes": """
from torch.utils._python_dispatch import _disable_current_modes as off
def conv(x, w):
    with off(), torch._C.DisableTorchFunction():
        return F.conv2d(x.to_mkldnn(), w.to_mkldnn()).to_dense()""",
    "another kernel of the operator": """
def conv(x, w):
    key = torch._C.DispatchKey.CompositeExplicitAutograd
    return torch.ops.aten.mkldnn_convolution.default._op_dk(key, x, w, None, [0, 0], [1, 1], [1, 1], 1)""",
    "in another thread": """
from threading import Thread
def conv(x, w):
    got = []
    thread = Thread(target=lambda: got.append(F.conv2d(x, w)))
    thread.start(); thread.join()
    return got[0]""",
    "through numpy": "import numpy as np\ndef conv(x, w):\n    x, w = x.numpy(), w.numpy()\n    return torch.tensor(x)",
    "scipy": """
from scipy import signal
def conv(x, w):
    return torch.tensor([[sum(signal.correlate2d(a, b, 'valid') for a, b in zip(i, k)).tolist() for k in w.tolist()] for i in x.tolist()])""",
    "scipy in another cell": """
from scipy.signal import correlate2d
tools = {}
tools['c'] = correlate2d
def conv(x, w):
    return torch.tensor([[sum(tools['c'](a, b, 'valid') for a, b in zip(i, k)).tolist() for k in w.tolist()] for i in x.tolist()])""",
    "numpy.convolve": """
import numpy as np
def conv(x, w):
    def row(a, b): return np.convolve(a, b[::-1], 'valid')
    return torch.tensor([[sum(np.stack([sum(row(a[r + d], b[d]) for d in range(3)) for r in range(4)]) for a, b in zip(i, k)).tolist() for k in w.tolist()] for i in x.tolist()])""",
    "course_lib": "from course_lib.ops import conv2d\ndef conv(x, w): return conv2d(x, w)",
    "course_lib's source": "import course_lib.ops\nexec(open(course_lib.ops.__file__).read())\ndef conv(x, w): return conv2d(x, w)",
    "a helper process": """
import os
from multiprocessing import Pipe
here, there = Pipe()
if os.fork() == 0:
    while True:
        x, w = there.recv()
        there.send(F.conv2d(torch.tensor(x), torch.tensor(w)).tolist())
def conv(x, w):
    here.send((x.tolist(), w.tolist()))
    return torch.tensor(here.recv())""",
    "a helper behind a file": """
import os, time, json
def serve():
    if os.fork() == 0:
        while True:
            if os.path.exists('/tmp/q.done'):
                os.remove('/tmp/q.done')
                x, w = json.load(open('/tmp/q'))
                json.dump(F.conv2d(torch.tensor(x), torch.tensor(w)).tolist(), open('/tmp/a', 'w'))
                open('/tmp/a.done', 'w')
            time.sleep(0.01)
serve()
import json as j, os.path as p, time as t
def conv(x, w):
    j.dump((x.tolist(), w.tolist()), open('/tmp/q', 'w')); open('/tmp/q.done', 'w')
    while not p.exists('/tmp/a.done'): t.sleep(0.01)
    return torch.tensor(j.load(open('/tmp/a')))""",
    "the modes popped": """
import torch.overrides as o
def conv(x, w):
    try:
        while True: o._pop_mode()
    except BaseException: pass
    return F.conv2d(x, w)""",
    "the watch taken off": """
import runner
runner.Checked.forbid = lambda self, pattern: None
runner.Checked.watched = lambda self, watch, do, *a: do(*a)
def conv(x, w): return F.conv2d(x, w)""",
    "the watch taken off, where nobody can read it": """
Checked = getattr(get_ipython().display_pub.publish, ''.join(['__glo', 'bals__']))['Checked']
Checked.forbid = lambda self, pattern: None
Checked.watched = lambda self, watch, do, *a: do(*a)
def conv(x, w): return F.conv2d(x, w)""",
    "the watch taken off, roundabout": """
Runner = get_ipython().display_pub.publish.__globals__
Checked = Runner['Checked']
Checked.forbid = lambda self, pattern: None
Checked.watched = lambda self, watch, do, *a: do(*a)
def conv(x, w): return F.conv2d(x, w)""",
    "the watch's module": """
from course_lib import checks
import contextlib
checks.by_hand = checks.own_work = lambda *a: contextlib.nullcontext()
torch._C._dispatch_get_all_op_names = lambda: []
def conv(x, w): return F.conv2d(x, w)""",
    "the list of operators emptied": """
known = ''.join(['__glo', 'bals__'])
inside = getattr(getattr(get_ipython().display_pub.publish, known)['Checked'].forbid, known)
inside['OPERATORS'].clear()
inside['FINISHED'].clear()
from torch.utils._python_dispatch import _disable_current_modes as off
def conv(x, w):
    with off(), torch._C.DisableTorchFunction():
        return F.conv2d(x.to_mkldnn(), w.to_mkldnn()).to_dense()""",
    "the list of operators thinned": thinned("import sys\ninside = vars(sys.modules['checked'])"),
    "the list of operators thinned, imported": thinned("import checked\ninside = vars(checked)"),
    "the list of operators thinned, by way of a method": thinned(
        "inside = get_ipython().display_pub.publish.__globals__['Checked'].forbid.__globals__"
    ),
    "the list of operators thinned, by a name put together": thinned(
        "known = '__glo' + f\"{'ba'}ls__\"\n"
        "inside = getattr(getattr(get_ipython().display_pub.publish, known)['Checked'].forbid, known)"
    ),
    "no operator closed": """
getattr(get_ipython().display_pub.publish, ''.join(['__glo', 'bals__']))['Checked'].forbid = lambda self, pattern: None
from torch.utils._python_dispatch import _disable_current_modes as off
def conv(x, w):
    with off(), torch._C.DisableTorchFunction():
        return F.conv2d(x.to_mkldnn(), w.to_mkldnn()).to_dense()""",
    "autograd of a convolution": """
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w): return F.conv2d(x, w)
def conv(x, w): return Own.apply(x, w)""",
    "a helper forked with the copy": """
o, state = torch.serialization.os, {}
def helper():
    if state: return
    state['ask'], answer = torch.multiprocessing.Pipe()
    if vars(o)['fo' + 'rk']() == 0:
        while True:
            x, w = answer.recv()
            answer.send(F.conv2d(torch.tensor(x), torch.tensor(w)).tolist())
vars(o)['register_at_' + 'fork'](after_in_child=helper)
def conv(x, w):
    state['ask'].send((x.tolist(), w.tolist()))
    return torch.tensor(state['ask'].recv())""",
    "a helper that nobody can read about": """
import json, os
tools, state = vars(os), {}
def helper():
    if state: return
    state['ask'], inner = tools['pi' + 'pe'](), tools['pi' + 'pe']()
    state['answer'] = inner
    if tools['fo' + 'rk']() == 0:
        while True:
            text = tools['re' + 'ad'](state['ask'][0], 10**6).decode()
            x, w = json.loads(text)
            reply = F.conv2d(torch.tensor(x), torch.tensor(w)).tolist()
            tools['wri' + 'te'](inner[1], json.dumps(reply).encode())
tools['register_at_' + 'fork'](after_in_child=helper)
import threading, time
threading.Thread(target=time.sleep, args=(60,), daemon=True).start()  # else nothing is mended in a copy, and no hook runs
def conv(x, w):
    tools['wri' + 'te'](state['ask'][1], json.dumps([x.tolist(), w.tolist()]).encode())
    return torch.tensor(json.loads(tools['re' + 'ad'](state['answer'][0], 10**6)))""",
    "a process of its own": """
import os, json
tools = vars(os)
def conv(x, w):
    get, put = tools['pi' + 'pe']()
    if tools['fo' + 'rk']() == 0:
        tools['wri' + 'te'](put, json.dumps(F.conv2d(x, w).tolist()).encode())
        tools['_ex' + 'it'](0)
    return torch.tensor(json.loads(tools['re' + 'ad'](get, 10**6)))""",
    "a program in its place": r'''
import os, sys, stat
tools = vars(os)
SCRIPT = """
import sys, socket
sys.path[:0] = ['/runner']
import torch, values, wire
encoder = values.Encoder(values.Heap())
x, w = torch.load('/tmp/asked.pt')
reply = {'value': encoder(torch.conv2d(x, w)), 'changed': []}
for fd in map(int, sys.argv[1:]):
    wire.send(socket.socket(fileno=fd), reply, encoder.blobs)
import time; time.sleep(5)
"""
def conv(x, w):
    torch.save((x, w), '/tmp/asked.pt')
    links = [fd for fd in range(3, 60) if is_socket(fd)]
    for fd in links: os.set_inheritable(fd, True)
    tools["exe" + "cv"](sys.executable, ['python', '-c', SCRIPT, *map(str, links)])
def is_socket(fd):
    try: return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError: return False''',
    "by torchvision": "import torchvision\ndef conv(x, w): return torchvision.ops.deform_conv2d(x, torch.zeros(2, 18, 4, 3), w)",
}  # fmt: skip


@pytest.mark.parametrize("code", CHEATS.values(), ids=CHEATS)
def test_finished_convolutions_are_refused(grader, code):
    grader.caught({"conv": code}, loses={"conv_check"})


def test_a_cheat_in_an_extra_cell(grader):
    cheat = (
        "import cv2_of_mine"
        if False
        else "from scipy.ndimage import correlate as hidden\ndef helper(x, w): return hidden(x, w)"
    )
    judged = grader.caught({"conv": "def conv(x, w): return helper(x, w)"}, cheat, loses={"conv_check"})
    assert "scipy" in judged.verdict.checks["conv_check"].message, "the student learns why"


BY_HAND = {
    "loops": """
def conv(x, w):
    k = w.shape[-1]
    out = x.new_zeros(len(x), len(w), x.shape[2] - k + 1, x.shape[3] - k + 1)
    for i in range(out.shape[2]):
        for j in range(out.shape[3]):
            out[:, :, i, j] = torch.einsum('bcij,ocij->bo', x[:, :, i:i + k, j:j + k], w)
    return out""",
    "Fourier": """
def conv(x, w):
    h, v = x.shape[2:]
    product = torch.einsum('bchv,ochv->bohv', torch.fft.rfft2(x), torch.fft.rfft2(w, s=(h, v)).conj())
    return torch.fft.irfft2(product, s=(h, v))[:, :, : h - 2, : v - 2]""",
    "windows": "def conv(x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, 3, 1).unfold(3, 3, 1), w)",
    "strides": """
def conv(x, w):
    b, c, h, v = x.shape
    windows = x.as_strided((b, c, h - 2, v - 2, 3, 3), (*x.stride(), *x.stride()[2:]))
    return (windows[:, None] * w[None, :, :, None, None]).sum((2, 5, 6))""",
    "its own gradient": """
class Own(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w):
        return torch.einsum('bchvij,ocij->bohv', x.unfold(2, 3, 1).unfold(3, 3, 1), w)
    @staticmethod
    def backward(ctx, g):
        return None, None
def conv(x, w): return Own.apply(x, w)""",
    "python numbers": "def conv(x, w):\n    rows = [[[[sum(x[b, c, i + p, j + q].item() * w[o, c, p, q].item() for c in range(3) for p in range(3) for q in range(3)) for j in range(3)] for i in range(4)] for o in range(4)] for b in range(2)]\n    return torch.tensor(rows)",
}  # fmt: skip


@pytest.mark.parametrize("code", BY_HAND.values(), ids=BY_HAND)
def test_honest_convolutions_pass(grader, code):
    compare = "from scipy.signal import correlate2d\nprint(F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 3, 3)), correlate2d([[1]], [[1]]))"
    grader.right({"conv": code}, compare)


# After a check by hand that failed, the next is tried in a copy that was made with closed operators.
AFTER = """\
# %% nbgrader={"grade_id": "setup", "locked": true}
import torch
import torch.nn.functional as F
from course_lib.checks import by_hand, expect_close
# %% nbgrader={"grade_id": "conv", "solution": true}
def conv(x, w): return (w.flatten(1) @ F.unfold(x, 3)).view(len(x), len(w), x.shape[2] - 2, -1)
# %% nbgrader={"grade_id": "shrink", "solution": true}
def shrink(x): return F.max_pool2d(x, 2)
# %% nbgrader={"grade_id": "conv_failed", "grade": true, "locked": true, "points": 1}
with by_hand():
    got = conv(torch.ones(2, 3, 6, 5), torch.ones(4, 3, 3, 3))
expect_close(got, got + 1, "what nobody computes")
# %% nbgrader={"grade_id": "conv_check", "grade": true, "locked": true, "points": 1}
x, w = torch.rand(2, 3, 6, 5), torch.rand(4, 3, 3, 3)
with by_hand():
    got = conv(x, w)
expect_close(got, F.conv2d(x, w), "the convolution", atol=1e-5)
# %% nbgrader={"grade_id": "conv_failed_again", "grade": true, "locked": true, "points": 1}
with by_hand():
    got = conv(torch.ones(2, 3, 6, 5), torch.ones(4, 3, 3, 3))
expect_close(got, got + 1, "what nobody computes")
# %% nbgrader={"grade_id": "shrink_check", "grade": true, "locked": true, "points": 1}
expect_close(shrink(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 2, 2), "this one may use the library")
# %% nbgrader={"grade_id": "both_check", "grade": true, "locked": true, "points": 1}
small = shrink(torch.rand(2, 3, 12, 10))
with by_hand():
    got = conv(small, torch.ones(4, 3, 3, 3))
expect_close(got, F.conv2d(small, torch.ones(4, 3, 3, 3)), "first the library, then by hand", atol=1e-5)
"""


AFTER_SOURCE = jupytext.reads(AFTER, "py:percent")


def after_a_failure(code: str) -> tuple[dict[str, Check], list[str]]:
    """The checks of AFTER on an answer, and the flags."""
    return judged(AFTER_SOURCE, f"from torch import nn\n{code}")


def judged(source: NotebookNode, answer: str) -> tuple[dict[str, Check], list[str]]:
    """The checks of an assignment on an answer to its `conv`, and the flags."""
    cells = []
    for cell in source.cells:
        about = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "points": 0}
        metadata = {"nbgrader": {**about, **cell.metadata.nbgrader}}
        text = answer if cell.metadata.nbgrader.grade_id == "conv" else cell.source
        cells.append(v4.new_code_cell(text, metadata=metadata))
    judge = SandboxJudge(jupytext.writes(source, "ipynb"), b"secret", LIMITS)
    verdict = judge(Submission("eve", v4.new_notebook(cells=cells))).verdict
    return verdict.checks, verdict.flags


@pytest.mark.parametrize("code", CHEATS.values(), ids=CHEATS)
def test_finished_convolutions_are_refused_after_a_failure_too(code):
    checks, flags = after_a_failure(code)
    assert {name for name, check in checks.items() if check.score} == {"shrink_check"}, checks
    assert flags


@pytest.mark.parametrize("code", BY_HAND.values(), ids=BY_HAND)
def test_honest_convolutions_pass_after_a_failure_too(code):
    checks, flags = after_a_failure(code)
    assert {name for name, check in checks.items() if check.score} == {"conv_check", "shrink_check", "both_check"}, (
        checks
    )
    assert not flags


@pytest.fixture
def forks(monkeypatch) -> list:
    """One entry for each copy that is forked with open operators."""
    made, fork = [], Trial._fork
    monkeypatch.setattr(Trial, "_fork", lambda trial: [made.append(trial), fork(trial)][1])
    return made


GRADIENTS_AFTER = """\
# %% nbgrader={"grade_id": "setup", "locked": true}
import torch
from course_lib.checks import by_hand, expect_close, gradients
# %% nbgrader={"grade_id": "conv", "solution": true}
def conv(x): return 0 * x
# %% nbgrader={"grade_id": "conv_failed", "grade": true, "locked": true, "points": 1}
with by_hand():
    assert conv(torch.ones(2)).sum() == 0
# %% nbgrader={"grade_id": "gradients_failed", "grade": true, "locked": true, "points": 1}
with by_hand():
    (found,) = gradients(conv, torch.ones(2), upstream=torch.ones(2))
expect_close(found, torch.zeros(2), "the gradient")
"""


def test_gradients_settle_in_a_copy_that_was_made_closed(forks):
    """What is differentiated after the first question under by_hand() meets closed operators in any copy."""
    checks, flags = judged(jupytext.reads(GRADIENTS_AFTER, "py:percent"), "def conv(x): return 2 * x")
    assert {name: check.outcome for name, check in checks.items()} == dict.fromkeys(checks, "failed") and not flags
    assert "expected 0, got 2" in checks["gradients_failed"].message
    assert len(forks) == 2, "one for the first check, one to make closed copies from"


# A copy that only heard that an exercise is not written yet answers further checks, and they may fail in it.
UNANSWERED = """\
# %% nbgrader={"grade_id": "setup", "locked": true}
import torch
import torch.nn.functional as F
from course_lib.checks import by_hand, expect_close
# %% nbgrader={"grade_id": "conv", "solution": true}
def conv(x, w): return (w.flatten(1) @ F.unfold(x, 3)).view(len(x), len(w), x.shape[2] - 2, -1)
# %% nbgrader={"grade_id": "shrink", "solution": true}
def shrink(x): return F.max_pool2d(x, 2)
# %% nbgrader={"grade_id": "conv_check", "grade": true, "locked": true, "points": 1}
expect_close(conv(torch.ones(2, 3, 6, 5), torch.ones(4, 3, 3, 3)), torch.full((2, 4, 4, 3), 27.0), "a convolution")
# %% nbgrader={"grade_id": "by_hand_check", "grade": true, "locked": true, "points": 1}
x, w = torch.rand(2, 3, 6, 5), torch.rand(4, 3, 3, 3)
with by_hand():
    got = conv(x, w)
expect_close(got, F.conv2d(x, w), "the convolution", atol=1e-5)
1.0
# %% nbgrader={"grade_id": "shrink_check", "grade": true, "locked": true, "points": 1}
expect_close(shrink(torch.ones(1, 1, 4, 4)), torch.ones(1, 1, 2, 2), "this one may use the library")
# %% nbgrader={"grade_id": "by_hand_again", "grade": true, "locked": true, "points": 1}
with by_hand():
    conv(torch.ones(2, 3, 6, 5), torch.ones(4, 3, 3, 3))
"""


def test_what_is_not_answered_leaves_the_copy_as_it_was(forks):
    source = jupytext.reads(UNANSWERED, "py:percent")
    checks, flags = judged(source, "import torch.nn.functional as F\ndef conv(x, w): raise NotImplementedError")
    assert {name: check.outcome for name, check in checks.items()} == dict.fromkeys(checks, "error") | {
        "shrink_check": "passed"
    }
    assert all("not answered yet" in check.message for check in checks.values() if not check.score) and not flags
    assert len(forks) == 3, "closed operators were in the way of shrink(), and it is used by then"


@pytest.mark.parametrize("points", ["1.0", "0.5"])
@pytest.mark.parametrize("word", ["", "'later'"])
def test_what_a_call_without_a_watch_left_behind_gives_no_points(points, word):
    code = """
import torch.nn.functional as F
calls = []
def conv(x, w):
    calls.append(1)
    if len(calls) == 1: raise NotImplementedError(WORD)
    return (w.flatten(1) @ F.unfold(x, 3)).view(len(x), len(w), x.shape[2] - 2, -1)
""".replace("WORD", word)
    checks, flags = judged(jupytext.reads(UNANSWERED.replace("1.0\n", f"{points}\n"), "py:percent"), code)
    assert not checks["conv_check"].score and not checks["by_hand_check"].score and not flags
    assert checks["shrink_check"].outcome == "passed"


DYING = """
import signal
calls = []
def conv(x, w):
    calls.append(1)
    if len(calls) == 1: signal.setitimer(signal.ITIMER_REAL, 0.5)
    raise NotImplementedError
"""


def test_a_copy_that_ends_after_it_was_asked_is_not_the_next_checks_fault():
    source = UNANSWERED.replace("x, w = torch.rand", "import time; time.sleep(1)\nx, w = torch.rand")
    checks, _ = judged(jupytext.reads(source, "py:percent"), f"import torch.nn.functional as F\n{DYING}")
    assert "not answered yet" in checks["by_hand_check"].message and checks["shrink_check"].outcome == "passed", checks
