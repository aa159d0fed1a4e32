"""Images made by gradient descent on pixels: what a unit likes best, what a layer still knows (lecture 11)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.ops import expect
from course_lib.understand.lend import Bound, outputs_of, unit_of, untouched


def total_variation(x: Float[Tensor, "... H W"]) -> Float[Tensor, ""]:
    """Roughness: the mean squared step to the pixel below plus that to the right (Mahendran and Vedaldi, β = 2)."""
    return x.diff(dim=-2).square().mean() + x.diff(dim=-1).square().mean()


def activation_maximisation(
    model: nn.Module,
    layer: str,
    unit: int,
    size: tuple[int, int, int] = (3, 224, 224),
    *,
    steps: int = 200,
    lr: float = 0.025,
    decay: float = 1.0,
    smooth: float = 1000.0,
    jitter: int = 16,
    low: Bound = 0.0,
    high: Bound = 1.0,
    seed: int = 0,
) -> Float[Tensor, "C H W"]:
    """The image that excites one unit most: ascent from grey noise (Erhan et al. 2009; Simonyan et al. 2014).

    Without the penalties the ascent ends in an adversarial pattern; they ask for what photographs have in common.

    Args:
        model: any network; it is left as it was.
        layer: the unit's layer, a name as in ``model.get_submodule``; ``""`` is the model's output: units are classes.
        unit: index of the map (its mean is maximised) or of the entry of a vector.
        size: shape of the image.
        steps, lr: of Adam; the rate is a share of the pixels' range.
        decay: weight of the mean squared distance from grey (Simonyan et al.'s L2 decay), on pixels of 0…1.
        smooth: weight of :func:`total_variation`, on pixels of 0…1. Logits need about 1000, single maps 100.
        jitter: each step looks at the image moved by up to so many pixels (Olah et al. 2017).
        low, high: what the darkest and the brightest pixel are in the model's units.
        seed: of the noise and the jitter.
    """

    def objective(x: Tensor) -> Tensor:
        output, _ = outputs_of(model, layer, x)
        return -unit_of(output, layer, unit).mean()

    return _descend(model, objective, size, steps, lr, decay, smooth, jitter, low, high, seed)


def feature_inversion(
    model: nn.Module,
    layer: str,
    x: Float[Tensor, "C H W"],
    *,
    steps: int = 200,
    lr: float = 0.025,
    decay: float = 1e-3,
    smooth: float = 10.0,
    low: Bound = 0.0,
    high: Bound = 1.0,
    seed: int = 0,
) -> Float[Tensor, "C H W"]:
    """An image that the layer cannot tell from x: what it shows, the layer still knows (Mahendran and Vedaldi 2015).

    Minimises ``‖Φ(image) − Φ(x)‖² / ‖Φ(x)‖²`` plus the penalties, from grey noise. Arguments as in
    :func:`activation_maximisation`.
    """
    expect.tensor("x", x, "C H W")
    with torch.no_grad(), untouched(model):
        wanted, _ = outputs_of(model, layer, x[None])

    def objective(image: Tensor) -> Tensor:
        found, _ = outputs_of(model, layer, image)
        return (found - wanted).square().sum() / wanted.square().sum()

    return _descend(model, objective, tuple(x.shape), steps, lr, decay, smooth, 0, low, high, seed)


@torch.enable_grad()
def _descend(
    model: nn.Module,
    objective: Callable[[Tensor], Tensor],
    size: tuple[int, ...],
    steps: int,
    lr: float,
    decay: float,
    smooth: float,
    jitter: int,
    low: Bound,
    high: Bound,
    seed: int,
) -> Tensor:
    """Adam on the pixels of one image: numbers in 0…1, so that rate and penalties mean the same to every model."""
    dice = torch.Generator().manual_seed(seed)
    like = next(model.parameters())
    low, high = (torch.as_tensor(bound).to(like) for bound in (low, high))
    pixels = (0.5 + 0.05 * torch.randn(1, *size, generator=dice)).clamp(0, 1).to(like).requires_grad_()
    optimizer = torch.optim.Adam([pixels], lr=lr)
    with untouched(model):
        for _ in range(steps):
            shift = torch.randint(-jitter, jitter + 1, (2,), generator=dice).tolist()
            seen = (low + (high - low) * pixels).roll(shift, dims=(2, 3))
            loss = objective(seen) + decay * (pixels - 0.5).square().mean() + smooth * total_variation(pixels)
            (pixels.grad,) = torch.autograd.grad(loss, pixels)
            optimizer.step()
            pixels.data.clamp_(0, 1)
    return (low + (high - low) * pixels.detach())[0]
