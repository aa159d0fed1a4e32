"""What check cells are written with: comparisons that say what is wrong, and a watch over work to be done by hand.

A check passes in silence or raises AssertionError with a sentence for the student. Nothing is compared before its type,
dtype and shape are exactly right: a tensor of another shape never broadcasts, and an object of another class, whose
`==` could say anything, is refused.

`by_hand` and `own_work` run beside the code they watch. They see every spelling of a library call (alias, getattr,
torch.ops), but not one made in another thread, nor code that takes the watch off. The grader, where student code runs in
a process of its own, reads from `WATCH` what is forbidden and judges where none of it exists.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import ContextVar
from functools import lru_cache
from types import MappingProxyType

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

# Finished layers by name: convolution, conv_transpose2d, mkldnn_convolution, max_pool2d_with_indices, adaptive_max_pool2d …
FINISHED_LAYERS = r"conv(?!ert)|pool"
WATCH: ContextVar[Mapping] = ContextVar("watch", default=MappingProxyType({}))  # what the block that is running forbids
_ELSEWHERE: ContextVar[bool] = ContextVar(
    "elsewhere", default=False
)  # whether the watched code runs in another process
REFUSED: list[str] = []  # what was refused, for the grader, even where the code caught the error
_LEAVES_TORCH = {"numpy", "__array__", "__dlpack__"}


def expect_equal(got: object, expected: object, what: str) -> None:
    """Require the same plain value, of exactly the same type (28.0 is not 28)."""
    if type(got) is not type(expected):
        raise AssertionError(f"{what}: expected {_describe(expected)}, got {_describe(got)}.")
    if got != expected:
        raise AssertionError(f"{what}: expected {expected!r}, got {got!r}.")


def expect_shape(got: object, shape: Sequence[int], what: str) -> None:
    """Require a plain torch.Tensor of this shape."""
    if type(got) is not Tensor:
        raise AssertionError(f"{what} should be a torch.Tensor of shape {tuple(shape)}, but is {_describe(got)}.")
    if got.shape != torch.Size(shape):
        found = tuple(got.shape)
        if sorted(found) == sorted(shape):
            order = " (images are [batch, channels, height, width])" if len(found) == 4 else ""
            advice = f": the right sizes in the wrong order{order}"
        elif len(found) != len(shape):
            advice = f": it should have {len(shape)} axes, not {len(found)}"
        else:
            advice = ""
        raise AssertionError(f"{what}: expected shape {tuple(shape)}, got {found}{advice}.")


def expect_close(got: object, expected: Tensor | list, what: str, *, atol: float = 1e-10) -> None:
    """Require a plain tensor of the expected shape and dtype, with every value within `atol`; a list means float64."""
    if isinstance(expected, list):
        expected = torch.tensor(expected, dtype=torch.float64)
    expect_shape(got, expected.shape, what)
    if got.dtype != expected.dtype:
        both = got.is_floating_point() and expected.is_floating_point()
        advice = "; make new tensors with the dtype of the input" if both else ""
        raise AssertionError(f"{what}: expected dtype {expected.dtype}, got {got.dtype}{advice}.")
    got, expected = got.detach(), expected.detach()
    wrong = ~((got - expected).abs() <= atol)  # written so that a NaN counts as wrong
    if wrong.any():
        first = tuple(wrong.nonzero()[0].tolist())
        where = f"{int(wrong.sum())} of {wrong.numel()} values are wrong, the first at {list(first)}: " if first else ""
        raise AssertionError(f"{what}: {where}expected {expected[first].item():.6g}, got {got[first].item():.6g}.")


def expect_error(kind: type[Exception], function: Callable, *arguments: object, **options: object) -> None:
    """Require that the call raises `kind` with a message of at least three words."""
    listed = [repr(a) for a in arguments] + [f"{name}={value!r}" for name, value in options.items()]
    call = f"{function.__name__}({', '.join(listed)})"
    try:
        result = function(*arguments, **options)
    except kind as error:
        if len(str(error).split()) < 3:
            raise AssertionError(f"{call} raises {kind.__name__} as it should; now say in a sentence why.") from None
    except Exception as error:
        raise AssertionError(f"{call} should raise {kind.__name__}, but raised {error!r}.") from error
    else:
        raise AssertionError(f"{call} should raise {kind.__name__}, but returned {_describe(result)}.")


def gradients(
    function: Callable[..., Tensor], *inputs: Tensor, upstream: Tensor, **options: object
) -> tuple[Tensor, ...]:
    """The gradient of `(function(*inputs, **options) * upstream).sum()` with respect to each input.

    Raises:
        AssertionError: the result does not depend, for autograd, on one of the inputs.
    """
    leaves = [tensor.detach().clone().requires_grad_() for tensor in inputs]
    # Clones, like the tensors inside a network: autograd forbids editing a leaf in place, and that is another check's matter.
    result = function(*(leaf.clone() for leaf in leaves), **options)
    expect_shape(result, upstream.shape, "the result")
    cut_off = "is cut off from {}: look for .detach(), .data, .item(), torch.no_grad() or torch.tensor(…) on the way."
    if not result.requires_grad:
        raise AssertionError("the result " + cut_off.format("its inputs"))
    found = torch.autograd.grad(result, leaves, upstream, allow_unused=True)
    for position, gradient in enumerate(found, start=1):
        if gradient is None:
            raise AssertionError("the result " + cut_off.format(f"input {position}"))
    return found


@contextmanager
def by_hand(finished: str = FINISHED_LAYERS) -> Iterator[None]:
    """Refuse finished operators, course_lib's own code, and ways out of torch, while the block runs.

    Slicing, sums, einsum, matmul, padding and unfold are tools, and stay allowed.

    Args:
        finished: a regular expression; an operator of torch whose name it finds is refused. By default convolution and
            pooling layers; `by_hand("softmax|cross_entropy|nll")` is for an exercise on losses.

    Raises:
        AssertionError: at the call that is refused.
    """
    with _forbidding({"forbidden": finished}, _WatchCalls(finished), _WatchOperators(finished)):
        yield


@contextmanager
def own_work() -> Iterator[None]:
    """Refuse course_lib's own code while the block runs; every layer of torch stays allowed.

    Raises:
        AssertionError: at the call that is refused.
    """
    with _forbidding({"own": True}, _WatchAuthor()):
        yield


@contextmanager
def in_place() -> Iterator[None]:
    """Let the code change the tensors it is given, while the block runs, even if it returns something.

    In grading, code that returns nothing may do so anyway; other code may not, so that no answer makes itself right by
    changing what the check compares it with. In a notebook the block has no effect.
    """
    with _forbidding({"in_place": True}):
        yield


@contextmanager
def watched_elsewhere() -> Iterator[None]:
    """The code under watch runs in another process, which is told by `WATCH`: watch nothing here while the block runs."""
    before = _ELSEWHERE.set(True)
    try:
        yield
    finally:
        _ELSEWHERE.reset(before)


@contextmanager
def _forbidding(what: Mapping, *watches: AbstractContextManager) -> Iterator[None]:
    before = WATCH.set({**WATCH.get(), **what})
    try:
        with ExitStack() as stack:
            for watch in () if _ELSEWHERE.get() else watches:
                stack.enter_context(watch)
            yield
    finally:
        WATCH.reset(before)


class _WatchAuthor(TorchFunctionMode):
    def __torch_function__(self, func, types, args=(), kwargs=None):
        _refuse_course_code()
        return func(*args, **(kwargs or {}))


class _WatchCalls(_WatchAuthor):
    """Sees the calls of Python, among them those whose kernel no operator shows (max_pool1d without gradients)."""

    def __init__(self, finished: str) -> None:
        super().__init__()
        self.finished = re.compile(finished)

    def __torch_function__(self, func, types, args=(), kwargs=None):
        _refuse_finished(func, self.finished)
        return super().__torch_function__(func, types, args, kwargs)


class _WatchOperators(TorchDispatchMode):
    """Sees the operators that run, whatever called them."""

    def __init__(self, finished: str) -> None:
        super().__init__()
        self.finished = re.compile(finished)

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch.compile has no part in this, and importing it takes six seconds

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        _refuse_finished(func, self.finished)
        return func(*args, **(kwargs or {}))


def _refuse_finished(func: Callable, finished: re.Pattern) -> None:
    name = _refused(func, finished)
    if not name:
        return
    REFUSED.append(name)
    if name in _LEAVES_TORCH:
        raise AssertionError("the tensors leave torch here, and their gradients stay behind; compute with torch alone.")
    raise AssertionError(
        f"this exercise is to be built by hand, but the code calls torch's finished {name}; "
        "write that out with arithmetic, slices, sums, einsum, matmul or unfold."
    )


@lru_cache(10_000)  # it is asked for every operator that runs
def _refused(func: Callable, finished: re.Pattern) -> str:
    """The function's name, if it is refused."""
    name = getattr(func, "__name__", str(func)).partition(".")[0]
    return name if finished.search(name) or name in _LEAVES_TORCH else ""


def _refuse_course_code() -> None:
    frame = sys._getframe(1)
    while frame is not None:
        module = frame.f_globals.get("__name__", "")
        if module.startswith("course_lib") and module != __name__ and module.partition(".")[0] == "course_lib":
            raise AssertionError(f"this exercise is to be written here, but the code calls {module}.")
        frame = frame.f_back


def _describe(value: object) -> str:
    if value is None:
        return "None"
    kind = type(value).__name__
    return f"{kind} {value!r}" if type(value) in (int, float, bool, str, list, tuple) else f"a {kind}"
