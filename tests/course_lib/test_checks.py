"""The sentences that students read, and the watch over work to be done by hand."""

from contextlib import suppress

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from course_lib import ops
from course_lib.checks import by_hand, expect_close, expect_equal, expect_error, expect_shape, gradients, own_work


class AlwaysRight:
    def __eq__(self, other):
        return True


class LyingTensor(Tensor):
    shape = torch.Size([2, 2])

    def __eq__(self, other):
        return torch.ones(2, 2, dtype=torch.bool)


def test_expect_equal_requires_the_very_type():
    expect_equal(28, 28, "size")
    for lie, said in ((28.0, "got float 28.0"), (27, "got 27"), (True, "bool"), (AlwaysRight(), "a AlwaysRight")):
        with pytest.raises(AssertionError, match=said):
            expect_equal(lie, 28, "size")


def test_expect_shape_says_what_is_wrong():
    expect_shape(torch.zeros(2, 28, 28), (2, 28, 28), "y")
    with pytest.raises(
        AssertionError, match=r"expected shape \(2, 28, 28\), got \(28, 28, 2\): the right sizes in the wrong order"
    ):
        expect_shape(torch.zeros(28, 28, 2), (2, 28, 28), "y")
    with pytest.raises(AssertionError, match="should have 4 axes, not 3"):
        expect_shape(torch.zeros(2, 28, 28), (1, 2, 28, 28), "y")
    for other in (
        np.zeros((2, 2)),
        [[0, 0], [0, 0]],
        None,
        nn.Parameter(torch.zeros(2, 2)),
        torch.zeros(3).as_subclass(LyingTensor),
    ):
        with pytest.raises(AssertionError, match=r"should be a torch.Tensor of shape \(2, 2\), but is"):
            expect_shape(other, (2, 2), "y")


def test_expect_close_names_the_first_wrong_value():
    expected = torch.arange(6.0).view(2, 3)
    expect_close(expected + 1e-7, expected, "y", atol=1e-6)
    got = expected.clone()
    got[1, 0], got[1, 2] = 7, float("nan")
    with pytest.raises(AssertionError, match=r"y: 2 of 6 values are wrong, the first at \[1, 0\]: expected 3, got 7"):
        expect_close(got, expected, "y")
    with pytest.raises(AssertionError, match=r"expected shape \(2, 3\), got \(1, 3\)"):
        expect_close(expected[:1], expected[:1].expand(2, 3), "y")
    with pytest.raises(AssertionError, match="expected dtype torch.float64, got torch.float32"):
        expect_close(expected, expected.tolist(), "y")
    with pytest.raises(AssertionError, match=r"expected dtype torch.int64, got torch.float32\.$"):
        expect_close(torch.tensor(1.0), torch.tensor(1), "y")
    with pytest.raises(AssertionError, match=r"^y: expected 1, got 2\.$"):
        expect_close(torch.tensor(2.0), torch.tensor(1.0), "y")
    expect_close(torch.zeros(0, 3), torch.zeros(0, 3), "nothing")


def test_expect_error_wants_the_kind_and_a_sentence():
    def raises(error):
        raise error

    expect_error(ValueError, raises, ValueError("seven is too large"))
    for error, said in (
        (ValueError(), "say in a sentence why"),
        (NotImplementedError(), "raised NotImplementedError"),
        (TypeError("a b c"), "raised TypeError"),
    ):
        with pytest.raises(AssertionError, match=said):
            expect_error(ValueError, raises, error)
    with pytest.raises(AssertionError, match=r"abs\(-2\) should raise ValueError, but returned int 2"):
        expect_error(ValueError, abs, -2)


def test_gradients_are_those_of_autograd():
    x, w, g = torch.randn(2, 3), torch.randn(3), torch.randn(2, 3)
    of_x, of_w = gradients(torch.mul, x, w, upstream=g)
    expect_close(of_x, g * w, "of x")
    expect_close(of_w, (g * x).sum(0), "of w", atol=1e-6)
    assert not x.requires_grad and gradients(F.leaky_relu, x, upstream=g, negative_slope=1.0)[0].equal(g)


def test_gradients_allow_an_edit_in_place():
    expect_close(
        gradients(lambda x: x.mul_(3).sum(0), torch.ones(2, 2), upstream=torch.ones(2))[0], 3 * torch.ones(2, 2), ""
    )


@pytest.mark.parametrize(
    ("function", "said"),
    [
        (lambda x, w: (x * w).detach(), "cut off from its inputs"),
        (lambda x, w: torch.tensor((x * w).tolist()), "cut off from its inputs"),
        (lambda x, w: x * w.detach(), "cut off from input 2"),
        (lambda x, w: (x * w)[0], "expected shape"),
    ],
)
def test_gradients_notice_a_cut(function, said):
    with pytest.raises(AssertionError, match=said):
        gradients(function, torch.ones(2), torch.ones(2), upstream=torch.ones(2))


X, W = torch.randn(2, 3, 8, 8), torch.randn(4, 3, 3, 3)
ALIAS = getattr(torch, "conv" + "2d")
FINISHED = {
    "F.conv2d": lambda: F.conv2d(X, W),
    "alias": lambda: ALIAS(X, W),
    "module": lambda: nn.Conv2d(3, 4, 3)(X),
    "operator": lambda: torch.ops.aten.convolution(X, W, None, [1, 1], [0, 0], [1, 1], False, [0, 0], 1),
    "operator with overload": lambda: torch.ops.aten.conv2d.default(X, W),
    "mkldnn": lambda: torch.mkldnn_convolution(X, W, None, [0, 0], [1, 1], [1, 1], 1),
    "private": lambda: torch._C._nn.thnn_conv2d(X, W, 3),
    "transposed": lambda: F.conv_transpose2d(X, W.transpose(0, 1)),
    "under vmap": lambda: torch.vmap(lambda image: F.conv2d(image[None], W))(X),
    "max_pool2d": lambda: F.max_pool2d(X, 2),
    "MaxPool2d": lambda: nn.MaxPool2d(2)(X),
    "max_pool1d": lambda: torch.max_pool1d(X[0], 2),
    "max_pool3d": lambda: F.max_pool3d(X, (1, 2, 2)),
    "adaptive": lambda: F.adaptive_max_pool2d(X, 4),
    "average": lambda: F.avg_pool2d(X, 2),
    "fractional": lambda: F.fractional_max_pool2d(X, 2, 4),
    "numpy": lambda: X.numpy(),
    "asarray": lambda: np.asarray(X),
    "course_lib": lambda: ops.conv2d(X, W),
}


@pytest.mark.parametrize("call", FINISHED.values(), ids=FINISHED)
def test_by_hand_refuses(call):
    call()
    with pytest.raises(AssertionError, match=r"built by hand|leave torch|written here"), by_hand():
        call()
    call()


def test_by_hand_refuses_a_finished_backward():
    y = F.conv2d(X, W.clone().requires_grad_())
    with pytest.raises(AssertionError, match="convolution_backward"), by_hand():
        y.sum().backward()


def test_by_hand_allows_the_tools():
    x, w = X.double().requires_grad_(), W.double().requires_grad_()
    with by_hand():
        padded = F.pad(x, (1, 1, 1, 1))
        one = torch.einsum("bchwuv,kcuv->bkhw", padded.unfold(2, 3, 1).unfold(3, 3, 1), w)
        two = (w.flatten(1) @ F.unfold(x, 3, padding=1)).view_as(one)
        top = x.unfold(2, 2, 2).unfold(3, 2, 2).amax((-1, -2))
        (one.sum() + two.sum() + top.sum()).backward()
        assert x[0, 0, 0, 0].item() == x.tolist()[0][0][0][0]
    expect_close(one, F.conv2d(x, w, padding=1), "einsum")
    expect_close(two, one, "unfold")
    expect_close(top, F.max_pool2d(x, 2), "amax")


def test_own_work_allows_torch_and_refuses_the_course():
    with own_work():
        F.max_pool2d(F.conv2d(X, W), 2)
    with pytest.raises(AssertionError, match=r"written here, but the code calls course_lib\.ops"), own_work():
        ops.conv2d(X, W)


def test_a_refused_call_does_not_run():
    ran = []
    with by_hand(), suppress(AssertionError):
        ran.append(F.conv2d(X, W))
    assert not ran
