"""One check's conversation with the student's process: numbers, text, containers and tensors cross by value.

Tensors that a check hands over keep their identity, so that a change in place comes back; a network's parameters live
on both sides; and what the student's code computes with gradients is one step of autograd here, differentiated there.
Everything else is a `Remote`.
"""

from __future__ import annotations

import builtins
import io
import os
import pickle
import re
import socket
import types
import weakref
from collections.abc import Callable, Iterator

import torch
from torch import nn

from autograder.sandbox.decode import Decoder
from autograder.sandbox.inside import wire
from autograder.sandbox.inside.values import DTYPES, Snapshot, gradient, pixels
from autograder.sandbox.remote import LIBRARIES, Remote, identifier
from autograder.sandbox.tensors import alike, replaced_in
from course_lib import checks

MAX_TAKEN = 2**30  # bytes of the student's parameters, over a whole check
REFUSED = "its code called what is to be built by hand"


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
        self.walks: dict[int, Iterator] = {}  # by handle: what is left of generators that came over in one go
        self.touched = False  # whether an answer may have left something behind in the student's process
        self._classes: dict[int, type] = {}
        self._names = self._taken = 0
        self._twins: dict[str, weakref.ref] = {}
        self._own: dict[str, torch.Tensor] = {}  # the student's parameters, for as long as the check runs
        self._by_id: dict[int, str] = {}
        self._known: dict[str, Snapshot] = {}  # what each twin held when both sides last agreed
        self._before: dict[str, tuple] = {}  # tensors of the check's that were changed, as they were
        self._dropped: list = []
        self._callbacks: list = []
        self._wanted: list[str] = []  # tensors handed over in the call that is under way

    # Asking.

    def begin(self, seed: int) -> None:
        """Tell the student's process that a check begins: it forgets the one before, and draws from this seed."""
        self._send({"begin": seed}, [])

    def ask(self, do: str, *arguments: object, rng: bool = False) -> object:
        """One question and its answer; an exception of the student's code is raised here as a plain one."""
        watch = checks.WATCH.get()
        if watch:
            self.before_watch(watch)
        touched, self.touched = self.touched, self.touched or do != "name"
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
        if _unanswered(reply):
            self.touched = touched
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

    def _send(self, header: dict, blobs: list[bytes]) -> None:
        try:
            wire.send(self.link, header, blobs, until=self.until)
        except wire.Late as error:
            raise Gone("the time of this check was up", "timeout") from error
        except wire.WireError as error:
            raise Gone("the process of your code ended during this check") from error

    def _reply(self) -> tuple[dict, list[bytearray]]:
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

    def _call_back(self, reply: dict, blobs: list[bytearray]) -> None:
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

    def _decoder(self, blobs: list[bytearray], outs: list) -> Decoder:
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
        file = io.BytesIO()
        _Pickler(file, self).dump(value)
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
            self._known[name] = Snapshot(tensor)

    def _updates(self, blobs: list[bytes]) -> list:
        """The shared tensors that changed on this side, or are new."""
        entries = []
        for name, reference in list(self._twins.items()):
            tensor = reference()
            if tensor is None:
                continue
            before = self._known.get(name)
            if before and before.holds(tensor):
                continue
            if tensor.dtype not in DTYPES or tensor.layout is not torch.strided:
                raise TypeError(f"a tensor of {tensor.dtype}, {tensor.layout} cannot be handed to the student's code")
            self._known[name] = Snapshot(tensor)
            about = {
                "requires_grad": tensor.requires_grad,
                "leaf": tensor.is_leaf,
                "parameter": type(tensor) is nn.Parameter,
                "grad": None,
            }
            values = None  # the same as before: an optimiser's zero_grad() changes gradients alone
            if not (before and before.values.same(tensor)):
                values = len(blobs)
                blobs.append(pixels(tensor))
            if (grad := gradient(tensor)) is not None:
                about["grad"] = len(blobs)
                blobs.append(pixels(grad.to(tensor.dtype)))
            entries.append([name, DTYPES[tensor.dtype], list(tensor.shape), values, about])
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
                elif alike(fresh, tensor):  # changed and restored, but for rounding, or its gradient only
                    fresh = tensor.detach().clone()
                else:
                    raise AssertionError(
                        "your code changes a tensor that it was given; work on a copy of it, such as x.clone(). "
                        "(Where a change in place is what is asked for, the check says so: with in_place(): …)"
                    )
                self._before.setdefault(name, (tensor, tensor.data.clone(), gradient(tensor)))
            if fresh.shape == tensor.shape and fresh.dtype == tensor.dtype:
                tensor.data.copy_(fresh)
            elif tensor.is_leaf:
                tensor.data = fresh
            if tensor.is_leaf:
                grad = about.get("grad")
                tensor.grad = None if grad is None else decoder.plain_tensor(dtype, shape, grad)
            self._known[name] = Snapshot(tensor)

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
        return replaced_in(value, replaced)

    def _tracked(self, name: str) -> bool:
        tensor = self._twins[name]() if name in self._twins else None
        return tensor is not None and tensor.requires_grad

    # Reading.

    def _exception(self, said: object) -> BaseException:
        if type(said) is not dict:
            raise wire.WireError("no error")
        name, message = str(said.get("name", ""))[:200], str(said.get("message", ""))[:4000]
        if said.get("refused") is True:
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
            self._classes[number] = type(identifier(label), (Remote,), {"__slots__": ()})
        if about["is"] in ("object", "iterator"):
            self.opaque.append(label)
        if about["overrides"]:
            self.flags[f"its code returned an object of a class {label} that redefines =="] = None
        made = self._classes[number](self, number, about)
        if made._disguised():
            self.flags[f"its code returned a {label}, a disguise of a tensor"] = None
        return made


class _Pickler(pickle.Pickler):
    def __init__(self, file: io.BytesIO, session: Session) -> None:
        super().__init__(file, protocol=5)
        self.session = session

    def persistent_id(self, item: object) -> tuple[str, object] | None:
        """What stands for it, if it does not go over by value."""
        if type(item) in (torch.Tensor, nn.Parameter):
            return "twin", self.session._name(item)
        if issubclass(type(item), Remote):
            return "handle", object.__getattribute__(item, "_number")
        if isinstance(item, type) and hasattr(item, "_remote_class"):
            return "handle", item._remote_class
        if isinstance(item, (types.FunctionType, types.MethodType, type)) and not _in_library(item):
            self.session._callbacks.append(item)
            return "callback", len(self.session._callbacks) - 1
        return None


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


def _unanswered(reply: dict) -> bool:
    """Whether all that ran was `raise NotImplementedError`, as exercises are handed out."""
    error = reply.get("error")
    bare = type(error) is dict and error.get("name") == "NotImplementedError" and error.get("message") == ""
    return bare and not reply.get("changed")


def _in_library(item: object) -> bool:
    """Whether the runner can import this function or class by name."""
    module = getattr(item, "__module__", None) or ""
    if module.partition(".")[0] not in LIBRARIES or "<" in getattr(item, "__qualname__", "<"):
        return False
    return not isinstance(item, types.MethodType)


def _exception_class(name: str, base: type) -> type:
    return type(identifier(name), (base,), {})
