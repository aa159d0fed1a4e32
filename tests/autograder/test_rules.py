"""Every bad master is refused with the file, the cell and the cure, and nothing is written."""

import pytest

from autograder.course import Course, CourseError
from autograder.master import MasterError, read_master, source_notebook
from autograder.plan import Plan
from autograder.release import make_student_version

BAD = {
    "missing grade_id": ('"grade_id": "double", ', "", "cell 3, starting 'def double(x", "add \"grade_id\""),
    "doubled grade_id": ('"grade_id": "square"', '"grade_id": "double"', "cell 'double'", "used 2 times"),
    "refused grade_id": ('"grade_id": "double"', '"grade_id": "my double"', "cell 'my double'", "letters, digits"),
    "grade_id is a number": ('"grade_id": "double"', '"grade_id": 7', "cell '7'", "letters, digits"),
    "no solution markers": (
        "    ### BEGIN SOLUTION\n    twice_the_number = x + x\n    return twice_the_number\n    ### END SOLUTION\n",
        "    return x + x\n",
        "cell 'double'",
        "### BEGIN SOLUTION",
    ),
    "unbalanced solution": ("    ### END SOLUTION\n\n\n# %% nbgrader={\"grade_id\": \"double_v", "\n\n# %% nbgrader={\"grade_id\": \"double_v",
                            "cell 'double'", "without END SOLUTION"),
    "end before begin": ("### BEGIN SOLUTION\n    twice", "### END SOLUTION\n    twice", "cell 'double'", "without BEGIN"),
    "no points": (', "points": 1}', "}", "cell 'double_visible'", 'add "points"'),
    "zero points": ('"points": 1}', '"points": 0}', "cell 'double_visible'", "points 0"),
    "negative points": ('"points": 1}', '"points": -1}', "cell 'double_visible'", "points -1"),
    "points as text": ('"points": 1}', '"points": "1"}', "cell 'double_visible'", "points '1'"),
    "reflection without points": (', "points": 4}', "}", "cell 'reflection'", 'add "points"'),
    "unbalanced hidden tests": ("### END HIDDEN TESTS\n\n# %% [markdown]\n# Now", "\n# %% [markdown]\n# Now",
                                "cell 'double_hidden'", "without END HIDDEN TESTS"),
    "hidden tests in a solution": ("    squared_number = x**2", "    ### BEGIN HIDDEN TESTS\n    squared_number = x**2\n    ### END HIDDEN TESTS",
                                   "cell 'square'", "check cell"),
    "solution in a plain cell": ("print(math.pi)", "### BEGIN SOLUTION\nprint(math.pi)\n### END SOLUTION",
                                 "cell 2, starting 'import math'", "handed out with its solution"),
    "solution in a check": ("assert square(3) == 9,", "### BEGIN SOLUTION\n### END SOLUTION\nassert square(3) == 9,",
                            "cell 'square_check'", "handed out with its solution"),
    "solution repeated in public": ("# Now the square.", "# Now the square:\n# squared_number = x**2", "cell 'square'", "reword it"),
    "local module": ("import math", "import my_helpers", "cell 2, starting 'import my_helpers'", "move the code to course_lib"),
    "local from-import": ("import math", "from my_helpers.deep import math", "cell 2", "pyproject.toml"),
    "undeclared package": ("import math", "import math, nbgrader.api", "cell 2", "pyproject.toml"),
    "relative import": ("import math", "import math\nfrom . import helpers", "cell 2", "relative import"),
    "sys.path": ("import math", "import math\nimport sys\nsys.path.insert(0, '..')", "cell 2", "sys.path"),
    "line magic": ("import math", "%matplotlib inline\nimport math", "cell 2", "plain script"),
    "shell line": ("import math", "!pip install numpy\nimport math", "cell 2", "plain script"),
    "cell magic": ("import math", "%%time\nimport math", "cell 2", "plain script"),
    "invalid Python": ("print(math.pi)", "print(math.pi", "cell 2", "not valid Python (line 3 of the cell)"),
    "metadata is not JSON": ('"solution": true}\ndef double', '"solution": yes}\ndef double', "cell 3", "as JSON"),
    "unknown metadata": ('"points": 1}', '"points": 1, "pionts": 2}', "cell 'double_visible'", "does not know pionts"),
    "flag is text": ('"grade": true, "points": 1}', '"grade": "yes", "points": 1}', "cell 'double_visible'", "true or false"),
    "no role": ('"grade_id": "double_visible", "grade": true, "points": 1', '"grade_id": "double_visible"',
                "cell 'double_visible'", "would ignore it"),
    "check rests on the student": (
        '# %% nbgrader={"grade_id": "square_check", "grade": true, "points": 3}\n',
        "# %%\ndef squares(numbers):\n    return [square(n) for n in numbers]\n\n"
        '# %% nbgrader={"grade_id": "square_check", "grade": true, "points": 3}\nassert squares([3]) == [9]\n',
        "cell 'square_check'", "it calls squares, a locked function that speaks of the student's square"),
    "written check": ('"grade": true, "solution": true, "points": 4', '"grade": true, "points": 4', "cell 'reflection'", "by hand"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new", "cell", "cure"), BAD.values(), ids=BAD.keys())
def test_bad_master_is_refused(tiny: Course, old: str, new: str, cell: str, cure: str) -> None:
    master = tiny.master("01_tiny")
    text = master.read_text()
    assert old in text
    master.write_text(text.replace(old, new, 1))
    with pytest.raises(MasterError) as refused:
        make_student_version(tiny, "01_tiny")
    lines = [line for line in refused.value.problems if cure in line]
    assert lines and lines[0].startswith(cell), refused.value.problems
    assert "notebooks/01_tiny/assignment.py" in str(refused.value)
    assert not tiny.grading.exists()


def test_all_problems_are_named_at_once(tiny: Course) -> None:
    master = tiny.master("01_tiny")
    text = master.read_text().replace(', "points": 1}', "}").replace("import math", "import my_helpers")
    master.write_text(text)
    with pytest.raises(MasterError) as refused:
        read_master(tiny, "01_tiny")
    assert len(refused.value.problems) == 2


@pytest.mark.parametrize("text", ["", "print('no cells')\n", "# %%\nx = 1\n"])
def test_a_script_without_graded_cells_is_refused(tiny: Course, text: str) -> None:
    tiny.master("01_tiny").write_text(text)
    with pytest.raises(MasterError, match="no cell is graded"):
        read_master(tiny, "01_tiny")


def test_a_master_that_is_not_text_is_refused(tiny: Course) -> None:
    tiny.master("01_tiny").write_bytes(b"# %%\nx = '\xe9'\n")
    with pytest.raises(CourseError, match="not UTF-8"):
        read_master(tiny, "01_tiny")


def test_what_every_student_has_may_be_imported(tiny: Course) -> None:
    (tiny.root / "pyproject.toml").write_text('[project]\nname = "x"\ndependencies = ["Scikit_Learn>=1.4", "numpy"]\n')
    master = tiny.master("01_tiny")
    master.write_text(
        master.read_text().replace(
            "import math", "import math, numpy.linalg\nfrom sklearn import datasets\nfrom course_lib import checks"
        )
    )
    read_master(tiny, "01_tiny")


def test_a_wrong_name_gets_the_list_of_right_ones(tiny: Course) -> None:
    with pytest.raises(CourseError, match="no assignment '02_huge'.*01_tiny"):
        tiny.master("02_huge")


def test_a_helper_whose_parameter_has_a_students_name_is_no_students(tiny: Course) -> None:
    """Checks may call it: it knows nothing of the student but what it is given."""
    master = tiny.master("01_tiny")
    check = '# %% nbgrader={"grade_id": "square_check", "grade": true, "points": 3}\n'
    helper = "# %%\ndef nine(square):\n    return square(3) == 9\n\n"
    master.write_text(master.read_text().replace(check, f"{helper}{check}assert nine(square)\n"))
    read_master(tiny, "01_tiny")
    plan = Plan.of(source_notebook(tiny, "01_tiny"))
    assert "nine" in plan.namespace() and "nine" not in plan.checks["square_check"].names
