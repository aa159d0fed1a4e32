"""Kernel hooks, patched checkers and memorised answers: code that gives itself the points, were it judged where it runs."""

import jupytext
import pytest
from lab import LIMITS, WRONG

from autograder.judge import SandboxJudge
from autograder.verdict import Submission

# Each comes before the other cells; the answer of `double` is wrong, so its two checks must be lost and no other.
HOOKS = {
    "input transformer": """
def drop(lines):
    return ["pass\\n"] if any("assert" in line for line in lines) else lines
get_ipython().input_transformers_cleanup.append(drop)""",
    "post transformer": """
get_ipython().input_transformers_post.append(lambda lines: [l.replace("assert", "0 and") for l in lines])""",
    "AST transformer": """
import ast
class NoAsserts(ast.NodeTransformer):
    def visit_Assert(self, node):
        return None
get_ipython().ast_transformers.append(NoAsserts())""",
    "run_cell_async": """
shell = get_ipython()
before = shell.run_cell_async
async def run(code, *a, **k):
    return await before("pass" if "assert" in code else code, *a, **k)
shell.run_cell_async = run""",
    "showtraceback": "get_ipython().showtraceback = lambda *a, **k: None",
    "set_custom_exc": "get_ipython().set_custom_exc((AssertionError,), lambda *a, **k: None)",
    "displayhook": "import sys\nsys.displayhook(8.0)\nsys.displayhook(99)\n99",
    "numpy.testing": "import numpy.testing as t\nt.assert_allclose = t.assert_equal = lambda *a, **k: None",
    "torch.testing": "torch.testing.assert_close = lambda *a, **k: None",
    "torch.allclose": "torch.allclose = torch.equal = lambda *a, **k: True",
    "builtins": "import builtins\nbuiltins.abs = lambda x: 0.0\nbuiltins.isinstance = lambda *a: True",
    "AssertionError": "class AssertionError(Exception): pass\nimport builtins\nbuiltins.AssertionError = AssertionError",
    "course_lib.checks": """
from course_lib import checks
checks.expect_close = checks.expect_equal = lambda *a, **k: None
expect_close = checks.expect_close""",
    "json, pickle and socket": """
import json, pickle, socket
json.dumps = lambda *a, **k: '{"value":["v",4],"blobs":[]}'
pickle.Unpickler.load = lambda self: (2,)""",
    "the encoder": """
inside = get_ipython().display_pub.publish.__globals__['Checked'].answer.__globals__
inside['values'].Encoder.__call__ = lambda self, value, depth=0: ['v', 5]""",
    "the runner": """
runner = get_ipython().display_pub.publish.__globals__
runner['Checked'].do_call = lambda self, target, arguments, options: 5
runner['Watchman'].take = lambda self: []""",
    "the list of operators": """
import ctypes; ctypes.CDLL("libresolv.so.2")
def gone(): raise RuntimeError
torch._C._dispatch_get_all_op_names = gone""",
    "Tensor.__eq__": "torch.Tensor.__eq__ = lambda a, b: torch.tensor(True)\ntorch.Tensor.abs = torch.Tensor.sub = lambda *a: torch.zeros(3)",
    "the shell's class": "type(get_ipython()).run_cell = lambda *a, **k: None",
    "atexit and signals": "import atexit, signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\natexit.register(print, 99)\nimport gc; gc.get_objects()",
    "deleted names": "import sys\nsys.modules.pop('course_lib.checks', None)\nimport builtins; del builtins.len",
}


@pytest.mark.parametrize("code", HOOKS.values(), ids=HOOKS)
def test_hooks_and_patches_do_not_reach_the_verdict(grader, code):
    judged = grader(WRONG, code)
    checks = judged.verdict.checks
    assert checks["double_seen"].score == checks["double_hidden"].score == 0, checks
    assert judged.verdict.flags
    harmless = {
        "the encoder",
        "the runner",
        "json, pickle and socket",
        "builtins",
        "the shell's class",
        "the list of operators",
        "Tensor.__eq__",
    }
    if code not in (HOOKS[name] for name in harmless | {"deleted names"}):  # those break the student's own code, too
        assert checks["conv_check"].score == 3 and checks["net_check"].score == 2, checks


ANSWERS = {
    "the score as the result": "def double(x):\n    import sys\n    sys.displayhook(8.0)\n    return 0",
    "assert made by the answer": "def double(x):\n    __builtins__.AssertionError = ValueError\n    return 0",
    "the table of the visible inputs": "import inspect\ndef double(x):\n    return {2: 4}[x]",
    "StopIteration": "import ctypes\ndef double(x):\n    raise StopIteration",
    "the frames above": """
def double(x):
    import sys
    frame = sys._getframe()
    while frame:
        frame.f_locals.update(expected=0, n=0, got=0)
        frame = frame.f_back
    return 0""",
    "the source of the check": """
import glob
def double(x):
    for path in glob.glob('/**/*.ipynb', recursive=True) + glob.glob('/**/gradebook.db', recursive=True):
        exec(open(path).read())
    return 0""",
    "the reference": "import gc\ndef double(x):\n    return next(f for f in gc.get_objects() if getattr(f, '__name__', '') == 'reference')(x)",
}  # fmt: skip


@pytest.mark.parametrize("answer", ANSWERS.values(), ids=ANSWERS)
def test_answers_that_answer_something_else(grader, answer):
    loses = {"double_hidden"} if "{2: 4}" in answer else {"double_seen", "double_hidden"}
    grader.caught({"double": answer}, loses=loses)


def test_a_deleted_name_is_not_replaced_by_the_graders(grader):
    judged = grader.caught({"double": "del data"}, loses={"double_seen", "double_hidden"}, flagged=False)
    assert "double is not defined" in judged.verdict.checks["double_seen"].message


def test_inputs_are_drawn_fresh(grader):
    first, other = (
        grader().verdict,
        grader({"stats": "# mine\ndef stats(x): return x.mean(), {'std': x.std(), 'n': len(x)}"}),
    )
    assert first.seed != other.verdict.seed, "another submission gets other inputs"
    assert grader().verdict.seed == first.seed, "the same one gets the same, so that a verdict can be repeated"


def test_seeds_in_the_sandbox_do_not_tell_the_inputs_of_checks(grader):
    peek = """
import hashlib
seed = torch.initial_seed()
print('seed', seed)"""
    judged = grader.right({}, peek)
    assert str(judged.verdict.seed) not in judged.notebook.cells[1].outputs[0].text


LOOSE = """
# %% nbgrader={"grade_id": "double", "solution": true}
import math
def double(x): return 2 * x
# %% nbgrader={"grade_id": "loop", "grade": true, "locked": true, "points": 1}
for n, got in zip(range(3), map(double, range(3))):
    assert got == 2 * n
# %% nbgrader={"grade_id": "imported", "grade": true, "locked": true, "points": 1}
assert math.isclose(double(3), 6) and math.isclose(double(4), 8)
# %% nbgrader={"grade_id": "points", "grade": true, "locked": true, "points": 1}
double(0.5)
"""


def test_checks_that_are_written_loosely():
    """A loop that an error of the student's could end, an import in the answer's cell, points that the answer gives."""
    notebook = jupytext.reads(LOOSE.strip(), "py:percent")
    judge = SandboxJudge(jupytext.writes(notebook, "ipynb"), b"secret", LIMITS)

    def scores(answer: str) -> list[float]:
        notebook.cells[0].source = answer
        return [check.score for check in judge(Submission("eve", notebook)).verdict.checks.values()]

    assert scores("import math\ndef double(x): return 2 * x") == [1, 1, 1]
    assert scores("def double(x): raise StopIteration") == [0, 0, 0]
    assert scores("class math:\n    def isclose(*a): return True\ndef double(x): return float('nan')") == [0, 0, 0]
    assert scores("def double(x): return object()") == [0, 0, 0]
