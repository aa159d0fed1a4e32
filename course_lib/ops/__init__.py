"""Pure functions on tensors: each has a plain definition that reads like the formula and a fast form that equals it."""

from course_lib.ops.banded import conv1d_matrix, conv1d_matrix_loops, conv2d_matrix, conv2d_matrix_loops
from course_lib.ops.batch_norm import batch_norm, batch_norm_formula, batch_norm_inference
from course_lib.ops.border import BORDERS, border_index, pad1d, pad2d, pad2d_by_index
from course_lib.ops.conv import conv2d, conv2d_loops, conv2d_shifts
from course_lib.ops.conv1d import conv1d, conv1d_loops, conv1d_shifts
from course_lib.ops.dropout import dropout, dropout_paper
from course_lib.ops.gate import gate, gate_loops
from course_lib.ops.geometry import Window, conv_parameters, output_size, receptive_field, same_padding
from course_lib.ops.local_response import local_response_norm, local_response_norm_loops
from course_lib.ops.pool import (
    avg_pool2d,
    max_pool2d,
    max_pool2d_switches,
    max_unpool2d,
    max_unpool2d_loops,
    pool2d_loops,
    windows2d,
)
from course_lib.ops.separable import (
    depthwise_separable_conv2d,
    depthwise_separable_weight,
    low_rank_conv2d,
    low_rank_factors,
    low_rank_weight,
)
from course_lib.ops.softmax import cross_entropy, cross_entropy_naive, log_softmax, softmax, softmax_naive
from course_lib.ops.transposed import (
    conv_transpose1d,
    conv_transpose1d_loops,
    conv_transpose2d,
    conv_transpose2d_loops,
    transposed_size,
)

__all__ = [
    "BORDERS",
    "Window",
    "avg_pool2d",
    "batch_norm",
    "batch_norm_formula",
    "batch_norm_inference",
    "border_index",
    "conv1d",
    "conv1d_loops",
    "conv1d_matrix",
    "conv1d_matrix_loops",
    "conv1d_shifts",
    "conv2d",
    "conv2d_loops",
    "conv2d_matrix",
    "conv2d_matrix_loops",
    "conv2d_shifts",
    "conv_parameters",
    "conv_transpose1d",
    "conv_transpose1d_loops",
    "conv_transpose2d",
    "conv_transpose2d_loops",
    "cross_entropy",
    "cross_entropy_naive",
    "depthwise_separable_conv2d",
    "depthwise_separable_weight",
    "dropout",
    "dropout_paper",
    "gate",
    "gate_loops",
    "local_response_norm",
    "local_response_norm_loops",
    "log_softmax",
    "low_rank_conv2d",
    "low_rank_factors",
    "low_rank_weight",
    "max_pool2d",
    "max_pool2d_switches",
    "max_unpool2d",
    "max_unpool2d_loops",
    "output_size",
    "pad1d",
    "pad2d",
    "pad2d_by_index",
    "pool2d_loops",
    "receptive_field",
    "same_padding",
    "softmax",
    "softmax_naive",
    "transposed_size",
    "windows2d",
]
