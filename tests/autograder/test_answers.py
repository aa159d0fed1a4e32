"""Answers that say only which lines of the solution they change."""

import pytest

from autograder.answers import load, with_changes
from autograder.course import Course, CourseError

SOLUTION = "def f(x):\n    if x:\n        y = 1\n        return y\n    y = 2\n    return y"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ("# - y = 2\n# + y = 3", SOLUTION.replace("y = 2", "y = 3")),
        ("# - if x:\n# + if not x:\n# +     x = 1", SOLUTION.replace("if x:", "if not x:\n        x = 1")),
        ("# - y = 2\n# - return y\n# + return 2", SOLUTION.replace("    y = 2\n    return y", "    return 2")),
        ("# - y = 1", SOLUTION.replace("        y = 1\n", "")),
        ("# - y = 1\n# + y = 0\n\n# - y = 2\n# + y = 4", SOLUTION.replace("y = 1", "y = 0").replace("y = 2", "y = 4")),
    ],
)
def test_lines_are_others_and_indented_as_the_solution(changes: str, expected: str) -> None:
    assert with_changes(SOLUTION, changes) == expected


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ("# - return y\n# + return 0", "'return y' and what follows it 2 times"),
        ("# - y = 5\n# + y = 0", "0 times, not once"),
        ("# + y = 0", "write lines of the solution"),
        ("y = 0", "write lines of the solution"),
        ("", "write lines of the solution"),
    ],
)
def test_what_does_not_fit_is_a_sentence(changes: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        with_changes(SOLUTION, changes)


def test_beside_a_master(tiny: Course) -> None:
    path = tiny.master("01_tiny").with_name("wrong_answers.py")
    path.write_text('# %% cubed changes="square"\n# - squared_number = x**2\n# + squared_number = x**3\n')
    (answer,) = load(tiny, "01_tiny", "wrong")["square"].values()
    assert "squared_number = x**3" in answer and "x**2" not in answer
    path.write_text('# %% cubed changes="square"\n# - no such line\n')
    with pytest.raises(CourseError, match=r"wrong_answers\.py, the cell starting .*0 times"):
        load(tiny, "01_tiny", "wrong")
