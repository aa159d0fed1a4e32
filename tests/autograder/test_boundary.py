"""What a check may do with a student's names, in ordinary assert style."""

import socket
from contextlib import contextmanager

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.sandbox.inside import wire
from autograder.sandbox.launch import Limits, Zygote
from autograder.sandbox.session import Gone, Session
from autograder.verdict import GraderError
from course_lib import checks
from course_lib.checks import by_hand, expect_close, expect_equal, expect_error, gradients, in_place, own_work

PREAMBLE = """
import collections, dataclasses
import numpy as np, torch, torch.nn.functional as F, matplotlib.pyplot as plt
from torch import nn
"""


@pytest.fixture(scope="module")
def zygote():
    with Zygote() as zygote:
        yield zygote


@pytest.fixture
def student(zygote):
    """`with student(code) as names`: names.f is the student's f, as a check sees it."""

    @contextmanager
    def run(code, seconds=20, forbidden=""):
        container = zygote.container(Limits(), 0, forbidden)
        wire.send(container.link, {"cell": PREAMBLE + code})
        header, said = {}, []
        while "done" not in header:
            header, _, _ = wire.receive(container.link, until=wire.Deadline(60))
            said.append(header)
        assert header["done"], said
        ours, theirs = socket.socketpair()
        wire.send(container.link, {"check": True}, fds=[theirs.fileno()])
        theirs.close()
        wire.receive(container.link, until=wire.Deadline(60))
        session = Session(ours, wire.Deadline(seconds))
        session.begin(1)

        class Names:
            def __getattr__(self, name):
                return session.ask("name", name)

        names = Names()
        names.session = session
        torch.manual_seed(3)
        try:
            with checks.watched_elsewhere():
                yield names
        finally:
            container.close()
            ours.close()

    return run


VALUES = [
    "None", "True", "7", "-(10**40)", "2.5", "float('inf')", "1 + 2j", "'Zoë\\n\\ud800'.encode('utf-8', 'replace').decode()",
    "b'ab'", "[1, (2, 'x'), {3}]", "{'a': [1.5], 2: None}", "frozenset({1})", "range(3, 9, 2)", "slice(1, None)",
    "torch.Size([2, 3])", "torch.float16", "torch.device('cpu')", "...", "collections.OrderedDict(a=1)",
]  # fmt: skip


@pytest.mark.parametrize("expression", VALUES)
def test_plain_values_arrive_as_they_are(student, expression):
    import collections

    expected = eval(expression, {"torch": torch, "collections": collections})
    with student(f"value = {expression}") as names:
        assert names.value == expected
        assert type(names.value) in (type(expected), dict)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "bfloat16", "float32", "float64", "complex64"])
def test_tensors_and_arrays_arrive_exactly(student, dtype):
    code = (
        f"t = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(torch.{dtype}).T\nempty = torch.empty(0, 3, dtype=torch.{dtype})"
    )
    with student(code + "\na = np.arange(6.).reshape(2, 3)[:, ::-1]\ns = np.float32(0.5)") as names:
        expected = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, dtype)).T
        assert type(names.t) is torch.Tensor and names.t.dtype == expected.dtype and torch.equal(names.t, expected)
        assert names.empty.shape == (0, 3)
        assert names.a.tolist() == [[2, 1, 0], [5, 4, 3]] and names.a.dtype == "float64"
        assert names.s == 0.5 and names.s.dtype == "float32"


def test_functions_with_several_results(student):
    with student(
        "def stats(x, *, unbiased=False):\n    return x.mean(), {'std': x.std(unbiased=unbiased), 'n': len(x)}"
    ) as names:
        x = torch.randn(10)
        mean, more = names.stats(x, unbiased=True)
        expect_close(mean, x.mean(), "the mean", atol=1e-6)
        assert more["n"] == 10
        assert names.stats.__name__ == "stats"


def test_exceptions_keep_their_kind_and_their_words(student):
    code = (
        "class Mine(ValueError): pass\n"
        "def f(x):\n    if x < 0: raise Mine('x is negative, give a positive one')\n    return 1 / x\n"
    )
    with student(code) as names:
        expect_error(ValueError, names.f, -1)
        with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
            names.f(0)
        assert caught.value.line is not None
        assert issubclass(names.Mine, Exception)
        assert names.f(2) == 0.5


def test_iterators_are_bounded(student):
    code = (
        "def count():\n    n = 0\n    while True:\n        yield n\n        n += 1\ndef three():\n    yield from 'abc'"
    )
    with student(code) as names:
        assert list(names.three()) == ["a", "b", "c"]
        assert [n for n, _ in zip(names.count(), range(5))] == [0, 1, 2, 3, 4]
        assert next(names.count()) == 0
        with pytest.raises(AssertionError, match="is there an end"):
            list(names.count())


def test_generators_take_one_step_at_a_time(student):
    code = "seen = []\ndef steps():\n    for n in range(3):\n        seen.append(n)\n        yield n\ndef done(): return len(seen)"
    with student(code) as names:
        steps = names.steps()
        for n in steps:
            assert names.done() == n + 1
            if n == 1:
                break
        assert list(steps) == [2]


NET = """
class Net(nn.Module):
    def __init__(self, classes=3):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU())
        self.head = nn.Linear(8, classes)
        self.drop = nn.Dropout(0.5)
    def forward(self, x):
        return self.head(self.drop(self.body(x)))
class Base: pass
class Derived(Base): pass
trained = Net().eval()
"""


def test_modules(student):
    with student(NET) as names:
        net = names.Net(classes=2)
        assert isinstance(net, nn.Module) and issubclass(names.Net, nn.Module) and isinstance(net, names.Net)
        assert issubclass(names.Derived, names.Base) and not issubclass(names.Base, names.Derived)
        assert isinstance(net.head, nn.Linear) and not isinstance(net.head, nn.Conv2d)
        assert sum(p.numel() for p in net.parameters()) == 4 * 8 + 8 + 16 + 8 * 2 + 2
        assert [name for name, _ in net.named_parameters()][-1] == "head.bias"
        assert net.head.weight is next(p for p in net.parameters() if p.shape == (2, 8))
        assert isinstance(net.head.weight, nn.Parameter)
        assert net.training is True and net.eval().training is False
        x = torch.randn(5, 4)
        expect_equal(tuple(net(x).shape), (5, 2), "the logits")
        twin = nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2)).eval()
        state = {k.replace("body.", "").replace("head", "3"): v for k, v in net.state_dict().items()}
        twin.load_state_dict(state)
        expect_close(net(x), twin(x), "a twin", atol=1e-6)
        net.load_state_dict({k: torch.zeros_like(v) for k, v in net.state_dict().items()})
        assert not net.head.weight.any(), "what load_state_dict changed shows in parameters held here"
        assert not net(x).any()
        assert type(net).__name__ == "Net"
        assert names.trained.training is False


def test_parameters_come_in_one_go(student):
    with student(NET) as names:
        net, asked, ask = names.Net(), [], names.session.ask
        names.session.ask = lambda do, *arguments, **options: [asked.append(do), ask(do, *arguments, **options)][1]
        everything = list(net.parameters())
        assert asked == ["get", "call", "iterate"] and len(everything) == 6
        walk = net.named_parameters()
        assert next(walk)[0] == "body.0.weight"
        assert next(iter(walk))[0] == "body.0.bias"
        assert [name for name, _ in walk][-1] == "head.bias", "what is left after some were taken"
        assert list(walk) == []


def test_walks_begin_again_where_they_do_in_a_notebook(student):
    code = "class Layers:\n    def __init__(self): self.net, self.once = Net(), Net().children()\n    def __iter__(self): return self.net.children()\n"
    with student(NET + code) as names:
        layers = names.Layers()
        assert len(list(layers)) == len(list(layers)) == 3, "a new iterator each time"
        assert isinstance(next(iter(layers.once)), nn.Sequential)
        assert len(list(layers.once)) == 2, "the same generator, asked for twice"


def test_gradients_stay_where_nobody_holds_the_network(student):
    code = "class Holder:\n    def __init__(self): self.net = Net().eval()\n"
    with student(NET + code) as names:
        holder = names.Holder()
        holder.net(torch.ones(2, 4)).sum().backward()
        assert holder.net.head.bias.grad.tolist() == [2, 2, 2]


def test_gradients_cross_without_the_values_too(student):
    code = "def total(net): return sum(p.sum() for p in net.parameters())\ndef bare(net): return [p.grad is None for p in net.parameters()]\n"
    with student(NET + code) as names:
        net = names.Net().eval()
        before = names.total(net).item()
        net(torch.ones(2, 4)).sum().backward()
        assert not any(names.bare(net)), "gradients of this side are seen on the other"
        for p in net.parameters():
            p.grad = None
        assert all(names.bare(net)) and names.total(net).item() == before
        with torch.no_grad():
            net.head.bias += 1
        assert names.total(net).item() == pytest.approx(before + 3, abs=1e-4)


def test_a_check_trains_the_students_network(student):
    with student(NET) as names:
        net, x, y = names.Net(), torch.randn(16, 4), torch.arange(16) % 3
        net.eval()
        optimizer = torch.optim.Adam(net.parameters(), lr=0.05)
        first = None
        for _ in range(30):
            loss = F.cross_entropy(net(x), y)
            first = first or loss.item()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        assert loss < first / 2
        net.zero_grad()
        assert all(p.grad is None for p in net.parameters()), "zero_grad reaches the gradients held here"
        net.double()
        assert net.head.weight.dtype == torch.float64


def test_gradients_cross(student):
    code = (
        "def f(x, w): return (x * w).sum(1) + x.pow(2).sum(1)\n"
        "def cut(x): return x.detach() * 2\n"
        "def unused(x, w): return x * 2\n"
    )
    with student(code) as names:
        x, w, up = torch.randn(3, 4).double(), torch.randn(4).double(), torch.randn(3).double()
        of_x, of_w = gradients(names.f, x, w, upstream=up)
        expect_close(of_x, up[:, None] * (w + 2 * x), "the gradient of x")
        expect_close(of_w, (up[:, None] * x).sum(0), "the gradient of w")
        with pytest.raises(AssertionError, match="cut off from its inputs"):
            gradients(names.cut, x, upstream=torch.ones_like(x))
        with pytest.raises(AssertionError, match="cut off from input 2"):
            gradients(names.unused, x, w, upstream=torch.ones_like(x))
        leaf = torch.ones(2, 3).double().requires_grad_()
        twice = names.f(names.unused(leaf, None), torch.ones(3).double())  # 2x, then 2x + 4x²
        twice.sum().backward()
        expect_close(leaf.grad, torch.full((2, 3), 2.0 + 8).double(), "through two calls")
        with torch.no_grad():
            assert not names.f(leaf, torch.ones(3).double()).requires_grad


def test_changes_in_place_come_back(student):
    code = "def spoil(x, items):\n    x += 1\n    return x\ndef step(p, lr):\n    with torch.no_grad(): p -= lr * p.grad\n    p.grad = None"
    with student(code) as names:
        x = torch.zeros(3)
        with pytest.raises(AssertionError, match="changes a tensor that it was given"):
            names.spoil(x, [1])  # else what this check computes from x below would be the student's choice
        assert x.tolist() == [0, 0, 0]
        with in_place():
            assert names.spoil(x, [1]) is x
        assert x.tolist() == [2, 2, 2]
        p = nn.Parameter(torch.ones(2))
        (p * 3).sum().backward()
        names.step(p, 0.5)
        assert p.tolist() == [-0.5, -0.5] and p.grad is None


def test_functions_of_the_check_are_called_back(student):
    code = "def slope(f, x, h=1e-6):\n    return (f(x + h) - f(x - h)) / (2 * h)\ndef apply(f, x): return f(x)\ndef run(m, x): return m(x)"
    with student(code) as names:
        assert abs(names.slope(lambda x: x**2, 3.0) - 6) < 1e-6
        assert torch.equal(names.apply(F.relu, torch.tensor([-1.0, 1.0])), torch.tensor([0.0, 1.0]))
        layer = nn.Linear(2, 1)
        out = names.run(layer, torch.ones(1, 2))
        expect_close(out, layer(torch.ones(1, 2)), "a layer of the check", atol=1e-6)
        out.sum().backward()
        assert layer.weight.grad.tolist() == [[1, 1]]


def test_randomness_follows_the_checks_seed(student):
    with student("def noise(n): return torch.rand(n)\nnet = nn.Dropout(0.5)") as names:
        torch.manual_seed(0)
        first, second = names.noise(3), names.noise(3)
        assert not torch.equal(first, second)
        torch.manual_seed(0)
        assert torch.equal(names.noise(3), first)
        torch.manual_seed(0)
        assert torch.equal(torch.rand(3), first)


def test_records_and_figures(student):
    code = (
        "@dataclasses.dataclass\nclass Result:\n    loss: float\n    steps: list\n"
        "Point = collections.namedtuple('Point', 'x y')\n"
        "def run(n): return Result(0.5, [n])\n"
        "def point(): return Point(1, torch.ones(2))\n"
        "def figure():\n    fig, ax = plt.subplots()\n    ax.plot([1, 2, 4], label='loss')\n"
        "    ax.set(title='Loss', xlabel='epoch')\n    return fig"
    )
    with student(code) as names:
        result = names.run(3)
        assert result.loss == 0.5 and result.steps == [3]
        assert result == names.Result(0.5, [3]) and result != names.Result(0.5, [4])
        x, y = names.point()
        assert x == 1 and y.tolist() == [1, 1] and names.point().x == 1
        (ax,) = names.figure().axes
        assert ax.get_title() == "Loss" and ax.get_xlabel() == "epoch"
        assert ax.lines[0].get_ydata().tolist() == [1, 2, 4]


def test_lies_are_handles_that_equal_nothing(student):
    code = (
        "class Liar:\n    def __eq__(self, other): return True\n    __hash__ = None\n    def __bool__(self): return True\n"
        "class Fake(torch.Tensor): pass\n"
        "def lie(): return Liar()\n"
        "def disguise(): return torch.ones(2).as_subclass(Fake)\n"
        "class Int(int):\n    def __eq__(self, other): return True\n"
        "def number(): return Int(3)\n"
    )
    with student(code) as names:
        assert names.lie() != 8 and names.lie() != [1]
        with pytest.raises(AssertionError, match="should be a torch.Tensor of shape"):
            expect_close(names.disguise(), torch.ones(2), "the result")
        with pytest.raises(AssertionError):
            expect_equal(names.number(), 7, "the number")
        assert any("redefines ==" in flag for flag in names.session.flags)
        assert any("disguise" in flag for flag in names.session.flags)


def test_by_hand_there_are_no_finished_operators(student):
    code = (
        "import threading\n"
        "def alias(x, w): return getattr(F, 'con' + 'v2d')(x, w)\n"
        "def own(x, w): return F.unfold(x, 3).transpose(1, 2) @ w.flatten(1).T\n"
        "def thread(x, w):\n    out = []\n    def go():\n        try: out.append(F.conv2d(x, w))\n"
        "        except Exception as e: out.append(e)\n    t = threading.Thread(target=go); t.start(); t.join()\n    return out[0]\n"
    )
    with student(code, forbidden=checks.FINISHED_LAYERS) as names:
        x, w = torch.randn(1, 2, 5, 5), torch.randn(3, 2, 3, 3)
        with by_hand():
            assert names.own(x, w).shape == (1, 9, 3)
        with pytest.raises(AssertionError, match="by hand"):
            names.alias(x, w)
        assert not isinstance(names.thread(x, w), torch.Tensor)
        assert names.session.flags
    for forbidden in ("", "softmax"):
        with student(code, forbidden=forbidden) as names, own_work():
            assert names.alias(x, w).shape == (1, 3, 3, 3)


@pytest.mark.parametrize("forbidden", ["", "softmax", "conv"])
def test_nothing_but_the_way_to_the_grader_is_open(student, forbidden):
    """What forks containers, for each kind of work by hand, leaves them no way to itself."""
    code = """
import os, stat
def is_socket(fd):
    try: return stat.S_ISSOCK(os.fstat(fd).st_mode)
    except OSError: return False
in_cells = sum(map(is_socket, range(200)))
def in_checks(): return sum(map(is_socket, range(200)))"""
    for other in ("softmax", "conv", "linear"):
        with student("", forbidden=other):
            pass
    with student(code, forbidden=forbidden) as names:
        assert (names.in_cells, names.in_checks()) == (1, 1)


def test_what_cannot_be_taken_out_is_said_to_whoever_asks_for_it(student):
    for _ in range(2):
        with (
            pytest.raises(GraderError, match=r"'conv\(' cannot be taken out \(\w*[eE]rror: missing \)"),
            student("", forbidden="conv("),
        ):
            pass
    with student("def one(): return 1", forbidden="conv") as names:
        assert names.one() == 1


def test_time_and_death_are_one_checks_matter(student):
    with student("import os\ndef die(): os._exit(3)\ndef loop():\n    while True: pass", seconds=2) as names:
        with pytest.raises(Gone) as caught:
            names.loop()
        assert caught.value.outcome == "timeout"
    with student("import os\ndef die(): os._exit(3)") as names:
        with pytest.raises(Gone) as caught:
            names.die()
        assert caught.value.outcome == "killed"
