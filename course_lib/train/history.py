"""What one training run did."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass
class History:
    """One training run, epoch by epoch."""

    seed: int
    train_loss: list[float] = field(default_factory=list)  # mean cross-entropy over the epoch, in nats
    test_accuracy: list[float] = field(default_factory=list)  # fraction of the test set, after the epoch
    validation_accuracy: list[float] = field(default_factory=list)  # the same, where there is a validation set
    seconds: float = 0.0

    @property
    def best_epoch(self) -> int | None:
        """Index of the epoch, the first is 0, that did best on the validation set; None without one.

        The best epoch on the *test* set is not offered: its accuracy would be the luckiest of many looks, not an estimate.
        """
        scores = self.validation_accuracy
        return scores.index(max(scores)) if scores else None

    @property
    def diverged(self) -> bool:
        """Whether the last loss is infinite or not a number: such weights never recover."""
        return bool(self.train_loss) and not math.isfinite(self.train_loss[-1])
