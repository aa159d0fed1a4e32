# ---
# jupyter:
#   jupytext:
#     text_representation:
#       extension: .py
#       format_name: percent
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Assignment 06: count and build
#
# A table of an architecture is a small program: read from top to bottom it says what comes out of every layer, what has
# to be learned and what has to be kept. Here you write the reader of such tables, AlexNet's normalisation and one of its
# blocks, a builder that turns a line of text into a VGG, and the function that tells you, before anything runs, whether
# its training fits on your card.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `shapes`, `parameters` | 7 |
# | 2 | `local_response_norm` | 6 |
# | 3 | `Block` | 5 |
# | 4 | `vgg` | 5 |
# | 5 | `training_memory` | 4 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 06.
#
# **How it is graded.** Write between the `def` line and the end of each solution cell, then run the check cells below
# it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect. When we grade, the
# same checks run once more with inputs that nobody has seen, in `float64` and, where nothing else is said, to within
# $10^{-10}$. No exercise needs another one: stuck on 2, go on with 3.

# %%
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from course_lib.checks import by_hand, expect_close, expect_equal, expect_error, expect_shape, gradients, own_work

ALEXNET = [  # the lecture's table, as exercise 1 writes it
    ("conv", 96, 11, 4, 0, 1),
    ("pool", 3, 2),
    ("conv", 256, 5, 1, 2, 2),
    ("pool", 3, 2),
    ("conv", 384, 3, 1, 1, 1),
    ("conv", 384, 3, 1, 1, 2),
    ("conv", 256, 3, 1, 1, 2),
    ("pool", 3, 2),
    ("linear", 4096),
    ("linear", 4096),
    ("linear", 1000),
]
VGG_16 = "64 64 M 128 128 M 256 256 256 M 512 512 512 M 512 512 512 M"
VGG_19 = "64 64 M 128 128 M 256 256 256 256 M 512 512 512 512 M 512 512 512 512 M"

# %% [markdown]
# ## Exercise 1: read a table (7 points)
#
# An architecture is a list of layers, each a tuple:
#
# | layer | means |
# |---|---|
# | `("conv", filters, kernel, stride, padding, groups)` | square filters of `kernel` × `kernel` pixels, with biases |
# | `("pool", kernel, stride)` | max pooling, no padding |
# | `("linear", units)` | fully connected, with biases; it reads everything that comes in as one long vector |
#
# `shapes(layers, shape)` starts with an input of `shape` `(C, H, W)` and returns the list of all outputs' shapes, one
# tuple for each layer: `(K, H', W')` after a convolution or a pooling, `(units,)` after a linear layer. Height and
# width may differ. Along an axis of $n$ pixels, a window of $k$ fits $\lfloor (n + 2p - k)/s \rfloor + 1$ times. Where
# a window is longer than the padded axis, raise a `ValueError` that says so in a sentence.
#
# The beginning of AlexNet, with a linear layer on it: from `(3, 227, 227)` the list
#
# ```python
# [("conv", 96, 11, 4, 0, 1), ("pool", 3, 2), ("linear", 10)]
# ```
#
# makes `[(96, 55, 55), (96, 27, 27), (10,)]`.


# %% nbgrader={"grade_id": "shapes", "solution": true}
def shapes(layers: list[tuple], shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shape of every layer's output.

    Args:
        layers: ("conv", filters, kernel, stride, padding, groups), ("pool", kernel, stride) or ("linear", units).
        shape: of the input, (C, H, W).

    Raises:
        ValueError: a window does not fit.
    """
    ### BEGIN SOLUTION
    found = []
    for kind, *numbers in layers:
        if kind == "linear":
            shape = tuple(numbers)
        else:
            filters, kernel, stride, padding = numbers[:4] if kind == "conv" else (shape[0], *numbers, 0)
            room = [n + 2 * padding - kernel for n in shape[1:]]  # how far the window can move along each axis
            if min(room) < 0:
                raise ValueError(f"a window of {kernel} does not fit into {shape} with padding {padding}")
            shape = (filters, *(free // stride + 1 for free in room))
        found.append(shape)
    return found
    ### END SOLUTION


# %% nbgrader={"grade_id": "shapes_convolutions", "grade": true, "points": 1}
# A chain of convolutions.
chain = [("conv", 96, 11, 4, 0, 1), ("conv", 8, 5, 1, 2, 2), ("conv", 4, 3, 2, 1, 1)]
expect_equal(shapes(chain, (3, 227, 227)), [(96, 55, 55), (8, 55, 55), (4, 28, 28)], "three convolutions")
### BEGIN HIDDEN TESTS
for _ in range(10):
    channels, size = 2, int(torch.randint(20, 40, ()))
    x, chain, expected = torch.zeros(1, channels, size, size), [], []
    for _ in range(3):
        kernel, stride, padding = (int(torch.randint(low, high, ())) for low, high in ((1, 5), (1, 3), (0, 3)))
        filters = 2 * int(torch.randint(1, 5, ()))
        x = F.conv2d(x, torch.zeros(filters, x.shape[1], kernel, kernel), stride=stride, padding=padding)
        chain.append(("conv", filters, kernel, stride, padding, 2))
        expected.append(tuple(x.shape[1:]))
    expect_equal(shapes(chain, (channels, size, size)), expected, f"{chain} on {(channels, size, size)}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "shapes_table", "grade": true, "points": 1}
# Pooling keeps the depth, a linear layer leaves one axis: AlexNet's whole table.
expected = [(96, 55, 55), (96, 27, 27), (256, 27, 27), (256, 13, 13), (384, 13, 13), (384, 13, 13), (256, 13, 13)]
expected += [(256, 6, 6), (4096,), (4096,), (1000,)]
expect_equal(shapes(ALEXNET, (3, 227, 227)), expected, "AlexNet's table")
expect_equal(shapes([], (3, 5, 5)), [], "no layers")
### BEGIN HIDDEN TESTS
for channels, size, kernel, stride, units in torch.randint(1, 9, (20, 5)).tolist():
    size += kernel
    after = len(range(0, size - kernel + 1, stride))
    expected = [(channels, after, after), (units,), (units + 1,)]
    got = shapes([("pool", kernel, stride), ("linear", units), ("linear", units + 1)], (channels, size, size))
    expect_equal(got, expected, f"pooling {kernel}, stride {stride}, on {channels}×{size}×{size}, then two linear layers")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "shapes_rectangles", "grade": true, "points": 1}
# Images that are not square.
expect_equal(shapes([("conv", 4, 3, 1, 0, 1), ("pool", 2, 2)], (1, 6, 9)), [(4, 4, 7), (4, 2, 3)], "an image 6 high, 9 wide")
### BEGIN HIDDEN TESTS
for height, width, kernel, stride, padding in torch.randint(1, 9, (20, 5)).tolist():
    height, width = height + kernel, width + kernel + 3
    y = F.conv2d(torch.zeros(1, 1, height, width), torch.zeros(2, 1, kernel, kernel), stride=stride, padding=padding)
    layer = ("conv", 2, kernel, stride, padding, 1)
    expect_equal(shapes([layer], (1, height, width)), [tuple(y.shape[1:])], f"{layer} on {(1, height, width)}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "shapes_refused", "grade": true, "points": 1}
# A window that is too long is refused along either axis and at any layer; one that just fits is not.
expect_error(ValueError, shapes, [("conv", 4, 7, 1, 0, 1)], (1, 6, 9))
expect_error(ValueError, shapes, [("pool", 2, 2), ("pool", 4, 1)], (1, 9, 6))
expect_equal(shapes([("conv", 4, 7, 1, 1, 1)], (1, 5, 5)), [(4, 1, 1)], "a filter of 7 on 5×5 with padding 1")
### BEGIN HIDDEN TESTS
for height, width, padding, excess in torch.randint(1, 6, (10, 4)).tolist():
    fits = min(height, width) + 2 * padding
    got = shapes([("conv", 3, fits, 99, padding, 1)], (2, height, width))
    expect_equal(got, [(3, 1, 1)], f"a filter of {fits} on {height}×{width} with padding {padding}, stride 99")
    expect_error(ValueError, shapes, [("conv", 3, fits + excess, 1, padding, 1)], (2, height, width))
    expect_error(ValueError, shapes, [("conv", 3, 1, 1, 0, 1), ("pool", min(height, width) + 1, 2)], (2, height, width))
### END HIDDEN TESTS

# %% [markdown]
# Now count. `parameters(layers, shape)` returns, for the same arguments, the number of learned values of each layer, 0
# for a pooling. In a convolution with $G$ groups the $C$ maps below and the $K$ filters are cut into $G$ equal parts,
# and each filter reads the $C/G$ maps of its own part. One bias a filter, one bias a unit.
#
# AlexNet's second layer has 256 filters of 5×5 on 96 maps in 2 groups: $256\,(48 \cdot 25 + 1) = 307{,}456$.
#
# <details><summary>Hint</summary>
#
# A layer's parameters depend on what comes *in*: that is the output of the layer before. You may call `shapes`, or
# carry the shape along yourself.
#
# </details>


# %% nbgrader={"grade_id": "parameters", "solution": true}
def parameters(layers: list[tuple], shape: tuple[int, ...]) -> list[int]:
    """The number of learned values of every layer; arguments as in `shapes`."""
    ### BEGIN SOLUTION
    counts = []
    for layer in layers:
        match layer:
            case ("conv", filters, kernel, stride, padding, groups):
                counts.append(filters * (shape[0] // groups * kernel**2 + 1))
                shape = (filters, *((n + 2 * padding - kernel) // stride + 1 for n in shape[1:]))
            case ("pool", kernel, stride):
                counts.append(0)
                shape = (shape[0], *((n - kernel) // stride + 1 for n in shape[1:]))
            case ("linear", units):
                counts.append(units * (torch.Size(shape).numel() + 1))
                shape = (units,)
    return counts
    ### END SOLUTION


# %% nbgrader={"grade_id": "parameters_convolutions", "grade": true, "points": 1}
# Convolutions on all maps, with pooling between them.
layers = [("conv", 96, 11, 4, 0, 1), ("pool", 3, 2), ("conv", 256, 5, 1, 2, 1)]
expect_equal(parameters(layers, (3, 227, 227)), [34944, 0, 614656], "96 filters 11×11, a pooling, 256 filters 5×5")
### BEGIN HIDDEN TESTS
for channels, first, second, kernel in torch.randint(1, 9, (20, 4)).tolist():
    one, two = nn.Conv2d(channels, first, kernel), nn.Conv2d(first, second, 3)
    layers = [("conv", first, kernel, 1, 0, 1), ("pool", 2, 2), ("conv", second, 3, 1, 1, 1)]
    expected = [sum(p.numel() for p in one.parameters()), 0, sum(p.numel() for p in two.parameters())]
    expect_equal(parameters(layers, (channels, 30, 30)), expected, f"{layers} on {channels} channels")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "parameters_groups", "grade": true, "points": 1}
# Groups: AlexNet on its two cards, and one group a map.
expect_equal(parameters([("conv", 256, 5, 1, 2, 2)], (96, 27, 27)), [307456], "256 filters 5×5 on 96 maps, 2 groups")
expect_equal(parameters([("conv", 6, 3, 1, 1, 6)], (6, 8, 8)), [60], "6 filters 3×3 on 6 maps, 6 groups")
### BEGIN HIDDEN TESTS
for below, above, groups, kernel in torch.randint(1, 6, (20, 4)).tolist():
    layer = nn.Conv2d(below * groups, above * groups, kernel, groups=groups)
    expected, line = [sum(p.numel() for p in layer.parameters())], ("conv", above * groups, kernel, 1, 0, groups)
    expect_equal(parameters([line], (below * groups, 9, 9)), expected, f"{line} on {below * groups} maps")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "parameters_linear", "grade": true, "points": 1}
# Linear layers, after maps of any shape and after one another: AlexNet again.
expect_equal(parameters([("linear", 4096), ("linear", 10)], (256, 6, 6)), [37752832, 40970], "256×6×6 → 4096 → 10")
expect_equal(sum(parameters(ALEXNET, (3, 227, 227))), 60965224, "all of AlexNet")
### BEGIN HIDDEN TESTS
for channels, height, width, stride, units in torch.randint(1, 7, (20, 5)).tolist():
    height, width = height + 8, width + 11
    layers = [("conv", 3, 5, stride, 1, 1), ("pool", 2, 1), ("linear", units), ("linear", 3)]
    maps = F.max_pool2d(F.conv2d(torch.zeros(1, 1, height, width), torch.zeros(3, 1, 5, 5), None, stride, 1), 2, 1)
    expected = [3 * (25 * channels + 1), 0, units * (maps.numel() + 1), 3 * units + 3]
    expect_equal(parameters(layers, (channels, height, width)), expected, f"{layers} on {(channels, height, width)}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: local response normalisation (6 points)
#
# AlexNet divides every map's answer by the activity of the $n$ maps around it, at the same place:
#
# $$ y_{b,c,i,j} = \frac{x_{b,c,i,j}}{\Big(k + \alpha \displaystyle\sum_{c' = c - h}^{c + h} x_{b,c',i,j}^2\Big)^{\beta}}
# \qquad h = \frac{n-1}{2} $$
#
# where $n$, `size`, is odd, and maps that do not exist (before the first, after the last) count as zero. Note that
# $\alpha$ is *not* divided by $n$, as in the paper; torch does that.
#
# One pixel, five maps, $n = 3$, $k = 1$, $\alpha = 1$, $\beta = 1$:
#
# $$ x = (1, 0, 2, 1, 0) \qquad \text{sums of squares } (1, 5, 5, 5, 1) \qquad y = \left(\tfrac12, 0, \tfrac13, \tfrac16, 0\right) $$
#
# **By hand** means from tensor operations: slices, sums, powers, `F.pad`, `Tensor.unfold`, `cumsum`, a matrix product.
# A finished `local_response_norm`, pooling or convolution is refused. Leave `x` as it was.
#
# <details><summary>Hint</summary>
#
# The axis of the channels is `x.shape[1]`. Two ways: loop over the channels and sum a slice of `x.square()`, with care
# at both ends; or pad the squares with $h$ zero maps before the first and after the last, and let `unfold(1, size, 1)`
# slide a window over them. `F.pad` counts axes from the last one.
#
# </details>


# %% nbgrader={"grade_id": "lrn", "solution": true}
def local_response_norm(x: Tensor, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 2.0) -> Tensor:
    """Divide each map by the activity of its neighbours.

    Args:
        x: maps [B, C, H, W].
        size: how many maps take part, odd: the map itself and (size - 1) / 2 on each side.
        alpha, beta, k: as in the formula.

    Returns:
        Maps [B, C, H, W], in the dtype of `x`.
    """
    ### BEGIN SOLUTION
    half = size // 2
    squares = F.pad(x.square(), (0, 0, 0, 0, half, half))  # maps of zeros before the first and after the last
    activity = squares.unfold(1, size, 1).sum(-1)  # [B, C, H, W]
    return x / (k + alpha * activity) ** beta
    ### END SOLUTION


# %% nbgrader={"grade_id": "lrn_example", "grade": true, "points": 1}
# The worked example: five maps of one pixel.
x = torch.tensor([1.0, 0, 2, 1, 0]).double().view(1, 5, 1, 1)
with by_hand("conv(?!ert)|pool|response"):
    y = local_response_norm(x, 3, alpha=1.0, beta=1.0, k=1.0)
expect_close(y, torch.tensor([1 / 2, 0, 1 / 3, 1 / 6, 0], dtype=torch.double).view(1, 5, 1, 1), "the worked example")
### BEGIN HIDDEN TESTS
for _ in range(3):
    x = torch.randn(1, 6, 1, 1).double()
    expected = F.local_response_norm(x, 3, alpha=3.0, beta=1.0, k=1.0)
    with by_hand("conv(?!ert)|pool|response"):
        y = local_response_norm(x, 3, alpha=1.0, beta=1.0, k=1.0)
    expect_close(y, expected, "six maps of one pixel, size 3")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lrn_constants", "grade": true, "points": 1}
# All three constants count, and AlexNet's are the default. A lone answer of 200 gives 200 / 6^0.75, its maximum.
x = torch.tensor([200.0]).double().view(1, 1, 1, 1)
with by_hand("conv(?!ert)|pool|response"):
    y, other = local_response_norm(x, 5), local_response_norm(x, 1, alpha=0.0, beta=2.0, k=5.0)
expect_close(y, [[[[200 / 6**0.75]]]], "a lone 200 with AlexNet's constants")
expect_close(other, [[[[8.0]]]], "a lone 200, alpha 0, beta 2, k 5")
### BEGIN HIDDEN TESTS
for _ in range(5):
    alpha, beta, k = torch.rand(3).tolist()
    x, k = torch.randn(1, 4, 1, 1).double(), k + 0.5
    expected = F.local_response_norm(x, 3, alpha=3 * alpha, beta=beta, k=k)
    with by_hand("conv(?!ert)|pool|response"):
        y = local_response_norm(x, 3, alpha, beta, k)
    expect_close(y, expected, f"alpha {alpha:.2f}, beta {beta:.2f}, k {k:.2f}")
x = 200 * torch.randn(1, 7, 2, 2).double()
with by_hand("conv(?!ert)|pool|response"):
    y = local_response_norm(x, 5)
expect_close(y, F.local_response_norm(x, 5, alpha=5e-4, beta=0.75, k=2.0), "AlexNet's constants")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lrn_window", "grade": true, "points": 1}
# Which maps take part: as many on each side, none that do not exist. The answers of a single loud map's neighbours tell.
x = torch.ones(1, 9, 1, 1).double()
x[0, 4] = 3
with by_hand("conv(?!ert)|pool|response"):
    y = local_response_norm(x, 5, alpha=1.0, beta=1.0, k=1.0)
expected = [1 / 4, 1 / 5, 1 / 14, 1 / 14, 3 / 14, 1 / 14, 1 / 14, 1 / 5, 1 / 4]
expect_close(y, torch.tensor(expected, dtype=torch.double).view(1, 9, 1, 1), "a loud map in the middle of nine, size 5")
### BEGIN HIDDEN TESTS
for size, channels in ((1, 4), (3, 2), (5, 6), (7, 8), (9, 4), (5, 1)):
    x = torch.randn(1, channels, 2, 2).double()
    expected = F.local_response_norm(x, size, alpha=1.0 * size, beta=0.5, k=1.0)
    with by_hand("conv(?!ert)|pool|response"):
        y = local_response_norm(x, size, 1.0, 0.5, 1.0)
    expect_close(y, expected, f"size {size}, {channels} maps")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lrn_places", "grade": true, "points": 1}
# Every place and every image for itself.
x = torch.tensor([[1.0, 2, 3], [0, 0, 1]]).double().view(2, 1, 1, 3).repeat(1, 2, 1, 1)  # two alike maps of 1×3
with by_hand("conv(?!ert)|pool|response"):
    y = local_response_norm(x, 3, alpha=1.0, beta=1.0, k=2.0)
row = torch.tensor([[1 / 4, 2 / 10, 3 / 20], [0, 0, 1 / 4]], dtype=torch.double)
expect_close(y, row.view(2, 1, 1, 3).repeat(1, 2, 1, 1), "two images, two maps, three places")
### BEGIN HIDDEN TESTS
for shape in ((3, 5, 4, 6), (1, 6, 5, 5), (0, 4, 3, 3), (5, 5, 5, 5)):
    x = torch.randn(shape).double()
    expected = F.local_response_norm(x, 3, alpha=1.5, beta=0.75, k=1.0) if len(x) else x
    with by_hand("conv(?!ert)|pool|response"):
        y = local_response_norm(x, 3, 0.5, 0.75, 1.0)
    expect_close(y, expected, f"maps {shape}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lrn_gradient", "grade": true, "points": 1}
# The derivative of the sum of all outputs. Two maps, k = alpha = beta = 1: y = (x1 + x2) / (1 + x1² + x2²).
x = torch.tensor([1.0, 2.0]).double().view(1, 2, 1, 1)
with by_hand("conv(?!ert)|pool|response"):
    (of_x,) = gradients(
        local_response_norm, x, upstream=torch.ones(1, 2, 1, 1).double(), size=3, alpha=1.0, beta=1.0, k=1.0
    )
expect_close(of_x, [[[[0.0]], [[-1 / 6]]]], "the gradient of x")
### BEGIN HIDDEN TESTS
for size in (3, 5):
    x, upstream = torch.randn(2, 6, 3, 4).double(), torch.randn(2, 6, 3, 4).double()
    (expected,) = gradients(F.local_response_norm, x, upstream=upstream, size=size, alpha=0.7 * size, beta=0.75, k=1.0)
    with by_hand("conv(?!ert)|pool|response"):
        (got,) = gradients(local_response_norm, x, upstream=upstream, size=size, alpha=0.7, beta=0.75, k=1.0)
    expect_close(got, expected, f"the gradient of x, size {size}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lrn_untouched", "grade": true, "points": 1}
# The right values come out, and x is as before.
x = torch.tensor([3.0, 4.0]).double().view(1, 2, 1, 1)
with by_hand("conv(?!ert)|pool|response"):
    y = local_response_norm(x, 3, alpha=1.0, beta=0.5, k=11.0)
expect_close(y, [[[[0.5]], [[4 / 6]]]], "maps (3, 4), k = 11, beta = ½")
expect_close(x, [[[[3]], [[4]]]], "x after the call")
### BEGIN HIDDEN TESTS
x = torch.randn(2, 5, 3, 3).double()
before, expected = x.clone(), F.local_response_norm(x, 3, alpha=3.0, beta=0.75, k=1.0)
with by_hand("conv(?!ert)|pool|response"):
    y = local_response_norm(x, 3, 1.0, 0.75, 1.0)
expect_close(y, expected, "the result")
expect_close(x, before, "x after the call")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: AlexNet's block (5 points)
#
# From here on torch's finished layers are welcome. One block of AlexNet, as in the lecture's table:
#
# | step | when |
# |---|---|
# | convolution with a bias, in `groups` groups | always |
# | ReLU | always |
# | max pooling 3×3, stride 2, no padding | if `pool` |
# | local response normalisation, $n=5$, $\alpha=10^{-4}$, $\beta=0.75$, $k=2$ | if `norm` |
#
# The normalisation is the paper's; torch divides $\alpha$ by $n$, so `nn.LocalResponseNorm` has to be told $5\cdot10^{-4}$.
#
# `Block` is an `nn.Module`. It starts as the paper says: weights drawn from a normal distribution with mean 0 and
# standard deviation 0.01, and all biases equal to `bias`. With these arguments AlexNet's first two rows are `Block(3,
# 96, 11, stride=4, pool=True, norm=True)` and `Block(96, 256, 5, padding=2, groups=2, pool=True, norm=True, bias=1.0)`.
#
# <details><summary>Hint</summary>
#
# `nn.init.normal_(layer.weight, std=…)` and `nn.init.constant_(layer.bias, …)` overwrite what a layer starts with.
#
# </details>


# %% nbgrader={"grade_id": "block", "solution": true}
class Block(nn.Module):
    """Convolution, ReLU, and, if wanted, overlapping pooling and response normalisation."""

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel: int,
        stride: int = 1,
        padding: int = 0,
        groups: int = 1,
        pool: bool = False,
        norm: bool = False,
        bias: float = 0.0,
    ):
        super().__init__()
        ### BEGIN SOLUTION
        conv = nn.Conv2d(in_channels, out_channels, kernel, stride, padding, groups=groups)
        nn.init.normal_(conv.weight, std=0.01)
        nn.init.constant_(conv.bias, bias)
        steps = [conv, nn.ReLU()]
        if pool:
            steps.append(nn.MaxPool2d(3, stride=2))
        if norm:
            steps.append(nn.LocalResponseNorm(5, alpha=5e-4, beta=0.75, k=2.0))
        self.steps = nn.Sequential(*steps)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        return self.steps(x)
        ### END SOLUTION


# %% nbgrader={"grade_id": "block_convolution", "grade": true, "points": 1}
# Convolution and ReLU, with stride and padding; one weight, one bias, and both learn.
with own_work():
    block = Block(2, 4, 3, stride=2, padding=1).double()
    for p in block.parameters():
        p.data = torch.arange(p.numel()).double().cos().view_as(p)
    y = block(torch.linspace(-1, 1, 50).double().view(1, 2, 5, 5))
expect_equal(sorted(tuple(p.shape) for p in block.parameters()), [(4,), (4, 2, 3, 3)], "the shapes of weight and bias")
expect_shape(y, (1, 4, 3, 3), "the maps of one 5×5 image, stride 2, padding 1")
first = [[0.6303, 0.7090, 0.9444], [0.3476, 0, 0], [1.3658, 1.2843, 1.0484]]
expect_close(y[0, 0], first, "the first of its maps", atol=1e-4)
y.square().sum().backward()
for name, p in block.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
### BEGIN HIDDEN TESTS
for kernel, stride, padding in ((1, 1, 0), (3, 2, 1), (5, 3, 2), (4, 2, 0)):
    with own_work():
        block, x = Block(3, 5, kernel, stride, padding).double(), torch.randn(2, 3, 11, 9).double()
        for p in block.parameters():
            p.data = torch.randn_like(p)
        y = block(x)
    p = {p.ndim: p for p in block.parameters()}
    expect_close(y, F.conv2d(x, p[4], p[1], stride, padding).relu(), f"kernel {kernel}, stride {stride}, padding {padding}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "block_groups", "grade": true, "points": 1}
# Two groups: half the weights, and the first half of the maps knows nothing of the second half of the input.
with own_work():
    block, x = Block(4, 6, 3, groups=2).double(), torch.rand(1, 4, 5, 5).double()
    for p in block.parameters():
        p.data = torch.arange(p.numel()).double().cos().view_as(p) ** 2
    before = block(x)
    x[:, 2:] += 1
    after = block(x)
expect_equal(sorted(tuple(p.shape) for p in block.parameters()), [(6,), (6, 2, 3, 3)], "the shapes of weight and bias")
expect_close(after[:, :3], before[:, :3].detach(), "maps 0 to 2, after a change of channels 2 and 3")
assert (after[:, 3:] != before[:, 3:]).all(), "maps 3 to 5 should change with channels 2 and 3, and do not."
### BEGIN HIDDEN TESTS
for channels, filters, groups in ((4, 8, 4), (6, 3, 3), (6, 4, 2)):
    with own_work():
        block, x = Block(channels, filters, 3, padding=1, groups=groups).double(), torch.randn(2, channels, 6, 5).double()
        for p in block.parameters():
            p.data = torch.randn_like(p)
        y = block(x)
    p = {p.ndim: p for p in block.parameters()}
    expect_close(y, F.conv2d(x, p[4], p[1], padding=1, groups=groups).relu(), f"{channels} to {filters} in {groups} groups")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "block_pool", "grade": true, "points": 1}
# Pooling, where it is asked for: windows of 3 that overlap, no padding.
with own_work():
    pooled, plain = Block(1, 1, 1, pool=True).double(), Block(1, 1, 1).double()
    for p in (*pooled.parameters(), *plain.parameters()):
        p.data = torch.full_like(p, float(p.ndim == 4))  # weight 1, bias 0
    x = torch.arange(-10, 20).double().view(1, 1, 5, 6)
    y, same = pooled(x), plain(x)
expect_close(y, [[[[4, 6], [16, 18]]]], "the numbers from -10 to 19, rectified and pooled")
expect_close(same, x.relu(), "the numbers from -10 to 19, without pooling")
### BEGIN HIDDEN TESTS
for size in (7, 8, 9, 10):
    with own_work():
        block, x = Block(2, 3, 3, padding=1, pool=True).double(), torch.randn(2, 2, size, size + 1).double()
        for p in block.parameters():
            p.data = torch.randn_like(p)
        y = block(x)
    p = {p.ndim: p for p in block.parameters()}
    expect_close(y, F.max_pool2d(F.conv2d(x, p[4], p[1], padding=1).relu(), 3, 2), f"maps of {size}×{size + 1}, pooled")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "block_norm", "grade": true, "points": 1}
# Normalisation, last, with the paper's constants: three maps of one pixel answer 200, 100 and 0.
with own_work():
    block = Block(3, 3, 1, norm=True).double()
    for p in block.parameters():
        p.data = torch.eye(3).double().view(3, 3, 1, 1) if p.ndim == 4 else torch.zeros_like(p)
    y = block(torch.tensor([200.0, 100.0, -5.0]).double().view(1, 3, 1, 1))
expect_close(y, torch.tensor([200 / 7**0.75, 100 / 7**0.75, 0], dtype=torch.double).view(1, 3, 1, 1), "200, 100 and 0")
### BEGIN HIDDEN TESTS
for pool in (False, True):
    with own_work():
        block = Block(3, 8, 3, padding=1, pool=pool, norm=True).double()
        x = 100 * torch.randn(2, 3, 9, 8).double()
        for p in block.parameters():
            p.data = torch.randn_like(p)
        y = block(x)
    p = {p.ndim: p for p in block.parameters()}
    maps = F.conv2d(x, p[4], p[1], padding=1).relu()
    maps = F.max_pool2d(maps, 3, 2) if pool else maps
    expect_close(y, F.local_response_norm(maps, 5, alpha=5e-4, beta=0.75, k=2.0), f"normalised, pool={pool}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "block_start", "grade": true, "points": 1}
# The start: 614,400 weights are enough to see a standard deviation of 0.01, and every bias is what was asked for.
for asked in (0.0, 1.0):
    with own_work():
        block = Block(96, 256, 5, bias=asked)
    weight, bias = sorted(block.parameters(), key=lambda p: -p.ndim)
    expect_close(bias.detach(), torch.full((256,), asked), f"the biases, bias={asked:g}")
    std, mean = weight.std().item(), weight.mean().item()
    assert abs(std - 0.01) < 1e-4, f"the weights should start with a standard deviation of 0.01, not {std:.5f}."
    assert abs(mean) < 1e-4, f"the weights should start with mean 0, not {mean:.5f}."
### BEGIN HIDDEN TESTS
for asked in torch.rand(3).tolist():
    with own_work():
        block = Block(64, 200, 5, groups=1, pool=True, norm=True, bias=asked)
    weight, bias = sorted(block.parameters(), key=lambda p: -p.ndim)
    expect_close(bias.detach(), torch.full((200,), asked), f"the biases, bias={asked:.3f}", atol=1e-6)
    far = (weight.abs() > 0.02).float().mean().item()  # normal: 4.55 % lie beyond two deviations, evenly drawn: none
    assert abs(weight.std().item() - 0.01) < 1e-4 and abs(far - 0.0455) < 0.003, "the weights are not drawn as the paper says."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: a VGG from a line of text (5 points)
#
# `vgg("64 64 M 128 128 M", …)` builds a network: each number is a convolution with so many 3×3 filters, stride 1,
# padding 1, with a bias, and a ReLU after it; each `M` is max pooling 2×2 with stride 2. Then come three linear layers,
# of `hidden`, `hidden` and `num_classes` units, with ReLU after the first two and nothing after the last. There is no
# dropout.
#
# `vgg(line, num_classes=10, side=32, hidden=64)` returns an `nn.Module` that maps `[B, 3, side, side]` to logits `[B,
# num_classes]`. Words are separated by any number of blanks. Its `parameters()` come in the order in which they are
# used, each weight before its bias. A side that cannot be halved loses its last pixel, as in pooling: 15 becomes 7.
# Raise a `ValueError` with a sentence in it where
#
# * a word is neither `M` nor a whole number above 0 (`"64 X M"`, `"64 0 M"`),
# * or the side is pooled away: `side=4` cannot bear three `M`.
#
# <details><summary>Hint</summary>
#
# Two numbers travel along: the channels that the next convolution will see, and the side. `word.isdigit()` asks whether
# a word is a whole number. The first linear layer reads channels × side × side values.
#
# </details>


# %% nbgrader={"grade_id": "vgg", "solution": true}
def vgg(line: str, num_classes: int = 10, side: int = 32, hidden: int = 64) -> nn.Module:
    """A VGG from a line of text such as "64 64 M 128 128 M", for images [B, 3, side, side]; it returns logits.

    Raises:
        ValueError: a word is neither M nor a whole number above 0, or too many M halve the side to nothing.
    """
    ### BEGIN SOLUTION
    steps, depth = [], 3
    for word in line.split():
        if word == "M":
            steps.append(nn.MaxPool2d(2))
            side //= 2
        elif word.isdigit() and int(word) > 0:
            steps += [nn.Conv2d(depth, int(word), 3, padding=1), nn.ReLU()]
            depth = int(word)
        else:
            raise ValueError(f"{word!r} is neither M nor a number of filters")
    if side < 1:
        raise ValueError("there are more M than the side can be halved")
    steps += [nn.Flatten(), nn.Linear(depth * side**2, hidden), nn.ReLU()]
    steps += [nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, num_classes)]
    return nn.Sequential(*steps)
    ### END SOLUTION


# %% nbgrader={"grade_id": "vgg_layers", "grade": true, "points": 1}
# The weights and biases, in the order in which they are used.
with own_work():
    net = vgg("4 4 M 8 M", num_classes=5, side=8, hidden=6)
expected = [(4, 3, 3, 3), (4,), (4, 4, 3, 3), (4,), (8, 4, 3, 3), (8,), (6, 32), (6,), (6, 6), (6,), (5, 6), (5,)]
expect_equal([tuple(p.shape) for p in net.parameters()], expected, "the shapes of weights and biases of 4 4 M 8 M")
### BEGIN HIDDEN TESTS
for _ in range(5):
    wide, wider, classes, hidden = torch.randint(1, 9, (4,)).tolist()
    with own_work():
        net = vgg(f"{wide}  M {wider} {wider} M\tM", num_classes=classes, side=16, hidden=hidden)
    expected = [(wide, 3, 3, 3), (wide,), (wider, wide, 3, 3), (wider,), (wider, wider, 3, 3), (wider,)]
    expected += [(hidden, 4 * wider), (hidden,), (hidden, hidden), (hidden,), (classes, hidden), (classes,)]
    expect_equal([tuple(p.shape) for p in net.parameters()], expected, f"the shapes for {wide}  M {wider} {wider} M\\tM")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "vgg_output", "grade": true, "points": 1}
# One row of logits an image, whatever the batch; without any other argument ten classes, 32×32 pixels, 64 hidden units.
with own_work():
    net, x = vgg("8 M 8 M"), torch.rand(3, 3, 32, 32)
    logits = net(x)
expect_shape(logits, (3, 10), "the logits of 3 images")
expect_equal(sum(p.numel() for p in net.parameters()), 38450, "the number of parameters of 8 M 8 M")
expect_close(logits[:1], net(x[:1]), "the first image, in the batch and alone", atol=1e-4)
assert (logits[0] != logits[1]).any(), "two different images get the very same logits."
### BEGIN HIDDEN TESTS
for classes, batch in zip((2, 7), torch.randint(2, 6, (2,)).tolist()):
    with own_work():
        net, x = vgg("4 M 6", num_classes=classes, side=8).double(), torch.rand(batch, 3, 8, 8).double()
        logits = net(x)
    expect_shape(logits, (batch, classes), f"the logits of {batch} images, {classes} classes")
    for image in range(batch):
        expect_close(logits[image], net(x[image : image + 1])[0], f"image {image}, in the batch and alone")
    assert (logits[0] != logits[1]).any(), "two different images get the very same logits."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "vgg_forward", "grade": true, "points": 1}
# The whole computation: weights and biases filled with cos 0, cos 1, cos 2, …; the image is a wedge.
with own_work():
    net = vgg("2 M 3", num_classes=2, side=4, hidden=3).double()
    for p in net.parameters():
        p.data = torch.arange(p.numel()).double().cos().view_as(p)
    logits = net(torch.linspace(-1, 1, 48).double().view(1, 3, 4, 4))
expect_close(logits, [[3.6671, -2.4585]], "the logits of the wedge", atol=1e-4)
### BEGIN HIDDEN TESTS
for _ in range(3):
    with own_work():
        net, x = vgg("3 4 M 5 M", num_classes=4, side=8, hidden=6).double(), torch.randn(2, 3, 8, 8).double()
        for p in net.parameters():
            p.data = torch.randn_like(p)
        logits = net(x)
    p = list(net.parameters())
    h = F.conv2d(F.conv2d(x, p[0], p[1], padding=1).relu(), p[2], p[3], padding=1).relu()
    h = F.max_pool2d(F.conv2d(F.max_pool2d(h, 2), p[4], p[5], padding=1).relu(), 2).flatten(1)
    expected = F.linear(F.linear(F.linear(h, p[6], p[7]).relu(), p[8], p[9]).relu(), p[10], p[11])
    expect_close(logits, expected, "the logits of random images", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "vgg_sides", "grade": true, "points": 1}
# Other sides, also odd ones, down to a single pixel; and a line without any convolution.
for side, line, reads in ((15, "4 M", 196), (7, "2 M M", 2), (5, "M", 12), (6, "3", 108)):
    with own_work():
        net = vgg(line, side=side, hidden=5)
        logits = net(torch.rand(2, 3, side, side))
    linear = [p for p in net.parameters() if p.ndim == 2]
    expect_equal(tuple(linear[0].shape), (5, reads), f"the first linear layer of {line!r}, side {side}")
    expect_shape(logits, (2, 10), f"the logits of {line!r}, side {side}")
### BEGIN HIDDEN TESTS
for side, pools in torch.randint(1, 4, (12, 2)).tolist():
    side = side * 2**pools + int(torch.randint(2**pools, ()))
    with own_work():
        net = vgg("4 " + pools * "M ", side=side, hidden=3)
        logits = net(torch.rand(1, 3, side, side))
    linear = [p for p in net.parameters() if p.ndim == 2]
    expect_equal(tuple(linear[0].shape), (3, 4 * (side // 2**pools) ** 2), f"{pools} poolings, side {side}")
    expect_shape(logits, (1, 10), f"the logits after {pools} poolings, side {side}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "vgg_refused", "grade": true, "points": 1}
# What is no VGG is refused in a sentence; what is one, is built.
for line, side in (("64 X M", 32), ("64 0 M", 32), ("64 -3 M", 32), ("4 M M M", 4), ("m", 32)):
    expect_error(ValueError, vgg, line, side=side)
expect_equal(len(list(vgg("4 M M", side=4).parameters())), 8, "the number of weights and biases of 4 M M, side 4")
### BEGIN HIDDEN TESTS
for pools in (1, 2, 4):
    fits = 2**pools
    expect_error(ValueError, vgg, "2 " + pools * "M ", side=fits - 1)
    expect_equal(len(list(vgg("2 " + pools * "M ", side=fits).parameters())), 8, f"{pools} poolings, side {fits}")
for line in ("8 MM", "M 1.5", "8 M -M", "conv 8", "8,8 M", "0"):
    expect_error(ValueError, vgg, line, side=64)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: will it fit? (4 points)
#
# VGG-16 has 138,357,544 parameters. To train it with momentum, memory must hold each parameter, its gradient and its
# velocity. It must also hold, for each image of the batch, every number of the deck's table, that is the image itself
# and the outputs of all convolutions, poolings and linear layers (ReLU works in place), and a gradient for each of
# them. All are numbers of 4 bytes.
#
# `training_memory(line, batch, side=224, hidden=4096, num_classes=1000)` returns the bytes for the network of exercise
# 4, without building it. With `line` of VGG-16 and a batch of one that is
# $4\,(3 \cdot 138{,}357{,}544 + 2 \cdot 15{,}237{,}608) = 1{,}782{,}191{,}392$. The line is one that `vgg` would accept.
#
# <details><summary>Hint</summary>
#
# Walk along the line once, with four numbers: channels, side, parameters so far, activations so far.
#
# </details>


# %% nbgrader={"grade_id": "memory", "solution": true}
def training_memory(line: str, batch: int, side: int = 224, hidden: int = 4096, num_classes: int = 1000) -> int:
    """The bytes that one training step of vgg(line, …) must hold, with momentum, in float32.

    Args:
        line: as for `vgg`.
        batch: images at a time.
        side, hidden, num_classes: as for `vgg`.
    """
    ### BEGIN SOLUTION
    depth, learned, kept = 3, 0, 3 * side**2
    for word in line.split():
        if word == "M":
            side //= 2
        else:
            learned += int(word) * (9 * depth + 1)
            depth = int(word)
        kept += depth * side**2
    below = depth * side**2
    for units in (hidden, hidden, num_classes):
        learned += units * (below + 1)
        kept += units
        below = units
    return 4 * (3 * learned + 2 * batch * kept)
    ### END SOLUTION


# %% nbgrader={"grade_id": "memory_parameters", "grade": true, "points": 1}
# An empty batch leaves three numbers a parameter: VGG-16's, and those of something small.
expect_equal(training_memory(VGG_16, 0), 12 * 138357544, "VGG-16, batch 0")
expect_equal(training_memory("2 M", 0, side=4, hidden=3, num_classes=2), 12 * 103, "2 M, side 4, 3 hidden units, 2 classes")
### BEGIN HIDDEN TESTS
for wide, wider, hidden, classes in torch.randint(1, 9, (10, 4)).tolist():
    line, side = f"{wide} M {wider} {wide} M", int(torch.randint(4, 12, ()))
    learned = wide * (27 + 1) + wider * (9 * wide + 1) + wide * (9 * wider + 1)
    learned += hidden * (wide * (side // 4) ** 2 + 1) + hidden * (hidden + 1) + classes * (hidden + 1)
    got = training_memory(line, 0, side, hidden, classes)
    expect_equal(got, 12 * learned, f"{line}, side {side}, {hidden} hidden units, {classes} classes, batch 0")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "memory_image", "grade": true, "points": 1}
# What one more image adds: VGG-16's 15,237,608 numbers and their gradients.
more = training_memory(VGG_16, 1) - training_memory(VGG_16, 0)
expect_equal(more, 8 * 15237608, "VGG-16, one image more")
more = training_memory("2 M", 1, side=4, hidden=3, num_classes=2) - training_memory("2 M", 0, side=4, hidden=3, num_classes=2)
expect_equal(more, 8 * (48 + 32 + 8 + 3 + 3 + 2), "2 M, side 4, 3 hidden units, 2 classes, one image more")
### BEGIN HIDDEN TESTS
for wide, wider, hidden, classes in torch.randint(1, 9, (10, 4)).tolist():
    line, side = f"{wide} M {wider} {wide} M M", int(torch.randint(8, 20, ()))
    kept = (3 + wide) * side**2 + (wide + wider + wide) * (side // 2) ** 2 + wide * ((side // 4) ** 2 + (side // 8) ** 2)
    sizes = (side, hidden, classes)
    more = training_memory(line, 1, *sizes) - training_memory(line, 0, *sizes)
    expect_equal(more, 8 * (kept + 2 * hidden + classes), f"{line}, {sizes}, one image more")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "memory_batch", "grade": true, "points": 1}
# A batch: parameters count once, images each.
expect_equal(training_memory(VGG_16, 1), 1782191392, "VGG-16, one image")
expect_equal(training_memory(VGG_16, 128), 17263601120, "VGG-16, batch 128")
### BEGIN HIDDEN TESTS
for batch, wide in torch.randint(2, 60, (10, 2)).tolist():
    none, one = (training_memory(f"{wide} M 4", n, 12, 7, 5) for n in (0, 1))
    learned = 28 * wide + 4 * (9 * wide + 1) + 7 * (4 * 36 + 1) + 7 * 8 + 5 * 8
    expect_equal(none, 12 * learned, f"{wide} M 4, batch 0")
    expect_equal(training_memory(f"{wide} M 4", batch, 12, 7, 5), none + batch * (one - none), f"{wide} M 4, batch {batch}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "memory_other", "grade": true, "points": 1}
# VGG-19, and VGG-16 without its cliff: images of 224 pixels, but only 64 hidden units.
expect_equal(training_memory(VGG_19, 0), 12 * 143667240, "VGG-19, batch 0")
expect_equal(training_memory(VGG_16, 0, hidden=64), 12 * 16389544, "VGG-16 with 64 hidden units, batch 0")
expect_equal(training_memory("M", 2, side=2, hidden=1, num_classes=1), 4 * (3 * 8 + 4 * (12 + 3 + 3)), "M on 2×2 pixels")
### BEGIN HIDDEN TESTS
for side in torch.randint(3, 30, (8,)).tolist():
    line, kept, rest = "5 M", 3 * side**2 + 5 * side**2 + 5 * (side // 2) ** 2 + 2 + 2 + 3, side // 2
    learned = 5 * 28 + 2 * (5 * rest**2 + 1) + 2 * 3 + 3 * 3
    expect_equal(training_memory(line, 3, side, 2, 3), 4 * (3 * learned + 6 * kept), f"5 M, side {side}, batch 3")
### END HIDDEN TESTS

# %% [markdown]
# **An experiment for the reflection.** Three networks from your builder, on 1,000 handwritten digits of 16×16 pixels,
# three seeds each. Write down first which order you expect.
#
# | | line | multiply-adds of the convolutions |
# |---|---|---|
# | shallow | `8 M 16 M` | 0.13 M |
# | deep | `8 8 8 M 16 16 16 M` | 0.72 M |
# | wide | `22 M 44 M` | 0.71 M |


# %% tags=["skip-grading"]
def study(line: str, images: Tensor, labels: Tensor) -> list[float]:
    """Train on the first 1,000 images with three seeds; the percentages of the others that are classified right."""
    scores = []
    for seed in range(3):
        torch.manual_seed(seed)
        net = vgg(line, side=16)
        optimizer = torch.optim.Adam(net.parameters())
        schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=8 * 20)
        for _ in range(8):
            for batch in torch.randperm(1000).split(50):
                loss = F.cross_entropy(net(images[batch]), labels[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                schedule.step()
        with torch.no_grad():
            right = net(images[1000:]).argmax(1) == labels[1000:]
        scores.append(100 * right.double().mean().item())
    return scores


digits = load_digits()
labels = torch.tensor(digits.target)
images = F.interpolate(torch.tensor(digits.images).float()[:, None] / 16, size=16, mode="bilinear").repeat(1, 3, 1, 1)
for title, line in (("shallow", "8 M 16 M"), ("deep", "8 8 8 M 16 16 16 M"), ("wide", "22 M 44 M")):
    scores = study(line, images, labels)
    learned = sum(p.numel() for p in vgg(line, side=16).parameters())
    held = training_memory(line, 50, side=16, hidden=64, num_classes=10) / 1e6
    print(f"{title:<8} {learned:>7,} parameters, {held:.1f} MB a step, right: {min(scores):.1f} to {max(scores):.1f} %")

# %% [markdown]
# ## Exercise 6: what is expensive? (3 points)
#
# In about 150 words:
#
# 1. For VGG-16: which layers hold most of the parameters, which fill most of the memory in training, which do most of the
#    arithmetic? Quote numbers, and give the reason for each: why is it not the same layers three times?
# 2. Deep or wide: what does the experiment above say, and what does it *not* say? Quote your ranges.
# 3. VGG-16 is to run on a telephone that has 100 MB for it. What do you change, and what does it become? Use your
#    functions.
#
# | points | the answer |
# |---|---|
# | 1 | names the right layers for all three costs, with numbers, and ties parameters to channels and memory to places |
# | 1 | compares ranges, not points, at equal arithmetic, and names a limit of the experiment |
# | 1 | proposes a change that meets the goal, with a number that was computed |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. Parameters: the three linear layers hold 123.6 of 138.4 M, the first of them alone 102.8 M, because no weight in it
#    is shared: every unit has its own weight for each of 25,088 inputs. Memory: the first two blocks put out 72 % of
#    15.2 M numbers, because their maps have 224×224 and 112×112 places. Arithmetic: the convolutions do more than 99 %
#    of 15.5 G multiply-adds, because each weight is used once a place. Parameters follow the channels, memory the
#    places, arithmetic the product of both, so the layers differ.
# 2. At equal arithmetic wide (93.6–95.4 %) beats deep (88.6–92.1 %): the ranges of three seeds do not touch. Deep
#    against shallow (90.7–92.5 %) is undecided, and deep does 5.6 times the work. But wide also has twice the
#    parameters, eight passes are few for a deep network, all three used one learning rate, and digits of 16×16 are not
#    ImageNet: it says nothing about depth there.
# 3. A batch of one needs no gradients, so parameters decide: 138.4 M of 4 bytes are 553 MB. With 64 hidden units
#    instead of 4096 it is 16.4 M, 66 MB (`training_memory(VGG_16, 0, hidden=64) / 3`), and 61 MB of activations need
#    not be kept all at once: two neighbouring layers take at most 26 MB. It would have to be trained again.
# ### END SOLUTION
