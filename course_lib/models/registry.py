"""Models by name, for scripts and benchmarks that take the name as text."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches

from torch import nn

BUILDERS: dict[str, Callable[..., nn.Module]] = {}


def builder(function: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """Put a function that makes a model on the list, under its own name."""
    BUILDERS[function.__name__] = function
    return function


def build(name: str, **options) -> nn.Module:
    """``build("resnet50", num_classes=10)`` is ``resnet50(num_classes=10)``.

    Raises:
        ValueError: there is no such model; the message offers names that look like it.
    """
    if name not in BUILDERS:
        close = get_close_matches(name, BUILDERS, n=3) or sorted(BUILDERS)
        raise ValueError(f"There is no model {name!r}. Did you mean {', '.join(close)}?")
    return BUILDERS[name](**options)
