"""Honest noise: what careful students do, and what must not cost them a point."""

import pytest

ANSWERS = {
    "warnings": {"double": "import warnings\ndef double(x):\n    warnings.warn('doubling')\n    return x + x"},
    "a progress bar": {"double": "from tqdm.auto import tqdm\ndef double(x):\n    for _ in tqdm(range(3)): pass\n    return 2 * x"},
    "prints": {"double": "def double(x):\n    print('x is', x)\n    import sys; print('err', file=sys.stderr, flush=True)\n    return 2 * x"},
    "plots": {"stats": "import matplotlib.pyplot as plt\ndef stats(x):\n    plt.plot(x); plt.show()\n    return x.mean(), {'std': x.std(), 'n': len(x)}"},
    "slow but right": {"counter": "import time\ndef counter(n):\n    time.sleep(1)\n    yield from [i * i for i in range(n)]"},
    "inputs changed and restored": {"double": "def double(x):\n    if torch.is_tensor(x):\n        x += 1; x -= 1\n        x = x.clone(); x *= 2\n        return x\n    return 2 * x"},
    "type hints": {"double": "from __future__ import annotations\nfrom typing import TypeVar\nT = TypeVar('T')\ndef double(x: T) -> T:\n    return x + x"},
    "lru_cache": {"counter": "from functools import lru_cache\n@lru_cache\ndef square(i): return i ** 2\ndef counter(n): return map(square, range(n))"},
    "closures": {"double": "def times(n):\n    def f(x): return n * x\n    return f\ndouble = times(2)"},
    "partial": {"double": "from functools import partial\nimport operator\ndouble = partial(operator.mul, 2)"},
    "recursion": {"counter": "def counter(n): return [] if n == 0 else [*counter(n - 1), (n - 1) ** 2]"},
    "a callable object": {"double": "class Double:\n    def __call__(self, x): return x * 2\ndouble = Double()"},
    "an iterator class": {"counter": "class counter:\n    def __init__(self, n): self.n, self.i = n, -1\n    def __iter__(self): return self\n    def __next__(self):\n        self.i += 1\n        if self.i == self.n: raise StopIteration\n        return self.i ** 2"},
    "numpy inside": {"stats": "import numpy as np\ndef stats(x):\n    a = x.numpy()\n    return torch.tensor(a.mean()), {'std': torch.tensor(a.std(ddof=1)), 'n': int(np.size(a))}"},
    "a function of autograd's": {"net": "class Relu(torch.autograd.Function):\n    @staticmethod\n    def forward(ctx, x):\n        ctx.save_for_backward(x)\n        return x.clamp(min=0)\n    @staticmethod\n    def backward(ctx, g):\n        (x,) = ctx.saved_tensors\n        return g * (x > 0)\nclass Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.a, self.b = nn.Linear(4, 8), nn.Linear(8, 3)\n    def forward(self, x): return self.b(Relu.apply(self.a(x)))"},
    "torch.func": {"double": "from torch.func import vmap, grad\ndef double(x):\n    if torch.is_tensor(x): return vmap(grad(lambda t: t * t))(x)\n    return 2 * x"},
    "parameters by hand": {"net": "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.w1 = nn.Parameter(torch.randn(4, 8) / 2); self.b1 = nn.Parameter(torch.zeros(8))\n        self.w2 = nn.Parameter(torch.randn(8, 3) / 2); self.b2 = nn.Parameter(torch.zeros(3))\n    def forward(self, x): return (x @ self.w1 + self.b1).relu() @ self.w2 + self.b2"},
    "a lambda": {"double": "double = lambda x: x * 2"},
    "asserts and errors caught": {"double": "def double(x):\n    assert x is not None\n    try: raise ValueError\n    except ValueError: return 2 * x"},
    "a double layer of the library": {"net": "Net = lambda: nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 3))"},
}  # fmt: skip
CELLS = {
    "magics": "%matplotlib inline\n%timeit -n1 -r1 sum(range(10))\n%time 1 + 1",
    "a cell magic": "%%time\nz = sum(range(100))",
    "captured": "%%capture out\nprint('hello')",
    "the shell": "!echo hello\nfiles = !ls /\nassert files",
    "bash": "%%bash\necho hello from bash >&2\necho and out",
    "pip": "%pip list\n!pip install nothing-like-this || true",
    "help": "torch.relu?\nhelp(len)",
    "a plot": "import matplotlib.pyplot as plt\nplt.imshow(torch.rand(8, 8)); plt.title('noise'); plt.show()",
    "widgets": "import ipywidgets\nipywidgets.IntSlider()",
    "html": "from IPython.display import HTML, display\ndisplay(HTML('<b>bold</b>'))",
    "an error in a scratch cell": "1 / 0",
    "a mistake": "undefined_name",
    "loaders with workers": "from torch.utils.data import DataLoader, TensorDataset\nset_ = TensorDataset(torch.rand(8, 4), torch.arange(8))\nassert sum(len(y) for _, y in DataLoader(set_, 2, num_workers=2, shuffle=True)) == 8",
    "processes": "import multiprocessing as mp\ndef f(x):\n    print('in the pool', x)\n    return x * x\nwith mp.get_context('fork').Pool(2) as pool: assert pool.map(f, [1, 2]) == [1, 4]",
    "threads": "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor(4) as pool: assert list(pool.map(abs, [-1, 2])) == [1, 2]\ntorch.set_num_threads(4)\ntorch.rand(300, 300) @ torch.rand(300, 300)",
    "files": "torch.save(torch.rand(3), 'w.pt')\nassert torch.load('w.pt').shape == (3,)\nimport tempfile; tempfile.mkdtemp()",
    "await": "import asyncio\nawait asyncio.sleep(0.01)",
    "a small program": "import subprocess, sys\nassert subprocess.run([sys.executable, '-c', 'print(1)'], capture_output=True).stdout == b'1\\n'",
    "comparing with the library": "from course_lib.checks import by_hand\nprint(F.conv2d(torch.ones(1, 1, 3, 3), torch.ones(1, 1, 2, 2)))",
    "training": "m = nn.Linear(4, 1); o = torch.optim.Adam(m.parameters())\nfor _ in range(5):\n    loss = m(torch.rand(8, 4)).pow(2).mean(); o.zero_grad(); loss.backward(); o.step()",
    "sys.modules and gc": "import sys, gc\nprint(len(sys.modules)); gc.collect(); type(1).__class__",
}  # fmt: skip
BY_HAND = {
    "compared with the library in its own cell": "def conv(x, w): return (w.flatten(1) @ F.unfold(x, 3)).view(2, 4, 4, 3)\nx, w = torch.rand(2, 3, 6, 5), torch.rand(4, 3, 3, 3)\nassert torch.allclose(conv(x, w), F.conv2d(x, w), atol=1e-5)",
    "below a magic": "%%time\ndef conv(x, w): return (w.flatten(1) @ F.unfold(x, 3)).view(2, 4, 4, 3)",
    "after a line magic": "%matplotlib inline\n!ls /\n\ndef conv(x, w): return (w.flatten(1) @ F.unfold(x, 3)).view(2, 4, 4, 3)",
    "with a list that a loop fills": "places = []\nfor i in range(3):\n    for j in range(3): places.append((i, j))\ndef conv(x, w): return sum(torch.einsum('bchv,oc->bohv', x[:, :, i:i + 4, j:j + 3], w[:, :, i, j]) for i, j in places)",
    "with a dict, by setdefault": "tools = {}\ntools.setdefault('windows', lambda x: x.unfold(2, 3, 1).unfold(3, 3, 1))\ndef conv(x, w): return torch.einsum('bchvij,ocij->bohv', tools['windows'](x), w)",
    "with a function that fills what it is given": "def fill(table): table['size'] = 3\ntable = dict()\nfill(table)\ndef conv(x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, table['size'], 1).unfold(3, 3, 1), w)",
    "as a method of a class": "class Layer:\n    size = 3\n    def __call__(self, x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, self.size, 1).unfold(3, 3, 1), w)\nLayer.size += 0\nconv = Layer()",
    "as a module with a parameter": "class Layer(nn.Module):\n    def __init__(self):\n        super().__init__()\n        self.scale = nn.Parameter(torch.ones(()))\n    def forward(self, x, w): return self.scale * torch.einsum('bchvij,ocij->bohv', x.unfold(2, 3, 1).unfold(3, 3, 1), w)\nconv = Layer()",
    "decorated, on one line": "import functools; counted = []\ndef count(f):\n    @functools.wraps(f)\n    def g(*a): counted.append(1); return f(*a)\n    return g\n@count\n@torch.no_grad()\ndef conv(x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, 3, 1).unfold(3, 3, 1), w)",
    "in a try": "try:\n    import no_such_package\nexcept ImportError:\n    def conv(x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, 3, 1).unfold(3, 3, 1), w)",
    "written twice": "def conv(x, w): return F.conv2d(x, w)\nreference = conv\ndef conv(x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, 3, 1).unfold(3, 3, 1), w)",
    "with numpy's helpers": "import numpy as np\nsize = int(np.sqrt(9))\ndef conv(x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, size, 1).unfold(3, size, 1), w)",
    "with einops": "from einops import einsum, rearrange\ndef conv(x, w): return einsum(x.unfold(2, 3, 1).unfold(3, 3, 1), w, 'b c h v i j, o c i j -> b o h v')",
    "with modules of Python that are not loaded yet": "import colorsys, sched, zoneinfo, fractions, cmath, array\nsize = int(cmath.sqrt(9).real)\ndef conv(x, w): return torch.einsum('bchvij,ocij->bohv', x.unfold(2, size, 1).unfold(3, 3, 1), w)",
}  # fmt: skip
MAY_FAIL = {"pip", "an error in a scratch cell", "a mistake", "widgets"}


@pytest.mark.parametrize("answers", ANSWERS.values(), ids=ANSWERS)
def test_right_answers_of_many_kinds_keep_all_their_points(grader, answers):
    grader.right(answers)


@pytest.mark.parametrize("names", [list(CELLS)[start : start + 7] for start in range(0, len(CELLS), 7)], ids=", ".join)
def test_what_people_write_between_their_answers(grader, names):
    judged = grader.right({}, *(CELLS[name] for name in names))
    for name in names:
        (cell,) = [cell for cell in judged.notebook.cells if cell.source == CELLS[name]]
        errors = [output.evalue for output in cell.outputs if output.output_type == "error"]
        assert not errors or name in MAY_FAIL, (name, errors, cell.outputs)


@pytest.mark.parametrize("code", BY_HAND.values(), ids=BY_HAND)
def test_work_by_hand_of_many_kinds_keeps_all_its_points(grader, code):
    judged = grader.right({"conv": code})
    assert not any("by hand" in flag for flag in judged.verdict.flags), judged.verdict.flags
