import pytest
import torch
from torch import nn

from course_lib import layers, models, ops, understand


def test_fields_by_hand():
    stack = nn.Sequential(nn.Conv2d(1, 1, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(1, 1, 3, padding=1))
    assert understand.receptive_fields(stack) == [
        ("0", 5, 1, -2),
        ("1", 5, 1, -2),
        ("2", 6, 2, -2),
        ("3", 6 + 2 * 2, 2, -2 - 2),  # two steps of two pixels; the padding of one reaches two pixels further out
    ]


def test_fields_of_vgg16_and_alexnet():
    """Known from the literature (Araujo et al. 2019): VGG-16 sees 212 pixels after its last pooling, AlexNet 195."""
    with torch.device("meta"):
        vgg, alexnet = models.vgg16().features, models.alexnet().features
    assert understand.receptive_fields(vgg)[-1] == ("30", 212, 32, -90)
    assert understand.receptive_fields(alexnet)[-1][1:3] == (195, 32)


def test_fields_equal_the_support_of_the_gradient():
    """With positive weights nothing cancels: the gradient is nonzero exactly where the field is."""
    stack = nn.Sequential(
        nn.Conv2d(1, 2, 3, stride=2, padding=1),
        nn.Sequential(nn.BatchNorm2d(2), layers.Conv2d(2, 2, 3, dilation=2), nn.AvgPool2d(2)),
        nn.Conv2d(2, 1, 2),
    )
    for weight in stack.parameters():
        weight.data.uniform_(0.5, 1.5)
    x = torch.rand(1, 1, 40, 40, requires_grad=True)
    fields = {field.layer: field for field in understand.receptive_fields(stack)}
    assert list(fields) == ["0", "1.0", "1.1", "1.2", "2"]
    with understand.untouched(stack), understand.recording(stack, *fields) as kept:
        stack(x)
    for name, maps in kept.items():
        _, size, jump, offset = fields[name]
        for row, column in ((2, 3), (0, 1)):  # the second one's field is cut off by the border
            (grad,) = torch.autograd.grad(maps[0, :, row, column].sum(), x, retain_graph=True)
            expected = torch.zeros(40, 40, dtype=torch.bool)
            top, left = offset + row * jump, offset + column * jump
            expected[max(top, 0) : top + size, max(left, 0) : left + size] = True
            if name not in ("1.1", "1.2", "2"):
                assert torch.equal(grad[0, 0] != 0, expected), name
            else:  # dilation leaves holes inside: compare the outline
                where = grad[0, 0].nonzero()
                assert torch.equal(where.amin(0), expected.nonzero().amin(0)), name
                assert torch.equal(where.amax(0), expected.nonzero().amax(0)), name
    windows = [ops.Window(3, 2, 1), ops.Window(3, 1, 0, 2), ops.Window(2, 2), ops.Window(2)]
    assert fields["2"][1:3] == ops.receptive_field(windows)


def test_fields_refuse_branches_and_odd_windows():
    with pytest.raises(ValueError, match="Layer '0' is a BasicBlock: the field of a chain of windows is known only"):
        understand.receptive_fields(models.resnet18().layer1)
    for conv in (nn.Conv2d(1, 1, (3, 1)), nn.Conv2d(1, 1, 3, padding="same")):
        with pytest.raises(
            ValueError, match="Layer '0' has a window that is not square, or a padding in words: Conv2d"
        ):
            understand.receptive_fields(nn.Sequential(conv))


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
