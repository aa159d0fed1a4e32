"""What a network is made of: for every layer its output, parameters, multiply-adds and memory (lectures 04, 06, 07, 09)::

    print(models.table(models.walk(models.alexnet_2012(), (3, 227, 227))))

Nothing is computed: the network runs on torch's "meta" device, where tensors have shapes and no numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from typing import NamedTuple

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import FlopCounterMode

from course_lib.layers import TableConv2d


class Row(NamedTuple):
    """One layer, for one image."""

    name: str
    layer: str
    output: tuple[int, ...]  # shape without the batch
    parameters: int
    multiply_adds: int
    activation_bytes: int  # of all tensors it makes on the way; a layer that works in place makes none


def count_parameters(model: nn.Module) -> int:
    """Trainable numbers of a model; a connection that a table forbids is not one of them."""
    masked = [m for m in model.modules() if isinstance(m, TableConv2d)]
    total = sum(p.numel() for p in model.parameters() if p.requires_grad)
    return total - sum(m.weight.numel() + m.bias.numel() - m.parameter_count() for m in masked)


@torch.no_grad()
def walk(model: nn.Module, input_size: Sequence[int], depth: int | None = None) -> list[Row]:
    """The layers of any model in the order in which they run on one image, in evaluation mode.

    Multiply-adds are those of convolutions and matrix products, as the field counts; bias, pooling, normalisation and
    activation are not among them. A layer that runs twice has two rows, and its parameters stand in the first. What happens
    outside of all layers (a concatenation in a forward method, say) is summed in a last row.

    Args:
        model: any module that takes one tensor; it is not changed.
        input_size: shape of one input without the batch, e.g. (3, 224, 224).
        depth: 1 gives the model's own parts, 2 their parts, and so on; None goes down to single layers.
    """
    names = {module: name for name, module in _parts(model, "", depth)}
    parameters = {module: count_parameters(module) for module in names}
    weights = {key: value.to("meta") for key, value in (*model.named_parameters(), *model.named_buffers())}
    dtype = next((w.dtype for w in weights.values() if w.is_floating_point()), torch.get_default_dtype())
    x = torch.empty(1, *input_size, device="meta", dtype=dtype)
    rows = [Row("input", "Input", tuple(input_size), 0, 0, x.nbytes)]
    started = {}
    flops, memory = FlopCounterMode(display=False), _NewTensors()

    def enter(module, args):
        started[module] = flops.get_total_flops(), memory.bytes

    def leave(module, args, output):
        flops_before, bytes_before = started[module]
        shape = tuple(output.shape[1:]) if isinstance(output, torch.Tensor) else ()
        cost, made = (flops.get_total_flops() - flops_before) // 2, memory.bytes - bytes_before
        rows.append(Row(names[module], type(module).__name__, shape, parameters.pop(module, 0), cost, made))

    training = {module: module.training for module in model.modules()}
    hooks = [m.register_forward_pre_hook(enter) for m in names] + [m.register_forward_hook(leave) for m in names]
    try:
        model.eval()
        with flops, memory:
            torch.func.functional_call(model, weights, (x,))
    finally:
        for hook in hooks:
            hook.remove()
        for module, mode in training.items():
            module.training = mode

    inside = {module for part in names for module in part.modules()}
    loose = sum(
        p.numel() for m in model.modules() if m not in inside for p in m.parameters(recurse=False) if p.requires_grad
    )
    cost = flops.get_total_flops() // 2 - sum(row.multiply_adds for row in rows)
    made = x.nbytes + memory.bytes - sum(row.activation_bytes for row in rows)
    if loose or cost or made:
        rows.append(Row("(between)", "", (), loose, cost, made))
    return rows


def table(rows: Sequence[Row]) -> str:
    """The rows as text with totals: the table that every architecture paper prints."""
    lines = [("name", "layer", "output", "parameters", "multiply-adds", "memory")]
    for row in rows:
        lines.append((row.name, row.layer, "×".join(map(str, row.output)), *_numbers(row)))  # noqa: PERF401
    total = Row("total", "", (), *(sum(column) for column in list(zip(*rows))[3:]))
    lines.append(("total", "", "", *_numbers(total)))
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(cell.ljust(w) if i < 3 else cell.rjust(w) for i, (cell, w) in enumerate(zip(line, widths))).rstrip()
        for line in lines
    )


def _numbers(row: Row) -> tuple[str, str, str]:
    return f"{row.parameters:,}", f"{row.multiply_adds:,}", f"{row.activation_bytes / 1e6:,.2f} MB"


def _parts(module: nn.Module, prefix: str, depth: int | None) -> Iterator[tuple[str, nn.Module]]:
    """Names and modules at one depth; where the tree ends earlier, its leaves."""
    children = list(module.named_children())
    if depth == 0 or not children:
        yield prefix or type(module).__name__, module
    for name, child in children if depth != 0 else ():
        yield from _parts(child, f"{prefix}.{name}".lstrip("."), None if depth is None else depth - 1)


class _NewTensors(TorchDispatchMode):
    """Adds up the bytes of every floating-point tensor that an operator makes; views and in-place results are not new."""

    bytes = 0

    @classmethod
    def _should_skip_dynamo(cls) -> bool:
        return False  # torch.compile has no part in this, and importing it takes seconds

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        outputs = result if isinstance(result, (tuple, list)) else (result,)
        for declared, output in zip(func._schema.returns, outputs):
            if declared.alias_info is None and isinstance(output, torch.Tensor) and output.is_floating_point():
                self.bytes += prod(output.shape) * output.element_size()
        return result
