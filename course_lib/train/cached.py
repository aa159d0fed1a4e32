"""Train once, load ever after: a page can be rebuilt without training again, and never shows the numbers of other code."""

from __future__ import annotations

import functools
import hashlib
import inspect
import sys
import sysconfig
from collections.abc import Callable, Iterator
from pathlib import Path
from types import FunctionType, ModuleType

import torch
from torch import Tensor, nn

from course_lib import runtime
from course_lib.data.datasets import ImageSet
from course_lib.train.checkpoint import CheckpointError
from course_lib.train.history import History
from course_lib.train.loop import fit

LIBRARIES = tuple(sysconfig.get_paths()[name] for name in ("stdlib", "purelib", "platlib"))
PLAIN = (bool, int, float, str, type(None))


def train_or_load(
    build: Callable[[], nn.Module], train: ImageSet, test: ImageSet, *, folder: str | Path, seed: int = 0, **options
) -> tuple[nn.Module, History]:
    """What ``fit`` makes of ``build()``, from ``folder`` if the very same run is stored there.

    The file's name is a digest of all that decides the result: the source of the model's classes and of course_lib.train,
    the initial weights, the data, the options, torch's version and the kind of device. Change any of it and the model is
    trained anew. Not followed: what a class outside course_lib calls in other files, and a new version of another library.

    The file is a checkpoint, so a run that was killed goes on, and random numbers drawn later are the same either way.

    Args:
        build: makes an untrained model; called after everything is seeded.
        train, test: image sets.
        folder: made if need be. Old files stay; delete it whenever you like.
        seed: as for ``fit``, and for the initial weights.
        options: of ``fit``, but for ``checkpoint``.

    Raises:
        ValueError: something the key depends on cannot be described, say an option that is an open file.
    """
    if "checkpoint" in options:
        raise ValueError("checkpoint is chosen by train_or_load, which keeps it in folder: leave it out.")
    runtime.seed_all(seed)
    model = build()
    options = {"device": runtime.device()} | options
    path = Path(folder) / f"{key(build, model, train=train, test=test, seed=seed, **options)}.pt"
    try:
        return model, fit(model, train, test, seed=seed, checkpoint=path, **options)
    except CheckpointError as error:
        print(f"A stored model cannot be used and is trained again. {error}", file=sys.stderr)
    path.unlink(missing_ok=True)
    runtime.seed_all(seed)
    model = build()
    return model, fit(model, train, test, seed=seed, checkpoint=path, **options)


def key(build: Callable[[], nn.Module], model: nn.Module, **inputs: object) -> str:
    """The digest of a run, as 64 hexadecimal digits."""
    parts = [f"torch {torch.__version__.rsplit('.', 1)[0]}", repr(model)]
    parts += [path.read_text("utf-8") for path in sorted(Path(__file__).parent.glob("*.py"))]
    parts += describe("build", build)
    for kind in sorted({type(module) for module in model.modules()}, key=str):
        parts += describe("model", kind)
    parts += describe("model", model.state_dict())
    parts += describe("options", dict(sorted(inputs.items())))
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def describe(name: str, value: object, seen: frozenset = frozenset()) -> Iterator[str]:
    """Text that changes whenever ``value`` means something else."""
    yield name
    if isinstance(value, PLAIN):
        yield repr(value)
    elif isinstance(value, torch.device):
        yield value.type
    elif isinstance(value, Tensor):
        yield f"{value.dtype} {tuple(value.shape)} " + hashlib.sha256(value.cpu().numpy().ravel()).hexdigest()
    elif isinstance(value, ImageSet):
        yield from describe(value.name, [value.inputs(), value.labels])
    elif isinstance(value, dict):
        for inner, item in value.items():
            yield from describe(inner, item, seen)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from describe(type(value).__name__, item, seen)
    elif isinstance(value, functools.partial):
        yield from describe("partial", [value.func, value.args, value.keywords], seen)
    elif isinstance(value, ModuleType):
        yield value.__name__
    elif isinstance(value, type | FunctionType) or inspect.isbuiltin(value):
        yield from _code(name, value, seen)
    else:
        raise ValueError(
            f"{name} holds a {type(value).__name__}, which the key of a stored run cannot describe: pass plain values, "
            "functions or functools.partial, or call fit itself."
        )


def _code(name: str, value: type | FunctionType, seen: frozenset) -> Iterator[str]:
    """A library's name stands for its code; elsewhere the source counts, with the variables that a function refers to."""
    value = inspect.unwrap(value)
    home = value.__module__ or "builtins"
    yield f"{home}.{value.__qualname__}"
    module = sys.modules[home]
    file = getattr(module, "__file__", None)
    ours = home.split(".")[0] == "course_lib"
    if value in seen or (not ours and home != "__main__" and (not file or file.startswith(LIBRARIES))):
        return
    try:
        yield inspect.getsource(module) if ours else inspect.getsource(value)
    except (OSError, TypeError) as error:
        raise ValueError(
            f"{name} uses {value.__qualname__}, whose source cannot be read, so a stored run could be out of date without "
            "anyone noticing: define it in a file or a notebook cell, or call fit itself."
        ) from error
    if isinstance(value, FunctionType):
        used = inspect.getclosurevars(value)
        variables = dict(used.nonlocals) if ours else {**used.globals, **used.nonlocals}
        yield from describe("variables", variables, seen | {value})
