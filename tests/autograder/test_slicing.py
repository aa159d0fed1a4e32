"""Slices: an exercise's checks and the cells they rest on, nothing else."""

import ast

import pytest
from nbformat import NotebookNode, v4

from autograder.names import read_first
from autograder.slicing import sliced


def notebook(*cells: tuple[str, str]) -> NotebookNode:
    """Cells as (kind and id, code): "solution one", "check two", or "locked"."""
    made = []
    for about, code in cells:
        kind, _, grade_id = about.partition(" ")
        cell = v4.new_code_cell(code)
        if kind != "locked":
            cell.metadata.nbgrader = {"grade_id": grade_id, "solution": kind == "solution", "grade": kind == "check"}
        made.append(cell)
    return v4.new_notebook(cells=[v4.new_markdown_cell("# Text"), *made])


def kept(source: NotebookNode, grade_id: str, answer: str) -> list[str]:
    return [cell.source for cell in sliced(source, grade_id, answer).cells]


TWO = notebook(
    ("locked", "import math"),
    ("locked", "data = math.pi"),
    ("solution one", "def one(): return math.e"),
    ("check a", "x = one(); assert x > 2"),
    ("locked", "x = slow(one())"),
    ("solution two", "def two(): return 2"),
    ("check b", "x = 1; assert two() > x"),
    ("check c", "assert two() + data > one()"),
    ("locked", "print(two())"),
)


def test_what_the_checks_rest_on_is_kept_and_nothing_else():
    assert kept(TWO, "two", "def two(): return 3") == [
        "import math",
        "def one(): return math.e",
        "def two(): return 3",
        "x = 1; assert two() > x",  # reads no x but its own
        "assert two() + data > one()",  # data comes from no solution: the grader has it
    ]
    assert kept(TWO, "one", "def one(): return math.e") == [
        "import math",
        "def one(): return math.e",
        "x = one(); assert x > 2",
        "def two(): return 2",
        "assert two() + data > one()",
    ]


def test_a_check_may_rest_on_a_solution_by_way_of_another_cell():
    source = notebook(
        ("solution net", "class Net: pass"),
        ("locked", "import torch"),
        ("locked", "trained = fit(Net())"),
        ("locked", "unused = fit(Net())"),
        ("check c", "assert trained"),
    )
    assert kept(source, "net", "class Net: pass") == ["class Net: pass", "trained = fit(Net())", "assert trained"]


def test_an_answer_may_need_what_the_reference_does_not():
    assert kept(TWO, "two", "def two(): return data")[:2] == ["import math", "data = math.pi"]


@pytest.mark.parametrize("answer", ["def two(: no Python", "", "three = 3"])
def test_checks_are_kept_whatever_the_answer_is(answer):
    assert "x = 1; assert two() > x" in kept(TWO, "two", answer)


@pytest.mark.parametrize(
    ("code", "names"),
    [
        ("x = 1; y = x + z", "z"),
        ("x = x + 1", "x"),
        ("x += 1", "x"),
        ("for i in items: total = i + start", "items start"),
        ("if a: b = 1\nprint(b)", "a b print"),
        ("[i * k for i in range(3)]; i", "i k range"),
        ("{k: v for k, v in pairs}", "pairs"),
        ("def f(a, b=c): d = a; return d + e + f(b)", "c e"),
        ("g = lambda a: a + b", "b"),
        ("class A(Base):\n    k = 1\n    def m(self): return other", "Base other"),
        ("import numpy as np; np.sum(q)", "q"),
        ("from a.b import c; import d.e; c(d)", ""),
        ("with open(p) as file: text = file\ntext", "open p"),
        ("try: a = 1\nexcept E as error: print(error)\na", "E a print"),
        ("while (n := step()): n", "step"),
        ("x[0] = y", "x y"),
        ("t: T = u; t", "T u"),
    ],
)
def test_names_read_before_the_cell_gives_them_a_value(code, names):
    assert read_first(ast.parse(code)) == set(names.split())
