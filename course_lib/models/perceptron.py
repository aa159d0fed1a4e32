"""The perceptron: *The perceptron: a probabilistic model for information storage and organization in the brain* (Rosenblatt, 1958).

One weight an input, a bias, a threshold: D + 1 parameters and D multiply-adds for D inputs. Learns every linearly separable
problem (Novikoff 1962), and no other, XOR among them (Minsky and Papert 1969). Taught in lecture 01.
"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn


class Perceptron(nn.Module):
    """Fires, with a 1, where ``w · x + b > 0``.

    Its threshold has no useful gradient, so weights are buffers and learning is Rosenblatt's own rule.

    Args:
        inputs: number of inputs D.
    """

    def __init__(self, inputs: int):
        super().__init__()
        self.register_buffer("weight", torch.zeros(inputs))
        self.register_buffer("bias", torch.zeros(()))

    def forward(self, x: Float[Tensor, "B D"]) -> Int[Tensor, " B"]:
        return (x @ self.weight + self.bias > 0).long()

    @torch.no_grad()
    def learn(self, x: Float[Tensor, "N D"], y: Int[Tensor, " N"], epochs: int = 100, rate: float = 1.0) -> list[int]:
        """Visit one example after another; raise the weights where 0 was said for 1, lower them where 1 was said for 0.

        Args:
            x, y: examples and their labels, 0 or 1.
            epochs: most passes over the examples; XOR would need infinitely many.
            rate: size of a correction.

        Returns:
            Mistakes in each pass. The last is 0 if the examples are now separated.
        """
        if not set(y.tolist()) <= {0, 1}:
            raise ValueError(f"y holds the labels {sorted(set(y.tolist()))}; a perceptron knows 0 and 1 only.")
        mistakes = []
        for _ in range(epochs):
            errors = 0
            for example, label in zip(x, y):
                error = label - self(example[None])[0]  # +1 raise, −1 lower, 0 leave
                self.weight += rate * error * example
                self.bias += rate * error
                errors += int(error != 0)
            mistakes.append(errors)
            if errors == 0:
                break
        return mistakes
