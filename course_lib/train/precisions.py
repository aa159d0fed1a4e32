"""How many bits the forward pass computes with. Weights, gradients and the optimiser stay in float32 (Micikevicius 2018)."""

from __future__ import annotations

import torch

from course_lib.ops import expect


def choose(precision: str, device_type: str) -> torch.dtype | None:
    """The type for autocast, None for none.

    Args:
        precision: ``auto`` is half precision on CUDA, bfloat16 where the chip computes with it and else float16, and full
            precision anywhere else; ``full``, ``bfloat16`` and ``float16`` say it outright.
        device_type: ``cpu``, ``cuda``, ``mps``.

    Raises:
        ValueError: half precision on a CPU, where most chips emulate it, ten times slower than float32.
    """
    expect.one_of("precision", precision, ("auto", "full", "bfloat16", "float16"))
    if precision == "full" or (precision == "auto" and device_type != "cuda"):
        return None
    if device_type == "cpu":
        raise ValueError(f"precision is {precision!r} on a CPU, which would only be slower: use 'auto' or 'full'.")
    if precision == "auto":  # emulated bfloat16, as on a T4, does not count
        precision = "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float16"
    return getattr(torch, precision)
