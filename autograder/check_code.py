"""Run a check's own code, here in the grader: the points it gives, and a sentence about what went wrong."""

from __future__ import annotations

import ast
import contextlib
import ctypes
import faulthandler
import io
import math
import multiprocessing
import os
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from types import CodeType

import numpy as np
import torch

from autograder.plan import CheckCode
from autograder.sandbox.inside import wire
from autograder.sandbox.remote import Remote
from autograder.sandbox.session import Session
from course_lib import checks

GRACE = 2.0  # seconds after a check's time until its code is stopped


def points_of(code: CheckCode, session: Session, names: dict, seed: int, hopeless: float) -> float:
    """The points that a check gives.

    Args:
        names: what the check finds besides the student's names.
        seed: decides the inputs that it draws.
        hopeless: seconds after which even its work in C is ended, with this worker.
    """
    names = dict(names)
    for name in code.names:
        names.pop(name, None)  # what the student deletes is not to be replaced by the grader's
        with contextlib.suppress(KeyError):
            names[name] = session.ask("name", name)
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also keeps a note for each GPU that may come
    quietly = contextlib.redirect_stdout(io.StringIO())
    with _time_limit(session.until, hopeless), quietly, checks.watched_elsewhere():
        value = _value_of(code.source, names)
    return _worth(value, code.points)


def forbidden_by(code: CheckCode, names: dict) -> tuple[str, ...]:
    """What a check forbids with by_hand(), as far as its code tells before it runs.

    Args:
        names: what the check finds besides the student's names.
    """
    found = set()
    for block in ast.walk(ast.parse(code.source)):
        for call in [item.context_expr for item in block.items] if isinstance(block, ast.With) else []:
            with contextlib.suppress(Exception):  # it rests on what is not known yet
                if isinstance(call, ast.Call) and _evaluated(call.func, names) is checks.by_hand:
                    with checks.watched_elsewhere(), _evaluated(call, names):
                        found.add(checks.WATCH.get()["forbidden"])
    return tuple(sorted(found))


def _evaluated(expression: ast.expr, names: dict) -> object:
    return eval(compile(ast.Expression(expression), "<check>", "eval"), dict(names))


class OutOfTime(BaseException):
    """Raised in the thread of a check whose own code takes too long."""


@contextmanager
def _time_limit(until: wire.Deadline, hopeless: float) -> Iterator[None]:
    """Stop code of this thread that is still busy when the time is up; works in any thread.

    Work in C, such as a set of a million colliding integers, hears nothing of that: it is ended with its process, where
    that is a worker. The batch makes a new one.
    """
    thread, over = threading.get_ident(), threading.Event()

    def stop() -> None:
        while (left := until.left() + GRACE) > 0:
            if over.wait(left):
                return
        ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), ctypes.py_object(OutOfTime))

    watch = threading.Thread(target=stop, daemon=True)
    watch.start()
    if multiprocessing.parent_process():
        faulthandler.dump_traceback_later(hopeless, exit=True, file=_nowhere())
    try:
        yield
    finally:
        faulthandler.cancel_dump_traceback_later()
        over.set()
        watch.join()


def _worth(value: object, points: float) -> float:
    """The points that a check gives which ends with this value: all of them, unless it is a number."""
    if issubclass(type(value), Remote):
        raise AssertionError("the last line of this check needs a number, and your code returned something else")
    if isinstance(value, torch.Tensor | np.ndarray | np.generic) and math.prod(value.shape) == 1:
        value = value.item()
    if type(value) in (int, float):
        return min(max(float(value), 0.0), points) if math.isfinite(value) else 0.0
    return points


def _value_of(source: str, names: dict) -> object:
    """Run a check; the value of its last line, if that is an expression (points, as in nbgrader)."""
    body, last = _compiled(source)
    exec(body, names)  # noqa: S102 - the instructor's own code
    return eval(last, names) if last else None


@lru_cache(1000)
def _compiled(source: str) -> tuple[CodeType, CodeType | None]:
    tree = ast.parse(source)
    last = tree.body.pop() if tree.body and isinstance(tree.body[-1], ast.Expr) else None
    body = compile(tree, "<check>", "exec")
    return body, compile(ast.Expression(last.value), "<check>", "eval") if last else None


@lru_cache(1)
def _nowhere() -> io.TextIOBase:
    return open(os.devnull, "w")


def sentence(error: BaseException) -> str:
    return " ".join(str(error).split())[:1000]


def explain(error: Exception, session: Session, code: CheckCode, broken: str = "") -> str:
    """What went wrong, for the student; `broken` is the first error of what work by hand rests on."""
    text = f"{type(error).__name__}: {sentence(error)}".rstrip(": ")
    if isinstance(error, NameError) and getattr(error, "name", None) in code.names:
        if broken:  # it may be defined where torch's finished layers are at hand
            return f"{error.name} is not defined: by hand, without torch's finished layers, its cells end with {broken}"
        return f"{error.name} is not defined: run its cell, and see whether it raises an error."
    if isinstance(error, NotImplementedError) and not str(error):
        return "This is not answered yet: its cell still says `raise NotImplementedError`."
    if getattr(error, "line", None):
        text += f" (line {error.line} of the cell)"
    elif session.opaque:
        text += f" (your code returned a {session.opaque[-1]}, which this check cannot use)"
    return text
