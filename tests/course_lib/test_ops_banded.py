import pytest
import torch

from course_lib import ops

CLOSE = {"atol": 1e-10, "rtol": 0}
FORMS_1D = [ops.conv1d_matrix, ops.conv1d_matrix_loops]
FORMS_2D = [ops.conv2d_matrix, ops.conv2d_matrix_loops]


@pytest.mark.parametrize("form", FORMS_1D)
def test_1d_by_hand(form):
    kernel = torch.tensor([[[1.0, 2.0, 3.0]]])
    assert form(kernel, 5).tolist() == [[1, 2, 3, 0, 0], [0, 1, 2, 3, 0], [0, 0, 1, 2, 3]]
    assert form(kernel, 5, stride=2).tolist() == [[1, 2, 3, 0, 0], [0, 0, 1, 2, 3]]
    assert form(kernel, 3, padding=1).tolist() == [[2, 3, 0], [1, 2, 3], [0, 1, 2]]
    assert form(kernel, 3, padding=1, border="wrap").tolist() == [[2, 3, 1], [1, 2, 3], [3, 1, 2]]  # circulant
    assert form(kernel, 3, padding=1, border="copy").tolist() == [
        [3, 3, 0],
        [1, 2, 3],
        [0, 1, 5],
    ]  # 1+2 at the first, 2+3 at the last


@pytest.mark.parametrize("form", FORMS_2D)
def test_2d_by_hand(form):
    """The kernel [[1,2],[3,4]] on a 3×3 image: pixels 0 1 3 4, then 1 2 4 5, then 3 4 6 7, then 4 5 7 8."""
    matrix = form(torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]]), (3, 3))
    assert matrix.tolist() == [
        [1, 2, 0, 3, 4, 0, 0, 0, 0],
        [0, 1, 2, 0, 3, 4, 0, 0, 0],
        [0, 0, 0, 1, 2, 0, 3, 4, 0],
        [0, 0, 0, 0, 1, 2, 0, 3, 4],
    ]


@pytest.mark.parametrize("border", list(ops.BORDERS))
@pytest.mark.parametrize("window", [(1, 0, 1), (1, 1, 1), (2, 1, 1), (2, 2, 2)])
def test_both_forms_are_the_convolution_and_its_jacobian(border, window):
    signal, kernel = torch.randn(1, 2, 6, dtype=torch.float64), torch.randn(3, 2, 3, dtype=torch.float64)
    image, filters = torch.randn(1, 2, 5, 6, dtype=torch.float64), torch.randn(2, 2, 2, 3, dtype=torch.float64)
    for forms, conv, x, weight in ((FORMS_1D, ops.conv1d, signal, kernel), (FORMS_2D, ops.conv2d, image, filters)):
        size = x.shape[2] if x.ndim == 3 else tuple(x.shape[2:])
        for form in forms:
            matrix = form(weight, size, *window, border=border)
            y = conv(x, weight, None, *window, border=border)
            torch.testing.assert_close(matrix @ x.flatten(), y.flatten(), **CLOSE)
        jacobian = torch.func.jacrev(lambda t, conv=conv, w=weight: conv(t, w, None, *window, border=border))(x)
        torch.testing.assert_close(matrix, jacobian.reshape(matrix.shape), **CLOSE)


def test_its_transpose_is_transposed_convolution():
    signal, kernel = torch.randn(1, 3, 3, dtype=torch.float64), torch.randn(3, 2, 3, dtype=torch.float64)
    expected = ops.conv_transpose1d(signal, kernel, stride=2, padding=1)  # 3 → 5
    torch.testing.assert_close(ops.conv1d_matrix(kernel, 5, 2, 1).T @ signal.flatten(), expected.flatten(), **CLOSE)
    image, filters = torch.randn(1, 3, 2, 3, dtype=torch.float64), torch.randn(3, 2, 3, 3, dtype=torch.float64)
    expected = ops.conv_transpose2d(image, filters, stride=2, padding=1)  # 2×3 → 3×5
    torch.testing.assert_close(
        ops.conv2d_matrix(filters, (3, 5), 2, 1).T @ image.flatten(), expected.flatten(), **CLOSE
    )


@pytest.mark.parametrize("form", [FORMS_1D[0], FORMS_1D[1]])
@pytest.mark.usefixtures("untyped")
def test_refuses(form):
    with pytest.raises(ValueError, match=r"weight must have the axes \[K, C, k\], got shape \(3,\)"):
        form(torch.zeros(3), 5)
    with pytest.raises(ValueError, match="does not fit into 2 pixels"):
        form(torch.zeros(1, 1, 3), 2)
    with pytest.raises(ValueError, match="border 'mirror' is unknown"):
        form(torch.zeros(1, 1, 3), 5, border="mirror")


@pytest.mark.parametrize("form", FORMS_2D)
@pytest.mark.usefixtures("untyped")
def test_refuses_in_2d(form):
    with pytest.raises(ValueError, match=r"weight must have the axes \[K, C, kh, kw\], got shape \(3, 3\)"):
        form(torch.zeros(3, 3), (5, 5))
    with pytest.raises(ValueError, match="size must be a whole number of at least 1, or a pair"):
        form(torch.zeros(1, 1, 3, 3), (5, 5, 5))
