"""From what the runner says to exact plain values: the reader of what `inside/values.py` writes.

It believes nothing. A kind that is not known, a number of bytes that does not fit a shape, a text that is none: all of
it is a WireError, and no class of the student's is ever made, imported or compared.
"""

from __future__ import annotations

import collections
import math
import re
from collections.abc import Callable

import numpy as np
import torch

from autograder.sandbox.inside.values import DTYPES, MAX_DEPTH, MAX_ITEMS, unpixels
from autograder.sandbox.inside.wire import WireError

TENSOR_DTYPES = {name: dtype for dtype, name in DTYPES.items()}
ARRAY_DTYPE = re.compile(r"[<>|=][biufc]\d{1,2}")
CONTAINERS = {"list": list, "tuple": tuple, "set": set, "frozenset": frozenset, "Size": torch.Size}
CONSTANTS = {"Ellipsis": Ellipsis, "NotImplemented": NotImplemented}


class Decoder:
    """Turn lists and blobs into values.

    Args:
        blobs: the bytes that came with them.
        tensor: makes what stands for a tensor that also lives in the runner: (tensor, its description) → tensor.
        twin: the grader's tensor of that name.
        handle: makes what stands for anything else: (number, description) → object.
    """

    def __init__(
        self,
        blobs: list[bytearray],
        *,
        tensor: Callable[[torch.Tensor, dict], torch.Tensor],
        twin: Callable[[str], torch.Tensor],
        handle: Callable[[int, dict], object],
    ) -> None:
        self.blobs, self.tensor, self.twin, self.handle = blobs, tensor, twin, handle
        self.items = 0

    def __call__(self, node: object, depth: int = 0) -> object:
        try:
            return self._value(node, depth)
        except WireError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RuntimeError, OverflowError) as error:
            raise WireError(f"a value that is none ({type(error).__name__}: {error})") from error

    def _value(self, node: object, depth: int) -> object:
        self.items += 1
        if self.items > MAX_ITEMS * 2 or depth > MAX_DEPTH + 2:
            raise WireError("a value of too many parts")
        if type(node) is not list or not node or type(node[0]) is not str:
            raise WireError("a value without its kind")
        kind, *rest = node
        if kind == "v":
            (value,) = rest
            if value is not None and type(value) not in (bool, int):
                raise WireError("no plain value")
            return value
        if kind in CONTAINERS:
            return CONTAINERS[kind](self._value(item, depth + 1) for item in self._list(rest[0]))
        read = getattr(self, f"_read_{kind}", None)
        if read is None:
            raise WireError(f"a value of the unknown kind {kind[:50]!r}")
        return read(depth + 1, *rest)

    def _list(self, items: object) -> list:
        if type(items) is not list:
            raise WireError("no list")
        return items

    def _blob(self, index: object) -> bytearray:
        if type(index) is not int or not 0 <= index < len(self.blobs):
            raise WireError("no blob")
        return self.blobs[index]

    def _shape(self, shape: object) -> list[int]:
        if not all(type(size) is int and size >= 0 for size in self._list(shape)) or len(shape) > 64:
            raise WireError("no shape")
        return shape

    def _read_str(self, depth: int, blob: int) -> str:
        return self._blob(blob).decode("utf-8", "replace")

    def _read_bytes(self, depth: int, blob: int) -> bytes:
        return bytes(self._blob(blob))

    def _read_float(self, depth: int, text: str) -> float:
        return float.fromhex(text)

    def _read_complex(self, depth: int, real: str, imaginary: str) -> complex:
        return complex(float.fromhex(real), float.fromhex(imaginary))

    def _read_int(self, depth: int, text: str) -> int:
        if len(text) > 30_000:
            raise WireError("too many digits")
        return int(text, 16)

    def _read_dict(self, depth: int, pairs: list) -> dict:
        return {self._value(key, depth): self._value(item, depth) for key, item in self._list(pairs)}

    def _read_named(self, depth: int, name: str, fields: list, items: list) -> tuple:
        if len(self._list(fields)) > 100:
            raise WireError("a named tuple of too many fields")
        kind = collections.namedtuple(_word(name), [_word(field) for field in fields], rename=True)
        return kind(*(self._value(item, depth) for item in self._list(items)))

    def _read_array(self, depth: int, dtype: str, shape: list, blob: int) -> np.ndarray:
        return np.frombuffer(self._blob(blob), self._array_dtype(dtype)).reshape(self._shape(shape)).copy()

    def _read_scalar(self, depth: int, dtype: str, blob: int) -> np.generic:
        (value,) = np.frombuffer(self._blob(blob), self._array_dtype(dtype))
        return value

    def _array_dtype(self, text: str) -> np.dtype:
        if type(text) is not str or not ARRAY_DTYPE.fullmatch(text):
            raise WireError("no dtype")
        return np.dtype(text)

    def _read_dtype(self, depth: int, name: str) -> torch.dtype:
        dtype = vars(torch).get(name)
        if not isinstance(dtype, torch.dtype):
            raise WireError("no dtype")
        return dtype

    def _read_device(self, depth: int, name: str) -> torch.device:
        return torch.device(name)

    def _read_range(self, depth: int, parts: list) -> range:
        found = range(*(self._value(part, depth) for part in self._list(parts)))
        if found[MAX_ITEMS:]:  # a check that lists it would fill the grader's memory
            raise WireError("a range of too many numbers")
        return found

    def _read_slice(self, depth: int, parts: list) -> slice:
        return slice(*(self._value(part, depth) for part in self._list(parts)))

    def _read_const(self, depth: int, name: str) -> object:
        return CONSTANTS[name]

    def _read_twin(self, depth: int, name: str) -> torch.Tensor:
        return self.twin(name)

    def _read_tensor(self, depth: int, dtype: str, shape: list, blob: int, about: dict) -> torch.Tensor:
        return self.tensor(self.plain_tensor(dtype, shape, blob), about)

    def plain_tensor(self, dtype: str, shape: list, blob: int) -> torch.Tensor:
        """A tensor by value."""
        data, size = self._blob(blob), math.prod(self._shape(shape))
        if dtype not in TENSOR_DTYPES or len(data) != size * TENSOR_DTYPES[dtype].itemsize:
            raise WireError("a tensor whose bytes do not fit its shape")
        tensor = unpixels(dtype, shape, bytearray(data))  # no two tensors may live in the same bytes
        # A byte that is neither 0 nor 1 would make a bool that is neither true nor false.
        return tensor.view(torch.uint8).ne(0) if dtype == "bool" else tensor

    def _read_handle(self, depth: int, number: int, about: dict) -> object:
        if type(number) is not int or type(about) is not dict:
            raise WireError("no handle")
        parameters = [self._value(node, depth) for node in self._list(about.get("parameters", []))]
        texts = {key: about.get(key) if type(about.get(key)) is str else "" for key in ("name", "type", "module", "is")}
        lists = {
            key: [text for text in self._list(about.get(key, [])) if type(text) is str]
            for key in ("mro", "fields", "overrides")
        }
        plain = {**texts, **lists, "own": about.get("own") is True, "parameters": parameters}
        plain["name"], plain["type"] = plain["name"][:200], plain["type"][:200]
        return self.handle(number, plain)


def _word(text: object) -> str:
    return re.sub(r"\W", "_", str(text))[:100] or "_"
