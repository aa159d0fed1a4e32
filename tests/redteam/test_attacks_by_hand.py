"""Cheating the point: a finished convolution where one was to be built by hand."""

import warnings

import jupytext
import pytest
import torch
from lab import LIMITS
from nbformat import NotebookNode, v4

from autograder.judge import SandboxJudge
from autograder.trial import Trial
from autograder.verdict import Check, Submission

UNWATCHED = """
import contextlib
@contextlib.contextmanager
def unwatched():
    off = getattr(torch.utils, ''.join(['_python', '_dispatch'])).__dict__[''.join(['_disable_current', '_modes'])]
    with off(), getattr(torch._C, ''.join(['DisableTorch', 'Function']))(): yield
"""
SCRIPT = '''
SCRIPT = """
graph(%x : Tensor, %w : Tensor):
  %none : NoneType = prim::Constant()
  %zero : int = prim::Constant[value=0]()
  %one : int = prim::Constant[value=1]()
  %zeros : int[] = prim::ListConstruct(%zero, %zero)
  %ones : int[] = prim::ListConstruct(%one, %one)
  %r : Tensor = prim::mkldnn_convolution(%x, %w, %none, %ones, %zeros, %ones, %one)
  return (%r)"""
'''


def _saved_script() -> bytes:
    """A module of TorchScript as torch saves it, whose method `tool` is TorchScript's own convolution."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # TorchScript is deprecated
        module = torch.jit.script(torch.nn.Identity())
        call = "torch.ops.prim.mkldnn_convolution(x, w, None, [1, 1], [0, 0], [1, 1], 1)"
        module.define(f"def tool(self, x, w):\n    return {call}\n")
        return module.save_to_buffer()


MEMORY = """
memory = vars(vars(torch.serialization)['sys'].modules['g' + 'c'])
def find(name, module=''):
    memory['unfreeze']()
    everything = memory[''.join(['get_', 'objects'])]()
    found = [o for o in everything if type(o) is type(len) and o.__name__ == name]
    return next(o for o in found if module in (o.__module__ or ''))
"""
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
    "its own gradient": "def conv(x, w): return torch.nn.grad.conv2d_input((2, 4, 4, 3), w.flip(2, 3).transpose(0, 1), x, padding=2)",
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
    "through numpy": "import numpy as np\ndef conv(x, w):\n    windows = np.lib.stride_tricks.sliding_window_view(x.numpy(), (3, 3), (2, 3))\n    return torch.tensor(np.einsum('bchvij,ocij->bohv', windows, w.numpy()))",
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
    "the runner patched": """
import by_hand, runner
by_hand.take_out = lambda pattern: None
runner.Checked.watched = lambda self, watch, do, *a: do(*a)
def conv(x, w): return F.conv2d(x, w)""",
    "the runner patched, where nobody can read it": """
inside = getattr(get_ipython().display_pub.publish, ''.join(['__glo', 'bals__']))
inside['by_hand'].take_out = lambda pattern: None
inside['by_hand'].OPERATORS.clear()
inside['Checked'].watched = lambda self, watch, do, *a: do(*a)
def conv(x, w): return F.conv2d(x, w)""",
    "the runner patched by what the answer rests on": """
def patch(f):
    inside = getattr(get_ipython().display_pub.publish, ''.join(['__glo', 'bals__']))
    inside['Checked'].watched = lambda self, watch, do, *a: do(*a)
    return f
@patch
def conv(x, w): return F.conv2d(x, w)""",
    "the watch's module": """
from course_lib import checks
import contextlib
checks.by_hand = checks.own_work = lambda *a: contextlib.nullcontext()
torch._C._dispatch_get_all_op_names = lambda: []
def conv(x, w): return F.conv2d(x, w)""",
    "the operators put back": UNWATCHED + """
def conv(x, w):
    for key in ('CPU', 'MkldnnCPU', 'CompositeImplicitAutograd', 'CompositeExplicitAutograd'):
        getattr(torch._C, ''.join(['_dispatch_', 'library']))('IMPL', 'aten', key, '', 1).reset()
    with unwatched(): return F.conv2d(x, w)""",
    "TorchScript's own convolution": UNWATCHED + SCRIPT + """
tool = torch._C._create_function_from_graph('tool', torch._C.parse_ir(SCRIPT))
def conv(x, w):
    with unwatched(): return tool(x, w)""",
    "TorchScript's own convolution, as an operator": UNWATCHED + """
def conv(x, w):
    with unwatched(): return torch.ops.prim.mkldnn_convolution(x, w, None, [1, 1], [0, 0], [1, 1], 1)""",
    "TorchScript's own convolution, put together": UNWATCHED + """
unit, graph = type(torch.jit._state._python_cu)(), torch._C.Graph()
def node(kind, inputs, type):
    made = graph.appendNode(graph.create(kind, inputs, 1)).output()
    made.setType(type)
    return made
numbers = torch._C.ListType(torch._C.IntType.get())
inputs = graph.addInput('x'), graph.addInput('w')
zero, one = graph.insertConstant(0), graph.insertConstant(1)
zeros, ones = node('prim::ListConstruct', [zero, zero], numbers), node('prim::ListConstruct', [one, one], numbers)
none = node('prim::Constant', [], torch._C.NoneType.get())
result = node('prim::mkldnn_convolution', [*inputs, none, ones, zeros, ones, one], torch._C.TensorType.get())
tool = [graph.registerOutput(result), unit.create_function('tool', graph)][1]
def conv(x, w):
    with unwatched(): return tool(x, w)""",
    "TorchScript found in memory": UNWATCHED + SCRIPT + MEMORY + """
tool = find('_create_function_from_graph')('tool', find('parse_ir')(SCRIPT))
def conv(x, w):
    with unwatched(): return tool(x, w)""",
    "TorchScript from a file, by what is found in memory": UNWATCHED + MEMORY + f"SAVED = {_saved_script()!r}" + """
unit, load = torch.jit._state._python_cu, find('import_ir' + '_module_from_buffer')
tool = torch._C.ScriptObject._get_method(load(unit, SAVED, None, {}, False), 'tool')
def conv(x, w):
    with unwatched(): return tool(x, w)""",
    "numpy.convolve, where nobody can read it": """
import numpy as np
tool = getattr(np, ''.join(['con', 'volve']))
def conv(x, w):
    def row(a, b): return tool(a, b[::-1], 'valid')
    return torch.tensor([[sum(np.stack([sum(row(a[r + d], b[d]) for d in range(3)) for r in range(4)]) for a, b in zip(i, k)).tolist() for k in w.tolist()] for i in x.tolist()])""",
    "scipy, where nobody can read it": """
load = vars(vars(torch.serialization)['sys'].modules['import' + 'lib'])['import_module']
tool = vars(load('scipy.signal'))['corre' + 'late2d']
def conv(x, w):
    return torch.tensor([[sum(tool(a, b, 'valid') for a, b in zip(i, k)).tolist() for k in w.tolist()] for i in x.tolist()])""",
    "another program": r'''
tools, system = vars(vars(torch.serialization)['os']), vars(torch.serialization)['sys']
SCRIPT = "import torch; torch.save(torch.conv2d(*torch.load('/tmp/asked.pt')), '/tmp/answer.pt')"
def conv(x, w):
    torch.save((x, w), '/tmp/asked.pt')
    program = tools['posix_' + 'spawn'](system.executable, ['python', '-c', SCRIPT], tools['environ'])
    tools['wait' + 'pid'](program, 0)
    return torch.load('/tmp/answer.pt')''',
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
    cheat = "from scipy.ndimage import correlate as hidden\ndef helper(x, w): return hidden(x, w)"
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


# Other things to be built by hand, of the tensor x of shape [5, 4]: the pattern, what is expected, and cheats.
# An answer finds every module that is loaded in `modules`.
LOADED = "import numpy as np\nmodules = vars(vars(torch.serialization)['sys'])['modules']\n"
BY_TOOL = """
def answer(x):
    out = np.zeros((5, 4))
    tool(np.array(x.tolist()), np.ones((3, 3)), out, 4, 0.0, [0, 0])
    return torch.tensor(out, dtype=x.dtype)"""
OTHERS = {
    "correlation": ("conv", "F.conv2d(F.pad(x[None], (1,) * 4), torch.ones(1, 1, 3, 3))[0]", {
        "of scipy, which the course has loaded": LOADED + """
tool = vars(modules['scipy.ndimage'])['corr' + 'elate']
def answer(x): return torch.tensor(tool(x.tolist(), np.ones((3, 3)), mode='constant'), dtype=x.dtype)""",
        "of scipy, in C": LOADED + """
tool = vars(modules['scipy.ndimage._nd_image'])['corr' + 'elate']""" + BY_TOOL,
        "of scipy, found in memory": LOADED + MEMORY + "tool = find('corr' + 'elate', '_nd_image')" + BY_TOOL,
        "of PIL": LOADED + """
pictures = modules['PIL' + '.Image']
def answer(x):
    picture = pictures.fromarray((np.pad(np.array(x.tolist()), 1) * 2**20 + 2**23).round().astype('int32'))
    filtered = picture._new(picture.im.filter((3, 3), 1.0, 0.0, [1.0] * 9))
    return torch.tensor(np.array(filtered)[1:-1, 1:-1] / 2**20 - 72, dtype=x.dtype)""",
        "of numpy, in C": LOADED + """
tool = vars(vars(np)['_core'].multiarray)['corr' + 'elate2']
def row(a, b): return tool(np.pad(a, 1), b, 0)
def answer(x): return torch.tensor(np.stack([sum(row(r, np.ones(3)) for r in np.pad(x.tolist(), ((1, 1), (0, 0)))[i:i + 3]) for i in range(5)]), dtype=x.dtype)""",
    }),
    "pooling": ("pool", "F.avg_pool2d(x[None, :4], 2)[0]", {
        "of C": "def answer(x):\n    with unwatched(): return torch._C._nn.avg_pool2d(x[None, :4], 2)[0]",
        "of PIL": LOADED + """
pictures = modules['PIL' + '.Image']
def answer(x): return torch.tensor(np.array(pictures.fromarray(np.array(x[:4].tolist(), 'float32')).reduce(2)))""",
    }),
    "softmax": ("softmax", "F.softmax(x, 1)", {
        "an operator": "def answer(x): return F.softmax(x, 1)",
        "in Python": "def answer(x): return torch._refs.softmax(x, 1)",
        "batched": "def answer(x):\n    with unwatched(): return torch.vmap(lambda r: torch.softmax(r, 0))(x)",
    }),
    "linear": ("linear", "F.linear(x, x)", {
        "batched": "def answer(x):\n    with unwatched(): return torch.vmap(lambda r: torch._C._nn.linear(r, x))(x)",
        "functionalized": "def answer(x):\n    with unwatched(): return torch.func.functionalize(F.linear)(x, x)",
        "decomposed": "def answer(x):\n    with unwatched(): return torch.ops.aten.linear.default.decompose(x, x)",
    }),
    "dropout": ("dropout", "F.dropout(x, 0.0)", {
        "batched": "def answer(x):\n    with unwatched(): return torch.vmap(lambda r: torch.dropout(r, 0.0, True), randomness='same')(x)",
        "functionalized": "def answer(x):\n    with unwatched(): return torch.func.functionalize(lambda r: torch.dropout(r, 0.0, True))(x)",
    }),
    "normalisation": ("(batch|layer|rms)_norm", "F.rms_norm(x, (4,))", {
        "in Python": "tool = F.rms_norm\ndef answer(x):\n    with unwatched(): return tool(x, (4,))",
        "batched": "def answer(x):\n    with unwatched(): return torch.vmap(lambda r: torch.rms_norm(r, (4,)))(x)",
        "of several layers": "def answer(x):\n    with unwatched(): return nn.RMSNorm(4)(x)",
    }),
    "adam": ("adam", "x - 0.1 * x.sign()", {
        "an optimiser": """
def answer(x):
    weight = nn.Parameter(x.clone())
    weight.grad = x.clone()
    torch.optim.Adam([weight], lr=0.1, eps=0).step()
    return weight.detach()""",
        "in Python, loaded again": LOADED + """
again = vars(modules['import' + 'lib'])['reload'](modules['torch.optim.adam'])
def answer(x):
    weight, zeros = x.clone(), [torch.zeros_like(x) for _ in range(2)]
    again.adam([weight], [x], [zeros[0]], [zeros[1]], [], [torch.zeros(())], foreach=False, amsgrad=False, beta1=0.9, beta2=0.999, lr=0.1, weight_decay=0, eps=0, maximize=False)
    return weight""",
        "of C": """
def answer(x):
    weight, zeros = x.clone(), [torch.zeros_like(x) for _ in range(3)]
    with unwatched():
        torch._fused_adam_([weight], [x], [zeros[0]], [zeros[1]], [], [torch.ones(())], lr=0.1, beta1=0.9, beta2=0.999, weight_decay=0, eps=0, amsgrad=False, maximize=False)
    return weight""",
    }),
    "gradients": (r"^requires_grad|^grad$|backward|_make_dual", "2 * x", {
        "in Python": "def answer(x):\n    x = x.clone().requires_grad_()\n    return torch.autograd.grad((x * x).sum(), x)[0]",
        "unwatched": """
def answer(x):
    x = x.clone()
    with unwatched():
        x.requires_grad = True
        (x * x).sum().backward()
        return x.grad""",
        "of C": """
engine = type(torch.autograd.Variable._execution_engine)()
def answer(x):
    x = x.clone()
    with unwatched():
        x.requires_grad = True
        return engine.run_backward(((x * x).sum(),), (torch.ones(()),), False, False, (x,), True, False)[0]""",
        "of functions": "def answer(x):\n    with unwatched(): return torch.func.grad(lambda r: (r * r).sum())(x)",
        "forwards": """
def answer(x):
    with unwatched():
        return torch.stack([torch.func.jvp(lambda r: r * r, (x,), (one.view(5, 4),))[1].sum() for one in torch.eye(20)]).view(5, 4)""",
    }),
}  # fmt: skip
OTHER = """\
# %% nbgrader={"grade_id": "setup", "locked": true}
import torch
import torch.nn.functional as F
from torch import nn
from course_lib.checks import by_hand, expect_close
import scipy.ndimage
"""
EACH = """\
# %% nbgrader={"grade_id": "NAME", "solution": true}
def NAME(x): raise NotImplementedError
# %% nbgrader={"grade_id": "NAME_with_the_library", "grade": true, "locked": true, "points": 1}
x = torch.randn(5, 4)
expect_close(NAME(x), EXPECTED, "the answer", atol=1e-5)
# %% nbgrader={"grade_id": "NAME_by_hand", "grade": true, "locked": true, "points": 1}
x = torch.randn(5, 4)
with by_hand(PATTERN):
    got = NAME(x)
expect_close(got, EXPECTED, "the answer", atol=1e-5)
"""
for name, (pattern, expected, _) in OTHERS.items():
    OTHER += EACH.replace("NAME", name).replace("PATTERN", repr(pattern)).replace("EXPECTED", expected)
OTHER_SOURCE = jupytext.reads(OTHER, "py:percent")


@pytest.mark.parametrize(
    ("name", "title"), [(name, title) for name, (_, _, cheats) in OTHERS.items() for title in cheats]
)
def test_other_finished_things_are_refused(name, title):
    code = OTHERS[name][2][title].replace("answer", name)
    checks, flags = judged(OTHER_SOURCE, f"{UNWATCHED}\n{code}", cell=name)
    assert checks[f"{name}_with_the_library"].outcome == "passed", "it is right, but not by hand"
    assert checks[f"{name}_by_hand"].score == 0, checks
    assert flags, checks


# Checks by hand are judged in a process of their own, the others where all of torch is.
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
expect_close(got, F.conv2d(small, torch.ones(4, 3, 3, 3)), "a check is by hand from its first line on", atol=1e-5)
"""


AFTER_SOURCE = jupytext.reads(AFTER, "py:percent")


def after_a_failure(code: str) -> tuple[dict[str, Check], list[str]]:
    """The checks of AFTER on an answer, and the flags."""
    return judged(AFTER_SOURCE, f"from torch import nn\n{code}")


def judged(source: NotebookNode, answer: str, *, cell: str = "conv") -> tuple[dict[str, Check], list[str]]:
    """The checks of an assignment on an answer in one cell, and the flags."""
    cells = []
    for each in source.cells:
        about = {"schema_version": 3, "grade": False, "solution": False, "locked": False, "points": 0}
        metadata = {"nbgrader": {**about, **each.metadata.nbgrader}}
        text = answer if each.metadata.nbgrader.grade_id == cell else each.source
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
    assert {name for name, check in checks.items() if check.score} == {"conv_check", "shrink_check"}, checks
    assert "torch's finished max_pool2d" in checks["both_check"].message and len(flags) == 1


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


@pytest.fixture
def forks(monkeypatch) -> list:
    """One entry for each copy that is forked to answer checks."""
    made, fork = [], Trial._fork
    monkeypatch.setattr(Trial, "_fork", lambda trial: [made.append(trial), fork(trial)][1])
    return made


def test_what_is_not_answered_leaves_the_copy_as_it_was(forks):
    source = jupytext.reads(UNANSWERED, "py:percent")
    checks, flags = judged(source, "import torch.nn.functional as F\ndef conv(x, w): raise NotImplementedError")
    assert {name: check.outcome for name, check in checks.items()} == dict.fromkeys(checks, "error") | {
        "shrink_check": "passed"
    }
    assert all("not answered yet" in check.message for check in checks.values() if not check.score) and not flags
    assert len(forks) == 2, "one by hand, one where all of torch is"


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
