"""Which images are near, to the network's eye? (lecture 11)"""

from __future__ import annotations

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn
from torch.nn import functional as F

from course_lib.ops import expect
from course_lib.understand.lend import outputs_of, untouched


@torch.no_grad()
def features(model: nn.Module, layer: str, x: Float[Tensor, "N ..."], batch_size: int = 64) -> Float[Tensor, "N ..."]:
    """The activations of a named layer, in evaluation mode.

    Args:
        model: any network; it is left as it was.
        layer: a name as in ``model.get_submodule``, such as ``"layer4.1"``; ``""`` is the model itself.
        x: inputs; they go through in batches of ``batch_size``.

    Raises:
        ValueError: no such layer; the sentence names the closest.
    """
    expect.whole("batch_size", batch_size, 1)
    with untouched(model):
        return torch.cat([outputs_of(model, layer, batch)[0] for batch in x.split(batch_size)])


def nearest_neighbours(
    queries: Float[Tensor, "Q ..."],
    gallery: Float[Tensor, "N ..."],
    k: int = 5,
    *,
    metric: str = "cosine",
    batch_size: int = 256,
) -> tuple[Float[Tensor, "Q k"], Int[Tensor, "Q k"]]:
    """The k closest gallery items of each query, nearest first (Krizhevsky et al. 2012, figure 4).

    In pixels the neighbours share a background; in the last features of a trained network they share a meaning.

    Args:
        queries, gallery: features of any shape, flattened to D numbers an item.
        k: neighbours wanted.
        metric: ``cosine`` is 1 − cos of the angle, in 0…2, and ignores length; ``euclidean`` is √Σ(q − g)².
        batch_size: queries compared at once.

    Returns:
        Distances, and indices into the gallery.
    """
    expect.tensor("queries", queries, "Q D ...")
    expect.tensor("gallery", gallery, "N D ...")
    expect.same_dtype(queries=queries, gallery=gallery)
    expect.one_of("metric", metric, ("cosine", "euclidean"))
    if queries.shape[1:] != gallery.shape[1:]:
        raise ValueError(
            f"queries hold items of shape {tuple(queries.shape[1:])} and gallery of {tuple(gallery.shape[1:])}: "
            "take both from the same layer, at the same image size."
        )
    if not 0 < k <= len(gallery):
        raise ValueError(f"k is {k}, but gallery holds {len(gallery)} items: use 1 to {len(gallery)}.")
    queries, gallery = queries.flatten(1), gallery.flatten(1)  # [Q, D], [N, D]
    if metric == "cosine":
        queries, gallery = F.normalize(queries), F.normalize(gallery)
    found = [_distances(batch, gallery, metric).topk(k, largest=False) for batch in queries.split(batch_size)]
    return torch.cat([distance for distance, _ in found]), torch.cat([index for _, index in found])


def _distances(q: Float[Tensor, "Q D"], g: Float[Tensor, "N D"], metric: str) -> Float[Tensor, "Q N"]:
    if metric == "cosine":
        return 1 - q @ g.T
    # The matrix-product form |q|² + |g|² − 2q·g is quicker but loses the difference of two near points.
    return torch.cdist(q, g, compute_mode="donot_use_mm_for_euclid_dist")
