"""Looking into a trained network (lecture 11; 04, 05 and 08 borrow from it).

Every function takes a model and leaves it exactly as it was: modes, weights, buffers, gradients, no hook left behind,
also after an error. Layers are named as in ``model.get_submodule``.
"""

from course_lib.understand.adversarial import adversarial_attack, adversarial_step
from course_lib.understand.cam import cam, grad_cam
from course_lib.understand.deconvnet import deconvnet, deconvnet_by_layers, guided_backprop
from course_lib.understand.lend import recording, untouched
from course_lib.understand.loss_surface import filter_normalised_direction, loss_surface
from course_lib.understand.neighbours import features, nearest_neighbours
from course_lib.understand.occlusion import occlusion
from course_lib.understand.receptive_field import (
    Field,
    effective_receptive_field,
    field_width,
    receptive_fields,
    strongest_patches,
)
from course_lib.understand.statistics import LayerStatistics, activation_statistics
from course_lib.understand.synthesis import activation_maximisation, feature_inversion, total_variation

__all__ = [
    "Field",
    "LayerStatistics",
    "activation_maximisation",
    "activation_statistics",
    "adversarial_attack",
    "adversarial_step",
    "cam",
    "deconvnet",
    "deconvnet_by_layers",
    "effective_receptive_field",
    "feature_inversion",
    "features",
    "field_width",
    "filter_normalised_direction",
    "grad_cam",
    "guided_backprop",
    "loss_surface",
    "nearest_neighbours",
    "occlusion",
    "receptive_fields",
    "recording",
    "strongest_patches",
    "total_variation",
    "untouched",
]
