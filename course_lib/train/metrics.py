"""How good are the answers? Beyond accuracy, torchmetrics counts."""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from course_lib.ops import expect

# torchmetrics is imported where it is used: that takes three seconds, and the loop needs accuracy alone.


@torch.inference_mode()
def predict(model: nn.Module, x: Float[Tensor, "N C H W"], batch_size: int = 1000) -> Float[Tensor, "N classes"]:
    """Logits for every image, in evaluation mode, on the CPU."""
    model.eval()
    at = next(model.parameters()).device
    return torch.cat([model(batch.to(at)).cpu() for batch in x.split(batch_size)])


def accuracy(model: nn.Module, x: Float[Tensor, "N C H W"], y: Int[Tensor, " N"]) -> float:
    """Fraction of images whose largest logit is the right class."""
    return (predict(model, x).argmax(1) == y.cpu()).float().mean().item()


def top_k(logits: Float[Tensor, "N classes"], y: Int[Tensor, " N"], k: int = 5) -> float:
    """Fraction of images whose right class is among the ``k`` largest logits: ImageNet's top-5 accuracy."""
    from torchmetrics.functional.classification import multiclass_accuracy

    classes = logits.shape[1]
    expect.whole("k", k, least=1)
    if k > classes:
        raise ValueError(f"k is {k}, but there are only {classes} classes: every answer would be right.")
    return multiclass_accuracy(logits, y, num_classes=classes, average="micro", top_k=k).item()


def confusion_matrix(logits: Float[Tensor, "N classes"], y: Int[Tensor, " N"]) -> Int[Tensor, "classes classes"]:
    """How often each class, a row, was taken for each class, a column."""
    from torchmetrics.functional.classification import multiclass_confusion_matrix

    return multiclass_confusion_matrix(logits, y, num_classes=logits.shape[1])
