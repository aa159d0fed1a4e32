import torch
from torch import nn

from course_lib import understand


def test_effective_field_of_one_layer_is_its_kernel():
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.constant_(conv.weight, 0.5)
    conv.weight.data[0, 0, 1, 1] = 1.0
    field = understand.effective_receptive_field(conv, torch.randn(4, 1, 7, 7))
    expected = torch.zeros(7, 7)
    expected[2:5, 2:5] = 0.5
    expected[3, 3] = 1.0
    torch.testing.assert_close(field, expected)


def test_field_width_holds_the_share():
    field = torch.zeros(9, 9)
    field[4, 4], field[4, 5], field[4, 8] = 90, 8, 2
    assert understand.field_width(field, 0.9) == 1
    assert understand.field_width(field, 0.95) == 3
    assert understand.field_width(field, 1.0) == 9


def test_strongest_patches_are_what_the_unit_saw():
    """The first filter is a plain average of 3×3: the strongest patch is the bright square, wherever it stands."""
    conv = nn.Conv2d(1, 1, 3, padding=1, bias=False)
    nn.init.ones_(conv.weight)
    images = torch.zeros(3, 1, 8, 8)
    images[0, 0, 1:4, 2:5] = 1.0
    images[1, 0, 5:8, 5:8] = 2.0  # at the border: the padding must line up
    patches = understand.strongest_patches(conv, images, 0, size=3, jump=1, offset=-1, top=2)
    assert patches.shape == (2, 1, 3, 3)
    assert (patches[0] == 2).all() and (patches[1] == 1).all()
