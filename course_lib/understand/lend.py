"""A model is lent, not given: whatever looks inside leaves it as it was found, and asks for what is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from difflib import get_close_matches

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.ops import expect

Classes = int | Int[Tensor, " B"] | None  # one class for the batch, one an image, or the model's own first choice
Bound = float | Float[Tensor, "..."]  # one number, or one a channel as [C, 1, 1]


@contextmanager
def untouched(model: nn.Module, training: bool = False) -> Iterator[None]:
    """Use a model in evaluation mode (or training mode) and give it back in the modes and with the buffers it had.

    BatchNorm in training mode writes into its buffers; they are put back, also after an error. Weights need no copy:
    nothing in this package writes to them or to their ``.grad``.
    """
    modes = [(module, module.training) for module in model.modules()]
    buffers = [(buffer, buffer.clone()) for buffer in model.buffers()]
    try:
        model.train(training)
        yield
    finally:
        for module, mode in modes:
            module.training = mode
        with torch.no_grad():
            for buffer, value in buffers:
                if not torch.equal(buffer, value):  # even a write of the same numbers voids graphs that hold it
                    buffer.copy_(value)


@contextmanager
def recording(model: nn.Module, *layers: str) -> Iterator[dict[str, Tensor]]:
    """Forward hooks that fill a dictionary, layer name → output, while they stand; of two runs of a layer, the last.

    The network goes on with a copy, so that a ReLU that works in place does not overwrite what was kept.
    """
    kept = {}

    def keeper(name: str):
        def keep(module, args, output):
            if isinstance(output, Tensor):
                kept[name] = output
                return output.clone()

        return keep

    with ExitStack() as hooks:
        for name in layers:
            hooks.enter_context(find_layer(model, name).register_forward_hook(keeper(name)))
        yield kept


def find_layer(model: nn.Module, layer: str) -> nn.Module:
    """The part of a model with this name, as in ``model.get_submodule``; ``""`` is the whole model."""
    layers = dict(model.named_modules(remove_duplicate=False))
    if layer not in layers:
        close = get_close_matches(layer, layers, n=3, cutoff=0.4) or list(layers)[1:4]
        raise ValueError(
            f"layer {layer!r} is not in this {type(model).__name__}: did you mean {' or '.join(map(repr, close))}? "
            "dict(model.named_modules()) lists all."
        )
    return layers[layer]


def outputs_of(model: nn.Module, layer: str, x: Float[Tensor, "B ..."]) -> tuple[Float[Tensor, "B ..."], object]:
    """What one layer answers to x, and what the model does, both still in the graph."""
    with recording(model, layer) as kept:
        answer = model(x)
    if layer not in kept:
        raise ValueError(f"layer {layer!r} returned no tensor, or did not run: choose another, or one of its parts.")
    return kept[layer], answer


def unit_of(output: Float[Tensor, "B K ..."], layer: str, unit: int) -> Float[Tensor, "B N"]:
    """The values of one unit (a map's channel, a vector's entry) at its N places."""
    if not -1 < unit < output.shape[1]:
        raise ValueError(
            f"unit is {unit}, but layer {layer!r} has {output.shape[1]} units: use 0 to {output.shape[1] - 1}."
        )
    return output[:, unit].flatten(1) if output.ndim > 2 else output[:, unit, None]


def classes_of(logits: object, target: Classes, name: str = "target") -> Int[Tensor, " B"]:
    """One class an image: those asked for, or if ``target`` is None those with the largest logit, [B, classes]."""
    expect.tensor("model(x)", logits, "B classes")
    if target is None:
        return logits.argmax(1)
    target = torch.as_tensor(target, device=logits.device)
    if target.is_floating_point() or target.shape not in {(), (len(logits),)}:
        raise ValueError(
            f"{name} must be one class or {len(logits)} of them, one an image, as whole numbers; "
            f"got {target.dtype} with shape {tuple(target.shape)}."
        )
    count = logits.shape[1]
    if ((target < 0) | (target >= count)).any():
        raise ValueError(f"{name} is {target.tolist()}, but this model has {count} classes: use 0 to {count - 1}.")
    return target.long().expand(len(logits))


def clip(x: Float[Tensor, "..."], low: Bound, high: Bound) -> Float[Tensor, "..."]:
    """Move every pixel into its valid range."""
    return x.maximum(torch.as_tensor(low).to(x)).minimum(torch.as_tensor(high).to(x))
