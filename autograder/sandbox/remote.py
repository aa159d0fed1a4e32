"""The student's names in the grader: what a check gets for `conv2d` or `LeNet`, when it is no plain value.

A `Remote` forwards calls, attributes, items and iteration to the student's process, and never compares there.
"""

from __future__ import annotations

import keyword
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import nn

from autograder.sandbox.inside.values import MAX_STEPS

if TYPE_CHECKING:
    from autograder.sandbox.session import Session

LIBRARIES = ("torch", "numpy", "math", "builtins", "operator", "collections", "functools", "itertools", "course_lib")


class Remote:
    """An object of the student's. It has no say here: its `==` is never called, its class never asked."""

    __slots__ = ("__weakref__", "_about", "_number", "_session")

    def __init__(self, session: Session, number: int, about: dict) -> None:
        object.__setattr__(self, "_session", session)
        object.__setattr__(self, "_number", number)
        object.__setattr__(self, "_about", about)

    @property
    def __class__(self):
        """So that `isinstance(net, nn.Module)` and `isinstance(layer, nn.Conv2d)` are true."""
        about = object.__getattribute__(self, "_about")
        if about["is"] == "class":
            return type
        if about["is"] == "module":
            return _library_class(about["mro"], nn.Module) or nn.Module
        return type(self)

    def __getattr__(self, name: str):
        about = object.__getattribute__(self, "_about")
        if name == "__name__":
            return about["name"]
        if name == "__qualname__" and about["is"] in ("class", "function"):
            return about["name"]
        if name == "__bases__" and about["is"] == "class":
            found = _library_class(about["mro"][1:], object)
            return (found or object,)
        if self._disguised():
            raise AssertionError(f"a {about['type']} came out where a plain tensor or array is looked for.")
        if about["is"] == "object" and name in ("shape", "dtype", "device"):
            self._session.flags[f"its code returned a {about['type']}, no tensor, with a {name} of its own"] = None
        if name.startswith("__") and name.endswith("__") and name not in ("__doc__", "__dict__", "__wrapped__"):
            raise AttributeError(name)
        return self._session.ask("get", self, name)

    def _disguised(self) -> bool:
        """Whether it is a tensor or array of a class of its own, whose shape and dtype may say anything."""
        about = object.__getattribute__(self, "_about")
        return about["is"] == "object" and any(base in ("torch.Tensor", "numpy.ndarray") for base in about["mro"][1:])

    def __setattr__(self, name: str, value: object) -> None:
        self._session.ask("set", self, name, value)

    def __call__(self, *arguments, **options):
        return self._session.ask("call", self, arguments, options, rng=True)

    def __getitem__(self, key):
        return self._session.ask("operator", "getitem", self, key)

    def __setitem__(self, key, value) -> None:
        self._session.ask("operator", "setitem", self, key, value)

    def __len__(self) -> int:
        if self._number in self._session.walks:
            raise TypeError(f"the student's {self._about['type']} has no length")
        length = self._session.ask("length", self)
        if type(length) is not int or length < 0:
            raise TypeError(f"len() of the student's {self._about['type']} is no number")
        return length

    def __iter__(self) -> Iterator:
        walks = self._session.walks
        if self._number not in walks:
            items = self._session.ask("iterate", self)
            if type(items) is not list and not issubclass(type(items), Remote):
                raise TypeError(f"the student's {self._about['type']} cannot be iterated over")
            if type(items) is not list:
                return _steps(items)
            walks[self._number] = _steps(iter(items))
        return walks[self._number]  # what is left, if this is not the first time

    def __next__(self):
        if self._number in self._session.walks:
            return next(self._session.walks[self._number])
        more, item = self._session.ask("next", self, rng=True)
        if more is not True:
            raise StopIteration
        return item

    def __contains__(self, item: object) -> bool:
        return any(item is other or (not issubclass(type(other), Remote) and item == other) for other in self)

    def __bool__(self) -> bool:
        return True

    def __eq__(self, other: object) -> bool:
        if not issubclass(type(other), Remote):
            return False
        if self._session is other._session and self._number == other._number:
            return True
        fields = self._about["fields"]
        if not fields or fields != other._about["fields"] or self._about["type"] != other._about["type"]:
            return False
        return all(_equal(getattr(self, name), getattr(other, name)) for name in fields)

    def __hash__(self) -> int:
        return hash((id(self._session), self._number))

    def __repr__(self) -> str:
        return f"<the student's {self._about['name']}>"

    def __instancecheck__(self, instance: object) -> bool:
        if not issubclass(type(instance), Remote):
            return False
        return self._session.ask("is", instance, self) is True

    def __subclasscheck__(self, other: object) -> bool:
        if not issubclass(type(other), Remote):
            return False
        return self._session.ask("subclass", other, self) is True

    def __reduce_ex__(self, protocol):
        raise TypeError("an object of the student's cannot be stored")


def _operator(name: str, swapped: bool = False):
    """Arithmetic of the student's objects among themselves and with numbers.

    `got - expected` must never be what the student's code makes of it: with a number, only another object comes out.
    """

    def apply(self, *others):
        about = object.__getattribute__(self, "_about")
        session = object.__getattribute__(self, "_session")
        foreign = [other for other in others if not issubclass(type(other), Remote)]
        mixed = bool(foreign) or about.get("mixed", False)
        result = None
        if not any(isinstance(other, torch.Tensor | np.ndarray | np.generic) for other in foreign):
            result = session.ask("operator", name, *((*others, self) if swapped else (self, *others)))
        if mixed and not issubclass(type(result), Remote):
            session.flags[f"its code returned a {about['type']} where the check computes with numbers"] = None
            raise AssertionError(f"a {about['type']} came out where a plain number or tensor is looked for.")
        if mixed:
            object.__getattribute__(result, "_about")["mixed"] = True
        return result

    return apply


for _name in ("add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "matmul"):
    setattr(Remote, f"__{_name}__", _operator(_name))
    setattr(Remote, f"__r{_name}__", _operator(_name, swapped=True))
for _name in ("neg", "abs"):
    setattr(Remote, f"__{_name}__", _operator(_name))


def _steps(iterator: Iterator) -> Iterator:
    for _ in range(MAX_STEPS):
        try:
            yield next(iterator)
        except StopIteration:
            return
    raise AssertionError(f"it yields more than {MAX_STEPS:,} items; is there an end?")


def _equal(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return issubclass(type(one), Remote) and one == other
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def _library_class(mro: list[str], base: type) -> type | None:
    """The first class of a library among these, if it is a `base`; looked up, never imported."""
    for path in mro:
        module, _, name = path.rpartition(".")
        if module.partition(".")[0] in LIBRARIES and module in sys.modules:
            found = vars(sys.modules[module]).get(name)
            if isinstance(found, type) and issubclass(found, base):
                return found
    return None


def identifier(text: str) -> str:
    cleaned = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in text)[:100]
    return cleaned if cleaned.isidentifier() and not keyword.iskeyword(cleaned) else f"_{cleaned}"
