"""The child of a submission's process that answers the grader's checks."""

from __future__ import annotations

import _thread
import builtins
import contextlib
import ctypes
import io
import itertools
import operator
import os
import pickle
import random
import re
import socket
import types
import warnings

import values
import wire

__builtins__ = dict(vars(builtins))  # see runner.py
KERNELS = (  # where an operator's kernel may be registered that a CPU can run
    "CPU", "MkldnnCPU", "QuantizedCPU", "SparseCPU", "NestedTensorCPU",
    "CompositeImplicitAutograd", "CompositeExplicitAutograd",
)  # fmt: skip
OPERATORS: dict[str, tuple] = {}  # torch's: space, name with and without overload, where each has a kernel of those
FINISHED: dict[str, list[tuple[str, str, str, str]]] = {}  # by pattern: space, name with and without overload, kernel
_learned = [-1]  # how many libraries had been loaded when they were looked for
_libc = ctypes.PyDLL(None)
LINKS: list[socket.socket] = []  # to the grader: what is forked from this process closes them


def fork_for(link: socket.socket, fd: int) -> int:
    """Fork a child for the grader to talk to over the socket `fd`, and give it a handle on the child; 0 in the child."""
    with contextlib.suppress(ChildProcessError):
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    child = _fork()
    if child:
        handle = os.pidfd_open(child)
        wire.send(link, {"forked": True}, fds=[handle])
        for each in (fd, handle):
            os.close(each)
    return child


def _fork() -> int:
    """What os.fork() mends in the child takes as long as many a check; without other threads there is nothing to mend."""
    if _thread._count():
        return os.fork()
    child = _libc.fork()
    if child < 0:
        raise BlockingIOError("no process could be made")
    if not child:
        leave()
    return child


def leave() -> None:
    """In a process that was forked: what it says to the grader would mix with what this one says."""
    for link in LINKS:
        link.close()


def learn_operators() -> None:
    """Find what torch's dispatcher holds: whenever a library was loaded, for no other way leads a kernel into it.

    An operator that Python registers calls others, which are found.
    """
    import torch

    from course_lib import checks

    if (now := libraries()) == _learned[0]:
        return
    FINISHED.clear()
    for name in torch._C._dispatch_get_all_op_names():
        if name not in OPERATORS:
            space, _, overload = name.partition("::")
            keys = tuple(k for k in KERNELS if torch._C._dispatch_has_kernel_for_dispatch_key(name, k))
            OPERATORS[name] = space, overload, overload.partition(".")[0], keys
    finished(checks.FINISHED_LAYERS)  # what most checks forbid
    _learned[0] = now


def finished(pattern: str) -> list[tuple[str, str, str, str]]:
    """The kernels of the operators whose name the pattern finds."""
    if pattern not in FINISHED:
        found = re.compile(pattern).search
        kernels = ((*about, key) for *about, keys in OPERATORS.values() if found(about[2]) for key in keys)
        FINISHED[pattern] = list(kernels)
    return FINISHED[pattern]


class _Library(ctypes.Structure):
    """What the loader says of a library; see dl_iterate_phdr(3)."""

    _fields_ = [
        ("address", ctypes.c_void_p),
        ("name", ctypes.c_char_p),
        ("headers", ctypes.c_void_p),
        ("count", ctypes.c_uint16),
        ("loaded", ctypes.c_ulonglong),
    ]


_told: list[int] = []
_tell = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(_Library), ctypes.c_size_t, ctypes.c_void_p)(
    lambda library, *_: _told.append(library[0].loaded) or 1  # and no more of them
)


def libraries() -> int:
    """How many libraries this process has ever loaded."""
    _libc.dl_iterate_phdr(_tell, None)
    return _told.pop()


def seed_all(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also keeps a note for each GPU that may come


class Checked:
    """The child that answers checks: looks names up, calls, reads and differentiates, until the grader hangs up.

    Or it only closes torch's finished operators, which takes longer than most checks, and is forked for each check.
    """

    def __init__(self, link: socket.socket, names: dict) -> None:
        import torch

        self.link, self.names, self.torch = link, names, torch
        self.forbidden: str | None = None
        self.walks = torch.nn.Module.parameters.__code__.co_filename
        warnings.simplefilter("ignore")

    def begin(self, seed: int) -> None:
        """A check begins; nothing that it asks for is known from the one before."""
        from course_lib import checks

        self.heap = values.Heap()
        self.known: dict[str, values.Snapshot] = {}  # what each twin held when both sides last agreed
        self.called: list[str] = []  # of what is forbidden
        checks.REFUSED.clear()
        seed_all(seed)
        self.torch.set_default_dtype(self.torch.float32)
        self.torch.set_grad_enabled(True)

    def serve(self) -> None:
        while True:
            try:
                request, blobs, fds = wire.receive(self.link)
            except wire.WireError:
                return
            if "begin" in request:
                self.begin(request["begin"])
            elif "close" in request:  # this child is one to fork others from
                LINKS.append(self.link)
                self.forbid(request["close"])
            elif "check" in request:
                if fork_for(self.link, fds[0]) == 0:
                    self.link = socket.socket(fileno=fds[0])
            else:
                self.answer(request, blobs)

    def answer(self, request: dict, blobs: list[bytearray]) -> None:
        from course_lib import checks

        encoder = values.Encoder(self.heap)
        state = self.torch.get_rng_state() if "rng" in request else None
        try:
            for name in request.get("drop", ()):
                self.heap.drop(name) if isinstance(name, int) else self._forget(name)
            self.update(request.get("update", []), blobs)
            arguments = self._arguments(blobs[request["arguments"]]) if "arguments" in request else ()
            if "rng" in request:
                self.torch.set_rng_state(
                    self.torch.frombuffer(bytearray(blobs[request["rng"]]), dtype=self.torch.uint8)
                )
                state = self.torch.get_rng_state()
            with self.torch.set_grad_enabled(request.get("grad", True)):
                result = self.watched(request.get("watch", {}), getattr(self, f"do_{request['do']}"), *arguments)
            reply = {"value": encoder(result)}
        except values.TooLarge as error:
            reply = {"error": {"name": "TooLarge", "mro": [], "message": str(error)}}
        except BaseException as error:  # noqa: BLE001
            encoder = values.Encoder(self.heap)
            reply = {"error": self.describe(error)}
        try:
            reply["changed"] = [self.report(name, encoder) for name in list(self.heap.twins) if self.changed(name)]
        except BaseException as error:  # noqa: BLE001
            reply["changed"] = []
            reply.setdefault("error", self.describe(error))
        if self.called or checks.REFUSED:
            reply["called"] = True
            self.called, checks.REFUSED[:] = [], []
        if state is not None:
            reply["drew"] = not self.torch.equal(state, self.torch.get_rng_state())
        wire.send(self.link, reply, encoder.blobs)
        for name, tensor in self.heap.twins.items():
            if name not in self.known:
                self.remember(name, tensor)

    # What the grader may ask for.

    def do_name(self, name: str):
        return self.names[name]

    def do_get(self, target, name: str):
        return getattr(target, name)

    def do_set(self, target, name: str, value):
        setattr(target, name, value)

    def do_call(self, target, arguments: tuple, options: dict):
        return target(*arguments, **options)

    def do_operator(self, name: str, *operands):
        return getattr(operator, name)(*operands)

    def do_iterate(self, target):
        """An iterator, one step at a time; or all at once what torch walks through, such as net.parameters()."""
        iterator = iter(target)
        ends = iterator is target  # an object that makes an iterator each time may be asked again
        if ends and type(iterator) is types.GeneratorType and iterator.gi_code.co_filename == self.walks:
            return list(itertools.islice(iterator, values.MAX_STEPS + 1))
        return iterator if hasattr(type(iterator), "__next__") else None

    def do_next(self, iterator):
        try:
            return True, next(iterator)
        except StopIteration:
            return False, None

    def do_length(self, target):
        return len(target)

    def do_is(self, value, kind):
        return kind in type(value).__mro__ and not isinstance(value, type)

    def do_subclass(self, value, kind):
        return kind in value.__mro__

    def do_backward(self, outputs: list[int], gradients: list, names: list[str]):
        roots = [self.heap.graphs[number] for number in outputs]
        wanted = [self.heap.leaves.get(name, self.heap.twins[name]) for name in names]
        return self.torch.autograd.grad(roots, wanted, gradients, retain_graph=True, allow_unused=True)

    # How arguments come in: pickled by the grader, whom this process may trust.

    def _arguments(self, data: bytes):
        checked = self

        class Unpickler(pickle.Unpickler):
            def persistent_load(self, pid):
                kind, key = pid
                if kind == "handle":
                    return checked.heap.objects[key]
                if kind == "twin":
                    return checked.heap.twins[key]
                return checked.callback(key)

        return Unpickler(io.BytesIO(data)).load()

    def callback(self, number: int):
        """A function of the grader's, for the student's code to call."""

        def function(*arguments, **options):
            encoder = values.Encoder(self.heap)
            header = {"callback": number, "arguments": encoder((list(arguments), options))}
            wire.send(self.link, header, encoder.blobs)
            while True:
                request, blobs, _ = wire.receive(self.link)
                if "result" in request:
                    self.update(request.get("update", []), blobs)
                    return self._arguments(blobs[request["result"]])
                if "failed" in request:
                    raise RuntimeError(request["failed"])
                self.answer(request, blobs)  # a question in between

        return function

    # Tensors that live on both sides.

    def update(self, entries: list, blobs: list[bytearray]) -> None:
        """Take over what the grader changed."""
        torch = self.torch
        for name, dtype, shape, blob, about in entries:
            fresh = None if blob is None else values.unpixels(dtype, shape, blobs[blob])
            grad = about.get("grad")
            grad = values.unpixels(dtype, shape, blobs[grad]) if grad is not None else None
            tensor = self.heap.twins.get(name)
            if tensor is None:
                if about["parameter"]:
                    tensor = torch.nn.Parameter(fresh, requires_grad=about["requires_grad"])
                elif about["requires_grad"] and not about["leaf"]:
                    self.heap.leaves[name] = fresh.requires_grad_()
                    tensor = self.heap.leaves[name].clone()
                else:
                    tensor = fresh.requires_grad_(about["requires_grad"])
                self.heap.share(name, tensor)
            elif tensor.is_leaf:
                if fresh is None:
                    pass
                elif tensor.dtype == fresh.dtype and tensor.shape == fresh.shape:
                    tensor.data.copy_(fresh)
                else:
                    tensor.data = fresh
                tensor.requires_grad_(about["requires_grad"])
            if tensor.is_leaf:
                tensor.grad = grad
            self.remember(name, tensor)

    def remember(self, name: str, tensor) -> None:
        self.known[name] = values.Snapshot(tensor)

    def changed(self, name: str) -> bool:
        return name in self.known and not self.known[name].holds(self.heap.twins[name])

    def report(self, name: str, encoder: values.Encoder) -> list:
        tensor = self.heap.twins[name]
        self.remember(name, tensor)
        grad = values.gradient(tensor)
        kept = None if grad is None else encoder.blob(values.pixels(grad.to(tensor.dtype)))
        shape = list(tensor.shape)
        return [name, values.DTYPES[tensor.dtype], shape, encoder.blob(values.pixels(tensor)), {"grad": kept}]

    def _forget(self, name: str) -> None:
        self.heap.unshare(name)
        self.known.pop(name, None)

    # Work that is to be done by hand.

    def watched(self, watch: dict, do, *arguments):
        if not watch:
            return do(*arguments)
        from course_lib import checks

        if watch.get("forbidden"):
            self.forbid(watch["forbidden"])
            with checks.by_hand(watch["forbidden"]):
                return do(*arguments)
        if watch.get("own"):
            with checks.own_work():
                return do(*arguments)
        return do(*arguments)

    def forbid(self, pattern: str) -> None:
        """Take the finished operators out of torch's dispatcher, for the rest of this check.

        No alias, thread or patched watch gets around this: whatever spelling reaches the operator finds it closed, and
        the registration has no owner left that Python could ask to undo it.
        """
        if self.forbidden == pattern:
            return
        self.forbidden = pattern
        learn_operators()  # what runs here may have loaded more

        def refuse(name: str):
            def closed(*_, **__):
                self.called.append(name)
                raise Refused(
                    f"this exercise is to be built by hand, but the code calls torch's finished {name}; "
                    "use slices, sums, einsum, matmul or unfold."
                )

            return closed

        owners: dict[tuple, object] = {}
        for space, overload, name, key in finished(pattern):
            if (space, key) not in owners:
                owners[space, key] = owner = self.torch._C._dispatch_library("IMPL", space, key, "", 1)
                ctypes.pythonapi.Py_IncRef(ctypes.py_object(owner))
            with contextlib.suppress(RuntimeError):
                owners[space, key].impl(overload, key, refuse(name))

    def describe(self, error: BaseException) -> dict:
        kinds = [kind for kind in type(error).__mro__ if kind.__module__ == "builtins"]
        try:
            message = str(error)
        except BaseException:  # noqa: BLE001
            message = ""
        line, frame = None, error.__traceback__
        while frame is not None:
            if frame.tb_frame.f_code.co_filename.startswith(("<ipython-input", "/tmp/ipykernel")):
                line = frame.tb_lineno
            frame = frame.tb_next
        return {
            "name": type(error).__name__[:200],
            "mro": [kind.__name__ for kind in kinds],
            "message": message[:4000],
            "line": line,
            "refused": isinstance(error, Refused)
            or "to be built by hand" in message
            or "leave torch here" in message
            or "to be written here" in message,
            "class": f"{type(error).__module__}.{type(error).__qualname__}"[:200],
        }


class Refused(AssertionError):
    """The watch refused a call."""
