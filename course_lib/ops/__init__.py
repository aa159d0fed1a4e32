"""Pure functions on tensors: each has a plain definition that reads like the formula and a fast form that equals it."""

from course_lib.ops.conv import conv2d, conv2d_loops
from course_lib.ops.geometry import Window, conv_parameters, output_size, receptive_field, same_padding
from course_lib.ops.pool import avg_pool2d, max_pool2d, windows2d

__all__ = [
    "Window",
    "avg_pool2d",
    "conv2d",
    "conv2d_loops",
    "conv_parameters",
    "max_pool2d",
    "output_size",
    "receptive_field",
    "same_padding",
    "windows2d",
]
