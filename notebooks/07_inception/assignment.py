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
# # Assignment 07: build a module, and pay for it
#
# An Inception module is four small networks side by side and an invoice. Here you write both: the 1×1 convolution with its
# gradient, the arithmetic of depths and costs, the module in its naive and in its reduced form, a tower with side branches,
# and the buyer who takes the best module that a budget allows.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `pointwise`, `pointwise_backward` | 5 |
# | 2 | `depths`, `bill` | 6 |
# | 3 | `Inception` | 5 |
# | 4 | `Tower`, `combined_loss` | 7 |
# | 5 | `choose` | 4 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 07.
#
# **How it is graded.** Write between the `def` line and the end of each solution cell, then run the check cells below
# it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect. When we grade, the
# same checks run once more with inputs that nobody has seen, in `float64` and, where nothing else is said, to within
# $10^{-10}$. No exercise needs another one: stuck on 2, go on with 3.

# %%
import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor, nn

from course_lib.checks import by_hand, expect_close, expect_equal, expect_error, expect_shape, gradients, own_work

# %% [markdown]
# ## Exercise 1: one pixel at a time (5 points)
#
# A 1×1 convolution takes the vector of a pixel, one number from each of $C$ maps, and makes $K$ numbers of it, with the
# same weights at every place:
#
# $$ y_{b,k,i,j} = \beta_k + \sum_{c=1}^{C} w_{k,c}\, x_{b,c,i,j} $$
#
# `pointwise(x, weight, bias)` gets `x` of shape `[B, C, H, W]`, `weight` `[K, C]` (its two axes of length 1 left away)
# and `bias` `[K]`, and returns `[B, K, H, W]`.
#
# Two maps, one filter $w = (2, -1)$ with bias 10, one row of three pixels:
#
# $$ x_1 = (1, 2, 3) \qquad x_2 = (0, 1, 5) \qquad y = (10 + 2,\; 10 + 4 - 1,\; 10 + 6 - 5) = (12, 13, 11) $$
#
# **By hand** means from tensor operations: products, sums, `einsum`, `@`, reshaping. Finished convolutions and poolings
# are refused.
#
# <details><summary>Hint</summary>
#
# `torch.einsum("kc,bchw->bkhw", …)` says exactly what the formula says. A bias has to be lined up with axis 1:
# `bias[:, None, None]`.
#
# </details>


# %% nbgrader={"grade_id": "pointwise", "solution": true}
def pointwise(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """A 1×1 convolution: maps [B, C, H, W], weight [K, C], bias [K] → maps [B, K, H, W]."""
    ### BEGIN SOLUTION
    return torch.einsum("kc,bchw->bkhw", weight, x) + bias[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade_id": "pointwise_example", "grade": true, "points": 1}
# The worked example, and two filters on it.
x = torch.tensor([[1.0, 2, 3], [0, 1, 5]]).double().view(1, 2, 1, 3)
with by_hand():
    one = pointwise(x, torch.tensor([[2.0, -1]]).double(), torch.tensor([10.0]).double())
    two = pointwise(x, torch.tensor([[2.0, -1], [0, 1]]).double(), torch.tensor([10.0, 0]).double())
expect_close(one, [[[[12, 13, 11]]]], "the worked example")
expect_close(two, [[[[12, 13, 11]], [[0, 1, 5]]]], "filters (2, -1) and (0, 1)")
### BEGIN HIDDEN TESTS
for _ in range(5):
    x, w, b = torch.randn(1, 2, 1, 3).double(), torch.randn(2, 2).double(), torch.randn(2).double()
    with by_hand():
        y = pointwise(x, w, b)
    expect_close(y, F.conv2d(x, w[:, :, None, None], b), "two filters on two maps of 1×3")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "pointwise_shapes", "grade": true, "points": 1}
# Batches, rectangles, more filters than maps and fewer. Two images of 2×2 that count 0, 1, …, 23.
x = torch.arange(24.0).double().view(2, 3, 2, 2)
with by_hand():
    y = pointwise(x, torch.ones(1, 3).double(), torch.zeros(1).double())
expect_close(y, [[[[12, 15], [18, 21]]], [[[48, 51], [54, 57]]]], "the sum of three maps of 2×2, two images")
### BEGIN HIDDEN TESTS
for batch, depth, filters, height, width in ((2, 3, 5, 4, 6), (3, 5, 2, 1, 7), (4, 4, 4, 4, 4), (1, 1, 1, 1, 1), (0, 2, 3, 4, 5)):
    x, w, b = torch.randn(batch, depth, height, width).double(), torch.randn(filters, depth).double(), torch.randn(filters).double()
    with by_hand():
        y = pointwise(x, w, b)
    expect_close(y, F.conv2d(x, w[:, :, None, None], b), f"{batch} images, {depth} maps to {filters}, {height}×{width} pixels")
### END HIDDEN TESTS

# %% [markdown]
# Now backwards. Given `grad`, the gradient of the loss with respect to `y`, return the three gradients with respect to
# `x`, `weight` and `bias`, in this order, each in the shape of its tensor. A weight was used at every place of every
# image, so its gradient is a sum over all of them:
#
# $$ \frac{\partial L}{\partial w_{k,c}} = \sum_{b,i,j} g_{b,k,i,j}\, x_{b,c,i,j} $$
#
# The other two follow in the same way. For the example above with $g = (1, 1, 1)$: the gradient of $w$ is
# $(1 + 2 + 3,\; 0 + 1 + 5) = (6, 6)$, that of the bias is 3, and that of $x$ is 2 everywhere in the first map, −1 in the
# second.


# %% nbgrader={"grade_id": "pointwise_backward", "solution": true}
def pointwise_backward(grad: Tensor, x: Tensor, weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of `pointwise`.

    Args:
        grad: of the loss with respect to the result, [B, K, H, W].
        x: the maps that went in, [B, C, H, W].
        weight: [K, C].

    Returns:
        The gradients of x [B, C, H, W], of weight [K, C] and of bias [K].
    """
    ### BEGIN SOLUTION
    of_x = torch.einsum("kc,bkhw->bchw", weight, grad)
    of_weight = torch.einsum("bkhw,bchw->kc", grad, x)
    return of_x, of_weight, grad.sum((0, 2, 3))
    ### END SOLUTION


# %% nbgrader={"grade_id": "pointwise_backward_x", "grade": true, "points": 1}
# The gradient of x.
x = torch.tensor([[1.0, 2, 3], [0, 1, 5]]).double().view(1, 2, 1, 3)
with by_hand():
    of_x = pointwise_backward(torch.ones(1, 1, 1, 3).double(), x, torch.tensor([[2.0, -1]]).double())[0]
expect_close(of_x, [[[[2, 2, 2]], [[-1, -1, -1]]]], "the worked example: the gradient of x")
### BEGIN HIDDEN TESTS
for batch, depth, filters, height, width in ((2, 3, 5, 4, 6), (3, 5, 2, 1, 7), (2, 3, 3, 3, 2)):
    x, w = torch.randn(batch, depth, height, width).double(), torch.randn(filters, depth).double()
    grad = torch.randn(batch, filters, height, width).double()
    expected = F.conv_transpose2d(grad, w[:, :, None, None])
    with by_hand():
        of_x = pointwise_backward(grad, x, w)[0]
    expect_close(of_x, expected, f"the gradient of x, {batch} images, {depth} maps to {filters}, {height}×{width} pixels")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "pointwise_backward_weight", "grade": true, "points": 1}
# The gradient of the weights: a sum over all places of all images.
x = torch.tensor([[1.0, 2, 3], [0, 1, 5]]).double().view(1, 2, 1, 3)
with by_hand():
    of_weight = pointwise_backward(torch.ones(1, 1, 1, 3).double(), x, torch.tensor([[2.0, -1]]).double())[1]
    twice = pointwise_backward(torch.ones(2, 1, 1, 3).double(), torch.cat([x, x]), torch.tensor([[2.0, -1]]).double())[1]
expect_close(of_weight, [[6, 6]], "the worked example: the gradient of the weights")
expect_close(twice, [[12, 12]], "the same image twice: the gradient of the weights")
### BEGIN HIDDEN TESTS
for batch, depth, filters, height, width in ((2, 3, 5, 4, 6), (3, 5, 2, 1, 7), (2, 3, 3, 3, 2), (0, 3, 2, 4, 4)):
    x, w = torch.randn(batch, depth, height, width).double(), torch.randn(filters, depth).double()
    grad = torch.randn(batch, filters, height, width).double()
    expected = (grad[:, :, None] * x[:, None]).sum((0, 3, 4))
    with by_hand():
        of_weight = pointwise_backward(grad, x, w)[1]
    expect_close(of_weight, expected, f"the gradient of the weights, {batch} images, {depth} maps to {filters}, {height}×{width} pixels")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "pointwise_backward_bias", "grade": true, "points": 1}
# The gradient of the bias.
x = torch.tensor([[1.0, 2, 3], [0, 1, 5]]).double().view(1, 2, 1, 3)
with by_hand():
    of_bias = pointwise_backward(torch.ones(1, 1, 1, 3).double(), x, torch.tensor([[2.0, -1]]).double())[2]
    twice = pointwise_backward(torch.full((2, 1, 1, 3), 0.5).double(), torch.cat([x, x]), torch.tensor([[2.0, -1]]).double())[2]
expect_close(of_bias, [3], "the worked example: the gradient of the bias")
expect_close(twice, [3], "the same image twice, with gradients of ½: the gradient of the bias")
### BEGIN HIDDEN TESTS
for batch, depth, filters, height, width in ((2, 3, 5, 4, 6), (3, 5, 2, 1, 7), (2, 3, 3, 3, 2)):
    x, w = torch.randn(batch, depth, height, width).double(), torch.randn(filters, depth).double()
    grad = torch.randn(batch, filters, height, width).double()
    with by_hand():
        of_bias = pointwise_backward(grad, x, w)[2]
    expect_close(of_bias, grad.sum(3).sum(2).sum(0), f"the gradient of the bias, {batch} images, {filters} filters, {height}×{width} pixels")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: depths and costs (6 points)
#
# From here on a module is a dictionary of six widths:
#
# | name | means | 0 means |
# |---|---|---|
# | `"one"` | filters of 1×1 | |
# | `"reduce3"`, `"three"` | 1×1 filters before, and filters of 3×3 | `reduce3`: no reduction, the 3×3 filters read all maps |
# | `"reduce5"`, `"five"` | the same with filters of 5×5 | `reduce5`: no reduction |
# | `"pool"` | 1×1 filters after the max pooling | no projection: all maps that came in go on |
#
# The module puts the results of `one`, `three`, `five` and the pooling branch on top of each other. GoogLeNet's 3a and its
# naive form are
#
# ```python
# {"one": 64, "reduce3": 96, "three": 128, "reduce5": 16, "five": 32, "pool": 32}
# {"one": 64, "reduce3": 0, "three": 128, "reduce5": 0, "five": 32, "pool": 0}
# ```
#
# `depths(configs, depth)` gets a list of modules that follow one another, and the number of maps that enter the first. It
# returns the list of the numbers of maps after each. From 192 maps the first of these makes 64 + 128 + 32 + 32 = 256; the
# second makes 64 + 128 + 32 + 192 = 416.


# %% nbgrader={"grade_id": "depths", "solution": true}
def depths(configs: list[dict[str, int]], depth: int) -> list[int]:
    """The number of maps after each of several modules, the first of which reads `depth` maps."""
    ### BEGIN SOLUTION
    found = []
    for config in configs:
        depth = config["one"] + config["three"] + config["five"] + (config["pool"] or depth)
        found.append(depth)
    return found
    ### END SOLUTION


# %% nbgrader={"grade_id": "depths_reduced", "grade": true, "points": 1}
# Modules with a projection: 3a and 3b of GoogLeNet.
three_a = {"one": 64, "reduce3": 96, "three": 128, "reduce5": 16, "five": 32, "pool": 32}
three_b = {"one": 128, "reduce3": 128, "three": 192, "reduce5": 32, "five": 96, "pool": 64}
expect_equal(depths([three_a, three_b], 192), [256, 480], "3a and 3b on 192 maps")
### BEGIN HIDDEN TESTS
for depth in torch.randint(1, 50, (10,)).tolist():
    configs = [dict(zip(three_a, torch.randint(1, 40, (6,)).tolist())) for _ in range(4)]
    expected = [c["one"] + c["three"] + c["five"] + c["pool"] for c in configs]
    expect_equal(depths(configs, depth), expected, f"{configs} on {depth} maps")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "depths_naive", "grade": true, "points": 1}
# Without a projection all maps go on: the naive 3a once, and twice, and before a reduced one.
three_a = {"one": 64, "reduce3": 96, "three": 128, "reduce5": 16, "five": 32, "pool": 32}
naive = {"one": 64, "reduce3": 0, "three": 128, "reduce5": 0, "five": 32, "pool": 0}
expect_equal(depths([naive, naive, three_a], 192), [416, 640, 256], "the naive 3a twice, then 3a, on 192 maps")
### BEGIN HIDDEN TESTS
for depth in torch.randint(1, 50, (10,)).tolist():
    configs, expected, now = [], [], depth
    for k in range(4):
        one, three, five, pool = torch.randint(1, 20, (4,)).tolist()
        pool *= k % 2
        configs.append({"one": one, "reduce3": 0, "three": three, "reduce5": 5, "five": five, "pool": pool})
        now = one + three + five + (pool if pool > 0 else now)
        expected.append(now)
    expect_equal(depths(configs, depth), expected, f"{configs} on {depth} maps")
### END HIDDEN TESTS

# %% [markdown]
# And the bill. `bill(config, depth, size)` returns for one module on `depth` maps of `size` `(H, W)` a dictionary with the
# keys `"one"`, `"three"`, `"five"` and `"pool"`, one for each branch. Each value is a tuple: the branch's parameters, with
# one bias a filter, and its multiply-adds, in which biases and pooling do not count. All convolutions keep height and width.
#
# In 3a, on 192 maps of 28×28, the 3×3 branch has $192 \cdot 96 + 96 \cdot 128 \cdot 9 = 129{,}024$ weights and $96 + 128$
# biases: 129,248 parameters. Each weight is used at 784 places: 101,154,816 multiply-adds. A pooling without projection
# costs `(0, 0)`.
#
# <details><summary>Hint</summary>
#
# A helper for one branch, which gets a list of layers (maps below, filters, kernel), is used four times.
#
# </details>


# %% nbgrader={"grade_id": "bill", "solution": true}
def bill(config: dict[str, int], depth: int, size: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """Parameters and multiply-adds of each branch of a module.

    Args:
        config: the six widths.
        depth: maps that come in.
        size: their height and width.

    Returns:
        "one", "three", "five" and "pool", each with (parameters, multiply-adds).
    """
    ### BEGIN SOLUTION
    def branch(reduction: int, filters: int, kernel: int) -> tuple[int, int]:
        weights = depth * reduction + (reduction or depth) * filters * kernel**2
        return weights + reduction + filters, weights * size[0] * size[1]

    return {
        "one": branch(0, config["one"], 1),
        "three": branch(config["reduce3"], config["three"], 3),
        "five": branch(config["reduce5"], config["five"], 5),
        "pool": branch(0, config["pool"], 1),
    }
    ### END SOLUTION


# %% nbgrader={"grade_id": "bill_parameters", "grade": true, "points": 1}
# The parameters of 3a, branch by branch.
three_a = {"one": 64, "reduce3": 96, "three": 128, "reduce5": 16, "five": 32, "pool": 32}
parameters = {name: cost[0] for name, cost in bill(three_a, 192, (28, 28)).items()}
expect_equal(parameters, {"one": 12352, "three": 129248, "five": 15920, "pool": 6176}, "the parameters of 3a on 192 maps")
### BEGIN HIDDEN TESTS
for depth in torch.randint(1, 30, (10,)).tolist():
    c = dict(zip(three_a, torch.randint(1, 20, (6,)).tolist()))
    layers = {"one": [nn.Conv2d(depth, c["one"], 1)], "pool": [nn.Conv2d(depth, c["pool"], 1)]}
    layers["three"] = [nn.Conv2d(depth, c["reduce3"], 1), nn.Conv2d(c["reduce3"], c["three"], 3)]
    layers["five"] = [nn.Conv2d(depth, c["reduce5"], 1), nn.Conv2d(c["reduce5"], c["five"], 5)]
    expected = {name: sum(p.numel() for layer in several for p in layer.parameters()) for name, several in layers.items()}
    got = {name: cost[0] for name, cost in bill(c, depth, (3, 3)).items()}
    expect_equal(got, expected, f"the parameters of {c} on {depth} maps")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "bill_work", "grade": true, "points": 1}
# The multiply-adds of 3a, branch by branch.
three_a = {"one": 64, "reduce3": 96, "three": 128, "reduce5": 16, "five": 32, "pool": 32}
work = {name: cost[1] for name, cost in bill(three_a, 192, (28, 28)).items()}
expected = {"one": 9633792, "three": 101154816, "five": 12443648, "pool": 4816896}
expect_equal(work, expected, "the multiply-adds of 3a on 192 maps of 28×28")
### BEGIN HIDDEN TESTS
for depth, side in torch.randint(1, 30, (10, 2)).tolist():
    c = dict(zip(three_a, torch.randint(1, 20, (6,)).tolist()))
    expected = {"one": depth * c["one"], "pool": depth * c["pool"]}
    expected |= {"three": c["reduce3"] * (depth + 9 * c["three"]), "five": c["reduce5"] * (depth + 25 * c["five"])}
    got = {name: cost[1] for name, cost in bill(c, depth, (side, side)).items()}
    expect_equal(got, {name: n * side**2 for name, n in expected.items()}, f"the multiply-adds of {c} on {depth} maps of {side}×{side}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "bill_naive", "grade": true, "points": 1}
# Without reduction and without projection, both columns.
naive = {"one": 64, "reduce3": 0, "three": 128, "reduce5": 0, "five": 32, "pool": 0}
expected = {"one": (12352, 9633792), "three": (221312, 173408256), "five": (153632, 120422400), "pool": (0, 0)}
expect_equal(bill(naive, 192, (28, 28)), expected, "the naive 3a on 192 maps of 28×28")
### BEGIN HIDDEN TESTS
for depth, one, three, five, some in torch.randint(1, 20, (10, 5)).tolist():
    for r3, r5, pool in ((0, 3, some), (4, 0, 0), (0, 0, some)):
        c = {"one": one, "reduce3": r3, "three": three, "reduce5": r5, "five": five, "pool": pool}
        weights = {"one": depth * one, "pool": depth * pool}
        weights["three"] = r3 * (depth + 9 * three) if r3 else 9 * depth * three
        weights["five"] = r5 * (depth + 25 * five) if r5 else 25 * depth * five
        filters = {"one": one, "three": r3 + three, "five": r5 + five, "pool": pool}
        expected = {name: (weights[name] + filters[name], 16 * weights[name]) for name in filters}
        expect_equal(bill(c, depth, (4, 4)), expected, f"{c} on {depth} maps of 4×4")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "bill_rectangle", "grade": true, "points": 1}
# Maps that are not square: 2 high, 5 wide.
tiny = {"one": 1, "reduce3": 1, "three": 1, "reduce5": 1, "five": 1, "pool": 1}
work = {name: cost[1] for name, cost in bill(tiny, 3, (2, 5)).items()}
expect_equal(work, {"one": 30, "three": 120, "five": 280, "pool": 30}, "one filter everywhere, on 3 maps of 2×5")
### BEGIN HIDDEN TESTS
for height, width, depth in torch.randint(1, 12, (10, 3)).tolist():
    c = {"one": 2, "reduce3": 3, "three": 4, "reduce5": 1, "five": 2, "pool": 5}
    expected = {"one": 2 * depth, "three": 3 * depth + 108, "five": depth + 50, "pool": 5 * depth}
    got = {name: cost[1] for name, cost in bill(c, depth, (height, width + 12)).items()}
    size = height * (width + 12)
    expect_equal(got, {name: n * size for name, n in expected.items()}, f"{c} on {depth} maps of {height}×{width + 12}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: the module (5 points)
#
# Now torch's finished layers are welcome. `Inception(depth, config)` is an `nn.Module` that maps `[B, depth, H, W]` to
# `[B, depths([config], depth)[0], H, W]`:
#
# * each layer is an `nn.Conv2d` with a bias, kept as an attribute that is called like its width: `self.one`,
#   `self.reduce3`, `self.three`, `self.reduce5`, `self.five`, `self.pool`. Where the width of `reduce3`, `reduce5` or
#   `pool` is 0, the attribute is `None` or missing;
# * ReLU after *every* convolution, also after the reductions;
# * padding such that height and width stay; the max pooling is 3×3 with stride 1 and padding 1;
# * branches are concatenated in the order one, three, five, pool. A pooling without projection puts out what it pooled.
#
# <details><summary>Hint</summary>
#
# `torch.cat([…], dim=1)`. A 5×5 filter needs a padding of 2. A reduction that may be missing:
# `x if self.reduce3 is None else self.reduce3(x).relu()`.
#
# </details>


# %% nbgrader={"grade_id": "inception", "solution": true}
class Inception(nn.Module):
    """Four branches on the same maps, side by side."""

    def __init__(self, depth: int, config: dict[str, int]):
        super().__init__()
        ### BEGIN SOLUTION
        self.one = nn.Conv2d(depth, config["one"], 1)
        self.reduce3 = nn.Conv2d(depth, config["reduce3"], 1) if config["reduce3"] else None
        self.three = nn.Conv2d(config["reduce3"] or depth, config["three"], 3, padding=1)
        self.reduce5 = nn.Conv2d(depth, config["reduce5"], 1) if config["reduce5"] else None
        self.five = nn.Conv2d(config["reduce5"] or depth, config["five"], 5, padding=2)
        self.pool = nn.Conv2d(depth, config["pool"], 1) if config["pool"] else None
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        below3 = x if self.reduce3 is None else self.reduce3(x).relu()
        below5 = x if self.reduce5 is None else self.reduce5(x).relu()
        pooled = F.max_pool2d(x, 3, stride=1, padding=1)
        if self.pool is not None:
            pooled = self.pool(pooled).relu()
        return torch.cat([self.one(x).relu(), self.three(below3).relu(), self.five(below5).relu(), pooled], dim=1)
        ### END SOLUTION


# %% nbgrader={"grade_id": "inception_layers", "grade": true, "points": 1}
# The layers: their names, and the shapes of their weights and biases.
config = {"one": 2, "reduce3": 3, "three": 4, "reduce5": 1, "five": 5, "pool": 6}
with own_work():
    module = Inception(7, config)
found = {name: tuple(p.shape) for name, p in module.named_parameters()}
expected = {"one.weight": (2, 7, 1, 1), "reduce3.weight": (3, 7, 1, 1), "three.weight": (4, 3, 3, 3)}
expected |= {"reduce5.weight": (1, 7, 1, 1), "five.weight": (5, 1, 5, 5), "pool.weight": (6, 7, 1, 1)}
expected |= {name.replace("weight", "bias"): shape[:1] for name, shape in expected.items()}
expect_equal(found, expected, f"the parameters of {config} on 7 maps")
### BEGIN HIDDEN TESTS
for depth in torch.randint(1, 9, (6,)).tolist():
    c = dict(zip(config, torch.randint(1, 9, (6,)).tolist()))
    with own_work():
        module = Inception(depth, c)
    found = {name: tuple(p.shape) for name, p in module.named_parameters()}
    expected = {f"{name}.weight": (c[name], depth, 1, 1) for name in ("one", "reduce3", "reduce5", "pool")}
    expected |= {"three.weight": (c["three"], c["reduce3"], 3, 3), "five.weight": (c["five"], c["reduce5"], 5, 5)}
    expected |= {name.replace("weight", "bias"): shape[:1] for name, shape in expected.items()}
    expect_equal(found, expected, f"the parameters of {c} on {depth} maps")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "inception_forward", "grade": true, "points": 1}
# The reduced module: all weights 1, all biases 0, two maps of 3×3 with positive numbers in one and negative in the other.
config = {"one": 1, "reduce3": 1, "three": 1, "reduce5": 1, "five": 1, "pool": 1}
with own_work():
    module = Inception(2, config).double()
    for p in module.parameters():
        p.data = torch.full_like(p, float(p.ndim == 4))
    first, second = [[0, 0, 0], [0, 1, 0], [0, 0, 2]], [[-1, 0, 0], [0, -1, 0], [0, 0, 0]]
    y = module(torch.tensor([[first, second]]).double())
expect_shape(y, (1, 4, 3, 3), "the maps of one filter a branch")
expect_close(y[0, 0], [[0, 0, 0], [0, 0, 0], [0, 0, 2]], "branch one")
expect_close(y[0, 1], [[0, 0, 0], [0, 2, 2], [0, 2, 2]], "branch three (the ReLU after its reduction removes the −1)")
expect_close(y[0, 2], [[2, 2, 2], [2, 2, 2], [2, 2, 2]], "branch five (the ReLU after its reduction removes the −1)")
expect_close(y[0, 3], [[1, 1, 1], [1, 2, 2], [1, 2, 2]], "branch pool (each map is pooled first, then they are mixed)")
### BEGIN HIDDEN TESTS
for depth in torch.randint(2, 5, (4,)).tolist():
    c = dict(zip(config, torch.randint(2, 6, (6,)).tolist()))
    with own_work():
        module, x = Inception(depth, c).double(), torch.randn(2, depth, 6, 6).double()
        for p in module.parameters():
            p.data = torch.randn_like(p)
        y = module(x)
    p = {name: q.detach() for name, q in module.named_parameters()}
    three = F.conv2d(F.conv2d(x, p["reduce3.weight"], p["reduce3.bias"]).relu(), p["three.weight"], p["three.bias"], padding=1)
    five = F.conv2d(F.conv2d(x, p["reduce5.weight"], p["reduce5.bias"]).relu(), p["five.weight"], p["five.bias"], padding=2)
    pool = F.conv2d(F.max_pool2d(x, 3, 1, 1), p["pool.weight"], p["pool.bias"])
    expected = torch.cat([F.conv2d(x, p["one.weight"], p["one.bias"]), three, five, pool], 1).relu()
    expect_close(y, expected, f"{c} on {depth} maps, random weights", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "inception_naive", "grade": true, "points": 1}
# The naive module: no reductions, no projection; the pooled maps go on as they are, also where they are negative.
config = {"one": 1, "reduce3": 0, "three": 1, "reduce5": 0, "five": 1, "pool": 0}
with own_work():
    module = Inception(2, config).double()
    for p in module.parameters():
        p.data = torch.full_like(p, float(p.ndim == 4))
    y = module(torch.tensor([[1.0, 2], [-3, -4]]).double().view(1, 2, 1, 2))
expect_close(y, [[[[0, 0]], [[0, 0]], [[0, 0]], [[2, 2]], [[-3, -3]]]], "maps (1, 2) and (-3, -4), all weights 1")
expect_equal(len(list(module.parameters())), 6, "the number of weights and biases of the naive module")
### BEGIN HIDDEN TESTS
for depth in torch.randint(2, 5, (4,)).tolist():
    one, three, five = torch.randint(1, 5, (3,)).tolist()
    c = {"one": one, "reduce3": 0, "three": three, "reduce5": 0, "five": five, "pool": 0}
    with own_work():
        module, x = Inception(depth, c).double(), torch.randn(2, depth, 6, 6).double()
        for p in module.parameters():
            p.data = torch.randn_like(p)
        y = module(x)
    p = {name: q.detach() for name, q in module.named_parameters()}
    maps = [F.conv2d(x, p[f"{n}.weight"], p[f"{n}.bias"], padding=pad).relu() for n, pad in (("one", 0), ("three", 1), ("five", 2))]
    expect_close(y, torch.cat([*maps, F.max_pool2d(x, 3, 1, 1)], 1), f"{c} on {depth} maps, random weights", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "inception_mixed", "grade": true, "points": 1}
# One reduction without the other, and a projection without any.
for name, weights in (("reduce3", 8), ("reduce5", 8), ("pool", 8)):
    config = {"one": 1, "reduce3": 0, "three": 1, "reduce5": 0, "five": 1, "pool": 0} | {name: 2}
    with own_work():
        module = Inception(3, config).double()
        y = module(torch.rand(1, 3, 4, 4).double())
    expect_equal(len(list(module.parameters())), weights, f"the number of weights and biases of {config}")
    expect_shape(y, (1, 5 if name == "pool" else 6, 4, 4), f"the maps of {config} on 3 maps")
### BEGIN HIDDEN TESTS
for r3, r5, pool in ((2, 0, 0), (0, 3, 0), (0, 0, 2), (2, 0, 3), (0, 1, 1)):
    c = {"one": 2, "reduce3": r3, "three": 3, "reduce5": r5, "five": 1, "pool": pool}
    with own_work():
        module, x = Inception(3, c).double(), torch.randn(2, 3, 5, 5).double()
        for p in module.parameters():
            p.data = torch.randn_like(p)
        y = module(x)
    p = {name: q.detach() for name, q in module.named_parameters()}
    below3 = F.conv2d(x, p["reduce3.weight"], p["reduce3.bias"]).relu() if r3 else x
    below5 = F.conv2d(x, p["reduce5.weight"], p["reduce5.bias"]).relu() if r5 else x
    pooled = F.max_pool2d(x, 3, 1, 1)
    pooled = F.conv2d(pooled, p["pool.weight"], p["pool.bias"]).relu() if pool else pooled
    maps = [F.conv2d(x, p["one.weight"], p["one.bias"]).relu()]
    maps += [F.conv2d(below3, p["three.weight"], p["three.bias"], padding=1).relu()]
    maps += [F.conv2d(below5, p["five.weight"], p["five.bias"], padding=2).relu(), pooled]
    expect_close(y, torch.cat(maps, 1), f"{c} on 3 maps, random weights", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "inception_learns", "grade": true, "points": 1}
# Rectangles down to a single pixel, and gradients that arrive: at x, and at each weight and bias.
config = {"one": 2, "reduce3": 2, "three": 2, "reduce5": 2, "five": 2, "pool": 2}
with own_work():
    module, x = Inception(3, config).double(), torch.rand(2, 3, 1, 4).double().requires_grad_()
    for p in module.parameters():
        p.data = torch.rand_like(p)
    y = module(x)
expect_shape(y, (2, 8, 1, 4), "the maps of two images of 1×4 pixels")
y.sum().backward()
assert x.grad is not None and (x.grad > 0).all(), "no gradient reaches x, although all weights are positive."
for name, p in module.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
### BEGIN HIDDEN TESTS
for height, width in ((1, 1), (2, 5), (7, 3)):
    with own_work():
        module, x = Inception(3, config).double(), torch.rand(2, 3, height, width).double().requires_grad_()
        for p in module.parameters():
            p.data = torch.rand_like(p)
        y = module(x)
    expect_shape(y, (2, 8, height, width), f"the maps of two images of {height}×{width} pixels")
    upstream = torch.rand(2, 8, height, width).double()
    (y * upstream).sum().backward()
    p = {name: q.detach() for name, q in module.named_parameters()}
    inner = x.detach().clone().requires_grad_()
    three = F.conv2d(F.conv2d(inner, p["reduce3.weight"], p["reduce3.bias"]), p["three.weight"], p["three.bias"], padding=1)
    five = F.conv2d(F.conv2d(inner, p["reduce5.weight"], p["reduce5.bias"]), p["five.weight"], p["five.bias"], padding=2)
    pool = F.conv2d(F.max_pool2d(inner, 3, 1, 1), p["pool.weight"], p["pool.bias"])
    (torch.cat([F.conv2d(inner, p["one.weight"], p["one.bias"]), three, five, pool], 1) * upstream).sum().backward()
    expect_close(x.grad, inner.grad, f"the gradient of x, {height}×{width} pixels", atol=1e-8)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: side branches (7 points)
#
# `Tower(channels, widths, num_classes)` is an `nn.Module` for images `[B, channels, H, W]`:
#
# * `self.stages`, an `nn.ModuleList` of convolutions of 3×3 with padding 1, the k-th with `widths[k]` filters; a ReLU
#   follows each;
# * `self.heads`, an `nn.ModuleList` with a linear layer to `num_classes` logits for *each* stage. It reads the mean of each
#   map over all places.
#
# In training mode `forward` returns a list: the logits `[B, num_classes]` of every head, from the first stage to the last.
# In evaluation mode the side heads are not used: `forward` returns the logits of the last head alone, one tensor.
#
# `self.training` says which mode a module is in.


# %% nbgrader={"grade_id": "tower", "solution": true}
class Tower(nn.Module):
    """Convolutions on top of one another, with a classifier at each."""

    def __init__(self, channels: int, widths: list[int], num_classes: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.stages, self.heads = nn.ModuleList(), nn.ModuleList()
        for width in widths:
            self.stages.append(nn.Conv2d(channels, width, 3, padding=1))
            self.heads.append(nn.Linear(width, num_classes))
            channels = width
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor | list[Tensor]:
        ### BEGIN SOLUTION
        logits = []
        for stage, head in zip(self.stages, self.heads):
            x = stage(x).relu()
            logits.append(head(x.mean((2, 3))))
        return logits if self.training else logits[-1]
        ### END SOLUTION


# %% nbgrader={"grade_id": "tower_layers", "grade": true, "points": 1}
# The layers, by name.
with own_work():
    net = Tower(2, [3, 4], 5)
found = {name: tuple(p.shape) for name, p in net.named_parameters()}
expected = {"stages.0.weight": (3, 2, 3, 3), "stages.0.bias": (3,), "stages.1.weight": (4, 3, 3, 3), "stages.1.bias": (4,)}
expected |= {"heads.0.weight": (5, 3), "heads.0.bias": (5,), "heads.1.weight": (5, 4), "heads.1.bias": (5,)}
expect_equal(found, expected, "the parameters of Tower(2, [3, 4], 5)")
### BEGIN HIDDEN TESTS
for channels, *widths, classes in torch.randint(1, 9, (5, 5)).tolist():
    with own_work():
        net = Tower(channels, widths, classes)
    expected = {}
    for k, (below, above) in enumerate(zip([channels, *widths], widths)):
        expected |= {f"stages.{k}.weight": (above, below, 3, 3), f"stages.{k}.bias": (above,)}
        expected |= {f"heads.{k}.weight": (classes, above), f"heads.{k}.bias": (classes,)}
    found = {name: tuple(p.shape) for name, p in net.named_parameters()}
    expect_equal(found, expected, f"the parameters of Tower({channels}, {widths}, {classes})")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "tower_training", "grade": true, "points": 1}
# In training: all logits, from the first stage to the last. Weights 1, biases 0, one image of a row of four pixels.
with own_work():
    net = Tower(1, [1, 2], 3).double().train()
    for p in net.parameters():
        p.data = torch.full_like(p, float(p.ndim > 1))
    logits = net(torch.tensor([[[[1.0, 0, 0, -3]]]]).double())
expect_equal(len(logits), 2, "the number of results of two stages, in training")
expect_close(logits[0], [[0.5, 0.5, 0.5]], "the logits of the first stage: the mean of (1, 1, 0, 0)")
expect_close(logits[1], [[2.5, 2.5, 2.5]], "the logits of the second stage: twice the mean of (2, 2, 1, 0)")
### BEGIN HIDDEN TESTS
for stages in (1, 2, 4):
    with own_work():
        net, x = Tower(3, [4] * stages, 5).double().train(), torch.randn(2, 3, 5, 6).double()
        for p in net.parameters():
            p.data = torch.randn_like(p)
        logits = net(x)
    p = {name: q.detach() for name, q in net.named_parameters()}
    expect_equal(len(logits), stages, f"the number of results of {stages} stages, in training")
    for k in range(stages):
        x = F.conv2d(x, p[f"stages.{k}.weight"], p[f"stages.{k}.bias"], padding=1).relu()
        expected = F.linear(x.mean((2, 3)), p[f"heads.{k}.weight"], p[f"heads.{k}.bias"])
        expect_close(logits[k], expected, f"the logits of stage {k} of {stages}, random weights", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "tower_evaluation", "grade": true, "points": 1}
# In evaluation: one tensor, the last head's.
with own_work():
    net = Tower(1, [1, 2], 3).double().eval()
    for p in net.parameters():
        p.data = torch.full_like(p, float(p.ndim > 1))
    logits = net(torch.full((1, 1, 1, 1), 2.0).double())
expect_close(logits, [[4, 4, 4]], "the logits in evaluation mode")
### BEGIN HIDDEN TESTS
for stages in (1, 3):
    with own_work():
        net, x = Tower(2, [3] * stages, 4).double().eval(), torch.randn(3, 2, 4, 5).double()
        for p in net.parameters():
            p.data = torch.randn_like(p)
        logits = net(x)
    p = {name: q.detach() for name, q in net.named_parameters()}
    for k in range(stages):
        x = F.conv2d(x, p[f"stages.{k}.weight"], p[f"stages.{k}.bias"], padding=1).relu()
    k = stages - 1
    expected = F.linear(x.mean((2, 3)), p[f"heads.{k}.weight"], p[f"heads.{k}.bias"])
    expect_close(logits, expected, f"{stages} stages in evaluation mode, random weights", atol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "tower_modes", "grade": true, "points": 1}
# From one mode to the other and back, and gradients: a side loss moves its own stage and those below, none above.
with own_work():
    net, x = Tower(1, [2, 2, 2], 3).double(), torch.rand(2, 1, 4, 4).double()
    for p in net.parameters():
        p.data = torch.rand_like(p)
    there, back = net.eval()(x), net.train()(x)
expect_shape(there, (2, 3), "the logits in evaluation mode")
expect_equal(len(back), 3, "the number of results, in training again")
expect_close(back[-1], there.detach(), "the last head's logits in both modes")
back[1][:, 0].sum().backward()
grads = {name: p.grad is not None and bool(p.grad.any()) for name, p in net.named_parameters()}
moved = [name for name in ("stages.0.weight", "stages.1.weight", "stages.2.weight", "heads.0.weight", "heads.1.weight") if grads[name]]
expect_equal(moved, ["stages.0.weight", "stages.1.weight", "heads.1.weight"], "the weights that the second head's loss reaches")
### BEGIN HIDDEN TESTS
for which in (0, 1, 2):
    with own_work():
        net, x = Tower(2, [3, 2, 4], 2).double(), torch.rand(2, 2, 3, 4).double()
        for p in net.parameters():
            p.data = torch.rand_like(p)
        logits = net.train()(x)
    logits[which].sum().backward()
    moved = [name for name, p in net.named_parameters() if p.grad is not None and p.grad.any()]
    expected = {f"heads.{which}.weight", f"heads.{which}.bias"}
    expected |= {f"stages.{k}.{kind}" for k in range(which + 1) for kind in ("weight", "bias")}
    expect_equal(sorted(moved), sorted(expected), f"the weights and biases that the loss of head {which} reaches")
### END HIDDEN TESTS

# %% [markdown]
# `combined_loss(outputs, labels, weight=0.3)` takes what such a tower returns. From a list it makes the cross-entropy of the
# *last* logits plus `weight` times the sum of the cross-entropies of all others, each the mean over the batch; from a tensor,
# its cross-entropy. Three heads that know nothing about two classes: $\ln 2 + 0.3\,(\ln 2 + \ln 2) = 1.109$.


# %% nbgrader={"grade_id": "loss", "solution": true}
def combined_loss(outputs: Tensor | list[Tensor], labels: Tensor, weight: float = 0.3) -> Tensor:
    """Cross-entropy of the main logits, plus `weight` times those of the side branches.

    Args:
        outputs: logits [B, classes], or a list of them of which the last are the main ones.
        labels: [B], the true classes.
        weight: what a side loss counts for.
    """
    ### BEGIN SOLUTION
    if isinstance(outputs, Tensor):
        return F.cross_entropy(outputs, labels)
    *sides, main = outputs
    return F.cross_entropy(main, labels) + weight * sum(F.cross_entropy(side, labels) for side in sides)
    ### END SOLUTION


# %% nbgrader={"grade_id": "loss_example", "grade": true, "points": 1}
# Heads that know nothing: three of them, with the default weight and with ½; five of them.
know_nothing, labels, ln2 = torch.zeros(4, 2).double(), torch.tensor([0, 1, 1, 0]), torch.tensor(2.0).double().log()
expect_close(combined_loss([know_nothing] * 3, labels), 1.6 * ln2, "three heads, two classes")
expect_close(combined_loss([know_nothing] * 3, labels, weight=0.5), 2 * ln2, "three heads, weight ½")
expect_close(combined_loss([know_nothing] * 5, labels), 2.2 * ln2, "five heads, two classes")
### BEGIN HIDDEN TESTS
for heads, classes in torch.randint(2, 8, (8, 2)).tolist():
    weight = torch.rand(()).item()
    expected = (1 + weight * (heads - 1)) * torch.tensor(float(classes)).double().log()
    got = combined_loss([torch.zeros(3, classes).double()] * heads, torch.zeros(3).long(), weight)
    expect_close(got, expected, f"{heads} heads, {classes} classes, weight {weight:.2f}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "loss_main", "grade": true, "points": 1}
# The last logits are the main ones: a sure head on top of an ignorant one, and the other way round.
sure, know_nothing = torch.tensor([[100.0, 0]]).double(), torch.zeros(1, 2).double()
label, ln2 = torch.tensor([0]), torch.tensor(2.0).double().log()
expect_close(combined_loss([know_nothing, sure], label), 0.3 * ln2, "ignorant below, sure on top")
expect_close(combined_loss([sure, know_nothing], label), ln2, "sure below, ignorant on top")
### BEGIN HIDDEN TESTS
for _ in range(5):
    outputs, labels = list(torch.randn(4, 6, 3).double()), torch.randint(3, (6,))
    losses = [F.cross_entropy(logits, labels) for logits in outputs]
    expect_close(combined_loss(outputs, labels, 0.2), losses[3] + 0.2 * (losses[0] + losses[1] + losses[2]), "four random heads")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "loss_tensor", "grade": true, "points": 1}
# One tensor, as in evaluation; a list of one is the same.
logits, labels = torch.tensor([[0.0, 0], [100, 0]]).double(), torch.tensor([1, 0])
half = torch.tensor(2.0).double().log() / 2
expect_close(combined_loss(logits, labels), half, "a tensor: one ignorant, one sure answer")
expect_close(combined_loss([logits], labels), half, "a list of one")
### BEGIN HIDDEN TESTS
for classes in (2, 3, 5):
    logits, labels = torch.randn(3, classes).double(), torch.randint(classes, (3,))
    expected = F.cross_entropy(logits, labels)
    expect_close(combined_loss(logits, labels, 0.7), expected, f"a tensor of {classes} classes")
    expect_close(combined_loss([logits], labels, 0.7), expected, f"a list of one, {classes} classes")
    (got,) = gradients(combined_loss, logits, upstream=torch.tensor(1.0).double(), labels=labels)
    (expected,) = gradients(F.cross_entropy, logits, upstream=torch.tensor(1.0).double(), target=labels)
    expect_close(got, expected, f"the gradient, {classes} classes")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: buy under a budget (4 points)
#
# `choose(options, cost, score, budget)` looks for the best module that can be paid for. `options` names for each width the
# values it may take, for example `{"one": [8, 16], "three": [0, 32]}`; a configuration is a dictionary with one value for
# each name, here `{"one": 16, "three": 0}`. `cost` and `score` are functions of a configuration that return numbers.
#
# Among all configurations with `cost(config) <= budget` return the one with the highest score; of several with the same
# score, the cheapest. If none can be paid for, raise a `ValueError` that says so in a sentence.
#
# With the options above, a cost of `one + three` and a score of `one + 2 * three`, a budget of 45 buys
# `{"one": 8, "three": 32}`.
#
# <details><summary>Hint</summary>
#
# `itertools.product(*options.values())` runs through all combinations of values, and `dict(zip(options, values))` makes a
# configuration of one. Tuples are compared from left to right: `(score, -cost)`.
#
# </details>


# %% nbgrader={"grade_id": "choose", "solution": true}
def choose(
    options: dict[str, list[int]],
    cost: Callable[[dict[str, int]], float],
    score: Callable[[dict[str, int]], float],
    budget: float,
) -> dict[str, int]:
    """The configuration with the highest score within the budget; of equals, the cheapest.

    Raises:
        ValueError: no configuration can be paid for.
    """
    ### BEGIN SOLUTION
    configs = [dict(zip(options, values)) for values in itertools.product(*options.values())]
    affordable = [(config, cost(config)) for config in configs if cost(config) <= budget]
    if not affordable:
        raise ValueError(f"no configuration costs {budget} or less")
    return max(affordable, key=lambda pair: (score(pair[0]), -pair[1]))[0]
    ### END SOLUTION


# %% nbgrader={"grade_id": "choose_best", "grade": true, "points": 1}
# The worked example with a budget of 45, and with more money than it takes.
options = {"one": [8, 16], "three": [0, 32]}
for budget, expected in ((45, {"one": 8, "three": 32}), (99, {"one": 16, "three": 32})):
    got = choose(options, lambda c: c["one"] + c["three"], lambda c: c["one"] + 2 * c["three"], budget)
    expect_equal(got, expected, f"the worked example, budget {budget}")
### BEGIN HIDDEN TESTS
for _ in range(5):
    names = {f"w{k}": sorted(set(torch.randint(0, 50, (4,)).tolist())) for k in range(2)}
    worth = dict(zip(names, torch.rand(2).tolist()))
    table = {values: torch.rand(()).item() for values in itertools.product(*names.values())}
    budget = sorted(table.values())[len(table) // 2]
    best = max((values for values in table if table[values] <= budget), key=lambda v: sum(a * b for a, b in zip(v, worth.values())))
    got = choose(
        names,
        lambda c, table=table: table[(c["w0"], c["w1"])],
        lambda c, worth=worth: worth["w0"] * c["w0"] + worth["w1"] * c["w1"],
        budget,
    )
    expect_equal(got, dict(zip(names, best)), f"options {names}, budget {budget:.3f}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "choose_budget", "grade": true, "points": 1}
# What costs exactly the budget can be paid for, what costs one more cannot.
options = {"one": [8, 16, 24], "five": [4, 8]}
for budget, expected in ((32, {"one": 24, "five": 8}), (31, {"one": 24, "five": 4}), (27, {"one": 16, "five": 8})):
    got = choose(options, lambda c: c["one"] + c["five"], lambda c: c["one"] + c["five"], budget)
    expect_equal(got, expected, f"budget {budget}, score and cost the sum")
### BEGIN HIDDEN TESTS
for low, high in torch.randint(1, 40, (5, 2)).tolist():
    high += low
    for budget, expected in ((high, high), (high - 1, low)):
        got = choose({"a": [low, high], "b": [1]}, lambda c: c["a"], lambda c: c["a"] + c["b"], budget)
        expect_equal(got, {"a": expected, "b": 1}, f"costs {low} and {high}, budget {budget}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "choose_ties", "grade": true, "points": 1}
# Of equal scores the cheaper one, wherever it stands; a higher score is still worth more money.
for values in ([1, 2, 3], [3, 2, 1], [2, 1, 3]):
    got = choose({"a": values, "b": [5]}, lambda c: c["a"], lambda c: min(c["a"], 2), 10)
    expect_equal(got, {"a": 2, "b": 5}, f"a among {values}, scores 1, 2 and 2 for costs 1, 2 and 3")
### BEGIN HIDDEN TESTS
for _ in range(5):
    values = (torch.randperm(6) + 1).tolist()
    got = choose({"a": values}, lambda c: c["a"], lambda c: c["a"] // 3, 5)
    expect_equal(got, {"a": 3}, f"a among {values}, score a // 3, cost a, budget 5")
    got = choose({"a": values}, lambda c: -c["a"], lambda c: c["a"] // 3, -1)
    expect_equal(got, {"a": 6}, f"a among {values}, score a // 3, cost -a, budget -1")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "choose_refused", "grade": true, "points": 1}
# Nothing can be paid for; and a budget that is just enough for the cheapest, whose score is negative.
expect_error(ValueError, choose, {"a": [3, 4]}, lambda c: c["a"], lambda c: c["a"], 2)
got = choose({"a": [3, 4]}, lambda c: c["a"], lambda c: -c["a"], 3)
expect_equal(got, {"a": 3}, "costs 3 and 4, budget 3, negative scores")
### BEGIN HIDDEN TESTS
for least, more in torch.randint(1, 30, (5, 2)).tolist():
    expect_error(ValueError, choose, {"a": [least, least + more], "b": [0, 1]}, lambda c: c["a"] + c["b"], lambda c: 1, least - 1)
    got = choose({"a": [least + more, least], "b": [0, 1]}, lambda c: c["a"] + c["b"], lambda c: -100, least)
    expect_equal(got, {"a": least, "b": 0}, f"the cheapest costs {least}, budget {least}")
### END HIDDEN TESTS

# %% [markdown]
# **Two experiments for the reflection.** First, shopping: three budgets for a module on 192 maps of 28×28. The score asks
# for many filters, with diminishing returns: the sum of the square roots of all six widths. Before you run it: what will
# the poor one give up first?

# %% tags=["skip-grading"]
names = ["one", "reduce3", "three", "reduce5", "five", "pool"]
options = {name: [16, 32, 64, 128] for name in names}


def total_work(config: dict[str, int]) -> int:
    return sum(work for _, work in bill(config, 192, (28, 28)).values())


for budget in (30e6, 60e6, 120e6):
    config = choose(options, total_work, lambda c: sum(width**0.5 for width in c.values()), budget)
    share = {name: f"{100 * work / total_work(config):.0f} %" for name, (_, work) in bill(config, 192, (28, 28)).items()}
    print(f"{budget / 1e6:>4.0f} M: {config}, spent on {share}")

# %% [markdown]
# Second, a tower of eight stages on 1,000 handwritten digits, without and with side losses, three seeds each, for two ways
# to start: torch's, and He's.


# %% tags=["skip-grading"]
def study(weight: float, he: bool, images: Tensor, labels: Tensor) -> list[float]:
    """Train on the first 1,000 images with three seeds; the percentages of the others that are classified right."""
    scores = []
    for seed in range(3):
        torch.manual_seed(seed)
        net = Tower(1, [12] * 8, 10)
        for stage in net.stages if he else ():
            nn.init.kaiming_normal_(stage.weight)
        optimizer = torch.optim.Adam(net.parameters(), lr=5e-3)
        for _ in range(6):
            for batch in torch.randperm(1000).split(50):
                loss = combined_loss(net(images[batch]), labels[batch], weight)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
        with torch.no_grad():
            right = net.eval()(images[1000:]).argmax(1) == labels[1000:]
        scores.append(100 * right.double().mean().item())
    return scores


digits = load_digits()
labels, images = torch.tensor(digits.target), torch.tensor(digits.images).float()[:, None]
images = (images - images.mean()) / images.std()
for he in (False, True):
    for weight in (0.0, 0.3):
        scores = study(weight, he, images, labels)
        title = "He's start" if he else "torch's start"
        print(f"{title:<14} side losses × {weight}: {min(scores):.1f} to {max(scores):.1f} % right")

# %% [markdown]
# ## Exercise 6: what was it for? (3 points)
#
# In about 150 words:
#
# 1. Why is a 1×1 convolution worth having, although it sees a single pixel? Give two uses in a module, and support one of
#    them with a number from your `bill`.
# 2. What did the three buyers do with their money, and what did the poorest give up? Would you call it a good module? What
#    does the score not know?
# 3. What did the side losses change, with which start? Compare ranges, and say what the experiment does not show.
#
# | points | the answer |
# |---|---|
# | 1 | names two uses (mixing, reduction, projection, nonlinearity), and backs one with a computed number |
# | 1 | describes the purchases rightly, and names something that the score leaves out |
# | 1 | compares ranges, not points, for both starts, and names a limit of the experiment |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. It mixes the numbers of a pixel, so it can make few maps of many before large filters, and give the pooling branch a
#    width of its own. In 3a on 192 maps of 28×28, `bill` says 12.4 M multiply-adds for the 5×5 branch with its reduction to
#    16 maps, and 120.4 M without: a tenth. Each one also brings a ReLU.
# 2. With 30 M the buyer keeps both reductions at their least, 16 maps, takes 16 filters of 5×5, and puts a third of the
#    money each into 3×3 and the pooling branch. With 120 M there are 128 filters of 5×5, still behind a reduction to 16. I
#    would not call that good: 128 filters see mixtures of the same 16 maps. The score counts filters; it knows nothing of
#    what they see, nor of accuracy.
# 3. With torch's start (too small for eight ReLU layers) 10–35 % become 39–65 % with side losses, ranges that do not
#    touch. With He's start 73–93 % and 81–86 % overlap: no verdict. Six passes over 1,000 digits with one learning rate:
#    it shows that the start is easier, not that the end is better.
# ### END SOLUTION
