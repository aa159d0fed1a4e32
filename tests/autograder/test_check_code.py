"""A check's own code: stopped when its time is up, whatever it is busy with; and what it says."""

from multiprocessing import get_context
from types import SimpleNamespace

import pytest

from autograder.check_code import OutOfTime, _time_limit, explain
from autograder.sandbox.inside.wire import Deadline


def test_python_code_is_stopped():
    with pytest.raises(OutOfTime), _time_limit(Deadline(0.1), hopeless=60):
        while True:
            pass


def add_up_for_hours():
    with _time_limit(Deadline(0.1), hopeless=1):
        sum(range(10**14))  # all of it in C, where no exception is heard


def test_work_in_c_ends_with_its_worker():
    worker = get_context("spawn").Process(target=add_up_for_hours, daemon=True)
    worker.start()
    worker.join(timeout=120)
    assert worker.exitcode == 1


def test_an_exercise_that_is_not_answered_is_told_so():
    code, session = SimpleNamespace(names=("double",)), SimpleNamespace(opaque=[])
    assert explain(NotImplementedError(), session, code).startswith("This is not answered yet")
    assert "forward" in explain(NotImplementedError('the required "forward" function'), session, code)


def test_a_name_that_needs_what_is_forbidden_is_told_so():
    code, session, error = SimpleNamespace(names=("double",)), SimpleNamespace(opaque=[]), NameError(name="double")
    assert explain(error, session, code) == "double is not defined: run its cell, and see whether it raises an error."
    said = explain(error, session, code, "Refused: the code calls TorchScript")
    assert said.startswith("double is not defined: by hand") and said.endswith("Refused: the code calls TorchScript")
