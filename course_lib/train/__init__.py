"""Training: one loop for the whole course, in :mod:`course_lib.train.loop`, and one idea a file around it.

``fit`` trains a model in place, ``over_seeds`` trains one a seed so that a result is a range, ``train_or_load`` does not
train again what it has trained before. The loop runs unchanged on one CPU, on a GPU, and on several under ``torchrun``.
"""

from course_lib.train import augment, schedules
from course_lib.train.cached import train_or_load
from course_lib.train.checkpoint import CheckpointError
from course_lib.train.history import History
from course_lib.train.loop import fit
from course_lib.train.metrics import accuracy, confusion_matrix, predict, top_k
from course_lib.train.seeds import Runs, over_seeds

__all__ = [
    "CheckpointError",
    "History",
    "Runs",
    "accuracy",
    "augment",
    "confusion_matrix",
    "fit",
    "over_seeds",
    "predict",
    "schedules",
    "top_k",
    "train_or_load",
]
