"""Hide a part of the image: does the network miss it? (lecture 11)"""

from __future__ import annotations

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from course_lib.ops import expect
from course_lib.understand.lend import Bound, Classes, classes_of, untouched


@torch.no_grad()
def occlusion(
    model: nn.Module,
    x: Float[Tensor, "B C H W"],
    target: Classes = None,
    *,
    window: int = 32,
    stride: int = 16,
    grey: Bound = 0.0,
    probability: bool = True,
    batch_size: int = 64,
) -> Float[Tensor, "B H W"]:
    """Slide a grey square over the image; how far does the class fall? (Zeiler and Fergus 2014, section 4.2)

    Every position of the square costs a forward pass, but asks nothing of the model: no gradient, no layer.

    Args:
        model: images to logits; it is left as it was.
        x: a batch of images, as the model takes them.
        target: one class, one an image, or None for the model's own choice on the whole image.
        window, stride: side of the square and its step, in pixels. At the right and lower edge it may reach out.
        grey: what the square holds; 0 is the mean of normalised images.
        probability: measure the class's probability; otherwise its logit.
        batch_size: occluded images at once.

    Returns:
        For each pixel the mean drop over the squares that cover it; pixels that no square covers are 0.
    """
    expect.tensor("x", x, "B C H W")
    for name, value in (("window", window), ("stride", stride), ("batch_size", batch_size)):
        expect.whole(name, value, 1)
    if window > min(x.shape[2:]):
        raise ValueError(f"window is {window}, larger than the image, {x.shape[2]}×{x.shape[3]}: use a smaller square.")
    hidden = _squares(x.shape[2], x.shape[3], window, stride).to(x.device)  # [P, H, W]
    fill = torch.as_tensor(grey).to(x)

    def score(images: Tensor, classes: Tensor) -> Tensor:
        logits = model(images)
        return (logits.softmax(1) if probability else logits).gather(1, classes.expand(len(images))[:, None])[:, 0]

    drops = []
    with untouched(model):
        for image, classes in zip(x[:, None], classes_of(model(x), target).split(1)):  # [1, C, H, W], [1]
            occluded = (torch.where(mask[:, None], fill, image) for mask in hidden.split(batch_size))
            drops.append(score(image, classes) - torch.cat([score(batch, classes) for batch in occluded]))  # [P]
    masks = hidden.to(x)
    return torch.einsum("bp,phw->bhw", torch.stack(drops), masks) / masks.sum(0).clamp_min(1)


def _squares(height: int, width: int, window: int, stride: int) -> Bool[Tensor, "P H W"]:
    """A mask a position: the squares needed to reach the right and lower edge."""
    places = torch.cartesian_prod(*(torch.arange(0, n - window + stride, stride) for n in (height, width)))  # [P, 2]
    top, left = places[:, 0, None], places[:, 1, None]
    rows, columns = torch.arange(height), torch.arange(width)
    rows = (rows >= top) & (rows < top + window)  # [P, H]
    columns = (columns >= left) & (columns < left + window)  # [P, W]
    return rows[:, :, None] & columns[:, None, :]
