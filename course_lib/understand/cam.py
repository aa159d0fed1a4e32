"""Where does the network see the class? Maps from the last convolutional layer (lecture 11)."""

from __future__ import annotations

import torch
from jaxtyping import Float
from torch import Tensor, nn

from course_lib.ops import expect
from course_lib.understand.lend import Classes, classes_of, outputs_of, untouched


@torch.no_grad()
def cam(maps: Float[Tensor, "B K h w"], classifier: nn.Linear, target: Classes = None) -> Float[Tensor, "B h w"]:
    """Class activation map of a network that ends in a global mean and one linear layer (Zhou et al. 2016).

    The logit is ``bias + Σ_k w_k · mean(maps_k)``. Mean and sum change places: it is also the bias plus the mean of the
    map ``Σ_k w_k · maps_k``, which says where the evidence lies.

    Args:
        maps: what enters the global mean: ``features(model, "layer4", x)`` of a ResNet, ``model.features(x)`` of
            EfficientNet.
        classifier: the linear layer, such as ``model.fc``.
        target: one class, one an image, or None for the class with the largest logit.
    """
    expect.tensor("maps", maps, "B K h w")
    if maps.shape[1] != classifier.in_features:
        raise ValueError(
            f"maps has {maps.shape[1]} channels, but classifier takes {classifier.in_features} numbers: CAM needs the "
            "maps that enter the global mean before it. Where there is no such mean, use grad_cam."
        )
    classes = classes_of(classifier(maps.mean(dim=(2, 3))), target)  # [B]
    return torch.einsum("bkhw,bk->bhw", maps, classifier.weight[classes])


@torch.enable_grad()
def grad_cam(
    model: nn.Module, layer: str, x: Float[Tensor, "B C H W"], target: Classes = None
) -> Float[Tensor, "B h w"]:
    """Grad-CAM: CAM for any network, with mean gradients in place of the weights (Selvaraju et al. 2017).

    ``ReLU(Σ_k α_k · maps_k)`` with ``α_k`` the mean over the map of ∂logit/∂maps_k. For a network that CAM fits, it is
    ReLU(CAM) divided by the number of places.

    Args:
        model: images to logits; it is left as it was.
        layer: a layer that gives maps, usually the last: ``"layer4"`` of a ResNet, ``"features"`` of VGG.
        x: a batch of images.
        target: one class, one an image, or None for the model's own choice.

    Raises:
        ValueError: no such layer, a layer that gives no maps, a class that is not there.
    """
    expect.tensor("x", x, "B C H W")
    x = x.detach().clone().requires_grad_()  # so that the maps are in the graph though all weights be frozen
    with untouched(model):
        maps, logits = outputs_of(model, layer, x)
    if maps.ndim != 4:
        raise ValueError(
            f"layer {layer!r} gives {tuple(maps.shape)}, not maps [B, K, h, w]: choose one before the pooling that "
            "ends the convolutions."
        )
    classes = classes_of(logits, target)
    (gradient,) = torch.autograd.grad(
        logits.gather(1, classes[:, None]).sum(), maps
    )  # images of a batch do not meet in evaluation mode
    alpha = gradient.mean(dim=(2, 3))  # [B, K]
    return torch.einsum("bkhw,bk->bhw", maps, alpha).relu().detach()
