"""What the runner hands over: numbers, text, containers and tensors as they are, everything else as a handle.

A value becomes a list whose first entry says its kind, and blobs for its bytes; ``autograder.sandbox.decode`` is the
other half. Nothing is pickled in this direction.
"""

from __future__ import annotations

import builtins
import ctypes
import dataclasses
import types

import numpy as np
import torch
from torch import nn

__builtins__ = dict(vars(builtins))  # this file's own: what student code puts into builtins does not reach it
MAX_ITEMS, MAX_DEPTH, MAX_TEXT = 1_000_000, 50, 4_000_000
MAX_STEPS = 10_000  # of an iterator
MAX_SIZE = 128 * 2**20  # bytes of one tensor
DTYPES = {
    dtype: str(dtype).removeprefix("torch.")
    for dtype in (
        torch.bool, torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64,
        torch.float16, torch.bfloat16, torch.float32, torch.float64, torch.complex64, torch.complex128,
    )
}  # fmt: skip
MEMCMP = ctypes.CDLL(None).memcmp
MEMCMP.argtypes = ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t


class TooLarge(Exception):
    """More than may cross at once."""


class Heap:
    """Objects of the student's that the grader holds on to, and tensors that live on both sides."""

    def __init__(self) -> None:
        self.objects: dict[int, object] = {}
        self.numbers: dict[int, int] = {}  # id(object) -> handle, while the object is kept
        self.twins: dict[str, torch.Tensor] = {}
        self.leaves: dict[str, torch.Tensor] = {}  # what to differentiate with respect to, where that is not the twin
        self.names: dict[int, str] = {}  # id(twin) -> its name
        self.graphs: dict[int, torch.Tensor] = {}
        self.count = 0

    def next(self) -> int:
        self.count += 1
        return self.count

    def keep(self, value: object) -> int:
        """The number under which the grader may ask for this object again."""
        if id(value) not in self.numbers:
            self.numbers[id(value)] = self.next()
            self.objects[self.numbers[id(value)]] = value
        return self.numbers[id(value)]

    def drop(self, number: int) -> None:
        value = self.objects.pop(number, None)
        self.numbers.pop(id(value), None)
        self.graphs.pop(number, None)

    def share(self, name: str, tensor: torch.Tensor) -> None:
        """Let a tensor live on both sides."""
        self.twins[name] = tensor
        self.names[id(tensor)] = name

    def unshare(self, name: str) -> None:
        tensor = self.twins.pop(name, None)
        self.names.pop(id(tensor), None)
        self.leaves.pop(name, None)


class Encoder:
    """Turn one value, or several that cross together, into lists and blobs."""

    def __init__(self, heap: Heap) -> None:
        self.heap = heap
        self.blobs: list[bytes] = []
        self.items = 0

    def __call__(self, value: object, depth: int = 0) -> list:
        self.items += 1
        if self.items > MAX_ITEMS or depth > MAX_DEPTH:
            raise TooLarge(f"a value of more than {MAX_ITEMS:,} parts, or nested deeper than {MAX_DEPTH}")
        kind = type(value)
        if value is None or kind is bool:
            return ["v", value]
        if kind is str:
            if len(value) > MAX_TEXT:
                raise TooLarge(f"a text of {len(value):,} characters")
            return ["str", self.blob(value.encode("utf-8", "surrogatepass"))]
        if kind is int:
            return ["v", value] if abs(value) < 2**53 else self._big(value)
        if kind is float:
            return ["float", value.hex()]
        if kind is complex:
            return ["complex", value.real.hex(), value.imag.hex()]
        if kind in (bytes, bytearray):
            return ["bytes", self.blob(bytes(value))]
        if kind in (list, tuple, set, frozenset, torch.Size):
            return [kind.__name__, [self(item, depth + 1) for item in value]]
        if kind is dict or (kind.__module__ == "collections" and kind.__name__ == "OrderedDict"):
            return ["dict", [[self(key, depth + 1), self(item, depth + 1)] for key, item in dict.items(value)]]
        if kind in (torch.Tensor, nn.Parameter) and id(value) in self.heap.names:
            return ["twin", self.heap.names[id(value)]]
        if kind in (torch.Tensor, nn.Parameter):
            return self.tensor(value)
        if kind is np.ndarray and value.dtype.kind in "biufc":
            self._fits(value.nbytes)
            return ["array", value.dtype.str, list(value.shape), self.blob(np.ascontiguousarray(value).tobytes())]
        if isinstance(value, np.generic) and kind.__module__ == "numpy" and value.dtype.kind in "biufc":
            return ["scalar", value.dtype.str, self.blob(value.tobytes())]
        if kind is torch.dtype or kind is torch.device:
            return [kind.__name__, str(value).removeprefix("torch.")]
        if kind is range and value[MAX_ITEMS:]:
            raise TooLarge(f"a range of more than {MAX_ITEMS:,} numbers")
        if kind in (range, slice):
            return [kind.__name__, [self(part, depth + 1) for part in (value.start, value.stop, value.step)]]
        if value is Ellipsis or value is NotImplemented:
            return ["const", repr(value)]
        if isinstance(value, tuple) and hasattr(kind, "_fields"):
            return ["named", kind.__name__, list(map(str, kind._fields)), [self(item, depth + 1) for item in value]]
        return self.handle(value)

    def tensor(self, value: torch.Tensor) -> list:
        """A tensor by value; one that autograd tracks keeps its graph here, and a leaf gets a twin in the grader."""
        if value.layout is not torch.strided or value.dtype not in DTYPES:
            return self.handle(value)
        self._fits(value.numel() * value.element_size())
        extra: dict = {"device": value.device.type}
        if value.requires_grad and value.is_leaf:
            extra["share"] = f"s{self.heap.next()}"
            extra["parameter"] = type(value) is nn.Parameter
            self.heap.share(extra["share"], value)
        elif value.requires_grad:
            extra["graph"] = self.heap.next()
            self.heap.graphs[extra["graph"]] = value
        return ["tensor", DTYPES[value.dtype], list(value.shape), self.blob(pixels(value)), extra]

    def handle(self, value: object) -> list:
        kind = value if isinstance(value, type) else type(value)
        about: dict = {
            "name": str(getattr(value, "__name__", kind.__name__))[:200],
            "type": kind.__name__[:200],
            "module": str(kind.__module__)[:200],
            "mro": [f"{base.__module__}.{base.__qualname__}"[:200] for base in kind.__mro__[:50]],
            "own": kind.__module__ == "__main__",
        }
        if isinstance(value, type):
            about["is"] = "class"
        elif issubclass(kind, nn.Module):
            about["is"] = "module"
            about["parameters"] = [self(parameter) for parameter in value.parameters()]
        elif isinstance(value, (types.FunctionType, types.BuiltinFunctionType, types.MethodType)):
            about["is"] = "function"
        elif hasattr(kind, "__next__"):
            about["is"] = "iterator"
        else:
            about["is"] = "object"
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            about["fields"] = [field.name for field in dataclasses.fields(value)]
        if "__eq__" in vars(kind) and about["own"]:
            about["overrides"] = ["__eq__"]
        return ["handle", self.heap.keep(value), about]

    def _fits(self, size: int) -> None:
        if size > MAX_SIZE:
            raise TooLarge(f"{size:,} bytes of numbers")

    def blob(self, data: bytes) -> int:
        self.blobs.append(data)
        return len(self.blobs) - 1

    def _big(self, value: int) -> list:
        if value.bit_length() > 100_000:
            raise TooLarge(f"a whole number of {value.bit_length():,} bits")
        return ["int", hex(value)]


def pixels(tensor: torch.Tensor) -> bytes:
    """A tensor's numbers, row by row."""
    with torch.no_grad():
        flat = tensor.detach().cpu().resolve_conj().resolve_neg()
        return (flat.view(torch.int16) if flat.dtype == torch.bfloat16 else flat).numpy().tobytes()


class Snapshot:
    """What a tensor and its gradient held at one time, to see later whether they changed, bit for bit."""

    __slots__ = ("grad", "requires_grad", "values")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.requires_grad = tensor.requires_grad
        self.values = Row(tensor)
        grad = gradient(tensor)
        self.grad = None if grad is None else Row(grad)

    def holds(self, tensor: torch.Tensor) -> bool:
        """Whether the tensor is still so; asked of all tensors at every question, so it has to be quick."""
        if tensor.requires_grad != self.requires_grad or not self.values.same(tensor):
            return False
        grad = gradient(tensor)
        return self.grad is None if grad is None else self.grad is not None and self.grad.same(grad)


class Row:
    """A tensor's numbers, copied into one row."""

    __slots__ = ("address", "dtype", "kept", "shape", "size")

    def __init__(self, tensor: torch.Tensor) -> None:
        self.kept = tensor.detach().resolve_conj().resolve_neg().clone(memory_format=torch.contiguous_format)
        self.shape, self.dtype = self.kept.shape, self.kept.dtype
        self.address, self.size = self.kept.data_ptr(), self.kept.nbytes

    def same(self, tensor: torch.Tensor) -> bool:
        """Whether a tensor holds the same numbers, bit for bit: a NaN is the same as itself."""
        if tensor.shape != self.shape or tensor.dtype != self.dtype:
            return False
        if not (tensor.is_cpu and tensor.is_contiguous()) or tensor.is_neg() or tensor.is_conj():
            tensor = tensor.detach().cpu().resolve_conj().resolve_neg().contiguous()
        return not MEMCMP(tensor.data_ptr(), self.address, self.size)


def gradient(tensor: torch.Tensor) -> torch.Tensor | None:
    """The gradient that a leaf of autograd holds; None for other tensors."""
    return tensor.grad if tensor.is_leaf else None


def unpixels(dtype: str, shape: list[int], data: bytearray) -> torch.Tensor:
    """The tensor again; it lives in `data`."""
    kind = getattr(torch, dtype)
    return torch.frombuffer(data, dtype=kind).reshape(shape) if data else torch.empty(shape, dtype=kind)
