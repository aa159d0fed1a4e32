"""Random numbers with an address: each is hashed from (seed, scene, name, place), so scene 7 is the same in any batch.

A ``torch.Generator`` is a stream: its 1000th number costs the 999 before it, and one more draw anywhere changes all
that follow. Hashing a counter instead (SplitMix64, Steele, Lea and Flood 2014) gives every number by itself; JAX's
generators work the same way. All arithmetic here is on integers, hence equal on every machine.
"""

from __future__ import annotations

import zlib

import torch
from jaxtyping import Float, Int
from torch import Tensor

GOLDEN = -0x61C8864680B583EB  # 2⁶⁴/φ as a signed number: steps by it visit the 64-bit integers evenly
MIX_1, MIX_2 = -0x40A7B892E31B1A47, -0x6B2FB644ECCEEE15


class Dice:
    """The numbers that decide a batch of scenes, float64 on the CPU.

    Args:
        seed: any integer.
        scenes: [N] numbers of the scenes.
    """

    def __init__(self, seed: int, scenes: Int[Tensor, " N"]):
        signed = (seed + 2**63) % 2**64 - 2**63
        self.keys = _mix(_mix(torch.tensor(signed)) + scenes * GOLDEN)  # [N]

    def bits(self, name: str, count: int) -> Int[Tensor, "N count"]:
        """64 random bits for each scene and place."""
        places = torch.arange(1, count + 1) + zlib.crc32(name.encode()) * 2**20
        return _mix(self.keys[:, None] + places * GOLDEN)

    def uniform(self, name: str, count: int, low: float | int = 0, high: float | int = 1) -> Float[Tensor, "N count"]:
        """Numbers in [low, high). A name gives the same numbers whatever the range: a dial moves a scene smoothly."""
        fraction = ((self.bits(name, count) >> 11) & (2**53 - 1)).double() / 2**53
        return low + (high - low) * fraction

    def integers(self, name: str, count: int, low: int, high: int) -> Int[Tensor, "N count"]:
        """Whole numbers from low to high, both included."""
        return self.uniform(name, count, low, high + 1).long()


def _mix(x: Int[Tensor, "..."]) -> Int[Tensor, "..."]:
    """SplitMix64's finaliser: each input bit flips about half of the output bits. Products wrap at 64 bits."""
    x = (x ^ ((x >> 30) & (2**34 - 1))) * MIX_1  # the mask turns torch's signed shift into an unsigned one
    x = (x ^ ((x >> 27) & (2**37 - 1))) * MIX_2
    return x ^ ((x >> 31) & (2**33 - 1))


def pixel_noise(keys: Int[Tensor, " B"], size: int) -> Int[Tensor, "B size size"]:
    """Thirty random bits a pixel, made where the keys are: all of it is integer arithmetic modulo 2³²."""
    pixels = torch.arange(size * size, dtype=torch.int32, device=keys.device).view(size, size)
    x = (pixels * 0x27D4EB2D) ^ keys.int()[:, None, None]
    x = (x ^ ((x >> 15) & 0x1FFFF)) * 0x2C1B3C6D
    x = (x ^ ((x >> 12) & 0xFFFFF)) * 0x297A2D39
    return x ^ ((x >> 15) & 0x1FFFF)
