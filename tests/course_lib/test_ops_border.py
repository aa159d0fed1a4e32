import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from course_lib import ops


@pytest.mark.parametrize(
    ("border", "row"),
    [
        ("zero", [0, 0, 1, 2, 3, 0, 0]),
        ("wrap", [2, 3, 1, 2, 3, 1, 2]),
        ("copy", [1, 1, 1, 2, 3, 3, 3]),
        ("reflect", [3, 2, 1, 2, 3, 2, 1]),
    ],
)
def test_each_border_of_1_2_3(border, row):
    x = torch.tensor([1.0, 2.0, 3.0])
    assert ops.pad1d(x[None, None], 2, border).flatten().tolist() == row
    assert ops.pad2d(x[None, None, None], (0, 2), border).flatten().tolist() == row
    assert ops.pad2d_by_index(x[None, None, :, None], (2, 0), border).flatten().tolist() == row


@settings(max_examples=40)
@given(
    height=st.integers(3, 5),
    width=st.integers(3, 5),
    down=st.integers(0, 2),
    across=st.integers(0, 2),
    border=st.sampled_from(list(ops.BORDERS)),
)
def test_looking_pixels_up_equals_torch_s_padding(height, width, down, across, border):
    x = torch.randn(2, 3, height, width, dtype=torch.float64)
    assert torch.equal(ops.pad2d(x, (down, across), border), ops.pad2d_by_index(x, (down, across), border))


def test_a_nan_inside_does_not_leak_into_zeros():
    x = torch.full((1, 1, 2, 2), float("nan"))
    assert ops.pad2d_by_index(x, 1)[0, 0, 0].tolist() == [0, 0, 0, 0]


@pytest.mark.parametrize("pad", [ops.pad2d, ops.pad2d_by_index])
@pytest.mark.parametrize(
    ("amount", "border", "message"),
    [
        (1, "mirror", "border 'mirror' is unknown: use one of 'zero', 'wrap', 'copy', 'reflect'"),
        (-1, "zero", "amount must be a whole number of at least 0"),
        (1.5, "zero", "amount must be a whole number"),
        ((1, 2, 3), "zero", "a pair"),
        (3, "reflect", "amount is 3, but 3 pixels can fill at most 2 with border 'reflect'"),
        (4, "wrap", "at most 3"),
    ],
)
@pytest.mark.usefixtures("untyped")
def test_pad2d_refuses(pad, amount, border, message):
    with pytest.raises(ValueError, match=message):
        pad(torch.zeros(1, 1, 3, 3), amount, border)


@pytest.mark.usefixtures("untyped")
def test_pad1d_refuses():
    with pytest.raises(ValueError, match=r"x must have the axes \[B, C, L\], got shape \(3,\)"):
        ops.pad1d(torch.zeros(3), 1)
    with pytest.raises(ValueError, match="amount"):
        ops.pad1d(torch.zeros(1, 1, 3), -1)
