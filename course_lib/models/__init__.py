"""One file a paper, from Fukushima on."""

from course_lib.models.lenet import LeNet5, LeNet5Paper, count_parameters
from course_lib.models.neocognitron import CCells, SCells

__all__ = ["CCells", "LeNet5", "LeNet5Paper", "SCells", "count_parameters"]
