"""Numbers for a model: random ones to start from, and learned ones from a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError

import torch
from torch import Tensor, nn


def he_init(model: nn.Module, mode: str = "fan_out", linear_std: float | None = None) -> None:
    """He et al.'s (2015) initialisation of every convolution, so that ReLU layers keep the variance of their signal.

    Args:
        model: changed in place.
        mode: ``fan_in`` keeps the variance on the way forward, ``fan_out`` that of the gradients on the way back.
        linear_std: standard deviation for linear layers; None leaves torch's default.
    """
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, mode=mode, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Linear) and linear_std is not None:
            nn.init.normal_(module.weight, std=linear_std)
            nn.init.zeros_(module.bias)


def modern_name(key: str) -> str:
    """The name a module may have today: DenseNet's published weights spell ``norm1`` as ``norm.1``, which torch now forbids."""
    return re.sub(r"(denselayer\d+\.(?:norm|conv))\.([12])\.", r"\1\2.", key)


def load_weights(model: nn.Module, source: Mapping[str, Tensor] | str | Path) -> nn.Module:
    """Give a model learned weights, all of them or none.

    Args:
        model: changed in place, and returned. Its builders use torchvision's parameter names, so torchvision's weights fit.
        source: a state dict, or the path of a file that holds one.

    Raises:
        ValueError: the file is missing or damaged, or the weights belong to another model; the model is untouched then.
    """
    state = _read(Path(source)) if isinstance(source, (str, Path)) else source
    given = {modern_name(key): tensor for key, tensor in state.items()}
    own = model.state_dict()
    # Files older than torch 0.4.1 lack BatchNorm's step counters, which nothing here uses.
    given |= {key: own[key] for key in own if key.endswith("num_batches_tracked") and key not in given}
    kind = type(model).__name__
    for key in own:
        if key not in given:
            raise ValueError(f"These weights are not for this {kind}: they lack {key!r}, {tuple(own[key].shape)} here.")
        if given[key].shape != own[key].shape:
            raise ValueError(
                f"These weights are not for this {kind}: {key!r} has shape {tuple(given[key].shape)} there and "
                f"{tuple(own[key].shape)} here. Build the model with the options they were trained with (num_classes, depth)."
            )
    for key in given:
        if key not in own:
            raise ValueError(
                f"These weights are not for this {kind}: they hold {key!r}, {tuple(given[key].shape)}, which it lacks."
            )
    model.load_state_dict(given)
    return model


def _read(path: Path) -> Mapping[str, Tensor]:
    if not path.is_file():
        raise ValueError(f"source is {path}, and there is no such file; check the path, or download the weights again.")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)  # never runs code from the file
    except (UnpicklingError, RuntimeError, EOFError, ValueError) as error:
        raise ValueError(f"source is {path}, which is damaged or holds no weights; download it again.") from error
    if not isinstance(state, Mapping) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"source is {path}, which holds no state dict; save model.state_dict(), not the model.")
    return state
