"""What of a notebook an answer rests on, seen without running it."""

import pytest

from autograder.reading import only

CELLS = [
    "%%time\nimport torch, math\nfrom torch import nn\nsize = 3\nprint(size)",
    """def window(x):
    return x.unfold(2, size, 1)

def show(x): print(window(x))
@torch.no_grad()
@helper
def conv(x, w):
    return window(x) * w  # the product
show(torch.ones(3))
""",
    "def helper(f): return f\nunused = helper(1); kept = 2",
    "this is no Python",
    "%matplotlib inline\nlayer = nn.Linear(2, 2)\nlayer.scale = math.pi\nfor i in range(3):\n    total = i",
    "net = nn.Linear(2, 2)\ntrain = 1; train(net)\nprint(1)\nfor p in net.parameters(): p.data *= 2",
]


@pytest.mark.parametrize(
    ("names", "expected"),
    {
        "a function": ({"helper"}, ["", "", "def helper(f): return f", "", "", ""]),
        "what functions use, with decorators and comments": (
            {"conv"},
            [
                "import torch, math\n#\nsize = 3",
                "def window(x):\n    return x.unfold(2, size, 1)\n#\n#\n@torch.no_grad()\n@helper\ndef conv(x, w):\n"
                "    return window(x) * w  # the product",
                "def helper(f): return f",
                "", "", "",
            ],
        ),
        "what is changed later": (
            {"layer"},
            ["import torch, math\nfrom torch import nn", "", "", "", "layer = nn.Linear(2, 2)\nlayer.scale = math.pi", ""],
        ),
        "two on a line": ({"kept"}, ["", "", CELLS[2], "", "", ""]),
        "a loop": ({"total"}, ["", "", "", "", "for i in range(3):\n    total = i", ""]),
        "a loop that changes what it uses": (
            {"net"},
            ["from torch import nn", "", "", "", "", "net = nn.Linear(2, 2)\ntrain = 1; train(net)\n#\nfor p in net.parameters(): p.data *= 2"],
        ),
        "nothing that is there": ({"absent"}, [""] * 6),
    }.values(),
)  # fmt: skip
def test_only_what_names_rest_on_is_left(names, expected):
    found = only(CELLS, names)
    assert [text.strip("#\n") for text in found] == expected


def test_lines_keep_their_numbers():
    """An error in what is left is told with the line that the student sees."""
    for cell, text in zip(CELLS, only(CELLS, {"conv", "layer"})):
        for left, whole in zip(text.split("\n") if text else [], cell.split("\n")):
            assert left in ("#", whole), "even the first lines, which IPython would drop if they were empty"


@pytest.mark.parametrize("end", ["\r\n", "\r", "\n\x0c\n"])
def test_any_line_ends_are_pythons(end):
    (found,) = only([end.join(["size = 3", "print(size)", "def f(x):", "    return x + size"])], {"f"})
    assert "print" not in found and found.endswith("return x + size")


@pytest.mark.parametrize(
    "cell", ["\0", "x = (", "%%", "%%time", "'''", "\ud800 = 1", "(" * 5000, "if 1:\n x\n\ty", "%%time\n\\", "!ls \\"]
)
def test_what_nobody_can_read_holds_nothing(cell):
    assert only([cell, "def f(): pass"], {"f", "x"})[1] == "def f(): pass"
