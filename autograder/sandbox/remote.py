"""The student's names in the grader: what a check gets for `conv2d` or `LeNet`.

Numbers, text, containers and tensors cross by value. Everything else is a `Remote`, which forwards calls, attributes,
items and iteration to the student's process and never compares there. Tensors that a check hands over keep their
identity, so that a change in place comes back; a network's parameters live on both sides; and what the student's code
computes with gradients is one step of autograd here, differentiated there.
"""

from __future__ import annotations

import builtins
import io
import keyword
import os
import pickle
import re
import socket
import sys
import types
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import nn
from torch.utils._python_dispatch import _disable_current_modes

from autograder.sandbox.decode import Decoder
from autograder.sandbox.inside import wire
from autograder.sandbox.inside.values import DTYPES, pixels
from course_lib import checks

MAX_STEPS = 10_000  # of an iterator
MAX_TAKEN = 2**30  # bytes of the student's parameters, over a whole check
REFUSED = "its code called what is to be built by hand"
LIBRARIES = ("torch", "numpy", "math", "builtins", "operator", "collections", "functools", "itertools", "course_lib")


class Gone(Exception):
    """The student's process ended, did not answer in time, or answered nonsense."""

    def __init__(self, message: str, outcome: str = "killed") -> None:
        super().__init__(message)
        self.outcome = outcome


class Session:
    """One check's conversation with the student's process.

    `before_watch` is called ahead of whatever runs under a watch, such as by_hand(); it may raise.
    """

    def __init__(self, link: socket.socket, until: wire.Deadline) -> None:
        self.link, self.until = link, until
        self.before_watch: Callable[[dict], None] = lambda watch: None
        self.flags: dict[str, None] = {}
        self.opaque: list[str] = []  # objects that came out and cannot be looked into
        self.refused = False
        self._classes: dict[int, type] = {}
        self._names = self._taken = 0
        self._twins: dict[str, weakref.ref] = {}
        self._own: dict[str, torch.Tensor] = {}  # the student's parameters, for as long as the check runs
        self._by_id: dict[int, str] = {}
        self._known: dict[str, tuple[bytes, bytes | None]] = {}
        self._before: dict[str, tuple] = {}  # tensors of the check's that were changed, as they were
        self._dropped: list = []
        self._callbacks: list = []
        self._wanted: list[str] = []  # tensors handed over in the call that is under way

    # Asking.

    def ask(self, do: str, *arguments: object, rng: bool = False) -> object:
        """One question and its answer; an exception of the student's code is raised here as a plain one."""
        watch = checks.WATCH.get()
        with _outside_all_modes():
            if watch:
                self.before_watch(watch)
            self._wanted = []
            packed = self._pack(arguments)
            blobs: list[bytes] = []
            header = {
                "do": do,
                "update": self._updates(blobs),
                "arguments": len(blobs),
                "grad": torch.is_grad_enabled(),
            }
            blobs.append(packed)
            if watch:
                header["watch"] = watch
            if self._dropped:
                header["drop"], self._dropped = self._dropped, []
            if rng:
                header["rng"] = len(blobs)
                blobs.append(bytes(torch.get_rng_state().numpy().tobytes()))
            self._send(header, blobs)
            reply, blobs = self._reply()
            if rng and reply.get("drew") is True:
                torch.rand(())  # as if the student's code had drawn from this generator
            outs: list[tuple[int, torch.Tensor]] = []
            decoder = self._decoder(blobs, outs)
            if reply.get("called") is True:
                self.flags[REFUSED] = None
                if "error" in reply and not (type(reply["error"]) is dict and reply["error"].get("refused")):
                    raise AssertionError(
                        "this exercise is to be built by hand, but the code calls a finished layer of torch."
                    )
            if "error" in reply:
                raise self._exception(reply["error"])
            may_change = watch.get("in_place") or reply.get("value") == ["v", None]
            self._take_changes(reply.get("changed", []), decoder, may_change)
            wanted = [*self._wanted]
            value = decoder(reply.get("value"))
        return self._differentiable(value, outs, wanted) if outs and torch.is_grad_enabled() else value

    def watch_is_on(self, watch: dict) -> bool:
        """Whether the student's process refuses a finished layer that is called there in plain sight."""
        finished = re.compile(watch.get("forbidden", "$^"))
        with torch.random.fork_rng(devices=[]), torch.no_grad():
            layers = [nn.Conv2d(1, 1, 2), nn.MaxPool2d(2), nn.Softmax(0), nn.CrossEntropyLoss(), nn.Linear(2, 2)]
        names = ["conv2d", "max_pool2d", "softmax", "cross_entropy", "linear"]
        layer = next((layer for layer, name in zip(layers, names) if finished.search(name)), None)
        if layer is None:
            return True
        flags, refused = dict(self.flags), self.refused
        try:
            self.ask("call", layer, (torch.ones(1, 2, 2), *([torch.ones(1, 2, 2)] * (layer is layers[3]))), {})
        except AssertionError:
            return True
        finally:
            self.flags, self.refused = flags, refused
        return False

    def _send(self, header: dict, blobs: list[bytes]) -> None:
        try:
            wire.send(self.link, header, blobs, until=self.until)
        except wire.Late as error:
            raise Gone("the time of this check was up", "timeout") from error
        except wire.WireError as error:
            raise Gone("the process of your code ended during this check") from error

    def _reply(self) -> tuple[dict, list[bytes]]:
        while True:
            try:
                reply, blobs, fds = wire.receive(self.link, until=self.until)
            except wire.Late as error:
                raise Gone("the time of this check was up", "timeout") from error
            except wire.WireError as error:
                raise Gone(f"the process of your code ended during this check ({error})") from error
            for fd in fds:
                os.close(fd)
            if "callback" not in reply:
                return reply, blobs
            self._call_back(reply, blobs)

    def _call_back(self, reply: dict, blobs: list[bytes]) -> None:
        """The student's code calls a function of the check's."""
        out: list[bytes] = []
        try:
            function = self._callbacks[reply["callback"]]
            (arguments, options) = self._decoder(blobs, [])(reply["arguments"])
            packed = self._pack(function(*arguments, **options))
            header = {"update": self._updates(out), "result": len(out)}
            out.append(packed)
        except (Gone, wire.WireError):
            raise
        except Exception as error:  # noqa: BLE001
            header, out = {"failed": f"{type(error).__name__}: {error}"}, []
        self._send(header, out)

    def _decoder(self, blobs: list[bytes], outs: list) -> Decoder:
        def tensor(plain: torch.Tensor, about: dict) -> torch.Tensor:
            if type(about) is not dict:
                raise wire.WireError("no tensor")
            if type(about.get("share")) is str:
                if not re.fullmatch(r"s\d+", about["share"]):
                    raise wire.WireError("no name of a parameter")
                self._taken += plain.nbytes
                if self._taken > MAX_TAKEN:
                    raise wire.WireError(f"more than {MAX_TAKEN:,} bytes of parameters")
                plain = nn.Parameter(plain) if about.get("parameter") is True else plain.requires_grad_()
                self._share(about["share"], plain)
                self._own[about["share"]] = plain
            elif type(about.get("graph")) is int:
                outs.append((about["graph"], plain))
            return plain

        def twin(name: str) -> torch.Tensor:
            found = self._twins[name]() if name in self._twins else None
            if found is None:
                raise wire.WireError("no such tensor")
            return found

        return Decoder(blobs, tensor=tensor, twin=twin, handle=self._remote)

    # Handing over.

    def _pack(self, value: object) -> bytes:
        session = self

        class Pickler(pickle.Pickler):
            def persistent_id(self, item):
                if type(item) in (torch.Tensor, nn.Parameter):
                    return "twin", session._name(item)
                if issubclass(type(item), Remote):
                    return "handle", object.__getattribute__(item, "_number")
                if isinstance(item, type) and hasattr(item, "_remote_class"):
                    return "handle", item._remote_class
                if isinstance(item, (types.FunctionType, types.MethodType, type)) and not _in_library(item):
                    session._callbacks.append(item)
                    return "callback", len(session._callbacks) - 1
                return None

        file = io.BytesIO()
        Pickler(file, protocol=5).dump(value)
        return file.getvalue()

    def _name(self, tensor: torch.Tensor) -> str:
        name = self._by_id.get(id(tensor))
        if name is None:
            self._names += 1
            name = f"t{self._names}"
            self._share(name, tensor)
        self._wanted.append(name)
        return name

    def _share(self, name: str, tensor: torch.Tensor) -> None:
        key = id(tensor)
        self._by_id[key] = name

        def forget(_):
            self._by_id.pop(key, None)
            self._twins.pop(name, None)
            self._known.pop(name, None)
            self._dropped.append(name)

        self._twins[name] = weakref.ref(tensor, forget)
        if not name.startswith("t"):
            self._known[name] = _contents(tensor)

    def _updates(self, blobs: list[bytes]) -> list:
        """The shared tensors that changed on this side, or are new."""
        entries = []
        for name, reference in list(self._twins.items()):
            tensor = reference()
            if tensor is None:
                continue
            data, grad = now = _contents(tensor)
            if self._known.get(name) == now:
                continue
            if tensor.dtype not in DTYPES or tensor.layout is not torch.strided:
                raise TypeError(f"a tensor of {tensor.dtype}, {tensor.layout} cannot be handed to the student's code")
            self._known[name] = now
            about = {
                "requires_grad": tensor.requires_grad,
                "leaf": tensor.is_leaf,
                "parameter": type(tensor) is nn.Parameter,
                "grad": None,
            }
            entries.append([name, DTYPES[tensor.dtype], list(tensor.shape), len(blobs), about])
            blobs.append(data)
            if grad is not None:
                about["grad"] = len(blobs)
                blobs.append(grad)
        return entries

    def _take_changes(self, changed: object, decoder: Decoder, may_change: bool) -> None:
        """Tensors that the student's code changed in place change here too, until this check is over.

        A call that returns something must leave the check's tensors alone: what its result is compared with is often
        computed from them after the call, and `x.zero_()` would make zeros the right result.
        """
        if type(changed) is not list:
            raise wire.WireError("no list of changes")
        for name, dtype, shape, blob, about in changed:
            reference = self._twins.get(name)
            tensor = reference() if reference else None
            if tensor is None:
                continue
            fresh = decoder.plain_tensor(dtype, shape, blob)
            if name not in self._own:
                if may_change:
                    pass
                elif _alike(fresh, tensor):  # changed and restored, but for rounding, or its gradient only
                    fresh = tensor.detach().clone()
                else:
                    raise AssertionError(
                        "your code changes a tensor that it was given; work on a copy of it, such as x.clone(). "
                        "(Where a change in place is what is asked for, the check says so: with in_place(): …)"
                    )
                self._before.setdefault(name, (tensor, tensor.data.clone(), tensor.grad if tensor.is_leaf else None))
            if fresh.shape == tensor.shape and fresh.dtype == tensor.dtype:
                tensor.data.copy_(fresh)
            elif tensor.is_leaf:
                tensor.data = fresh
            if tensor.is_leaf:
                grad = about.get("grad")
                tensor.grad = None if grad is None else decoder.plain_tensor(dtype, shape, grad)
            self._known[name] = _contents(tensor)

    def close(self) -> None:
        """Give the check's tensors back what they held: some belong to every check, and to other students'."""
        for tensor, data, grad in self._before.values():
            tensor.data = data
            if tensor.is_leaf:
                tensor.grad = grad
        self._before = {}

    # Differentiating.

    def _differentiable(self, value: object, outs: list[tuple[int, torch.Tensor]], wanted: list[str]) -> object:
        names = [name for name in dict.fromkeys([*wanted, *self._own]) if self._tracked(name)]
        inputs = [self._twins[name]() for name in names] or [torch.zeros((), requires_grad=True)]
        tracked = _Step.apply(self, [number for number, _ in outs], [tensor for _, tensor in outs], names, *inputs)
        replaced = {id(before): after for (_, before), after in zip(outs, tracked)}
        return _replace(value, replaced)

    def _tracked(self, name: str) -> bool:
        tensor = self._twins[name]() if name in self._twins else None
        return tensor is not None and tensor.requires_grad

    # Reading.

    def _exception(self, said: object) -> BaseException:
        if type(said) is not dict:
            raise wire.WireError("no error")
        name, message = str(said.get("name", ""))[:200], str(said.get("message", ""))[:4000]
        if said.get("refused") is True:
            self.refused = True
            self.flags[REFUSED] = None
            return AssertionError(message)
        if name == "TooLarge":
            return AssertionError(f"the result is too large to be looked at: {message}.")
        for base in said.get("mro", []):
            kind = getattr(builtins, str(base), None)
            if isinstance(kind, type) and issubclass(kind, StopIteration | StopAsyncIteration):
                kind = _exception_class(name, RuntimeError)  # else it would end a loop of the check's
                break
            if isinstance(kind, type) and issubclass(kind, Exception):
                if kind.__name__ == name:
                    break
                kind = _exception_class(name, kind)
                break
        else:
            kind = _exception_class(name, RuntimeError)
        try:
            error = kind(message)
        except TypeError:  # UnicodeDecodeError wants five arguments
            error = _exception_class(name, ValueError)(message)
        error.line = said.get("line") if type(said.get("line")) is int else None
        return error

    def _remote(self, number: int, about: dict) -> object:
        if about["is"] == "class" and "builtins.BaseException" in about["mro"]:
            kind = _exception_class(about["name"], Exception)
            kind._remote_class = number
            return kind
        label = about["type"] if about["is"] != "class" else about["name"]
        if number not in self._classes:
            self._classes[number] = type(_identifier(label), (Remote,), {"__slots__": ()})
        if about["is"] in ("object", "iterator"):
            self.opaque.append(label)
        if about["overrides"]:
            self.flags[f"its code returned an object of a class {label} that redefines =="] = None
        made = self._classes[number](self, number, about)
        if made._disguised():
            self.flags[f"its code returned a {label}, a disguise of a tensor"] = None
        return made


class _Step(torch.autograd.Function):
    """What the student's code computed, as one differentiable step."""

    @staticmethod
    def forward(ctx, session, numbers, outputs, names, *inputs):
        ctx.session, ctx.numbers, ctx.names = session, numbers, names
        ctx.kept = inputs  # while they live, so do their twins
        ctx.set_materialize_grads(False)
        return tuple(output.clone() for output in outputs)

    @staticmethod
    def backward(ctx, *gradients):
        given = [(number, grad) for number, grad in zip(ctx.numbers, gradients) if grad is not None]
        found: list = [None] * len(ctx.names)
        if given and ctx.names:
            before = checks.WATCH.set({})
            try:
                numbers, grads = zip(*((number, grad.detach().clone()) for number, grad in given))
                found = list(ctx.session.ask("backward", list(numbers), list(grads), ctx.names))
            finally:
                checks.WATCH.reset(before)
        found += [None] * (len(ctx.needs_input_grad) - 4 - len(found))
        return None, None, None, None, *found


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
        length = self._session.ask("length", self)
        if type(length) is not int or length < 0:
            raise TypeError(f"len() of the student's {self._about['type']} is no number")
        return length

    def __iter__(self) -> Iterator:
        iterator = self._session.ask("iterate", self)
        if not issubclass(type(iterator), Remote):
            raise TypeError(f"the student's {self._about['type']} cannot be iterated over")
        return _steps(iterator)

    def __next__(self):
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


def _steps(iterator: Remote) -> Iterator:
    for _ in range(MAX_STEPS):
        try:
            yield next(iterator)
        except StopIteration:
            return
    raise AssertionError(f"it yields more than {MAX_STEPS:,} items; is there an end?")


@contextmanager
def _outside_all_modes() -> Iterator[None]:
    """Handing tensors over is the grader's business, which no watch of a check should see."""
    with _disable_current_modes(), torch._C.DisableTorchFunction():
        yield


def _contents(tensor: torch.Tensor) -> tuple:
    grad = tensor.grad if tensor.is_leaf else None
    about = tensor.dtype, tuple(tensor.shape), tensor.requires_grad
    return _Bytes(pixels(tensor), about), None if grad is None else pixels(grad.to(tensor.dtype))


def _alike(fresh: torch.Tensor, tensor: torch.Tensor) -> bool:
    if fresh.shape != tensor.shape or fresh.dtype != tensor.dtype:
        return False
    if not fresh.dtype.is_floating_point:
        return torch.equal(fresh, tensor.detach())
    return torch.allclose(fresh, tensor.detach(), rtol=1e-5, atol=1e-6, equal_nan=True)


class _Bytes(bytes):
    """A tensor's numbers; equal only if dtype, shape and the wish for gradients are, too."""

    def __new__(cls, data: bytes, about: tuple) -> _Bytes:
        made = super().__new__(cls, data)
        made.about = about
        return made

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Bytes) and self.about == other.about and bytes.__eq__(self, other)

    __hash__ = bytes.__hash__


def _replace(value: object, replaced: dict[int, torch.Tensor]) -> object:
    if id(value) in replaced:
        return replaced[id(value)]
    kind = type(value)
    if kind in (list, tuple, set, frozenset):
        return kind(_replace(item, replaced) for item in value)
    if kind is dict:
        return {key: _replace(item, replaced) for key, item in value.items()}
    if isinstance(value, tuple) and hasattr(kind, "_fields"):
        return kind(*(_replace(item, replaced) for item in value))
    return value


def _equal(one: object, other: object) -> bool:
    if type(one) is not type(other):
        return issubclass(type(one), Remote) and one == other
    return torch.equal(one, other) if isinstance(one, torch.Tensor) else one == other


def _in_library(item: object) -> bool:
    """Whether the runner can import this function or class by name."""
    module = getattr(item, "__module__", None) or ""
    if module.partition(".")[0] not in LIBRARIES or "<" in getattr(item, "__qualname__", "<"):
        return False
    return not isinstance(item, types.MethodType)


def _library_class(mro: list[str], base: type) -> type | None:
    """The first class of a library among these, if it is a `base`; looked up, never imported."""
    for path in mro:
        module, _, name = path.rpartition(".")
        if module.partition(".")[0] in LIBRARIES and module in sys.modules:
            found = vars(sys.modules[module]).get(name)
            if isinstance(found, type) and issubclass(found, base):
                return found
    return None


def _exception_class(name: str, base: type) -> type:
    return type(_identifier(name), (base,), {})


def _identifier(text: str) -> str:
    cleaned = "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in text)[:100]
    return cleaned if cleaned.isidentifier() and not keyword.iskeyword(cleaned) else f"_{cleaned}"
