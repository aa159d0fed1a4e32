"""A result is the range over several seeds, never one run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from torch import nn

from course_lib import runtime
from course_lib.data.datasets import ImageSet
from course_lib.train.cached import train_or_load
from course_lib.train.history import History
from course_lib.train.loop import fit


class Runs(list[tuple[nn.Module, History]]):
    """The trained models, each with its history."""

    @property
    def range(self) -> str:
        """Final test accuracy in words: ``89.7–89.9 % over 3 seeds``."""
        final = [f"{100 * history.test_accuracy[-1]:.1f}" for _, history in self]
        low, high = min(final, key=float), max(final, key=float)
        seeds = "1 seed" if len(self) == 1 else f"{len(self)} seeds"
        return f"{low if low == high else f'{low}–{high}'} % over {seeds}"


def over_seeds(
    build: Callable[[], nn.Module],
    train: ImageSet,
    test: ImageSet,
    *,
    seeds: range,
    folder: str | Path | None = None,
    **options,
) -> Runs:
    """Build and train one model a seed.

    Args:
        build: makes an untrained model.
        train, test: as for :func:`course_lib.train.fit`.
        seeds: one run each.
        folder: where runs are stored and found again, as by :func:`course_lib.train.train_or_load`; None trains always.
        options: go to ``fit``.
    """
    if len(seeds) == 0:
        raise ValueError(f"seeds is {seeds!r}, which is empty: range(3) trains three models.")
    runs = Runs()
    for seed in seeds:
        if folder is not None:
            runs.append(train_or_load(build, train, test, folder=folder, seed=seed, **options))
            continue
        runtime.seed_all(seed)
        model = build()
        runs.append((model, fit(model, train, test, seed=seed, **options)))
    return runs
