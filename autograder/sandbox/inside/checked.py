"""The child of a submission's process that answers the grader's checks."""

from __future__ import annotations

import builtins
import io
import itertools
import operator
import pickle
import random
import socket
import types
import warnings

import by_hand
import values
import wire

__builtins__ = dict(vars(builtins))  # see runner.py


def seed_all(seed: int) -> None:
    import numpy as np
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.default_generator.manual_seed(seed)  # torch.manual_seed also keeps a note for each GPU that may come


class Checked:
    """The child that answers checks: looks names up, calls, reads and differentiates, until the grader hangs up."""

    def __init__(self, link: socket.socket, names: dict) -> None:
        import torch

        self.link, self.names, self.torch = link, names, torch
        self.walks = torch.nn.Module.parameters.__code__.co_filename
        warnings.simplefilter("ignore")

    def begin(self, seed: int) -> None:
        """A check begins; nothing that it asks for is known from the one before."""
        from course_lib import checks

        self.heap = values.Heap()
        self.known: dict[str, values.Snapshot] = {}  # what each twin held when both sides last agreed
        for refused in (checks.REFUSED, by_hand.CALLED):
            refused.clear()
        seed_all(seed)
        self.torch.set_default_dtype(self.torch.float32)
        self.torch.set_grad_enabled(True)

    def serve(self) -> None:
        while True:
            try:
                request, blobs, _ = wire.receive(self.link)
            except wire.WireError:
                return
            if "begin" in request:
                self.begin(request["begin"])
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
        if by_hand.CALLED or checks.REFUSED:
            reply["called"] = True
            by_hand.CALLED[:], checks.REFUSED[:] = [], []
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
            with checks.by_hand(watch["forbidden"]):
                return do(*arguments)
        if watch.get("own"):
            with checks.own_work():
                return do(*arguments)
        return do(*arguments)

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
            "refused": isinstance(error, by_hand.Refused)
            or "to be built by hand" in message
            or "leave torch here" in message
            or "to be written here" in message,
            "class": f"{type(error).__module__}.{type(error).__qualname__}"[:200],
        }
