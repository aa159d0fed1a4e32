"""The multi-layer perceptron, and *Learning representations by back-propagating errors* (Rumelhart, Hinton, Williams, 1986).

Layers of D inputs and K outputs have (D + 1) · K parameters and D · K multiply-adds: 784-300-100-10, the first network for
handwritten digits that most people meet, has 266,610 and 0.27 M. Taught in lecture 02, which derives the backward pass below.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from jaxtyping import Float
from torch import Tensor, nn

# name → (function, its derivative written with the function's own output a)
ACTIVATIONS = {
    "identity": (lambda z: z, torch.ones_like),
    "relu": (torch.relu, lambda a: (a > 0).to(a)),
    "sigmoid": (torch.sigmoid, lambda a: a * (1 - a)),
    "tanh": (torch.tanh, lambda a: 1 - a**2),
}


class MLP(nn.Module):
    """Linear layers with an activation between them, and none after the last.

    Args:
        sizes: inputs, hidden units of each layer, outputs.
        activation: a key of :data:`ACTIVATIONS`.
        bias: whether units have a bias.

    Raises:
        ValueError: fewer than two sizes, or an unknown activation.
    """

    def __init__(self, sizes: Sequence[int], activation: str = "relu", bias: bool = True):
        super().__init__()
        if len(sizes) < 2:
            raise ValueError(f"sizes is {list(sizes)!r}: give at least the number of inputs and of outputs.")
        if activation not in ACTIVATIONS:
            raise ValueError(f"activation is {activation!r}; take one of {', '.join(ACTIVATIONS)}.")
        self.layers = nn.ModuleList(nn.Linear(n, m, bias=bias) for n, m in pairwise(sizes))
        self.activation = activation

    def forward(self, x: Float[Tensor, "B D"]) -> Float[Tensor, "B K"]:
        return self.activations(x)[-1]

    def activations(self, x: Float[Tensor, "B D"]) -> list[Tensor]:
        """The input and every layer's output: what the backward pass needs to remember."""
        f, _ = ACTIVATIONS[self.activation]
        outputs = [x]
        for layer in self.layers:
            z = layer(outputs[-1])
            outputs.append(z if layer is self.layers[-1] else f(z))
        return outputs

    @torch.no_grad()
    def backward(self, x: Float[Tensor, "B D"], upstream: Float[Tensor, "B K"]) -> dict[str, Tensor]:
        """Back-propagation by hand: the gradient of the loss for every parameter, without autograd.

        Args:
            x: the batch.
            upstream: gradient of the loss with respect to the output, ∂L/∂y.

        Returns:
            Gradients by parameter name.
        """
        _, slope = ACTIVATIONS[self.activation]
        outputs = self.activations(x)
        gradients, delta = {}, upstream  # delta is ∂L/∂z of the layer at hand, [B, units]
        for index in reversed(range(len(self.layers))):
            layer, below = self.layers[index], outputs[index]
            gradients[f"layers.{index}.weight"] = delta.T @ below  # [units, inputs], summed over the batch
            if layer.bias is not None:
                gradients[f"layers.{index}.bias"] = delta.sum(0)
            delta = (delta @ layer.weight) * slope(below)  # the chain rule: through the weights, then the activation
        return gradients
