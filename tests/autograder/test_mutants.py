"""Mutants: small, different, one at a time, and only of what students write."""

import ast

import pytest

from autograder.mutants import mutants


def changes(body: str, head: str = "def f(a, b, c=2):") -> list[str]:
    """What is changed in a function whose body is the solution."""
    lines = "\n".join(f"    {line}" for line in body.splitlines())
    return [m.change for m in mutants(f"{head}\n    ### BEGIN SOLUTION\n{lines}\n    ### END SOLUTION\n")]


@pytest.mark.parametrize(
    ("body", "other"),
    [
        ("return a < b", "return a <= b"),
        ("return a == b", "return a != b"),
        ("return a + b", "return a - b"),
        ("return a + b", "return a"),
        ("return a // b", "return a / b"),
        ("return a and b", "return a or b"),
        ("return a or b", "return b"),
        ("return -a", "return a"),
        ("return not a", "return a"),
        ("return a if b else c", "return c"),
        ("return a + 3", "return a + 4"),
        ("return a * 0.5", "return a * -0.5"),
        ("return g(a, True)", "return g(a, False)"),
        ("return g(a, b)", "return g(b, a)"),
        ("return g(a, b)", "return g(b)"),
        ("return g(a, k=b)", "return g(a)"),
        ("return F.relu(a)", "return a"),
        ("return a.flatten(1)", "return a"),
        ("return a.max(1)", "return a.min(1)"),
        ("return sum(a)", "return a"),
        ("return a[1:b]", "return a[2:b]"),
        ("return a[1:b]", "return a[1:b - 1]"),
        ("return a[::b]", "return a[:]"),
        ("return range(b)", "return range(b + 1)"),
        ("return range(1, b)", "return range(0, b)"),
        ("return a", "return b"),
        ("if a:\n    return b\nreturn c", "return"),
        ("return e(a, 'bchw,kc->bkhw')", "return e(a, 'bchw,kc->bkwh')"),
        ("return e(a, 'b c h w -> b (h w) c')", "return e(a, 'b c h w -> b (w h) c')"),
        ("a += b\nreturn a", "a -= b"),
        ("a += b\nreturn a", "a = b"),
        ("a.zero_grad()\nreturn a", "pass"),
        ("for x in a:\n    break\nreturn b", "continue"),
        ("if a:\n    return b\nreturn c", "if not a:"),
        ("raise ValueError(f'{a} is bad')", "raise RuntimeError(f'{a} is bad')"),
        ("g = lambda x=1: x\nreturn g()", "g = lambda x=2: x"),
    ],
)
def test_mistake_is_made(body, other):
    assert other in [change.split(" → ")[1] for change in changes(body)]


def test_no_two_are_the_same_and_none_is_the_solution():
    source = "def f(a):\n    ### BEGIN SOLUTION\n    x = 1 + 1\n    return a + x\n    ### END SOLUTION\n"
    found = mutants(source)
    code = [ast.dump(ast.parse(mutant.source)) for mutant in found]
    assert len(set(code)) == len(code) and ast.dump(ast.parse(source)) not in code
    # 2 + 1 and 1 + 2 are one mutant to the compiler.
    assert sum(mutant.change.split(" → ")[1] in ("x = 2 + 1", "x = 1 + 2") for mutant in found) == 1


def test_only_the_solution_is_changed():
    source = '''
class Net(Base):
    """A docstring, 1."""

    def __init__(self, classes=10):
        super().__init__()
        ### BEGIN SOLUTION
        self.layer = Layer(3)
        ### END SOLUTION

    def forward(self, x):
        ### BEGIN SOLUTION
        return self.layer(x)
        ### END SOLUTION
'''
    found = mutants(source)
    assert {mutant.change.split(" → ")[0] for mutant in found} == {"self.layer = Layer(3)", "return self.layer(x)"}
    assert all(
        "classes=10" in m.source and "super().__init__()" in m.source and "docstring, 1" in m.source for m in found
    )


def test_messages_are_left_alone():
    body = 'if a < 1:\n    raise ValueError(f"a is {a + 1}, below {1}")\nprint(f"{a + 1}")\nreturn a'
    for change in changes(body):
        _, new = change.split(" → ")
        assert "raise" not in new or "f'a is {a + 1}, below {1}'" in new
        assert "print(f" not in new or "{a + 1}" in new


def test_variables_stand_in_only_once_they_have_a_value():
    found = changes("x = a\ny = x\nreturn y", head="def f(a):")
    assert "y = x → y = a" in found
    assert "x = a → x = y" not in found


def test_mutants_are_the_same_every_time():
    source = "def f(a, b):\n    ### BEGIN SOLUTION\n    return (a + b) * a[1:]\n    ### END SOLUTION\n"
    assert mutants(source) == mutants(source)
