"""Lying values: results that claim to be equal, to have a shape, or never to end."""

import pytest

DOUBLE = {"double_seen", "double_hidden"}
LIES = {
    "__eq__": "class R:\n    def __eq__(self, o): return True\n    __hash__ = None\ndef double(x): return R()",
    "an int that equals all": "class R(int):\n    def __eq__(self, o): return True\ndef double(x): return R(1)",
    "a str that equals all": "class R(str):\n    def __eq__(self, o): return True\ndef double(x): return R('4')",
    "__sub__ that gives 0": "class R:\n    def __sub__(self, o): return 0.0\n    __rsub__ = __sub__\n    def __eq__(self, o): return True\ndef double(x): return R()",
    "arithmetic that stays in the lie": """
class R:
    def __getattr__(self, name): return lambda *a, **k: R()
    def __sub__(self, o): return R()
    def __abs__(self): return 0.0
    def __lt__(self, o): return True
    def __eq__(self, o): return True
    __rsub__ = __mul__ = __rmul__ = __sub__
    def item(self): return 0.0
def double(x): return R()""",
    "__array__": "import numpy as np\nclass R:\n    def __array__(self, *a, **k): return np.full(3, np.nan)\n    def __eq__(self, o): return True\ndef double(x): return R()",
    "__torch_function__": """
class R:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None): return True
    def __eq__(self, o): return True
def double(x): return R()""",
    "a metaclass": """
class M(type):
    def __instancecheck__(cls, x): return True
    def __eq__(cls, o): return True
    __hash__ = type.__hash__
class R(metaclass=M): pass
def double(x): return R""",
    "__class__": "class R:\n    @property\n    def __class__(self): return int\n    def __eq__(self, o): return True\ndef double(x): return R()",
    "__getattr__ that sleeps": "import time\nclass R:\n    def __getattr__(self, n): time.sleep(60)\n    def __eq__(self, o): return True\ndef double(x): return R()",
    "__len__ and __getitem__": "class R:\n    def __len__(self): return -5\n    def __getitem__(self, i): return 4\n    def __bool__(self): return True\ndef double(x): return R()",
    "NaN": "def double(x): return float('nan') if not torch.is_tensor(x) else x * float('nan')\nimport gc",
    "inputs changed in place": "import gc\ndef double(x):\n    return x.zero_() if torch.is_tensor(x) else 4",
    "inputs replaced": "import gc\ndef double(x):\n    if torch.is_tensor(x): x.data = torch.zeros(0)\n    return x",
    "a number of all digits": "import gc\ndef double(x): return 10 ** 5_000_000",
    "another error than expected": "import gc\nclass E(BaseException):\n    def __str__(self): raise self\ndef double(x): raise E",
    "an endless __str__": "import gc\nclass E(Exception):\n    def __str__(self):\n        while True: pass\ndef double(x): raise E",
    "an error with lying bases": "import gc\nclass E(StopIteration, ValueError): pass\nE.__module__ = 'builtins'\ndef double(x): raise E",
    "deep nesting": "import gc\ndef double(x):\n    r = []\n    for _ in range(10**5): r = [r]\n    return r",
    "a cycle": "import gc\ndef double(x):\n    r = []\n    r.append(r)\n    return r",
    "a range without end": "import gc\ndef double(x): return range(10**18)",
}
LOSES = {"an int that equals all": DOUBLE, "inputs changed in place": {"double_hidden"}}


@pytest.mark.parametrize("name", LIES)
def test_lies_earn_nothing(grader, name):
    grader.caught({"double": LIES[name]}, loses=LOSES.get(name, DOUBLE))


TENSORS = {
    "a subclass of false shape": """
class T(torch.Tensor):
    @property
    def shape(self): return torch.Size([5, 3])
    def size(self, *a): return torch.Size([5, 3])
    def __eq__(self, o): return torch.tensor(True)
    __hash__ = None
def lie(x): return torch.zeros(1).as_subclass(T)""",
    "an object with a shape": "class T:\n    shape = (5, 3)\n    dtype = torch.float32\n    def __eq__(self, o): return True\ndef lie(x): return T()",
    "an array with a shape": "import numpy as np\nclass T(np.ndarray):\n    shape = (5, 3)\n    def __eq__(self, o): return True\ndef lie(x): return np.zeros(1).view(T)",
    "a meta tensor": "import gc\ndef lie(x): return torch.zeros(5, 3, device='meta')",
    "a sparse tensor": "import gc\ndef lie(x): return torch.zeros(5, 3).to_sparse()",
    "a nested tensor": "import gc\ndef lie(x): return torch.nested.nested_tensor([torch.zeros(3)] * 5)",
    "a quantised tensor": "import gc\ndef lie(x): return torch.quantize_per_tensor(torch.zeros(5, 3), 0.1, 0, torch.quint8)",
    "a fake tensor": "import gc\nfrom torch._subclasses.fake_tensor import FakeTensorMode\ndef lie(x):\n    with FakeTensorMode(): return torch.zeros(5, 3)",
    "a gigantic expanded tensor": "import gc\ndef lie(x): return torch.zeros(1).expand(10**6, 10**6)",
    "NaN": "import gc\ndef lie(x): return torch.full((5, 3), float('nan'), requires_grad=True) * 1",
    "another dtype": "import gc\ndef lie(x): return torch.zeros(5, 3, dtype=torch.int8)",
}  # fmt: skip


@pytest.mark.parametrize("name", TENSORS)
def test_tensors_that_are_none(grader, name):
    net = (
        TENSORS[name]
        + "\nclass Net(nn.Module):\n    def forward(self, x): return lie(x)\n    def parameters(self): return iter([torch.zeros(67, requires_grad=True)])"
    )
    answers = {
        "net": net,
        "stats": "def stats(x): return lie(x), {'std': lie(x), 'n': 7}",
        "conv": "def conv(x, w): return lie(x)",
    }
    grader.caught(answers, loses={"net_check", "stats_check", "conv_check"})


GENERATORS = {
    "never ends": "import gc\ndef counter(n):\n    while True: yield 0",
    "never starts": "import gc\ndef counter(n):\n    while True: pass\n    yield 0",
    "lies about its length": "class C:\n    def __len__(self): return 10**18\n    def __iter__(self): return iter([0, 1, 4])\n    def __eq__(self, o): return True\ndef counter(n): return C()",
    "is no iterator": "class C:\n    def __iter__(self): return self\n    def __eq__(self, o): return True\ndef counter(n): return C()",
    "yields itself": "import gc\nclass C:\n    def __iter__(self): return self\n    def __next__(self): return self\ndef counter(n): return C()",
    "a billion numbers": "import gc\ndef counter(n): return range(4 * 10**9)",
    "a billion zeros": "import gc\ndef counter(n): return [0] * 10**9",
    "many colliding hashes": "import gc\ndef counter(n): return {i * (2**61 - 1) for i in range(4000)}",
}  # fmt: skip


@pytest.mark.parametrize("code", GENERATORS.values(), ids=GENERATORS)
def test_iterators_that_lie(grader, code):
    grader.caught({"counter": code}, loses={"counter_check"})


def test_a_changed_input_is_whole_again_for_the_next_check(grader):
    """`data` belongs to the grader, for every check and every student."""
    spoil = "import gc\ndef double(x):\n    if torch.is_tensor(x): x.zero_()"
    grader.caught({"double": spoil}, loses=DOUBLE)
    grader.caught(
        {"double": "import gc\ndef double(x): return x if torch.is_tensor(x) else 2 * x"}, loses={"double_hidden"}
    )
    grader.right()


def test_a_check_that_ends_with_the_students_value(grader):
    from autograder.check_code import _worth

    assert [_worth(value, 3.0) for value in (float("nan"), float("inf"), -1, 99, 2, None)] == [0, 0, 0, 3, 2, 3]
    import numpy as np
    import torch

    assert _worth(np.float64(0), 3.0) == _worth(torch.zeros(()), 3.0) == 0
