"""Modules with parameters, one small file each."""

from course_lib.layers.connection_table import TableConv2d
from course_lib.layers.conv import Conv2d
from course_lib.layers.scaled_tanh import ScaledTanh
from course_lib.layers.subsampling import Subsampling

__all__ = ["Conv2d", "ScaledTanh", "Subsampling", "TableConv2d"]
