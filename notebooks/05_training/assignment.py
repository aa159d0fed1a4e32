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
# # Assignment 05: the parts that make a network train
#
# An optimiser's line, a dropout layer, a batch norm: in a framework each is a word, and a network that will not learn
# is often one of these words misunderstood. Here you write them as plain functions of tensors, and in the end a
# network 12 layers deep trains on nothing but your own code. Then five sick runs wait for a diagnosis.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `initial_std`, `draw` | 5 |
# | 2 | `batch_norm`, `remember` | 8 |
# | 3 | `batch_norm_backward` | 3 |
# | 4 | `dropout` | 3 |
# | 5 | `adam_step`, `learning_rate` | 5 |
# | 6 | `diagnosis`, and a reflection, read by a person | 3 + 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 05.
#
# **How it is graded.** Write between the `def` line and the end of each solution cell, then run the check cells below
# it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect. When we grade, the
# same checks run once more with inputs that nobody has seen, in `float64` and, where nothing else is said, to within
# $10^{-10}$. What is random is judged by its statistics, over so many numbers and with so much tolerance that a right
# answer does not fail by chance. No exercise needs another one: stuck on 2, go on with 3.

# %%
import math

import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits
from torch import Tensor

from course_lib import viz
from course_lib.checks import by_hand, expect_close, expect_equal, expect_error, expect_shape, gradients

# %% [markdown]
# ## Exercise 1: numbers to begin with (5 points)
#
# A unit adds up many products, and the more there are, the larger their sum. Whoever draws weights must know how many
# numbers meet in one unit, its *fan-in*, and to how many units one number goes, the *fan-out*. Two rules follow, both
# with mean zero:
#
# $$\begin{aligned}
# \text{He:} \quad \sigma^2 &= \frac{2}{\text{fan-in}} \\[4pt]
# \text{Xavier:} \quad \sigma^2 &= \frac{2}{\text{fan-in} + \text{fan-out}}
# \end{aligned}$$
#
# He (2015) keeps the signal's size from layer to layer when ReLU sets half of the units to zero. Xavier (Glorot 2010)
# is a compromise between the signal on its way forward and the gradient on its way back.
#
# `initial_std(shape, rule)` returns $\sigma$, a `float`, for weights of this shape; `rule` is `"he"` or `"xavier"`.
#
# | layer | `shape` | one unit reads |
# |---|---|---|
# | fully connected | `(outputs, inputs)` | all inputs |
# | convolution, 1-D or 2-D | `(K, C, k)` or `(K, C, kh, kw)` | a window of the input, through all `C` channels |
#
# A layer of shape `(14, 50)` has fan-in 50, so He gives $\sqrt{2/50} = 0.2$. A convolution of shape `(6, 2, 5, 5)`
# also reads 50 numbers in each unit: 0.2 again. And each of its inputs goes, in each of the 6 maps, to as many units
# as the filter has places: the fan-out is 150, and Xavier gives $\sqrt{2/200} = 0.1$.
#
# <details><summary>Hint</summary>
#
# `math.prod(shape[2:])` is the number of a filter's places, and 1 where there is no filter.
#
# </details>


# %% nbgrader={"grade_id": "initial_std", "solution": true}
def initial_std(shape: tuple[int, ...], rule: str) -> float:
    """The standard deviation with which weights of this shape should start.

    Args:
        shape: (outputs, inputs), (K, C, k) or (K, C, kh, kw).
        rule: "he" or "xavier".
    """
    ### BEGIN SOLUTION
    places = math.prod(shape[2:])  # of the filter; 1 for a fully connected layer
    fan_in, fan_out = shape[1] * places, shape[0] * places
    return math.sqrt(2 / fan_in) if rule == "he" else math.sqrt(2 / (fan_in + fan_out))
    ### END SOLUTION


# %% nbgrader={"grade_id": "initial_std_he", "grade": true, "points": 1}
# He's rule, fully connected layers.
for shape, expected in (((14, 50), 0.2), ((50, 8), 0.5), ((7, 2), 1.0)):
    std = initial_std(shape, "he")
    assert type(std) is float, f"shape {shape}: the result should be a float, but is a {type(std).__name__}."
    assert abs(std - expected) < 1e-10, f"He, shape {shape}: expected {expected:g}, got {std:.6g}."
### BEGIN HIDDEN TESTS
for outputs, inputs in torch.randint(1, 400, (20, 2)).tolist():
    std, expected = initial_std((outputs, inputs), "he"), math.sqrt(2 / inputs)
    assert abs(std - expected) < 1e-10, f"He, shape {(outputs, inputs)}: expected {expected:.6g}, got {std:.6g}."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "initial_std_xavier", "grade": true, "points": 1}
# Xavier's rule, fully connected layers.
for shape, expected in (((14, 36), 0.2), ((5, 3), 0.5), ((1, 1), 1.0)):
    std = initial_std(shape, "xavier")
    assert type(std) is float, f"shape {shape}: the result should be a float, but is a {type(std).__name__}."
    assert abs(std - expected) < 1e-10, f"Xavier, shape {shape}: expected {expected:g}, got {std:.6g}."
### BEGIN HIDDEN TESTS
for outputs, inputs in torch.randint(1, 400, (20, 2)).tolist():
    std, expected = initial_std((outputs, inputs), "xavier"), math.sqrt(2 / (inputs + outputs))
    assert abs(std - expected) < 1e-10, f"Xavier, shape {(outputs, inputs)}: expected {expected:.6g}, got {std:.6g}."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "initial_std_convolution", "grade": true, "points": 1}
# Both rules for convolutions: the filter's places count, on both sides.
for shape, rule, expected in (((6, 2, 5, 5), "he", 0.2), ((6, 2, 5, 5), "xavier", 0.1), ((3, 4, 2), "he", 0.5)):
    std = initial_std(shape, rule)
    assert type(std) is float, f"shape {shape}: the result should be a float, but is a {type(std).__name__}."
    assert abs(std - expected) < 1e-10, f"{rule}, shape {shape}: expected {expected:g}, got {std:.6g}."
### BEGIN HIDDEN TESTS
for filters, channels, kh, kw in torch.randint(1, 9, (20, 4)).tolist():
    for shape, places in (((filters, channels, kh, kw), kh * kw), ((filters, channels, kw), kw)):
        he, xavier = math.sqrt(2 / (channels * places)), math.sqrt(2 / ((channels + filters) * places))
        for rule, expected in (("he", he), ("xavier", xavier)):
            std = initial_std(shape, rule)
            assert abs(std - expected) < 1e-10, f"{rule}, shape {shape}: expected {expected:.6g}, got {std:.6g}."
### END HIDDEN TESTS

# %% [markdown]
# Now the draw. `draw(shape, std, uniform=False)` returns fresh random numbers, a `float32` tensor of this shape, with
# mean 0 and standard deviation `std`: from a normal distribution, or, where `uniform=True`, evenly from an interval
# $(-a, a)$. `torch.randn` and `torch.rand` are your sources. Which $a$? An even distribution over $(-1, 1)$ has the
# variance $\int_{-1}^{1} \tfrac12 x^2\,dx = \tfrac13$.
#
# <details><summary>Hint</summary>
#
# `torch.rand` gives numbers from 0 to 1. Which two operations take this interval to $(-1, 1)$? Stretched by $a$, the
# variance grows to $a^2/3$; that should be $\sigma^2$.
#
# </details>


# %% nbgrader={"grade_id": "draw", "solution": true}
def draw(shape: tuple[int, ...], std: float, uniform: bool = False) -> Tensor:
    """Fresh random weights with mean 0 and this standard deviation, normal or uniform."""
    ### BEGIN SOLUTION
    if uniform:
        return (2 * torch.rand(shape) - 1) * (math.sqrt(3) * std)
    return torch.randn(shape) * std
    ### END SOLUTION


# %% nbgrader={"grade_id": "draw_statistics", "grade": true, "points": 1}
# 200,000 numbers: shape, mean and standard deviation; and no number depends on another one.
for shape, std, uniform in (((400, 500), 0.2, False), ((400, 500), 0.2, True), ((200, 40, 5, 5), 3.0, False)):
    weights, again = draw(shape, std, uniform), draw(shape, std, uniform)
    case = f"shape {shape}, std {std:g}, uniform={uniform}"
    expect_shape(weights, shape, case)
    expect_equal(weights.dtype, torch.float32, f"the dtype, {case}")
    found = weights.std().item()
    assert abs(found - std) < 0.1 * std, f"{case}: the standard deviation is {found:.4f}."
    assert not torch.equal(weights, again), f"{case}: two draws give the very same numbers."
    one, other = weights[:2] - weights.mean()
    alike = (one * other).mean().item() / std**2
    assert abs(alike) < 0.5, f"{case}: the units start alike (correlation {alike:.2f}), so they will stay alike."
    mean = weights.mean().item()
    assert abs(mean) < 0.02 * std, f"{case}: the mean should be 0, but is {mean:.4f}."
    assert abs(found - std) < 0.02 * std, f"{case}: the standard deviation is {found:.4f}."
### BEGIN HIDDEN TESTS
for _ in range(3):
    std = float(torch.rand(()) + 0.1)
    rows, columns = torch.randint(400, 600, (2,)).tolist()
    for shape in ((rows, columns), (rows, columns // 10, 3, 4)):
        for uniform in (False, True):
            weights, again = draw(shape, std, uniform), draw(shape, std, uniform)
            expect_shape(weights, shape, f"shape {shape}")
            flat, other = weights.flatten(1) / std, again.flatten(1) / std
            for values, what in ((flat, "the numbers"), (flat[1:] * flat[:-1], "products of neighbours in a column")):
                assert values.mean().abs() < 0.03, f"shape {shape}, uniform={uniform}: {what} do not have mean 0."
            assert (flat[:, 1:] * flat[:, :-1]).mean().abs() < 0.03, "numbers of a row depend on each other."
            assert (flat * other).mean().abs() < 0.03, "a second draw depends on the first one."
            assert (flat.std() - 1).abs() < 0.02, f"shape {shape}, std {std:g}, uniform={uniform}: another std."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "draw_distribution", "grade": true, "points": 1}
# The two kinds, divided by their std: uniform numbers fill (-1.73, 1.73) evenly, normal ones have tails.
normal, uniform = draw((400, 500), 0.5).double() / 0.5, draw((400, 500), 0.5, uniform=True).double() / 0.5
for weights, kind in ((normal, "normal"), (uniform, "uniform")):
    expect_shape(weights, (400, 500), f"400×500 numbers, {kind}")
edge = math.sqrt(3)
largest, inner = uniform.abs().max().item(), (uniform.abs() < edge / 2).double().mean().item()
assert 0.99 * edge < largest < 1.001 * edge, f"uniform, divided by std: the largest is {largest:.3f}, not {edge:.3f}."
assert abs(inner - 0.5) < 0.02, f"uniform: {inner:.1%} lie in the inner half of the interval, not half of them."
for bound, share in ((1.0, 0.6827), (2.0, 0.9545), (3.0, 0.9973)):
    found = (normal.abs() < bound).double().mean().item()
    assert abs(found - share) < 0.012, f"normal: {found:.1%} lie within {bound:g} std of 0, not {share:.1%}."
assert normal.abs().max() > 3.5, f"normal: the largest of 200,000 is only {normal.abs().max():.2f} std away from 0."
### BEGIN HIDDEN TESTS
for std in (0.01, 0.3, 4.0):
    normal = draw(shape=(300, 50, 4, 5), std=std).double() / std
    uniform = draw(shape=(300, 50, 4, 5), std=std, uniform=True).double() / std
    assert abs(normal.pow(4).mean().item() - 3) < 0.2, "normal: the fourth moment should be 3 σ⁴."
    assert abs(uniform.pow(4).mean().item() - 1.8) < 0.1, "uniform: the fourth moment should be 1.8 σ⁴."
    assert 0.99 * edge < uniform.max() < 1.001 * edge and -1.001 * edge < uniform.min() < -0.99 * edge, "other bounds."
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: batch norm, and its memory (8 points)
#
# Good first weights keep the signal's size for one step; then they change. Batch norm (Ioffe and Szegedy 2015) makes
# the size right in every step. Each channel is a measuring instrument with its own offset and scale, so each is
# normalised on its own, over everything else: over the batch, and in images over rows and columns too.
#
# $$\begin{gathered}
# \mu_c = \operatorname{mean}(x_c) \\
# \sigma_c^2 = \operatorname{mean}\big((x_c - \mu_c)^2\big) \\
# \hat x = \frac{x - \mu_c}{\sqrt{\sigma_c^2 + \varepsilon}} \qquad y = \gamma_c\,\hat x + \beta_c
# \end{gathered}$$
#
# The variance divides by the number $n$ of values, not by $n - 1$; $\gamma$ and $\beta$ are learned.
#
# | | shape | |
# |---|---|---|
# | `x` | `[B, C]` or `[B, C, H, W]` | |
# | `gamma`, `beta` | `[C]` | scale and shift |
# | `mean`, `var` | `[C]`, or `None` | `None`: *training*, take those of the batch. Else *evaluation*: take these |
# | result | as `x` | |
#
# One channel, two images of 2×2, made for pencil and paper: the mean is 5, and the variance is 4.
#
# $$\begin{aligned}
# x &= \begin{pmatrix}2&4\\4&4\end{pmatrix},\begin{pmatrix}5&5\\7&9\end{pmatrix} \\[4pt]
# y &= \begin{pmatrix}-1.5&-0.5\\-0.5&-0.5\end{pmatrix},\begin{pmatrix}0&0\\1&2\end{pmatrix}
# \end{aligned}$$
#
# That is for $\varepsilon = 0$, $\gamma = 1$, $\beta = 0$. With $\gamma = 2$ and $\beta = 10$ the last value becomes 14.
# With $\varepsilon = 12$ the divisor is $\sqrt{4 + 12} = 4$, and the last value 1.
#
# **By hand**: `mean`, `var`, `sqrt` and their like are tools; torch's finished normalisations are refused under any
# name. The batch's own mean and variance depend on `x`, and so must the gradients: leave that to autograd, and do not
# cut its thread (`.detach()`, `.item()`, `torch.no_grad()`).
#
# <details><summary>Hint 1: over which axes</summary>
#
# All but axis 1. For `[B, C]` that is `(0,)`, for `[B, C, H, W]` it is `(0, 2, 3)`: `(0, *range(2, x.ndim))` is both.
#
# </details>
#
# <details><summary>Hint 2: a number a channel, beside an image</summary>
#
# Broadcasting aligns shapes from the right, so `[C]` would meet the columns. Give it the shape `[C, 1, 1]`:
# `v.view(-1, *[1] * (x.ndim - 2))` is that for images, and `[C]` for vectors.
#
# </details>


# %% nbgrader={"grade_id": "batch_norm", "solution": true}
def batch_norm(
    x: Tensor, gamma: Tensor, beta: Tensor, mean: Tensor | None = None, var: Tensor | None = None, eps: float = 1e-5
) -> Tensor:
    """Normalise every channel, then scale by gamma and shift by beta.

    Args:
        x: a batch [B, C] or [B, C, H, W].
        gamma, beta: one number a channel [C].
        mean, var: what to normalise with [C]; None for the batch's own mean and (biased) variance.
        eps: is added to the variance.
    """
    ### BEGIN SOLUTION
    over = (0, *range(2, x.ndim))
    if mean is None:
        mean, var = x.mean(over), x.var(over, correction=0)
    along = (-1, *[1] * (x.ndim - 2))
    scale = gamma / (var + eps).sqrt()
    return (x - mean.view(along)) * scale.view(along) + beta.view(along)
    ### END SOLUTION


# %% nbgrader={"grade_id": "batch_norm_vectors", "grade": true, "points": 1}
# Vectors: two channels, four samples. (1, 1, 7, 7) has mean 4 and σ = 3, (0, 0, 0, 4) has mean 1 and σ = √3.
x, one, zero = torch.tensor([[1, 0], [1, 0], [7, 0], [7, 4]]).double(), torch.ones(2).double(), torch.zeros(2).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    y = batch_norm(x, one, zero, eps=0.0)
expect_shape(y, (4, 2), "four samples, two channels")
assert (y[0, 0] + 0.75**0.5).abs() > 1e-6, "this is the result with a variance divided by n - 1; here divide by n."
expect_close(y, [[-1, -(3**-0.5)], [-1, -(3**-0.5)], [1, -(3**-0.5)], [1, 3**0.5]], "four samples, two channels")
### BEGIN HIDDEN TESTS
for batch, channels in ((2, 5), (7, 3), (5, 5), (30, 1)):
    x, one, zero = 3 * torch.randn(batch, channels).double() + 2, torch.ones(channels), torch.zeros(channels)
    expected = F.batch_norm(x, None, None, training=True, eps=1e-5)
    with by_hand(r"(batch|instance|layer|group|rms)_norm"):
        y = batch_norm(x, one.double(), zero.double())
    expect_close(y, expected, f"{batch} samples, {channels} channels")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "batch_norm_images", "grade": true, "points": 1}
# Images: the worked example in the first channel, a thousand times as much in the second.
x = torch.tensor([[[2, 4], [4, 4]], [[5, 5], [7, 9]]]).double()[:, None]  # [2, 1, 2, 2]
expected = torch.tensor([[[-1.5, -0.5], [-0.5, -0.5]], [[0, 0], [1, 2]]]).double()[:, None].expand(2, 2, 2, 2)
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    y = batch_norm(torch.cat([x, 1000 * x], 1), torch.ones(2).double(), torch.zeros(2).double(), eps=0.0)
expect_close(y, expected, "the worked example, and a thousand times as much")
### BEGIN HIDDEN TESTS
for shape in ((2, 3, 4, 5), (4, 4, 4, 4), (1, 2, 3, 3), (3, 1, 1, 6)):
    x = 3 * torch.randn(shape).double() + torch.arange(shape[1])[:, None, None]
    one, zero = torch.ones(shape[1]).double(), torch.zeros(shape[1]).double()
    expected = F.batch_norm(x, None, None, training=True, eps=1e-5)
    with by_hand(r"(batch|instance|layer|group|rms)_norm"):
        y = batch_norm(x, one, zero)
    expect_close(y, expected, f"images {shape}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "batch_norm_scale_shift", "grade": true, "points": 1}
# γ and β: one of each a channel. And the batch is left as it was.
x = torch.tensor([[[2, 4], [4, 4]], [[5, 5], [7, 9]]]).double()[:, None].repeat(1, 2, 1, 1)  # [2, 2, 2, 2]
before, gamma, beta = x.clone(), torch.tensor([2.0, -1.0]).double(), torch.tensor([10.0, 0.5]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    y = batch_norm(x, gamma, beta, eps=0.0)
expect_close(y[:, 0], [[[7, 9], [9, 9]], [[10, 10], [12, 14]]], "the worked example, γ = 2, β = 10")
expect_close(y[:, 1], [[[2, 1], [1, 1]], [[0.5, 0.5], [-0.5, -1.5]]], "the worked example, γ = -1, β = 0.5")
expect_close(x, before, "x after the call")
### BEGIN HIDDEN TESTS
for shape in ((6, 4), (4, 4, 4, 4), (3, 2, 5, 4)):
    x, gamma, beta = torch.randn(shape).double(), torch.randn(shape[1]).double(), torch.randn(shape[1]).double()
    expected = F.batch_norm(x, None, None, gamma, beta, training=True, eps=1e-5)
    with by_hand(r"(batch|instance|layer|group|rms)_norm"):
        y = batch_norm(x, gamma, beta)
    expect_close(y, expected, f"x {shape}, random γ and β")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "batch_norm_eps", "grade": true, "points": 1}
# ε stands under the root: √(4 + 12) = 4. It saves a channel that is the same everywhere, which becomes β.
x = torch.tensor([[[2, 4], [4, 4]], [[5, 5], [7, 9]]]).double()[:, None]
one, beta = torch.ones(1).double(), torch.tensor([3.0]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    y, constant = batch_norm(x, one, 0 * one, eps=12.0), batch_norm(7 * torch.ones(4, 1).double(), one, beta)
expect_close(y[:, 0], [[[-0.75, -0.25], [-0.25, -0.25]], [[0, 0], [0.5, 1]]], "the worked example, ε = 12")
expect_close(constant, 3 * torch.ones(4, 1).double(), "four sevens, β = 3")
### BEGIN HIDDEN TESTS
for eps in (1e-3, 0.5, 20.0):
    x, gamma, beta = torch.randn(5, 3, 2, 4).double(), torch.randn(3).double(), torch.randn(3).double()
    x[:, 1] = -4
    expected = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
    with by_hand(r"(batch|instance|layer|group|rms)_norm"):
        y = batch_norm(x, gamma, beta, eps=eps)
    expect_close(y, expected, f"one channel of three is constant, ε = {eps:g}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "batch_norm_evaluation", "grade": true, "points": 1}
# With a mean and a variance given, those count: x - 1, divided by √(9 + 7) = 4. Even a single sample will do.
x, mean, var = torch.tensor([[9.0], [1.0], [-7.0]]).double(), torch.ones(1).double(), 9 * torch.ones(1).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    y = batch_norm(x, torch.ones(1).double(), torch.zeros(1).double(), mean, var, eps=7.0)
    alone = batch_norm(x[:1], torch.ones(1).double(), torch.zeros(1).double(), mean, var, eps=7.0)
expect_close(y, [[2], [0], [-2]], "three samples, mean 1, var 9, ε = 7")
expect_close(alone, [[2]], "the first of them alone")
### BEGIN HIDDEN TESTS
for shape in ((6, 4), (1, 3), (4, 4, 4, 4), (1, 2, 1, 1), (0, 3)):
    x, gamma, beta = torch.randn(shape).double(), torch.randn(shape[1]).double(), torch.randn(shape[1]).double()
    mean, var = torch.randn(shape[1]).double(), torch.rand(shape[1]).double() + 0.1
    expected = F.batch_norm(x, mean, var, gamma, beta, training=False, eps=1e-3)
    with by_hand(r"(batch|instance|layer|group|rms)_norm"):
        y = batch_norm(x, gamma, beta, mean=mean, var=var, eps=1e-3)
    expect_close(y, expected, f"x {shape}, evaluation")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "batch_norm_gradients", "grade": true, "points": 1}
# Autograd goes through the mean and the variance too. (You will find these numbers by hand in exercise 3.)
x, gamma, beta = torch.tensor([[1.0], [1], [7], [7]]).double(), torch.tensor([6.0]).double(), torch.zeros(1).double()
upstream = torch.tensor([[1.0], [0], [0], [0]]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    of_x, of_gamma, of_beta = gradients(batch_norm, x, gamma, beta, upstream=upstream, eps=0.0)
expect_close(of_beta, [1], "the gradient of beta")
expect_close(of_gamma, [-1], "the gradient of gamma")
expect_close(of_x, [[1], [-1], [0], [0]], "the gradient of x")
### BEGIN HIDDEN TESTS
for shape in ((6, 4), (3, 2, 4, 5)):
    inputs = torch.randn(shape).double(), torch.randn(shape[1]).double(), torch.randn(shape[1]).double()
    upstream = torch.randn(shape).double()
    with by_hand(r"(batch|instance|layer|group|rms)_norm"):
        got = gradients(batch_norm, *inputs, upstream=upstream)
    leaves = [value.clone().requires_grad_() for value in inputs]
    y = F.batch_norm(leaves[0], None, None, leaves[1], leaves[2], training=True, eps=1e-5)
    for name, one, other in zip(("x", "gamma", "beta"), got, torch.autograd.grad(y, leaves, upstream)):
        expect_close(one, other, f"the gradient of {name}, x {shape}")
### END HIDDEN TESTS

# %% [markdown]
# In evaluation a picture's result must not depend on what else lies in the batch, and there may be a single picture.
# So training keeps a memory, the *running averages*, which every batch moves a little:
#
# $$\begin{aligned}
# \mu_\text{new} &= (1 - m)\,\mu_\text{old} + m\,\mu_\text{batch} \\
# \sigma^2_\text{new} &= (1 - m)\,\sigma^2_\text{old} + m\,\frac{n}{n-1}\,\sigma^2_\text{batch}
# \end{aligned}$$
#
# This is torch's convention: the *momentum* $m$ is the share of the new batch, usually 0.1. (In other places the same
# word means $1 - m$.) What is remembered is the *unbiased* variance, since the batch stands for all that was not in
# it; $n$ counts the values of a channel, $B$ or $B \cdot H \cdot W$.
#
# `remember(x, mean, var, momentum=0.1)` takes a batch and the two averages `[C]`, and returns the two new ones, as a
# pair. For the values 1 and 5 in one channel, after `mean = 0`, `var = 1`: the batch has mean 3 and unbiased variance
# 8, so the new averages are 0.3 and $0.9 + 0.8 = 1.7$.


# %% nbgrader={"grade_id": "remember", "solution": true}
def remember(x: Tensor, mean: Tensor, var: Tensor, momentum: float = 0.1) -> tuple[Tensor, Tensor]:
    """The running averages of mean and (unbiased) variance after one more batch, each [C].

    Args:
        x: a batch [B, C] or [B, C, H, W].
        mean, var: the averages before [C].
        momentum: share of the new batch.
    """
    ### BEGIN SOLUTION
    over = (0, *range(2, x.ndim))
    keep = 1 - momentum
    return keep * mean + momentum * x.mean(over), keep * var + momentum * x.var(over, correction=1)
    ### END SOLUTION


# %% nbgrader={"grade_id": "remember_mean", "grade": true, "points": 1}
# The running mean: of two vectors, and of two images whose mean is 5.
x, images = torch.tensor([[1.0], [5.0]]).double(), torch.tensor([[[[2, 4], [4, 4]]], [[[5, 5], [7, 9]]]]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    small, _ = remember(x, torch.zeros(1).double(), torch.ones(1).double())
    large, _ = remember(images, 10 * torch.ones(1).double(), torch.ones(1).double(), momentum=0.4)
expect_close(small, [0.3], "the mean after 1 and 5, from 0, momentum 0.1")
expect_close(large, [8], "the mean after the images, from 10, momentum 0.4")
### BEGIN HIDDEN TESTS
for shape in ((7, 3), (4, 4, 4, 4), (2, 5, 3, 1)):
    mean, var, momentum = torch.randn(shape[1]).double(), torch.rand(shape[1]).double(), float(torch.rand(()))
    for _ in range(3):
        x = torch.randn(shape).double() + 2
        with by_hand(r"(batch|instance|layer|group|rms)_norm"):
            found, _ = remember(x, mean, var, momentum)
        F.batch_norm(x, mean, var, training=True, momentum=momentum)  # moves mean and var
        expect_close(found, mean, f"the running mean, x {shape}, momentum {momentum:.2f}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "remember_variance", "grade": true, "points": 1}
# The running variance: unbiased, 8 for the vectors, and 32/7 for the images.
x, images = torch.tensor([[1.0], [5.0]]).double(), torch.tensor([[[[2, 4], [4, 4]]], [[[5, 5], [7, 9]]]]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm"):
    _, small = remember(x, torch.zeros(1).double(), torch.ones(1).double())
    _, large = remember(images, torch.zeros(1).double(), torch.ones(1).double(), momentum=0.35)
expect_close(small, [1.7], "the variance after 1 and 5, from 1, momentum 0.1")
expect_close(large, [2.25], "the variance after the images, from 1, momentum 0.35")
### BEGIN HIDDEN TESTS
for shape in ((7, 3), (4, 4, 4, 4), (2, 5, 3, 1)):
    mean, var, momentum = torch.randn(shape[1]).double(), torch.rand(shape[1]).double(), float(torch.rand(()))
    for _ in range(3):
        x = torch.randn(shape).double() + 2
        with by_hand(r"(batch|instance|layer|group|rms)_norm"):
            _, found = remember(x, mean, var, momentum)
        F.batch_norm(x, mean, var, training=True, momentum=momentum)  # moves mean and var
        expect_close(found, var, f"the running variance, x {shape}, momentum {momentum:.2f}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 3: the way back, by hand (3 points)
#
# Now without autograd. The loss $L$ arrives as $g = \partial L / \partial y$, and three gradients leave. Two are
# short: $\beta$ is added to every value of its channel, and $\gamma$ multiplies $\hat x$. Sum up what they touch.
#
# The third is the lesson. An input moves the result on three paths: directly, through $\mu$, and through $\sigma$.
# Since $y$ does not change when the whole channel is shifted or stretched (but for $\varepsilon$), no gradient can ask
# for a shift or a stretch: what remains of $g$ has mean zero, and no share in the direction of $\hat x$.
#
# Four values of one channel, with $\gamma = 6$ and $\varepsilon = 0$. The mean is 4 and $\sigma = 3$:
#
# | $x$ | $\hat x$ | $g$ | $\partial L/\partial x$ |
# |---|---|---|---|
# | 1 | −1 | 1 | 1 |
# | 1 | −1 | 0 | −1 |
# | 7 | 1 | 0 | 0 |
# | 7 | 1 | 0 | 0 |
#
# And $\partial L/\partial\gamma = -1$, $\partial L/\partial\beta = 1$. The loss looks at the first result alone, and
# yet two inputs are told to move: as one rises the other must fall, or the mean would take it all back.
#
# `batch_norm_backward(grad, x, gamma, eps=1e-5)` takes $g$ and `x`, `[B, C]` or `[B, C, H, W]`, in training mode, and
# returns the gradients of `x`, `gamma` and `beta`, in this order. Autograd is refused, as are finished normalisations
# and their derivatives; what autograd would have found is what the checks expect.
#
# <details><summary>Hint 1: the mean alone</summary>
#
# Think of a layer that only subtracts the mean. Every input moves every output by $-1/n$, so
# $\partial L/\partial x = g - \operatorname{mean}(g)$.
#
# </details>
#
# <details><summary>Hint 2: and the stretch</summary>
#
# From $g - \operatorname{mean}(g)$ take away its share along $\hat x$, which is $\hat x$ times a mean over products.
# In the example: $\operatorname{mean}(g) = \tfrac14$ and that mean is $-\tfrac14$, which leaves
# $\tfrac12, -\tfrac12, 0, 0$. What remains passes through the factor between $x$ and $y$, here $6/3$.
#
# </details>


# %% nbgrader={"grade_id": "batch_norm_backward", "solution": true}
def batch_norm_backward(grad: Tensor, x: Tensor, gamma: Tensor, eps: float = 1e-5) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of x, gamma and beta in training mode.

    Args:
        grad: the gradient of the result, shaped like x.
        x: the batch [B, C] or [B, C, H, W].
        gamma: scale [C].
        eps: is added to the variance.
    """
    ### BEGIN SOLUTION
    over = (0, *range(2, x.ndim))
    std = (x.var(over, correction=0, keepdim=True) + eps).sqrt()
    x_hat = (x - x.mean(over, keepdim=True)) / std
    share = (grad * x_hat).mean(over, keepdim=True)  # how far grad goes along x_hat
    along = gamma.view(-1, *[1] * (x.ndim - 2))
    of_x = along / std * (grad - grad.mean(over, keepdim=True) - x_hat * share)
    return of_x, (grad * x_hat).sum(over), grad.sum(over)
    ### END SOLUTION


# %% nbgrader={"grade_id": "batch_norm_backward_gamma_beta", "grade": true, "points": 1}
# The gradients of γ and β: the worked example.
x, grad = torch.tensor([[1.0], [1], [7], [7]]).double(), torch.tensor([[1.0], [0], [0], [0]]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm|^grad$|backward|vjp"):
    _, of_gamma, of_beta = batch_norm_backward(grad, x, torch.tensor([6.0]).double(), eps=0.0)
expect_close(of_gamma, [-1], "the gradient of gamma, the worked example")
expect_close(of_beta, [1], "the gradient of beta, the worked example")
### BEGIN HIDDEN TESTS
for shape, eps in (((6, 4), 1e-5), ((4, 4, 4, 4), 0.1), ((3, 2, 4, 5), 1e-5)):
    x, gamma, beta = torch.randn(shape).double(), torch.randn(shape[1]).double(), torch.randn(shape[1]).double()
    gamma, beta, grad = gamma.requires_grad_(), beta.requires_grad_(), torch.randn(shape).double()
    y = F.batch_norm(x, None, None, gamma, beta, training=True, eps=eps)
    expected = torch.autograd.grad(y, (gamma, beta), grad)
    with by_hand(r"(batch|instance|layer|group|rms)_norm|^grad$|backward|vjp"):
        got = batch_norm_backward(grad, x, gamma.detach(), eps)
    for name, one, other in zip(("gamma", "beta"), got[1:], expected):
        expect_close(one, other, f"the gradient of {name}, x {shape}, ε = {eps:g}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "batch_norm_backward_vectors", "grade": true, "points": 1}
# The gradient of x: the worked example. And of two values only: they become -1 and 1, whatever they are.
x, grad = torch.tensor([[1.0], [1], [7], [7]]).double(), torch.tensor([[1.0], [0], [0], [0]]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm|^grad$|backward|vjp"):
    of_x, *_ = batch_norm_backward(grad, x, torch.tensor([6.0]).double(), eps=0.0)
    of_two, *_ = batch_norm_backward(grad[:2], x[1:3], torch.tensor([6.0]).double(), eps=0.0)
expect_close(of_x, [[1], [-1], [0], [0]], "the gradient of x, the worked example")
expect_close(of_two, [[0], [0]], "the gradient of two values")
### BEGIN HIDDEN TESTS
for batch, channels, eps in ((6, 4, 1e-5), (5, 5, 0.1), (3, 1, 1e-3)):
    x, gamma = (2 * torch.randn(batch, channels).double()).requires_grad_(), torch.randn(channels).double()
    grad = torch.randn(batch, channels).double()
    y = F.batch_norm(x, None, None, gamma, training=True, eps=eps)
    (expected,) = torch.autograd.grad(y, x, grad)
    with by_hand(r"(batch|instance|layer|group|rms)_norm|^grad$|backward|vjp"):
        of_x, *_ = batch_norm_backward(grad, x.detach(), gamma, eps)
    expect_close(of_x, expected, f"the gradient of x, {batch} samples, {channels} channels, ε = {eps:g}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "batch_norm_backward_images", "grade": true, "points": 1}
# The gradient of x, images: the worked example as one image of 2×2, with γ = 6, and once more with γ = -3.
x, grad = torch.tensor([[1.0, 1], [7, 7]]).double(), torch.tensor([[1.0, 0], [0, 0]]).double()
with by_hand(r"(batch|instance|layer|group|rms)_norm|^grad$|backward|vjp"):
    of_x, *_ = batch_norm_backward(
        grad.expand(1, 2, 2, 2), x.expand(1, 2, 2, 2), torch.tensor([6.0, -3.0]).double(), eps=0.0
    )
expect_close(of_x, [[[[1, -1], [0, 0]], [[-0.5, 0.5], [0, 0]]]], "the gradient of x, γ = 6 and γ = -3")
### BEGIN HIDDEN TESTS
for shape, eps in (((4, 4, 4, 4), 1e-5), ((3, 2, 4, 5), 0.1), ((1, 3, 2, 6), 1e-3)):
    x, gamma = (2 * torch.randn(shape).double()).requires_grad_(), torch.randn(shape[1]).double()
    grad = torch.randn(shape).double()
    y = F.batch_norm(x, None, None, gamma, training=True, eps=eps)
    (expected,) = torch.autograd.grad(y, x, grad)
    with by_hand(r"(batch|instance|layer|group|rms)_norm|^grad$|backward|vjp"):
        of_x, *_ = batch_norm_backward(grad, x.detach(), gamma, eps)
    expect_close(of_x, expected, f"the gradient of x, images {shape}, ε = {eps:g}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: dropout (3 points)
#
# Dropout (Srivastava et al. 2014) switches each unit off with probability $p$, anew for each unit, each sample and
# each step, so that no unit can rely on another one. A layer that loses half of its units sends on half the signal,
# though, and in evaluation, where all are back, the next layer would get twice what it was trained on. *Inverted*
# dropout makes up for this in training: survivors are divided by $1 - p$, and evaluation leaves everything alone.
#
# With $p = 0.2$ four values $(8, 8, 8, 8)$ may become $(10, 0, 10, 10)$: a value is 10 four times out of five, and
# its expectation $0.8 \cdot 10 = 8$ is what it was.
#
# `dropout(x, p=0.5, training=True)` takes a tensor of any shape and returns one like it. In evaluation, or for
# $p = 0$, that is `x`, number for number. Refuse a $p$ below 0, and a $p$ of 1 or more (nobody would be left to be
# scaled up), with a `ValueError` whose message is a sentence, in training and in evaluation. Random numbers come from
# `torch.rand`, `torch.bernoulli` or their like; torch's finished dropout layers are refused.
#
# <details><summary>Hint</summary>
#
# `torch.rand_like(x)` gives each number of `x` a fresh one from $[0, 1)$. How often is that below `p`?
#
# </details>


# %% nbgrader={"grade_id": "dropout", "solution": true}
def dropout(x: Tensor, p: float = 0.5, training: bool = True) -> Tensor:
    """Inverted dropout.

    Args:
        x: any activations.
        p: probability with which a number is dropped.
        training: whether to drop at all.

    Raises:
        ValueError: p is below 0, or it is 1 or more.
    """
    ### BEGIN SOLUTION
    if not 0 <= p < 1:
        raise ValueError(f"p must be at least 0 and below 1, not {p}")
    if not training:
        return x
    kept = torch.rand_like(x) >= p
    return x * kept / (1 - p)
    ### END SOLUTION


# %% nbgrader={"grade_id": "dropout_mask", "grade": true, "points": 1}
# Who is dropped: a share p of all, also in each row and each column, and others the next time.
x = torch.ones(400, 500).double()
with by_hand("dropout"):
    kept, again = dropout(x, 0.3) != 0, dropout(x, 0.3) != 0
expect_shape(kept, (400, 500), "400×500 ones")
for group, what in ((kept.T, "a column"), (kept, "a row"), (kept[None], "all")):
    shares = group.double().flatten(1).mean(1)
    worst = shares[(shares - 0.7).abs().argmax()].item()
    assert abs(worst - 0.7) < (0.01 if what == "all" else 0.2), f"p = 0.3: of {what}, {worst:.1%} are kept, not 70 %."
assert (kept != again).any(), "two calls drop the very same numbers."
### BEGIN HIDDEN TESTS
for p, shape in ((0.1, (600, 500)), (0.5, (10, 20, 30, 50)), (0.8, (300_000,))):
    x = torch.rand(shape).double() + 1
    with by_hand("dropout"):
        kept, again = (dropout(x, p) != 0).flatten(), (dropout(x, p=p) != 0).flatten()
    expect_shape(kept, (300_000,), f"x {shape}")
    pairs = ((kept, kept), (kept[1:], kept[:-1]), (kept[500:], kept[:-500]), (kept, again))
    for expected, (one, other) in zip((1 - p, (1 - p) ** 2, (1 - p) ** 2, (1 - p) ** 2), pairs):
        found = (one & other).double().mean().item()
        assert abs(found - expected) < 0.02, f"p = {p}: {found:.1%} are kept, or kept with their neighbour or again."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "dropout_scale", "grade": true, "points": 1}
# What survives is divided by 1 - p, and so is its gradient; the others' gradient is 0. x stays as it was.
x = torch.full((40, 50), 8.0).double().requires_grad_()
with by_hand("dropout"):
    y = dropout(x, 0.2)
kept = (y != 0).double().detach()
assert 0 < kept.mean() < 1, f"8 everywhere, p = 0.2: {kept.mean():.0%} of the numbers are kept."
assert y.requires_grad, "the result is cut off from x: look for .detach(), .data, .item() or torch.no_grad()."
expect_close(y, 10 * kept, "8 everywhere, p = 0.2")
y.sum().backward()
expect_close(x.grad, 1.25 * kept, "the gradient of x")
expect_close(x, torch.full((40, 50), 8.0).double(), "x after the call")
### BEGIN HIDDEN TESTS
for p in (0.1, 0.5, 0.9):
    x = (torch.randn(20, 6, 5, 5).double() + 0.1).requires_grad_()
    upstream = torch.randn(20, 6, 5, 5).double()
    with by_hand("dropout"):
        y = dropout(x, p)
    kept = (y != 0).double().detach()
    assert 0 < kept.mean() < 1, f"p = {p}: {kept.mean():.0%} of the numbers are kept."
    expect_close(y, x * kept / (1 - p), f"random x, p = {p}")
    (of_x,) = torch.autograd.grad(y, x, upstream)
    expect_close(of_x, upstream * kept / (1 - p), f"the gradient of x, p = {p}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "dropout_edges", "grade": true, "points": 1}
# Evaluation changes nothing, nor does p = 0; a p outside of [0, 1) is refused in both modes.
x = torch.tensor([[-2.0, 0.0, 3.0, 4.0]]).double()
with by_hand("dropout"):
    evaluated, all_kept = dropout(x, 0.9, training=False), dropout(x, 0.0)
expect_close(evaluated, x, "p = 0.9, training=False")
expect_close(all_kept, x, "p = 0")
for p in (1.0, -0.1, 1.5):
    expect_error(ValueError, dropout, torch.ones(2), p)
    expect_error(ValueError, dropout, torch.ones(2), p, training=False)
### BEGIN HIDDEN TESTS
for p in torch.rand(5).tolist():
    x = torch.randn(30, 40).double()
    with by_hand("dropout"):
        expect_close(dropout(x, p, False), x, f"p = {p:.2f}, training=False")
        expect_close(dropout(x, 0), x, "p = 0, 1,200 numbers")
    expect_error(ValueError, dropout, torch.ones(2), 1 + p)
    expect_error(ValueError, dropout, torch.ones(2), -p - 1e-3, training=False)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: the step and its length (5 points)
#
# Large weights are a sign of learning by heart, so one asks for small ones. There are two ways, and for plain
# gradient descent they are the same: add $\lambda w$ to the gradient (*L2*, the gradient of
# $\tfrac{\lambda}{2} \lVert w \rVert^2$), or shrink the weight by the factor $1 - \eta\lambda$ beside the step
# (*weight decay*). For Adam they are not. Adam divides the gradient by its own size, and with L2 the wish to shrink
# goes through that division too: where gradients are large, it almost vanishes. AdamW (Loshchilov and Hutter 2019)
# takes decay out of the division, *decoupled*.
#
# One step of Adam, the $t$-th, counted from 1:
#
# $$\begin{gathered}
# m \leftarrow \beta_1 m + (1 - \beta_1)\,g \\
# v \leftarrow \beta_2 v + (1 - \beta_2)\,g^2 \\
# w \leftarrow w - \eta\;\frac{m / (1 - \beta_1^t)}{\sqrt{v / (1 - \beta_2^t)} + \varepsilon}
# \end{gathered}$$
#
# `adam_step(w, grad, m, v, t, lr, l2=0.0, decay=0.0, betas=(0.9, 0.999), eps=1e-8)` returns the new `w`, `m` and `v`;
# what it was given stays as it was. Where `l2` is not 0, $g$ is `grad + l2 * w`, for all that follows. Where `decay`
# is not 0, the old `w` is multiplied by `1 - lr * decay`, and Adam's step goes on from there.
#
# By hand: $w = 2$, $g = 0.5$, $\eta = 0.1$, $\varepsilon = 0$, the first step. Then $m/(1-\beta_1) = 0.5$, the root
# is 0.5 as well, the step is 0.1 long, and $w = 1.9$. With `l2=0.5` the gradient becomes 1.5, the root too, and
# $w = 1.9$ again: the penalty has vanished in the division. With `decay=0.5` it has not: $2 \cdot 0.95 - 0.1 = 1.8$.
#
# <details><summary>Hint</summary>
#
# Write plain Adam first, a line for each arrow, under new names or with `=`, never with `+=` or `mul_`: these change
# what you were given. Then one more line for `l2`, before $m$; and `decay` in the last line, on the old `w`.
#
# </details>


# %% nbgrader={"grade_id": "adam_step", "solution": true}
def adam_step(
    w: Tensor,
    grad: Tensor,
    m: Tensor,
    v: Tensor,
    t: int,
    lr: float,
    l2: float = 0.0,
    decay: float = 0.0,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
) -> tuple[Tensor, Tensor, Tensor]:
    """One step of Adam.

    Args:
        w, grad: weights and their gradient, of one shape.
        m, v: running means of the gradient and of its square before this step.
        t: number of this step, 1 for the first.
        lr: learning rate.
        l2: strength of the penalty that is part of the gradient.
        decay: strength of the decay beside the gradient.
        betas: how much of m and of v is kept.
        eps: is added to the root.

    Returns:
        The new w, m and v.
    """
    ### BEGIN SOLUTION
    grad = grad + l2 * w
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad**2
    step = m / (1 - betas[0] ** t) / ((v / (1 - betas[1] ** t)).sqrt() + eps)
    return (1 - lr * decay) * w - lr * step, m, v
    ### END SOLUTION


# %% nbgrader={"grade_id": "adam_step_plain", "grade": true, "points": 1}
# Plain Adam: a gradient that stays the same moves each weight by the learning rate, in every step.
w, grad, zero = torch.tensor([2.0, -1.0]).double(), torch.tensor([0.5, -0.25]).double(), torch.zeros(2).double()
with by_hand("adam"):
    new, m, v = adam_step(w, grad, zero, zero, 1, lr=0.1, eps=0.0)
    after, *_ = adam_step(new, grad, m, v, 2, lr=0.1, eps=0.0)
    shorter, *_ = adam_step(w, grad, zero, zero, 1, lr=0.1, eps=0.25)
expect_close(w, [2, -1], "the old w after the calls (make new tensors)")
expect_close(zero, [0, 0], "the old m and v after the calls (make new tensors)")
expect_close(new, [1.9, -0.9], "w after the first step")
expect_close(m, [0.05, -0.025], "m after the first step")
expect_close(v, [0.00025, 0.0000625], "v after the first step")
expect_close(after, [1.8, -0.8], "w after a second step with the same gradient")
expect_close(shorter, [2 - 0.1 * 2 / 3, -0.95], "w after the first step, ε = 0.25, added to the root")
### BEGIN HIDDEN TESTS
settings = [((5,), 0.1, (0.9, 0.999), 1e-8), ((3, 4), 1e-2, (0.7, 0.9), 1e-3), ((2, 1, 3), 1.0, (0.0, 0.5), 1.0)]
for shape, lr, (beta1, beta2), eps in settings:
    w, m, v, past = torch.randn(shape).double(), torch.zeros(shape).double(), torch.zeros(shape).double(), []
    for t in range(1, 5):  # m and v as sums over all gradients so far, older ones weighted down
        past.insert(0, torch.randn(shape).double())
        weighted = sum(beta1**age * g for age, g in enumerate(past))
        squares = sum(beta2**age * g**2 for age, g in enumerate(past))
        mean, square = weighted / sum(beta1**age for age in range(t)), squares / sum(beta2**age for age in range(t))
        expected = w - lr * mean / (square.sqrt() + eps)
        with by_hand("adam"):
            w, m, v = adam_step(w, past[0], m, v, t, lr, betas=(beta1, beta2), eps=eps)
        expect_close(w, expected, f"w after step {t}, lr {lr}, betas {(beta1, beta2)}, ε = {eps:g}")
        expect_close(m, (1 - beta1) * weighted, f"m after step {t}")
        expect_close(v, (1 - beta2) * squares, f"v after step {t}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "adam_step_l2", "grade": true, "points": 1}
# L2: it changes m and v, and in the first step nothing else.
w, grad, zero = torch.tensor([2.0]).double(), torch.tensor([0.5]).double(), torch.zeros(1).double()
with by_hand("adam"):
    new, m, v = adam_step(w, grad, zero, zero, 1, lr=0.1, l2=0.5, eps=0.0)
expect_close(new, [1.9], "w after the first step, l2 = 0.5")
expect_close(m, [0.15], "m after the first step, l2 = 0.5")
expect_close(v, [0.00225], "v after the first step, l2 = 0.5")
### BEGIN HIDDEN TESTS
for shape, lr, l2 in (((5,), 0.1, 0.3), ((3, 4), 1e-2, 5.0)):
    w, m, v, past = torch.randn(shape).double(), torch.zeros(shape).double(), torch.zeros(shape).double(), []
    for t in range(1, 5):
        grad = torch.randn(shape).double()
        past.insert(0, grad + l2 * w)
        weighted, squares = (sum(b**age * g**k for age, g in enumerate(past)) for b, k in ((0.9, 1), (0.999, 2)))
        mean, square = (x / sum(b**age for age in range(t)) for x, b in ((weighted, 0.9), (squares, 0.999)))
        expected = w - lr * mean / (square.sqrt() + 1e-8)
        with by_hand("adam"):
            w, m, v = adam_step(w, grad, m, v, t, lr, l2=l2)
        expect_close(w, expected, f"w after step {t}, l2 = {l2}")
        expect_close(m, weighted / 10, f"m after step {t}, l2 = {l2}")
        expect_close(v, squares / 1000, f"v after step {t}, l2 = {l2}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "adam_step_decay", "grade": true, "points": 1}
# Decoupled decay: it shrinks the weight and leaves m and v alone.
w, grad, zero = torch.tensor([2.0]).double(), torch.tensor([0.5]).double(), torch.zeros(1).double()
with by_hand("adam"):
    new, m, v = adam_step(w, grad, zero, zero, 1, lr=0.1, decay=0.5, eps=0.0)
expect_close(new, [1.8], "w after the first step, decay = 0.5")
expect_close(m, [0.05], "m after the first step, decay = 0.5")
expect_close(v, [0.00025], "v after the first step, decay = 0.5")
### BEGIN HIDDEN TESTS
for shape, lr, decay in (((5,), 0.1, 0.3), ((3, 4), 1e-2, 5.0)):
    w, m, v, past = torch.randn(shape).double(), torch.zeros(shape).double(), torch.zeros(shape).double(), []
    for t in range(1, 5):
        grad = torch.randn(shape).double()
        past.insert(0, grad)
        weighted, squares = (sum(b**age * g**k for age, g in enumerate(past)) for b, k in ((0.9, 1), (0.999, 2)))
        mean, square = (x / sum(b**age for age in range(t)) for x, b in ((weighted, 0.9), (squares, 0.999)))
        expected = w * (1 - lr * decay) - lr * mean / (square.sqrt() + 1e-8)
        with by_hand("adam"):
            w, m, v = adam_step(w, grad, m, v, t, lr, decay=decay)
        expect_close(w, expected, f"w after step {t}, decay = {decay}")
        expect_close(m, weighted / 10, f"m after step {t}, decay = {decay}")
        expect_close(v, squares / 1000, f"v after step {t}, decay = {decay}")
### END HIDDEN TESTS

# %% [markdown]
# The length of the step changes as training goes on. At first $m$ and $v$ know nothing, and a full step may throw the
# weights far away: the rate climbs in a straight line, from 0 to its peak in `warm_up` steps (*warm-up*). Then it
# falls along half a cosine wave, slowly, fast, slowly, to 0 in the last step.
#
# `learning_rate(step, steps, peak, warm_up=0)` returns the rate for a step, a `float`. At `step = 0` it is 0, at
# `step = warm_up` it is `peak`, at `step = steps` it is 0 again, and it remains 0 for every step beyond. Half-way down
# it is half the peak. Without a warm-up it starts from the peak. You may rely on `0 <= warm_up < steps`.
#
# Ten steps, a peak of 0.8, a warm-up of 4:
#
# | step | 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8 | 9 | 10 | 11 |
# |---|---|---|---|---|---|---|---|---|---|---|---|---|
# | rate | 0 | 0.2 | 0.4 | 0.6 | 0.8 | 0.746 | 0.6 | 0.4 | 0.2 | 0.054 | 0 | 0 |
#
# <details><summary>Hint</summary>
#
# Let $s$ be the share of the way down, 0 at `warm_up` and 1 at `steps`. Half a cosine wave from 1 to 0 is
# $\tfrac12 (1 + \cos \pi s)$. What should $s$ be beyond the end?
#
# </details>


# %% nbgrader={"grade_id": "learning_rate", "solution": true}
def learning_rate(step: int, steps: int, peak: float, warm_up: int = 0) -> float:
    """The learning rate of a step: a linear climb to `peak` in `warm_up` steps, then half a cosine wave down to 0."""
    ### BEGIN SOLUTION
    if step < warm_up:
        return peak * step / warm_up
    done = min((step - warm_up) / (steps - warm_up), 1.0)  # share of the way down
    return peak * (1 + math.cos(math.pi * done)) / 2
    ### END SOLUTION


# %% nbgrader={"grade_id": "learning_rate_warm_up", "grade": true, "points": 1}
# The climb: a straight line from 0 to the peak.
for step, expected in ((0, 0.0), (1, 0.2), (2, 0.4), (3, 0.6), (4, 0.8)):
    rate = learning_rate(step, 10, 0.8, warm_up=4)
    assert type(rate) in (float, int), f"step {step}: the rate should be a float, but is a {type(rate).__name__}."
    assert abs(rate - expected) < 1e-10, f"step {step} of 10, peak 0.8, warm-up 4: expected {expected}, got {rate:.6g}."
### BEGIN HIDDEN TESTS
for steps, warm_up, tenths in torch.randint(2, 90, (10, 3)).tolist():
    steps, peak = steps + warm_up, tenths / 10
    for step in range(warm_up + 1):
        rate, expected = learning_rate(step, steps, peak, warm_up), peak * step / warm_up
        case = f"step {step} of {steps}, peak {peak}, warm-up {warm_up}"
        assert abs(rate - expected) < 1e-10, f"{case}: expected {expected:.6g}, got {rate:.6g}."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "learning_rate_cosine", "grade": true, "points": 1}
# The way down: half a cosine wave, with a warm-up before it and without, and 0 beyond the end.
cases = [(6, 10, 4, 0.6), (7, 10, 4, 0.4), (8, 10, 4, 0.2), (10, 10, 4, 0.0), (13, 10, 4, 0.0)]
for step, steps, warm_up, expected in (*cases, (0, 6, 0, 0.8), (2, 6, 0, 0.6), (3, 6, 0, 0.4), (6, 6, 0, 0.0)):
    rate = learning_rate(step, steps, 0.8, warm_up)
    assert type(rate) in (float, int), f"step {step}: the rate should be a float, but is a {type(rate).__name__}."
    case = f"step {step} of {steps}, peak 0.8, warm-up {warm_up}"
    assert abs(rate - expected) < 1e-10, f"{case}: expected {expected}, got {rate:.6g}."
### BEGIN HIDDEN TESTS
for steps, warm_up, tenths in torch.randint(0, 90, (10, 3)).tolist():
    steps, peak = steps + warm_up + 1, tenths / 10 + 0.1
    for step in range(warm_up, steps + 20):
        turn = math.pi * min(step - warm_up, steps - warm_up) / (steps - warm_up)
        rate, expected = learning_rate(step, steps, peak, warm_up=warm_up), peak * math.cos(turn / 2) ** 2
        case = f"step {step} of {steps}, peak {peak}, warm-up {warm_up}"
        assert abs(rate - expected) < 1e-10, f"{case}: expected {expected:.6g}, got {rate:.6g}."
### END HIDDEN TESTS

# %% [markdown]
# **An experiment for the reflection.** Twelve layers of 64 ReLU units read 8×8 digits: 1,000 to learn from, 797 to be
# tested on. Everything between the data and the accuracy is yours. Four runs: weights that start with standard
# deviation 0.01, or with He's; with batch norm, or without. Before you run the cell, write down what you expect.


# %% tags=["skip-grading"]
def final_loss_and_accuracy(std: float, normalise: bool, depth: int = 12, steps: int = 150) -> tuple[float, float]:
    """Train on 1,000 digits; the mean training loss of the last ten steps, and the accuracy on the other 797."""
    shapes = [(64, 64)] * depth + [(10, 64)]
    weights = [draw(shape, std) for shape in shapes[:-1]] + [draw(shapes[-1], initial_std(shapes[-1], "xavier"))]
    parameters = weights + [torch.ones(64)] * depth + [torch.zeros(64)] * depth  # weights, γ, β
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in parameters]
    memory = [(torch.zeros(64), torch.ones(64))] * depth

    def network(x: Tensor, training: bool) -> Tensor:
        *hidden, last = parameters[: depth + 1]
        for k, weight in enumerate(hidden):
            x, gamma, beta = x @ weight.T, parameters[depth + 1 + k], parameters[2 * depth + 1 + k]
            if normalise and training:
                memory[k] = remember(x.detach(), *memory[k])
            x = batch_norm(x, gamma, beta, *(() if training else memory[k])) if normalise else x + beta
            x = dropout(x.relu(), 0.02, training)
        return x @ last.T

    losses = []
    for t in range(1, steps + 1):
        batch = torch.randint(1000, (50,))
        parameters = [p.detach().requires_grad_() for p in parameters]
        loss = F.cross_entropy(network(digits[batch], training=True), labels[batch])
        slopes = torch.autograd.grad(loss, parameters, allow_unused=True)
        rate = learning_rate(t, steps + 1, peak=1e-2, warm_up=15)
        for k, slope in enumerate(slopes):
            if slope is not None:  # without batch norm, γ has no part in the loss
                parameters[k], *moments[k] = adam_step(parameters[k].detach(), slope, *moments[k], t, rate, decay=0.01)
        losses.append(loss.item())
    guesses = network(digits[1000:], training=False).argmax(1)
    return sum(losses[-10:]) / 10, (guesses == labels[1000:]).double().mean().item()


torch.manual_seed(5)
data = load_digits()
digits, labels = torch.tensor(data.data).float() / 8 - 1, torch.tensor(data.target)  # [1797, 64], from -1 to 1
for start, std in (("0.01", 0.01), ("He's", initial_std((64, 64), "he"))):
    for normalise in (False, True):
        loss, accuracy = final_loss_and_accuracy(std, normalise)
        print(f"std {start}, batch norm {'yes' if normalise else 'no '}: training loss {loss:.2f}, test {accuracy:.1%}")

# %% [markdown]
# ## Exercise 6: five sick runs (6 points)
#
# Somebody trained small fully connected networks on Fashion-MNIST: ten classes with equally many images, so a guess is
# right in one case out of ten, at a loss of $\ln 10 = 2.30$. Run **H** is healthy. Runs **A** to **E** are sick, each
# of something else; lecture 05's gallery shows relatives of most of them. The curves are measured: every 40 steps the
# loss and the accuracy were taken on 1,000 validation images, and the *first gradient* is the Euclidean norm of the
# gradient of the first layer's weights in the first step.


# %% tags=["hide-input"]
def record(training_loss: str, validation_loss: str, validation_accuracy: str, first_gradient: float) -> dict:
    """One run, from its numbers as text: the training loss every 10 steps, the validation every 40."""
    curves = [[float(word) for word in text.split()] for text in (training_loss, validation_loss, validation_accuracy)]
    return dict(zip(("training", "validation", "accuracy"), curves)) | {"first gradient": first_gradient}


runs = {
    "H": record(
        "2.18 1.27 0.90 0.68 0.69 0.61 0.72 0.62 0.64 0.55 0.47 0.51 0.51 0.50 0.50 0.58 0.52 0.51 0.49 0.51 "
        "0.47 0.42 0.40 0.36 0.38 0.45 0.41 0.39 0.43 0.48 0.38 0.33 0.33 0.32 0.38 0.36 0.42 0.36 0.45 0.37",
        "0.76 0.61 0.60 0.54 0.57 0.48 0.50 0.50 0.53 0.48",
        "0.70 0.78 0.78 0.82 0.79 0.83 0.83 0.82 0.82 0.84",
        2.1,
    ),
    "A": record(
        "2.05 1.16 0.85 0.72 0.73 0.76 0.59 0.66 0.55 0.68 0.54 0.49 0.58 0.52 0.50 0.45 0.48 0.47 0.56 0.44 "
        "0.48 0.40 0.43 0.45 0.40 0.41 0.36 0.42 0.40 0.42 0.38 0.37 0.34 0.41 0.40 0.37 0.39 0.38 0.38 0.37",
        "5.53 5.20 5.07 4.82 4.73 5.23 6.03 5.09 5.70 5.55",
        "0.10 0.09 0.09 0.07 0.09 0.08 0.06 0.07 0.06 0.07",
        2,
    ),
    "B": record(
        "1.95 0.94 0.51 0.33 0.22 0.16 0.12 0.10 0.07 0.06 0.05 0.04 0.04 0.03 0.03 0.02 0.02 0.02 0.02 0.02 "
        "0.02 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01 0.01",
        "0.82 0.84 0.89 0.91 0.93 0.95 0.97 0.98 1.00 1.01",
        "0.70 0.70 0.70 0.71 0.71 0.72 0.71 0.71 0.72 0.72",
        1.5,
    ),
    "C": record(
        "2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 "
        "2.30 2.30 2.31 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.31 2.30 2.30 2.30 2.30 2.30",
        "2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30 2.30",
        "0.09 0.10 0.10 0.10 0.10 0.10 0.10 0.10 0.10 0.10",
        3.8e-08,
    ),
    "D": record(
        "1.74 1.32 1.30 1.24 1.33 1.54 1.44 1.53 1.31 1.22 1.10 1.04 1.02 0.95 1.33 1.46 1.64 1.84 1.80 1.90 "
        "1.99 2.12 1.85 1.68 1.62 1.86 1.74 2.28 2.14 2.52 2.25 2.36 2.12 2.46 2.29 2.30 2.33 2.31 2.30 2.31",
        "1.35 1.38 1.10 3.01 2.93 1.82 2.49 2.18 2.37 2.31",
        "0.59 0.61 0.59 0.59 0.39 0.43 0.31 0.13 0.10 0.10",
        1.9,
    ),
    "E": record(
        "2.31 2.30 2.29 2.29 2.30 2.28 2.24 2.25 2.27 2.26 2.24 2.22 2.20 2.22 2.19 2.21 2.20 2.16 2.17 2.19 "
        "2.17 2.17 2.14 2.14 2.12 2.13 2.13 2.11 2.08 2.07 2.07 2.08 2.09 2.10 2.06 2.07 2.04 2.04 2.02 2.01",
        "2.31 2.27 2.24 2.21 2.18 2.15 2.13 2.10 2.07 2.05",
        "0.13 0.16 0.18 0.22 0.24 0.27 0.31 0.33 0.35 0.37",
        1.8,
    ),
}

fig, axes = plt.subplots(2, 3, figsize=(10, 5.6), sharex=True, sharey=True, layout="constrained")
for ax, (name, run) in zip(axes.flat, runs.items()):
    ax.plot(range(10, 401, 10), run["training"], color=viz.BLUE, label="training")
    ax.plot(range(40, 401, 40), run["validation"], "o--", color=viz.VERMILION, markersize=4, label="validation")
    ax.axhline(math.log(10), color=viz.INK, linewidth=0.8, linestyle=":", label="guessing: ln 10")
    ax.set(title=f"run {name}" + " (healthy)" * (name == "H"), ylim=(0, 6.2))
for ax in axes[1]:
    ax.set_xlabel("step")
for ax in axes[:, 0]:
    ax.set_ylabel("loss (nats)")
axes[0, 0].legend(fontsize=8)
ends = "; ".join(
    f"run {name}: training from {run['training'][0]:.2f} to {run['training'][-1]:.2f}, "
    f"validation from {run['validation'][0]:.2f} to {run['validation'][-1]:.2f}"
    for name, run in runs.items()
)
viz.show(fig, alt=f"Training and validation loss of six runs over 400 steps. {ends}.")

print("run   first gradient   validation accuracy, every 40 steps")
for name, run in runs.items():
    shares = "  ".join(f"{share:4.0%}" for share in run["accuracy"])
    print(f"{name}   {run['first gradient']:14.1e}     {shares}")

# %% [markdown]
# Name each run's illness and its remedy, in these words. More are listed than you need: **no two runs have the same
# illness, and three of the eight do not occur.**

# %%
ILLNESSES = (
    "batches not shuffled",
    "labels scrambled",
    "learning rate too high",
    "learning rate too low",
    "model too small",
    "overfitting",
    "signal dies in the depth",
    "validation images prepared differently",
)
REMEDIES = (
    "a higher learning rate",
    "a larger model",
    "a lower learning rate",
    "He initialisation or batch norm",
    "look at images next to their labels",
    "more data, augmentation or dropout",
    "one function that prepares all images",
    "shuffle before every epoch",
)

# %% [markdown]
# Write `diagnosis = {"A": ("the illness", "the remedy"), "B": …}`, for all five. Here, and only here, the visible
# checks do not know the answer: they look at the form. Guessing does not pay. Two of the three points are for
# illnesses: all 2 for five hits, 1 for four, half a point for three, nothing for fewer. The third is for runs whose
# remedy is right as well: 1 for five, half a point for four.
#
# <details><summary>Hint: four questions for a curve</summary>
#
# Does a gradient reach the first layer? Does the training loss fall, and would it fall further? Does the validation
# loss fall with it, at least at first? And what would each illness that you consider do to the accuracy?
#
# </details>

# %% nbgrader={"grade_id": "diagnosis", "solution": true}
### BEGIN SOLUTION
diagnosis = {
    "A": ("validation images prepared differently", "one function that prepares all images"),
    "B": ("overfitting", "more data, augmentation or dropout"),
    "C": ("signal dies in the depth", "He initialisation or batch norm"),
    "D": ("learning rate too high", "a lower learning rate"),
    "E": ("learning rate too low", "a higher learning rate"),
}
### END SOLUTION

# %% nbgrader={"grade_id": "diagnosis_illness", "grade": true, "points": 2}
# The form of the answer: five runs, five illnesses of the list, no two of them the same.
expect_equal(sorted(diagnosis), ["A", "B", "C", "D", "E"], "the runs in your diagnosis")
for run in "ABCDE":
    pair = diagnosis[run]
    assert type(pair) in (tuple, list) and len(pair) == 2, f"run {run}: expected (illness, remedy), got {pair!r}."
found = [diagnosis[run][0] for run in "ABCDE"]
for run, illness in zip("ABCDE", found):
    assert illness in ILLNESSES, f"run {run}: {illness!r} is not in ILLNESSES; copy a line of the list."
assert len(set(found)) == 5, "two runs have the same illness in your diagnosis; each of the five has its own."
### BEGIN HIDDEN TESTS
# Three layers of 100 units, 5,000 images, SGD with momentum 0.9, batches of 50, rate 0.01, He (last layer a tenth of
# it). A: validation images transposed. B: 150 images, 300 units, rate 0.005. C: eight layers, std 0.01. D: rate 0.13.
# E: rate 0.00003.
right = sum(illness == ILLNESSES[k] for illness, k in zip(found, (7, 5, 6, 2, 3)))
{3: 0.5, 4: 1, 5: 2}.get(right, 0)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "diagnosis_remedy", "grade": true, "points": 1}
# The form of the answer: a remedy of the list for each run, no two of them the same.
expect_equal(sorted(diagnosis), ["A", "B", "C", "D", "E"], "the runs in your diagnosis")
for run in "ABCDE":
    pair = diagnosis[run]
    assert type(pair) in (tuple, list) and len(pair) == 2, f"run {run}: expected (illness, remedy), got {pair!r}."
prescribed = [diagnosis[run][1] for run in "ABCDE"]
for run, remedy in zip("ABCDE", prescribed):
    assert remedy in REMEDIES, f"run {run}: {remedy!r} is not in REMEDIES; copy a line of the list."
assert len(set(prescribed)) == 5, "two runs get the same remedy in your diagnosis; each of the five needs its own."
### BEGIN HIDDEN TESTS
known = {"A": (7, 6), "B": (5, 5), "C": (6, 3), "D": (2, 2), "E": (3, 0)}
healed = sum(tuple(diagnosis[run]) == (ILLNESSES[k], REMEDIES[j]) for run, (k, j) in known.items())
{4: 0.5, 5: 1}.get(healed, 0)
### END HIDDEN TESTS

# %% [markdown]
# **The reflection (3 points).** In about 200 words, on the experiment above and on your diagnosis:
#
# 1. Without batch norm, by which factor does one layer with $\sigma = 0.01$ change the size of the signal (64 inputs,
#    then ReLU), and twelve of them? Explain with these numbers what the first run did, and why He's weights did
#    better. Quote your results.
# 2. With batch norm the small start did no harm. Why not? And what would go wrong if the 797 test digits were judged
#    in training mode, in batches of two?
# 3. Take the sick run of which you were least sure. Name the illness that was your second choice, what in the curves
#    speaks against it, and one further measurement, cheaper than another training run, that would decide.
#
# | points | the answer |
# |---|---|
# | 1 | computes the factor and its twelfth power, and explains two runs without batch norm by them, quoting results |
# | 1 | says that batch norm divides the scale out, and why the statistics of two samples are no stand-in for the memory |
# | 1 | names a second illness, evidence against it that is in the curves, and a measurement that tells the two apart |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. A unit adds 64 products, so a layer multiplies the mean square by $64 \sigma^2$, and ReLU keeps half of it: the size
#    changes by $\sigma\sqrt{32} = 0.057$ a layer and by $0.057^{12} = 10^{-15}$ in all. The gradient shrinks alike on
#    its way back, to far less than Adam's $\varepsilon$: the first run stayed at 2.30 and 10 %. He's
#    $\sigma = \sqrt{2/64}$ makes the factor 1, and the run learned (loss 0.2, test 84–88 %, three seeds).
# 2. Batch norm divides by the standard deviation, so the factor cancels in every layer (90–92 % and 89–92 % with the two
#    starts). In batches of two, every value would become $\pm\gamma + \beta$, whatever the digits are: only which of
#    the two is larger survives, and a digit's result depends on its neighbour. The running averages are those of many
#    digits, and always the same.
# 3. E could be a model too small. Against it: such a loss falls fast and then lies flat, this one falls in a straight
#    line to the end, in training and validation alike. To decide: take 40 steps with ten times the rate; or compare the
#    length of a step with that of the weights, where a thousandth is usual and much less is a rate too low.
# ### END SOLUTION
