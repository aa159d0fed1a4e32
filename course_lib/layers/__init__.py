"""Modules with parameters or state, one small file each."""

from course_lib.layers.attention_gate import AttentionGate
from course_lib.layers.batch_norm import BatchNorm2d
from course_lib.layers.connection_table import TableConv2d
from course_lib.layers.conv import Conv2d
from course_lib.layers.conv_transpose import ConvTranspose2d
from course_lib.layers.dropout import Dropout
from course_lib.layers.local_response_norm import LocalResponseNorm
from course_lib.layers.scaled_tanh import ScaledTanh
from course_lib.layers.separable import DepthwiseSeparableConv2d, LowRankConv2d
from course_lib.layers.subsampling import Subsampling

__all__ = [
    "AttentionGate",
    "BatchNorm2d",
    "Conv2d",
    "ConvTranspose2d",
    "DepthwiseSeparableConv2d",
    "Dropout",
    "LocalResponseNorm",
    "LowRankConv2d",
    "ScaledTanh",
    "Subsampling",
    "TableConv2d",
]
