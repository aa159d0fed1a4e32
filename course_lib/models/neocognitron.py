"""The Neocognitron's two cells: *Neocognitron: a self-organizing neural network model* (Fukushima, 1980).

S cells ("simple") look for a pattern at one place; C cells ("complex") fire if any nearby S cell did. Alternating the two
is the plan of every network in this course: convolution + ReLU is the S layer, pooling the C layer. What is missing is
back-propagation: Fukushima's templates organise themselves without labels; here they are given.
"""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F


class SCells(nn.Module):
    """Feature detectors with shunting inhibition: fire where the patch's *shape* matches, whatever its brightness.

    The cell's excitation e is the match with its template, its inhibition v the root-mean-square of the patch, and its
    output ``r · relu((1 + e) / (1 + r/(1+r) · b·v) − 1)`` as in the paper's equation (1).

    Args:
        templates: K patterns of C×k×k, non-negative; scaled so that a perfect match gives e = v.
        selectivity: r > 0; a larger r demands a closer match.
    """

    def __init__(self, templates: Float[Tensor, "K C k k"], selectivity: float = 4.0):
        super().__init__()
        self.register_buffer("templates", templates / templates.flatten(1).norm(dim=1)[:, None, None, None])
        self.selectivity = selectivity

    def forward(self, x: Float[Tensor, "B C H W"]) -> Float[Tensor, "B K H W"]:
        r, pad = self.selectivity, self.templates.shape[-1] // 2
        excite = F.conv2d(x, self.templates, padding=pad)  # [B, K, H, W]
        energy = F.conv2d(x.square(), torch.ones_like(self.templates[:1]), padding=pad)  # [B, 1, H, W]
        inhibit = energy.clamp_min(0).sqrt()
        return r * F.relu((1 + excite) / (1 + r / (1 + r) * inhibit) - 1)


class CCells(nn.Module):
    """Tolerance to position: a blurred mean of nearby S cells, then saturation, at every ``stride``-th place.

    Args:
        size: side of the neighbourhood that one C cell watches, in S cells.
        stride: distance between neighbouring C cells.
        half: the mean at which the output reaches one half; a small value makes one active S cell enough.
    """

    def __init__(self, size: int = 5, stride: int = 2, half: float = 0.05):
        super().__init__()
        self.size, self.stride, self.half = size, stride, half
        ramp = 1 - (torch.arange(size) - size // 2).abs() / (size // 2 + 1)  # nearer S cells weigh more
        window = torch.outer(ramp, ramp)
        self.register_buffer("window", (window / window.sum())[None, None])

    def forward(self, x: Float[Tensor, "B K H W"]) -> Float[Tensor, "B K Ho Wo"]:
        maps = x.flatten(0, 1)[:, None]  # [B*K, 1, H, W]: every map is watched by itself
        blurred = F.conv2d(maps, self.window, stride=self.stride, padding=self.size // 2).unflatten(0, x.shape[:2])
        return (blurred / (blurred + self.half)).squeeze(2)
