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
# # Assignment 03: filters, from a row of numbers to a photograph
#
# A filter is a handful of numbers that visits every place of a signal. Here you write one for signals and one for
# images, and decide what it meets where the signal ends. Then you look at it from three other sides: as a matrix
# with a band of equal numbers, as that matrix's transpose, which turns few numbers into many, and as a product of a
# column and a row. In the end you design filters of your own, and they are tried on pictures nobody has seen.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `filter1d` | 6 |
# | 2 | `filter2d` | 4 |
# | 3 | `banded`, `stamp` | 8 |
# | 4 | `separate` | 4 |
# | 5 | `shift_filter`, `sharpen_filter`, `edge_filter` | 5 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 03.
#
# **How it is graded.** Write between the `def` line and the end of each solution cell, then run the check cells below
# it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect, so a `filter1d`
# that cannot reflect yet loses only the checks that reflect; those of gradients need all arguments at once. When we
# grade, the same checks run once more with inputs that nobody has seen, in `float64` and, where nothing else is said,
# to within $10^{-10}$. No exercise needs another one: stuck on 2, go on with 3.

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from torch import Tensor

from course_lib import viz
from course_lib.checks import by_hand, expect_close, expect_error, expect_shape, gradients, own_work
from course_lib.data import datasets

# %% [markdown]
# ## Exercise 1: a filter, and what it meets at the ends (6 points)
#
# A filter $w$ with $k$ taps visits every sample of the signal $x$. Its *centre* is tap number $\lfloor k/2 \rfloor$,
# counted from 0: the middle one of an odd filter, and of an even one the first after the middle. Wherever the centre
# stands, each tap is multiplied with the sample below it, and the products are added:
#
# $$y_i = \sum_{t=0}^{k-1} w_t \; x_{\,i + t - \lfloor k/2 \rfloor} \quad i = 0, \dots, n-1$$
#
# So $y$ is as long as $x$. (The filter is not flipped: deep learning calls this convolution, signal processing
# cross-correlation.) Near the ends some taps hang over, and the *border* says what they meet there:
#
# | `border` | the signal a b c d, with two more samples at each end | |
# |---|---|---|
# | `"zero"` | 0 0 · a b c d · 0 0 | nothing |
# | `"wrap"` | c d · a b c d · a b | the other end |
# | `"copy"` | a a · a b c d · d d | the last sample, again and again |
# | `"reflect"` | c b · a b c d · c b | a mirror that stands on the last sample, which is not repeated |
#
# A case for pencil and paper, $x = (3, 1, 4, 2)$ and $w = (1, 2, -1)$. In the middle,
# $y_1 = 1\cdot3 + 2\cdot1 - 1\cdot4 = 1$ and $y_2 = 1\cdot1 + 2\cdot4 - 1\cdot2 = 7$, whatever the border. At the ends
# $y_0 = p + 2\cdot3 - 1\cdot1 = p + 5$ and $y_3 = 1\cdot4 + 2\cdot2 - q = 8 - q$, where $p$ and $q$ are what lies
# beyond: $y = (5, 1, 7, 8)$ with zeros, $(7, 1, 7, 5)$ with wrap, $(8, 1, 7, 6)$ with copy, $(6, 1, 7, 4)$ with
# reflect.
#
# With the even filter $(-1, 1)$, centre on the second tap, each sample less the one *before* it remains:
# $(3, -2, 3, -2)$ with zeros.
#
# Two requests are refused with a `ValueError` whose message is a sentence: a filter longer than the signal (*exactly*
# as long is allowed), and a border that is none of the four.
#
# **By hand** means: from slices, `cat`, `flip`, indexing, sums, products, `Tensor.unfold`. The checks watch which
# operators run. They refuse a finished convolution under any name, detours through NumPy, where gradients end, and in
# this exercise also `F.pad`, because the border is what you are to build.
#
# <details><summary>Hint 1: where to begin</summary>
#
# Make the signal longer first, and then forget about borders: how many samples are missing at the left end, how many
# at the right? (For $k = 4$ they are not as many.) With the longer signal in hand, `y[i]` is a window of `k` samples
# that starts at `i`.
#
# </details>
#
# <details><summary>Hint 2: two ways to make it longer</summary>
#
# *Pieces.* `torch.cat([left, x, right])`, where `left` and `right` are slices of `x`, some of them flipped.
#
# *Places.* `place = torch.arange(-before, n + after)` are the places wanted. Turn each into one that exists, and
# `x[place]` is the longer signal. For two of the borders a single operation on `place` will do.
#
# </details>


# %% nbgrader={"grade_id": "filter1d", "solution": true}
def filter1d(x: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    """Filter a signal; the result is as long as the signal.

    Args:
        x: signal [n].
        w: filter [k] of the same dtype, 1 ≤ k ≤ n; its centre is tap k // 2.
        border: "zero", "wrap", "copy" or "reflect".

    Returns:
        The filtered signal [n], in the dtype of `x`.

    Raises:
        ValueError: the filter is longer than the signal, or there is no such border.
    """
    ### BEGIN SOLUTION
    n, k = len(x), len(w)
    if k > n:
        raise ValueError(f"a filter of {k} taps is longer than a signal of {n} samples")
    before, after = k // 2, (k - 1) // 2
    if border == "zero":
        left, right = x.new_zeros(before), x.new_zeros(after)
    elif border == "wrap":
        left, right = x[n - before :], x[:after]
    elif border == "copy":
        left, right = x[:1].expand(before), x[-1:].expand(after)
    elif border == "reflect":
        left, right = x[1 : before + 1].flip(0), x[n - 1 - after : n - 1].flip(0)
    else:
        raise ValueError(f"border {border!r} is unknown: use zero, wrap, copy or reflect")
    return torch.cat([left, x, right]).unfold(0, k, 1) @ w  # [n, k] @ [k]
    ### END SOLUTION


# %% nbgrader={"grade_id": "filter1d_zero", "grade": true, "points": 1}
# An odd filter, zeros beyond the ends. A border that is not named is "zero".
x, w = torch.tensor([3.0, 1, 4, 2]).double(), torch.tensor([1.0, 2, -1]).double()
with by_hand("conv(?!ert)|pool|pad"):
    y, unnamed = filter1d(x, w, border="zero"), filter1d(x, w)
expect_shape(y, (4,), "(3, 1, 4, 2) with filter (1, 2, -1) and border 'zero'")
assert y.tolist() != [7, 3, 9, 0], "this is the result of (-1, 2, 1), the flipped filter: here it is not flipped."
expect_close(y, [5, 1, 7, 8], "(3, 1, 4, 2) with filter (1, 2, -1) and border 'zero'")
expect_close(unnamed, [5, 1, 7, 8], "(3, 1, 4, 2) with filter (1, 2, -1), border not named")
### BEGIN HIDDEN TESTS
for n, k in ((7, 3), (9, 5), (12, 1), (8, 7)):
    x, w = torch.randn(n).double(), torch.randn(k).double()
    expected = F.conv1d(x[None, None], w[None, None], padding=k // 2)[0, 0]
    with by_hand("conv(?!ert)|pool|pad"):
        y = filter1d(x, w, "zero")
    expect_close(y, expected, f"{n} samples, {k} taps, border 'zero'")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter1d_wrap", "grade": true, "points": 1}
# Beyond each end lies the other one.
x, w = torch.tensor([3.0, 1, 4, 2]).double(), torch.tensor([1.0, 2, -1]).double()
with by_hand("conv(?!ert)|pool|pad"):
    y = filter1d(x, w, border="wrap")
expect_close(y, [7, 1, 7, 5], "(3, 1, 4, 2) with filter (1, 2, -1) and border 'wrap'")
### BEGIN HIDDEN TESTS
for n, k in ((7, 3), (9, 5), (12, 1), (8, 7)):
    x, w = torch.randn(n).double(), torch.randn(k).double()
    expected = F.conv1d(F.pad(x[None, None], (k // 2, k // 2), mode="circular"), w[None, None])[0, 0]
    with by_hand("conv(?!ert)|pool|pad"):
        y = filter1d(x, w, "wrap")
    expect_close(y, expected, f"{n} samples, {k} taps, border 'wrap'")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter1d_copy", "grade": true, "points": 1}
# Beyond each end its last sample goes on.
x, w = torch.tensor([3.0, 1, 4, 2]).double(), torch.tensor([1.0, 2, -1]).double()
with by_hand("conv(?!ert)|pool|pad"):
    y = filter1d(x, w, border="copy")
expect_close(y, [8, 1, 7, 6], "(3, 1, 4, 2) with filter (1, 2, -1) and border 'copy'")
### BEGIN HIDDEN TESTS
for n, k in ((7, 3), (9, 5), (12, 1), (8, 7)):
    x, w = torch.randn(n).double(), torch.randn(k).double()
    expected = F.conv1d(F.pad(x[None, None], (k // 2, k // 2), mode="replicate"), w[None, None])[0, 0]
    with by_hand("conv(?!ert)|pool|pad"):
        y = filter1d(x, w, "copy")
    expect_close(y, expected, f"{n} samples, {k} taps, border 'copy'")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter1d_reflect", "grade": true, "points": 1}
# Beyond each end lies the mirror image; the last sample is the mirror and stands there once. Five taps look two deep.
x, w = torch.tensor([3.0, 1, 4, 2]).double(), torch.tensor([1.0, 2, -1]).double()
longer, sparse = torch.tensor([3.0, 1, 4, 2, 5, 0]).double(), torch.tensor([1.0, 0, 0, 0, 10]).double()
with by_hand("conv(?!ert)|pool|pad"):
    y, deep = filter1d(x, w, border="reflect"), filter1d(longer, sparse, border="reflect")
expect_close(y, [6, 1, 7, 4], "(3, 1, 4, 2) with filter (1, 2, -1) and border 'reflect'")
expect_close(deep, [44, 21, 53, 1, 54, 22], "(3, 1, 4, 2, 5, 0) with filter (1, 0, 0, 0, 10), border 'reflect'")
### BEGIN HIDDEN TESTS
for n, k in ((7, 3), (9, 5), (12, 1), (8, 7)):
    x, w = torch.randn(n).double(), torch.randn(k).double()
    expected = F.conv1d(F.pad(x[None, None], (k // 2, k // 2), mode="reflect"), w[None, None])[0, 0]
    with by_hand("conv(?!ert)|pool|pad"):
        y = filter1d(x, w, "reflect")
    expect_close(y, expected, f"{n} samples, {k} taps, border 'reflect'")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter1d_even", "grade": true, "points": 1}
# An even filter has one tap more before its centre than after it, under all four borders.
x, difference = torch.tensor([3.0, 1, 4, 2]).double(), torch.tensor([-1.0, 1]).double()
expected = {"zero": [3, -2, 3, -2], "wrap": [1, -2, 3, -2], "copy": [0, -2, 3, -2], "reflect": [2, -2, 3, -2]}
for border, values in expected.items():
    with by_hand("conv(?!ert)|pool|pad"):
        y = filter1d(x, difference, border)
    expect_close(y, values, f"(3, 1, 4, 2) with filter (-1, 1) and border {border!r}")
### BEGIN HIDDEN TESTS
modes = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}
for n, k in ((7, 4), (5, 2), (7, 6), (3, 2)):
    for border, mode in modes.items():
        x, w = torch.randn(n).double(), torch.randn(k).double()
        longer = F.pad(x[None, None], (k // 2, k // 2 - 1), mode=mode)
        expected = F.conv1d(longer, w[None, None])[0, 0]
        with by_hand("conv(?!ert)|pool|pad"):
            y = filter1d(x, w, border)
        expect_close(y, expected, f"{n} samples, {k} taps, border {border!r}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter1d_refused", "grade": true, "points": 1}
# What has no meaning is refused; a filter exactly as long as the signal is not.
x = torch.tensor([3.0, 1, 4]).double()
expect_error(ValueError, filter1d, x, torch.ones(4).double())
expect_error(ValueError, filter1d, x, torch.ones(3).double(), border="mirror")
with by_hand("conv(?!ert)|pool|pad"):
    y, single = filter1d(x, torch.ones(3).double()), filter1d(x[:1], x[1:2] + 1)
expect_close(y, [4, 8, 5], "(3, 1, 4) with filter (1, 1, 1)")
expect_close(single, [6], "the single sample 3 with filter (2,)")
### BEGIN HIDDEN TESTS
for half, excess in torch.randint(0, 6, (6, 2)).tolist():
    n = 2 * half + 1
    x, w = torch.randn(n).double(), torch.randn(n).double()
    for border in ("zero", "wrap", "copy", "reflect"):
        expect_error(ValueError, filter1d, x, torch.randn(n + 1 + excess).double(), border)
    expect_error(ValueError, filter1d, x, w[:1], "zeros")
    expected = F.conv1d(x[None, None], w[None, None], padding=half)[0, 0]
    expect_close(filter1d(x, w), expected, f"{n} samples, {n} taps")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: the same on an image (4 points)
#
# An image has a height $H$ and a width $W$, a filter $k_h$ rows and $k_w$ columns; neither needs to be square. Rows
# and columns both follow the rule of exercise 1:
#
# $$y_{i,j} \;=\; \sum_{u}\sum_{v} w_{u,v} \; x_{\,i + u - \lfloor k_h/2 \rfloor,\; j + v - \lfloor k_w/2 \rfloor}$$
#
# A worked example with zeros around the image:
#
# $$\begin{gathered}
# x = \begin{pmatrix}1&2&0&1\\0&1&3&1\\2&1&0&2\end{pmatrix}\;\;
# w = \begin{pmatrix}1&0&0\\0&2&0\\0&0&-1\end{pmatrix} \\[4pt]
# y = \begin{pmatrix}1&1&-1&2\\-1&3&6&2\\4&2&1&7\end{pmatrix}
# \end{gathered}$$
#
# The value in the middle of the first row, $y_{0,1}$, is $1\cdot0 + 2\cdot2 - 1\cdot3 = 1$: its upper left
# neighbour lies outside.
#
# You have built the borders once, so from here on torch may do it: `F.pad(x, (left, right, top, bottom), mode=…)`
# takes `[B, C, H, W]` (`image[None, None]` makes that of an image), and calls the four borders `"constant"`,
# `"circular"`, `"replicate"` and `"reflect"`. A finished convolution is still refused. Filters larger than the image
# and unknown borders do not occur.
#
# <details><summary>Hint: few steps instead of many</summary>
#
# A loop over all pixels is right, and slow. Loop over the *taps*: all the pixels that meet `w[u, v]` are one slice
# of the padded image, of shape `[H, W]`. Only `kh * kw` of them are to be weighed and added. Or make all windows at
# once, without a copy: `unfold` along one axis, then along the other.
#
# </details>


# %% nbgrader={"grade_id": "filter2d", "solution": true}
def filter2d(image: Tensor, w: Tensor, border: str = "zero") -> Tensor:
    """Filter an image; the result is as large as the image.

    Args:
        image: one channel [H, W].
        w: filter [kh, kw]; its centre is the tap (kh // 2, kw // 2).
        border: "zero", "wrap", "copy" or "reflect".

    Returns:
        The filtered image [H, W], in the dtype of `image`.
    """
    ### BEGIN SOLUTION
    kh, kw = w.shape
    mode = {"zero": "constant", "wrap": "circular", "copy": "replicate", "reflect": "reflect"}[border]
    around = (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2)
    padded = F.pad(image[None, None], around, mode=mode)[0, 0]
    windows = padded.unfold(0, kh, 1).unfold(1, kw, 1)  # [H, W, kh, kw], a view
    return torch.einsum("ijuv,uv->ij", windows, w)
    ### END SOLUTION


# %% nbgrader={"grade_id": "filter2d_example", "grade": true, "points": 1}
# The worked example: zeros around the image, a filter with a centre pixel.
image = torch.tensor([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2]]).double()
w = torch.tensor([[1.0, 0, 0], [0, 2, 0], [0, 0, -1]]).double()
with by_hand():
    y = filter2d(image, w)
expect_close(y, [[1, 1, -1, 2], [-1, 3, 6, 2], [4, 2, 1, 7]], "the worked example")
### BEGIN HIDDEN TESTS
for side, k in ((5, 3), (8, 5), (4, 1)):
    image, w = torch.randn(side, side).double(), torch.randn(k, k).double()
    expected = F.conv2d(image[None, None], w[None, None], padding=k // 2)[0, 0]
    with by_hand():
        y = filter2d(image, w, border="zero")
    expect_close(y, expected, f"{side}×{side} pixels, filter {k}×{k}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter2d_rectangles", "grade": true, "points": 1}
# Images and filters that are not square, and even sides: the centre of a 1×2 filter is its second tap.
image = torch.tensor([[1.0, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2]]).double()
with by_hand():
    to_the_left = filter2d(image, torch.tensor([[10.0, 1]]).double())
    above = filter2d(image, torch.tensor([[10.0], [1]]).double())
expect_close(to_the_left, [[1, 12, 20, 1], [0, 1, 13, 31], [2, 21, 10, 2]], "filter 1×2: ten times the left neighbour")
expect_close(above, [[1, 2, 0, 1], [10, 21, 3, 11], [2, 11, 30, 12]], "filter 2×1: ten times the pixel above")
### BEGIN HIDDEN TESTS
for height, width, kh, kw in ((4, 7, 3, 5), (7, 4, 1, 3), (6, 5, 2, 4), (5, 8, 4, 3), (3, 6, 3, 2)):
    image, w = torch.randn(height, width).double(), torch.randn(kh, kw).double()
    around = (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2)
    expected = F.conv2d(F.pad(image[None, None], around), w[None, None])[0, 0]
    with by_hand():
        y = filter2d(image, w)
    expect_close(y, expected, f"{height}×{width} pixels, filter {kh}×{kw}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter2d_borders", "grade": true, "points": 1}
# The other three borders. This filter fetches the upper left neighbour: what does the corner find there?
image = torch.tensor([[1.0, 2, 3], [4, 5, 6], [7, 8, 9]]).double()
w = torch.tensor([[1.0, 0, 0], [0, 0, 0], [0, 0, 0]]).double()
expected = {
    "wrap": [[9, 7, 8], [3, 1, 2], [6, 4, 5]],
    "copy": [[1, 1, 2], [1, 1, 2], [4, 4, 5]],
    "reflect": [[5, 4, 5], [2, 1, 2], [5, 4, 5]],
}
for border, values in expected.items():
    with by_hand():
        y = filter2d(image, w, border)
    expect_close(y, values, f"the upper left neighbours of (1 2 3; 4 5 6; 7 8 9), border {border!r}")
### BEGIN HIDDEN TESTS
for height, width, k in ((6, 6, 3), (7, 5, 5), (5, 8, 3)):
    for border, mode in (("wrap", "circular"), ("copy", "replicate"), ("reflect", "reflect")):
        image, w = torch.randn(height, width).double(), torch.randn(k, k).double()
        around = F.pad(image[None, None], [k // 2] * 4, mode=mode)
        expected = F.conv2d(around, w[None, None])[0, 0]
        with by_hand():
            y = filter2d(image, w, border)
        expect_close(y, expected, f"{height}×{width} pixels, filter {k}×{k}, border {border!r}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "filter2d_gradients", "grade": true, "points": 1}
# The derivatives of the sum of all outputs: a tap meets the pixels of its slice, a pixel meets the taps above it.
image = torch.tensor([[1.0, 2, 0], [0, 1, 3]]).double()
w = torch.tensor([[1.0, 2, -1]]).double()
with by_hand():
    of_image, of_w = gradients(filter2d, image, w, upstream=torch.ones(2, 3).double())
expect_close(of_w, [[4, 7, 6]], "the gradient of the filter")
expect_close(of_image, [[3, 2, 1], [3, 2, 1]], "the gradient of the image")
### BEGIN HIDDEN TESTS
for height, width, kh, kw in ((5, 7, 3, 3), (4, 6, 1, 5)):
    image = torch.randn(height, width, requires_grad=True).double()
    w, upstream = torch.randn(kh, kw, requires_grad=True).double(), torch.randn(height, width).double()
    longer = F.pad(image[None, None], (kw // 2, (kw - 1) // 2, kh // 2, (kh - 1) // 2))
    answer = F.conv2d(longer, w[None, None])[0, 0]
    expected = torch.autograd.grad(answer, (image, w), upstream)
    with by_hand():
        got = gradients(filter2d, image.detach(), w.detach(), upstream=upstream)
    for name, one, other in zip(("image", "filter"), got, expected):
        expect_close(one, other, f"the gradient of the {name} ({height}×{width} pixels, filter {kh}×{kw})")
### END HIDDEN TESTS

# %% [markdown]
# Your filter at work. A strong blur, 31×31, makes visible what the borders do: look along the edges of the four
# results before you read on. (The experiment before the reflection puts a number to it.)

# %%
scene = datasets.photograph("camera")[0, 60:220, 140:340].double()  # grey, [160, 200]
blur = torch.ones(31, 31).double() / 31**2
fig, axes = plt.subplots(1, 5, figsize=(10, 2), layout="constrained")
axes[0].imshow(scene, cmap="gray", vmin=0, vmax=1)
axes[0].set_title("photograph")
for ax, border in zip(axes[1:], ("zero", "wrap", "copy", "reflect")):
    ax.imshow(filter2d(scene, blur, border), cmap="gray", vmin=0, vmax=1)
    ax.set_title(f"blurred, {border}")
for ax in axes:
    ax.set(xticks=[], yticks=[])
viz.show(
    fig,
    alt="A cameraman, and his photograph blurred by 31×31 pixels with four borders: with zeros the edges turn dark, with "
    "wrap the dark coat below stains the sky along the upper edge, with copy and reflect nothing strikes the eye.",
)

# %% [markdown]
# ## Exercise 3: the matrix, and its transpose (8 points)
#
# Filtering adds and multiplies by fixed numbers, so it is a matrix. Take a filter that stays inside the signal (no
# border) and moves on by `stride` samples each time; a last step that does not fit is not taken. Row $i$ of the
# matrix holds the filter, from column $i \cdot$ `stride` on, and zeros. For the filter $(1, 2, 3)$, a signal of 6
# samples, strides 1 and 2:
#
# $$\begin{gathered}
# \begin{pmatrix}1&2&3&0&0&0\\0&1&2&3&0&0\\0&0&1&2&3&0\\0&0&0&1&2&3\end{pmatrix} \\[4pt]
# \begin{pmatrix}1&2&3&0&0&0\\0&0&1&2&3&0\end{pmatrix}
# \end{gathered}$$
#
# So many zeros (a unit sees its neighbours only) and so few different numbers (all units use the same weights): a
# convolution layer is a fully connected one with most of its freedom taken away.
#
# `banded(w, n, stride=1)` returns the matrix `[m, n]`, such that `banded(w, n, stride) @ x` filters a signal of `n`
# samples. A filter longer than `n` is refused with a `ValueError`.
#
# <details><summary>Hint</summary>
#
# Begin with zeros of the right shape, in the dtype of the filter (`w.new_zeros`), and write the filter into a slice
# of each row. Autograd follows this.
#
# </details>


# %% nbgrader={"grade_id": "banded", "solution": true}
def banded(w: Tensor, n: int, stride: int = 1) -> Tensor:
    """The matrix that filters a signal of n samples, without a border.

    Args:
        w: filter [k].
        n: number of samples of the signal, at least k.
        stride: samples from one place of the filter to the next.

    Returns:
        The matrix [m, n], in the dtype of `w`; m is the number of places where the filter fits.

    Raises:
        ValueError: the filter is longer than the signal.
    """
    ### BEGIN SOLUTION
    k = len(w)
    if k > n:
        raise ValueError(f"a filter of {k} taps does not fit into {n} samples")
    m = (n - k) // stride + 1
    matrix = w.new_zeros(m, n)
    for i in range(m):
        matrix[i, i * stride : i * stride + k] = w
    return matrix
    ### END SOLUTION


# %% nbgrader={"grade_id": "banded_band", "grade": true, "points": 1}
# Stride 1: one row for each place, the filter one column further right each time.
with by_hand():
    matrix = banded(torch.tensor([1.0, 2, 3]).double(), 6)
expected = [[1, 2, 3, 0, 0, 0], [0, 1, 2, 3, 0, 0], [0, 0, 1, 2, 3, 0], [0, 0, 0, 1, 2, 3]]
expect_close(matrix, expected, "filter (1, 2, 3), 6 samples")
### BEGIN HIDDEN TESTS
for k, n in ((1, 4), (2, 5), (4, 9), (5, 6)):
    w, x = torch.randn(k).double(), torch.randn(n).double()
    expected = F.conv1d(torch.eye(n).double()[:, None], w[None, None])[:, 0].T
    with by_hand():
        matrix = banded(w, n)
    expect_close(matrix, expected, f"{k} taps, {n} samples")
    expect_close(matrix @ x, F.conv1d(x[None, None], w[None, None])[0, 0], f"matrix @ x, {k} taps, {n} samples")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "banded_stride", "grade": true, "points": 1}
# Longer steps, also when the last one does not fit.
with by_hand():
    matrix, wide = banded(torch.tensor([1.0, 2, 3]).double(), 6, stride=2), banded(torch.ones(2).double(), 7, stride=4)
expect_close(matrix, [[1, 2, 3, 0, 0, 0], [0, 0, 1, 2, 3, 0]], "filter (1, 2, 3), 6 samples, stride 2")
expect_close(wide, [[1, 1, 0, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0]], "filter (1, 1), 7 samples, stride 4")
### BEGIN HIDDEN TESTS
for k, n, stride in ((3, 8, 2), (3, 9, 2), (2, 11, 3), (4, 12, 5), (1, 7, 3)):
    w = torch.randn(k).double()
    expected = F.conv1d(torch.eye(n).double()[:, None], w[None, None], stride=stride)[:, 0].T
    with by_hand():
        matrix = banded(w, n, stride)
    expect_close(matrix, expected, f"{k} taps, {n} samples, stride {stride}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "banded_refused", "grade": true, "points": 1}
# A filter that is too long is refused; one that just fits makes a matrix of a single row.
expect_error(ValueError, banded, torch.ones(4).double(), 3)
with by_hand():
    single = banded(torch.tensor([1.0, 2, 3]).double(), 3)
expect_close(single, [[1, 2, 3]], "filter (1, 2, 3), 3 samples")
### BEGIN HIDDEN TESTS
for k, excess in torch.randint(1, 8, (6, 2)).tolist():
    w = torch.randn(k + excess).double()
    expect_error(ValueError, banded, w, k, excess)
    expect_close(banded(w, k + excess, excess), w[None], f"{k + excess} taps, {k + excess} samples, stride {excess}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "banded_shared", "grade": true, "points": 1}
# Shared weights: a tap stands in every row, and its derivative is the sum over all of them, along one diagonal.
with by_hand():
    upstream = torch.arange(24.0).view(4, 6).double()
    (of_w,) = gradients(banded, torch.tensor([1.0, 2, 3]).double(), upstream=upstream, n=6)
expect_close(of_w, [0 + 7 + 14 + 21, 1 + 8 + 15 + 22, 2 + 9 + 16 + 23], "the gradient of the filter")
### BEGIN HIDDEN TESTS
for k, n, stride in ((3, 7, 1), (2, 9, 3), (4, 10, 2)):
    w = torch.randn(k).double()
    rows = range(0, n - k + 1, stride)
    upstream = torch.randn(len(rows), n).double()
    expected = sum(upstream[i, start : start + k] for i, start in enumerate(rows))
    with by_hand():
        (of_w,) = gradients(banded, w, upstream=upstream, n=n, stride=stride)
    expect_close(of_w, expected, f"the gradient of {k} taps, {n} samples, stride {stride}")
### END HIDDEN TESTS

# %% [markdown]
# The matrix takes $n$ numbers to fewer. Its transpose goes the other way, from few to many, and is called the
# *transposed convolution*: the way up in networks that draw pictures. Nobody builds the matrix for it. Its columns
# say what happens: number $y_i$ *stamps* a copy of the filter, $y_i$ times as strong, onto an empty signal, from
# sample $i \cdot$ `stride` on, and where stamps overlap they add up.
#
# With $y = (2, 4, 0)$, the filter $(\frac12, 1, \frac12)$ and stride 2:
#
# | | | | | | | | |
# |---|---|---|---|---|---|---|---|
# | stamp of 2 | 1 | 2 | 1 | | | | |
# | stamp of 4 | | | 2 | 4 | 2 | | |
# | stamp of 0 | | | | | 0 | 0 | 0 |
# | sum | 1 | 2 | 3 | 4 | 2 | 0 | 0 |
#
# At the second, fourth and sixth sample stand the numbers of $y$, and between them their means: this filter joins
# the dots.
#
# `stamp(y, w, stride=1, size=None)` returns the signal, as long as its stamps need; where stamps leave gaps there are
# zeros. A filter of stride 2 reads 7 and 8 samples alike, so the length of what it read is not known from $y$: with
# `size` the caller gives it, never less than the stamps need, and the rest is filled with zeros. Then `stamp(y, w,
# stride, size)` is exactly `banded(w, size, stride).T @ y`.
#
# <details><summary>Hint</summary>
#
# `x[a:b] += …` adds onto a slice of a fresh `y.new_zeros(…)`, and autograd follows. For the length: where does the
# last stamp begin, and where does it end?
#
# </details>


# %% nbgrader={"grade_id": "stamp", "solution": true}
def stamp(y: Tensor, w: Tensor, stride: int = 1, size: int | None = None) -> Tensor:
    """Transposed convolution: every number of y stamps the filter onto the result.

    Args:
        y: strengths of the stamps [m], m ≥ 1.
        w: filter [k].
        stride: samples from one stamp to the next.
        size: length of the result; None means just enough for all stamps.

    Returns:
        The sum of all stamps [size], in the dtype of `y`.
    """
    ### BEGIN SOLUTION
    needed = (len(y) - 1) * stride + len(w)
    x = y.new_zeros(needed if size is None else size)
    for i in range(len(y)):
        x[i * stride : i * stride + len(w)] += y[i] * w
    return x
    ### END SOLUTION


# %% nbgrader={"grade_id": "stamp_overlap", "grade": true, "points": 1}
# Stride 1: neighbouring stamps overlap, and their sum counts.
with by_hand():
    x = stamp(torch.tensor([1.0, 10]).double(), torch.tensor([1.0, 2, 3]).double())
expect_close(x, [1, 12, 23, 30], "(1, 10) stamps (1, 2, 3)")
### BEGIN HIDDEN TESTS
for m, k in ((1, 4), (5, 1), (6, 3), (3, 5)):
    y, w = torch.randn(m).double(), torch.randn(k).double()
    expected = F.conv_transpose1d(y[None, None], w[None, None])[0, 0]
    with by_hand():
        x = stamp(y, w)
    expect_close(x, expected, f"{m} stamps of {k} taps")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "stamp_stride", "grade": true, "points": 1}
# Longer steps: stamps overlap less, touch, or leave gaps.
with by_hand():
    x = stamp(torch.tensor([2.0, 4, 0]).double(), torch.tensor([0.5, 1, 0.5]).double(), stride=2)
    gaps = stamp(torch.tensor([5.0, 7]).double(), torch.tensor([1.0, -1]).double(), stride=4)
expect_close(x, [1, 2, 3, 4, 2, 0, 0], "(2, 4, 0) stamps (1/2, 1, 1/2), stride 2")
expect_close(gaps, [5, -5, 0, 0, 7, -7], "(5, 7) stamps (1, -1), stride 4")
### BEGIN HIDDEN TESTS
for m, k, stride in ((4, 3, 2), (5, 2, 2), (3, 2, 5), (4, 5, 3), (1, 3, 4)):
    y, w = torch.randn(m).double(), torch.randn(k).double()
    expected = F.conv_transpose1d(y[None, None], w[None, None], stride=stride)[0, 0]
    with by_hand():
        x = stamp(y, w, stride)
    expect_close(x, expected, f"{m} stamps of {k} taps, stride {stride}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "stamp_size", "grade": true, "points": 1}
# With a size it is the transposed matrix, zeros at the end included.
with by_hand():
    x = stamp(torch.tensor([2.0, 4, 0]).double(), torch.tensor([0.5, 1, 0.5]).double(), stride=2, size=8)
expect_close(x, [1, 2, 3, 4, 2, 0, 0, 0], "(2, 4, 0) stamps (1/2, 1, 1/2), stride 2, size 8")
### BEGIN HIDDEN TESTS
for k, size, stride in ((3, 9, 2), (3, 10, 2), (2, 11, 3), (4, 15, 4), (3, 5, 1)):
    w = torch.randn(k).double()
    matrix = F.conv1d(torch.eye(size).double()[:, None], w[None, None], stride=stride)[:, 0].T
    y = torch.randn(len(matrix)).double()
    with by_hand():
        x = stamp(y, w, stride=stride, size=size)
    expect_close(x, matrix.T @ y, f"{len(y)} stamps of {k} taps, stride {stride}, size {size}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "stamp_gradients", "grade": true, "points": 1}
# What was stamped is read again on the way back: the gradient of y is a filtering.
with by_hand():
    of_y, of_w = gradients(
        stamp, torch.tensor([1.0, 10]).double(), torch.tensor([1.0, 2, 3]).double(),
        upstream=torch.tensor([1.0, 0, 2, 1]).double(),
    )  # fmt: skip
expect_close(of_y, [7, 7], "the gradient of y")
expect_close(of_w, [1, 20, 12], "the gradient of the filter")
### BEGIN HIDDEN TESTS
for m, k, stride in ((5, 3, 1), (4, 3, 2), (3, 2, 4)):
    y, w = torch.randn(m, requires_grad=True).double(), torch.randn(k, requires_grad=True).double()
    answer = F.conv_transpose1d(y[None, None], w[None, None], stride=stride)[0, 0]
    upstream = torch.randn(answer.shape).double()
    expected = torch.autograd.grad(answer, (y, w), upstream)
    with by_hand():
        got = gradients(stamp, y.detach(), w.detach(), upstream=upstream, stride=stride)
    for name, one, other in zip(("y", "the filter"), got, expected):
        expect_close(one, other, f"the gradient of {name} ({m} stamps of {k} taps, stride {stride})")
### END HIDDEN TESTS

# %% [markdown]
# Matrix and stamps in one picture. On the left is the band, each row two columns further; its columns, read from top
# to bottom, say who stamps onto that sample. On the right twelve measured points are joined by stamping.

# %%
measured = torch.tensor([1.0, 3, 2, 5, 6, 4, 4, 1, 0, 2, 3, 3]).double()
joined = stamp(measured, torch.tensor([0.5, 1, 0.5]).double(), stride=2)
fig, (left, right) = plt.subplots(1, 2, figsize=(10, 3), layout="constrained")
viz.number_grid(left, banded(torch.tensor([1.0, 2, 3]), 12, stride=2), highlight=banded(torch.ones(3), 12, stride=2))
left.set_title("banded((1, 2, 3), 12, stride=2)")
right.plot(joined, ".-", color=viz.BLUE, label="stamped")
right.plot(range(1, len(joined), 2), measured, "o", color=viz.VERMILION, label="measured")
right.set(title="stamping (½, 1, ½) with stride 2 joins the dots", xlabel="sample", ylabel="value")
right.legend()
viz.show(
    fig,
    alt="Left, a matrix with the band 1 2 3 that moves two columns to the right from row to row. Right, twelve points, "
    "and the stamped signal, which joins them by straight lines.",
)

# %% [markdown]
# ## Exercise 4: a column times a row (4 points)
#
# Some filters are products: every value is a number of a column times a number of a row.
#
# $$\begin{gathered}
# \begin{pmatrix}1&2&1\\2&4&2\\1&2&1\end{pmatrix} =
# \begin{pmatrix}1\\2\\1\end{pmatrix}\begin{pmatrix}1&2&1\end{pmatrix} \\[4pt]
# \text{but } \begin{pmatrix}0&1&0\\1&1&1\\0&1&0\end{pmatrix} \text{ is no such product.}
# \end{gathered}$$
#
# Such a filter is called *separable*, and it is a bargain: filter the image with the column, then the result with the
# row, and a $k \times k$ filter costs $2k$ products a pixel instead of $k^2$.
#
# `separate(w)` returns the pair `(column, row)`, two tensors with one axis each, such that
# `torch.outer(column, row)` is `w`; or `None` if there is no such pair. The pair is not unique (double one, halve the
# other); any will do. Two cautions. Computed filters carry rounding errors, so values are to be taken as equal if they
# differ by less than $10^{-10}$ of the filter's largest value. That is relative, for a filter may be tiny or huge.
# And a filter of zeros is separable.
#
# Whatever torch offers is welcome here, `torch.linalg` included.
#
# <details><summary>Hint 1: by hand</summary>
#
# If `w` is a product, all its rows are multiples of a single one. Which row can you trust to be that one? (Not the
# first: it may be zeros.) And then, what is the column?
#
# </details>
#
# <details><summary>Hint 2: by linear algebra</summary>
#
# The question is whether the matrix has rank 1. `torch.linalg.svd` gives you $u$, $s$ and $v$, which make it a sum of
# products, `s[i] * outer(u[:, i], v[i])`, the most important first.
#
# </details>


# %% nbgrader={"grade_id": "separate", "solution": true}
def separate(w: Tensor) -> tuple[Tensor, Tensor] | None:
    """Split a filter [kh, kw] into a column [kh] and a row [kw] whose outer product it is; None if there are none."""
    ### BEGIN SOLUTION
    u, s, v = torch.linalg.svd(w)
    if (s[1:] > 1e-10 * s[0]).any():
        return None
    return s[0] * u[:, 0], v[0]
    ### END SOLUTION


# %% nbgrader={"grade_id": "separate_smooth", "grade": true, "points": 1}
# Filters that smooth: the one above, and means.
for column, row in (([1, 2, 1], [1, 2, 1]), ([0.2] * 5, [0.2] * 5)):
    w = torch.outer(torch.tensor(column).double(), torch.tensor(row).double())
    with own_work():
        pair = separate(w)
    assert pair is not None, f"the product of {column} and {row} is separable, but separate returned None."
    expect_shape(pair[0], (len(column),), "the column")
    expect_shape(pair[1], (len(row),), "the row")
    expect_close(torch.outer(pair[0], pair[1]), w, f"outer(column, row), for the product of {column} and {row}")
### BEGIN HIDDEN TESTS
for side in (1, 3, 6):
    w = torch.outer(torch.rand(side).double(), torch.rand(side).double())
    with own_work():
        pair = separate(w)
    assert pair is not None, "a product of two positive vectors is separable, but separate returned None."
    expect_shape(pair[0], (side,), "the column")
    expect_shape(pair[1], (side,), "the row")
    expect_close(torch.outer(pair[0], pair[1]), w, "outer(column, row)")
x = torch.arange(-3, 4).double()
for sigma in (0.7, 1.3):  # a Gaussian that is computed as a whole is a product up to rounding only
    w = torch.exp(-(x[:, None] ** 2 + x**2) / (2 * sigma**2))
    w = w / w.sum()
    with own_work():
        pair = separate(w)
    assert pair is not None, "a Gaussian is separable, up to rounding, but separate returned None."
    expect_close(torch.outer(pair[0], pair[1]), w, "outer(column, row) of a Gaussian")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "separate_signs", "grade": true, "points": 1}
# Negative values, zeros, and filters that are not square; the first row or column may be all zeros.
for column, row in (([1, 2, 1], [-1, 0, 1]), ([0, 3, -1, 2], [0, 1, -2]), ([5], [1, 2, 3])):
    w = torch.outer(torch.tensor(column).double(), torch.tensor(row).double())
    with own_work():
        pair = separate(w)
    assert pair is not None, f"the product of {column} and {row} is separable, but separate returned None."
    expect_shape(pair[0], (len(column),), "the column")
    expect_shape(pair[1], (len(row),), "the row")
    expect_close(torch.outer(pair[0], pair[1]), w, f"outer(column, row), for the product of {column} and {row}")
### BEGIN HIDDEN TESTS
for kh, kw in ((3, 5), (6, 2), (1, 4), (4, 1), (5, 5)):
    column, row = torch.randn(kh).double(), torch.randn(kw).double()
    if kh > 2 and kw > 2:
        column[0] = row[0] = row[-1] = 0
    w = torch.outer(column, row)
    with own_work():
        pair = separate(w)
    assert pair is not None, f"a product [{kh}, {kw}] is separable, but separate returned None."
    expect_shape(pair[0], (kh,), "the column")
    expect_shape(pair[1], (kw,), "the row")
    expect_close(torch.outer(pair[0], pair[1]), w, f"outer(column, row), for a random product [{kh}, {kw}]")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "separate_not", "grade": true, "points": 1}
# What is no product gets None (and what is one does not).
cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]]).double()
sharpen = torch.tensor([[0.0, 0, 0], [0, 2, 0], [0, 0, 0]]).double() - 1 / 9
ones = torch.ones(3, 3).double()
with own_work():
    of_cross, of_sharpen, of_ones = separate(cross), separate(sharpen), separate(ones)
assert of_cross is None, "the cross of five ones is not separable: separate should return None."
assert of_sharpen is None, "the sharpening filter 2δ − box is not separable: separate should return None."
assert of_ones is not None, "nine ones are separable, but separate returned None."
### BEGIN HIDDEN TESTS
for kh, kw, extra in ((2, 2, 1.0), (3, 5, 1.0), (5, 4, 1e-3), (4, 4, 1e-6)):
    column, row = torch.randn(kh).double(), torch.randn(kw).double()
    other_column, other_row = torch.randn(kh).double(), torch.randn(kw).double()
    w = torch.outer(column, row)
    almost = w + extra * torch.outer(other_column, other_row)
    with own_work():
        of_almost, of_w = separate(almost), separate(w)
    assert of_almost is None, f"a product [{kh}, {kw}] plus {extra:g} of another is not separable, yet a pair came back."
    assert of_w is not None, f"a product [{kh}, {kw}] is separable, but separate returned None."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "separate_scale", "grade": true, "points": 1}
# Tiny filters and huge ones; the cross stays a cross when it is tiny. And a filter of zeros.
for scale in (1e-12, 1e12):
    w = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]]).double() * scale
    cross = torch.tensor([[0.0, 1, 0], [1, 1, 1], [0, 1, 0]]).double() * scale
    with own_work():
        pair, of_cross = separate(w), separate(cross)
    assert pair is not None, f"(1, 2, 1) times (1, 2, 1) times {scale:g} is separable, but separate returned None."
    assert of_cross is None, f"a cross of {scale:g} is not separable: separate should return None."
    expect_shape(pair[0], (3,), "the column")
    expect_shape(pair[1], (3,), "the row")
    expect_close(torch.outer(pair[0], pair[1]) / scale, w / scale, f"outer(column, row) of a filter times {scale:g}")
with own_work():
    pair = separate(torch.zeros(2, 3).double())
assert pair is not None, "a filter of zeros is separable (zeros times anything), but separate returned None."
expect_shape(pair[0], (2,), "the column of a filter of zeros [2, 3]")
expect_shape(pair[1], (3,), "the row of a filter of zeros [2, 3]")
expect_close(torch.outer(pair[0], pair[1]), torch.zeros(2, 3).double(), "outer(column, row) of a filter of zeros")
### BEGIN HIDDEN TESTS
for scale in (1e-13, 1e-7, 1e7, 1e13):
    column, row = torch.randn(4).double(), torch.randn(3).double()
    w, other = torch.outer(column, row), torch.randn(4, 3).double()
    with own_work():
        pair, none = separate(scale * w), separate(scale * other)
    assert pair is not None, f"a random product times {scale:g} is separable, but separate returned None."
    assert none is None, f"twelve random numbers times {scale:g} are not separable, yet a pair came back."
    expect_close(torch.outer(pair[0], pair[1]) / scale, w, f"outer(column, row) of a random product times {scale:g}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 5: design filters (5 points)
#
# So far you were given filters. Now you are given what they should do. Each function returns a filter, and the checks
# try it on pictures: random ones, and pictures with edges. They look only at pixels whose whole window lies inside
# the picture. Any dtype will do, and $10^{-5}$ is close enough.
#
# **Shift.** `shift_filter(dy, dx)` returns a 5×5 filter that moves a picture `dy` rows *down* and `dx` columns to the
# *right* (negative: up, left). A bright pixel at row 4, column 4 is at row 5, column 6 after `shift_filter(1, 2)`.
# More than two pixels cannot be done with 5×5, and are refused with a `ValueError`.
#
# <details><summary>Hint: where does the value come from?</summary>
#
# A filter does not send, it fetches: each pixel of the result asks which pixel's value it should take. If the picture
# is to move down, which neighbour has to be fetched?
#
# </details>


# %% nbgrader={"grade_id": "shift", "solution": true}
def shift_filter(dy: int, dx: int) -> Tensor:
    """A filter [5, 5] that moves a picture dy rows down and dx columns to the right, by at most two each.

    Raises:
        ValueError: a shift of more than two pixels.
    """
    ### BEGIN SOLUTION
    if abs(dy) > 2 or abs(dx) > 2:
        raise ValueError(f"a 5×5 filter reaches two pixels, not ({dy}, {dx})")
    w = torch.zeros(5, 5)
    w[2 - dy, 2 - dx] = 1
    return w
    ### END SOLUTION


# %% nbgrader={"grade_id": "shift_moves", "grade": true, "points": 1}
# Where does a bright pixel at (4, 4) go? And does a whole picture go there?
for dy, dx in ((1, 2), (0, 0), (-2, 0), (0, -1)):
    w = shift_filter(dy, dx)
    expect_shape(w, (5, 5), f"shift_filter({dy}, {dx})")
    picture = torch.zeros(9, 9).double()
    picture[4, 4] = 1
    moved = F.conv2d(picture[None, None], w[None, None].double(), padding=2)[0, 0]
    found = [tuple(place) for place in moved.nonzero().tolist()]
    goal = (4 + dy, 4 + dx)
    assert found == [goal], f"shift_filter({dy}, {dx}) should move (4, 4) to {goal}, not to {found}."
    expect_close(moved.sum(), torch.tensor(1.0).double(), f"the brightness after shift_filter({dy}, {dx})", atol=1e-5)
### BEGIN HIDDEN TESTS
for dy in (-2, -1, 0, 1, 2):
    for dx in (-2, -1, 0, 1, 2):
        w = shift_filter(dy, dx)
        expect_shape(w, (5, 5), f"shift_filter({dy}, {dx})")
        picture = torch.randn(10, 12).double()
        moved = F.conv2d(picture[None, None], w[None, None].double())[0, 0]  # from (2, 2) on
        expected = picture[2 - dy : 8 - dy, 2 - dx : 10 - dx]
        expect_close(moved, expected, f"a random picture after shift_filter({dy}, {dx})", atol=1e-5)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "shift_refused", "grade": true, "points": 1}
# Too far is refused, in each of the four directions; as far as possible is not.
for dy, dx in ((3, 0), (-3, 1), (0, 4), (2, -3)):
    expect_error(ValueError, shift_filter, dy, dx)
for dy, dx in ((2, 2), (-2, 2), (2, -2), (-2, -2)):
    w = shift_filter(dy, dx)
    expect_shape(w, (5, 5), f"shift_filter({dy}, {dx})")
    assert int(w.count_nonzero()) == 1, f"shift_filter({dy}, {dx}) should fetch from one single pixel."
### BEGIN HIDDEN TESTS
for dy, dx, excess in torch.randint(-2, 3, (12, 3)).tolist():
    for far in ((3 + abs(excess), dx), (dy, 3 + abs(excess)), (-3 - abs(excess), dx), (dy, -3 - abs(excess))):
        expect_error(ValueError, shift_filter, *far)
    assert int(shift_filter(dy, dx).count_nonzero()) == 1, f"shift_filter({dy}, {dx}) should fetch from one pixel."
### END HIDDEN TESTS

# %% [markdown]
# **Sharpen.** What a blur takes away is the detail: picture minus blurred picture. Sharpening adds it once more, or
# `strength` times: picture + `strength` · (picture − mean of the 3×3 pixels around). `sharpen_filter(strength)`
# returns the 3×3 filter that does this in one go. With strength 0 nothing changes, and with strength −1 the blur
# itself remains.


# %% nbgrader={"grade_id": "sharpen", "solution": true}
def sharpen_filter(strength: float) -> Tensor:
    """A filter [3, 3]: the picture, plus `strength` times what a mean over 3×3 pixels takes away from it."""
    ### BEGIN SOLUTION
    w = torch.full((3, 3), -strength / 9)
    w[1, 1] += 1 + strength
    return w
    ### END SOLUTION


# %% nbgrader={"grade_id": "sharpen_strength", "grade": true, "points": 1}
# A bright pixel on black, strengths 0, -1 and 4.5: the filter shows itself, and changes as it should.
picture = torch.zeros(5, 5).double()
picture[2, 2] = 18
for strength, middle, around in ((0.0, 18, 0), (-1.0, 2, 2), (4.5, 90, -9)):
    w = sharpen_filter(strength)
    expect_shape(w, (3, 3), f"sharpen_filter({strength})")
    result = F.conv2d(picture[None, None], w[None, None].double())[0, 0]
    expected = torch.full((3, 3), around).double()
    expected[1, 1] = middle
    expect_close(result, expected, f"a pixel of 18 on black after sharpen_filter({strength})", atol=1e-5)
### BEGIN HIDDEN TESTS
for strength in (0.0, 1.0, *torch.randn(6).tolist()):
    w = sharpen_filter(strength)
    expect_shape(w, (3, 3), f"sharpen_filter({strength:.3f})")
    picture = torch.rand(7, 9).double()
    result = F.conv2d(picture[None, None], w[None, None].double())[0, 0]
    inside, mean = picture[1:-1, 1:-1], F.avg_pool2d(picture[None, None], 3, 1)[0, 0]
    expected = inside + strength * (inside - mean)
    expect_close(result, expected, f"a random picture after sharpen_filter({strength:.3f})", atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# **Find edges.** `edge_filter(step)` returns a 3×3 filter for upright edges. Where a picture gets brighter by `step`
# from one column to the next, both of these columns answer $+1$; an edge twice as high gets $+2$, one that goes down
# by `step` gets $-1$. To a picture that changes only from top to bottom, or not at all, the filter answers 0. (`step`
# is not 0. A negative one means that $+1$ is the answer to a picture that gets darker.) Several filters do this.
#
# <details><summary>Hint: what the nine values must add up to</summary>
#
# In a picture where all rows are equal, only the *column sums* of the filter matter. What are the three sums, if a
# filter that stands with its right column beyond the edge is to answer 1, and with two columns beyond it 1 as well,
# and with all three 0? In a picture where all columns are equal, the *row sums* matter.
#
# </details>


# %% nbgrader={"grade_id": "edge", "solution": true}
def edge_filter(step: float) -> Tensor:
    """A filter [3, 3] that answers +1 beside an upright edge of height `step`, and 0 to changes from top to bottom."""
    ### BEGIN SOLUTION
    return torch.outer(torch.tensor([1.0, 2, 1]) / 4, torch.tensor([-1.0, 0, 1])) / step
    ### END SOLUTION


# %% nbgrader={"grade_id": "edge_upright", "grade": true, "points": 1}
# A step of 5 after the third column: the third and the fourth column answer.
for step, answer in ((5.0, 1), (2.5, 2), (-5.0, -1)):
    w = edge_filter(step)
    expect_shape(w, (3, 3), f"edge_filter({step})")
    picture = torch.tensor([[10.0, 10, 10, 15, 15, 15]]).double().expand(4, 6)
    result = F.conv2d(picture[None, None], w[None, None].double())[0, 0]
    expected = torch.tensor([[0, answer, answer, 0]]).double().expand(2, 4)
    expect_close(result, expected, f"columns 2 to 5 of a picture with a step of 5, edge_filter({step})", atol=1e-5)
### BEGIN HIDDEN TESTS
for step in (1.0, -0.5, 0.25, 7.0):
    w = edge_filter(step)
    for height in torch.randn(3).tolist():
        picture = torch.zeros(6, 11).double() + 0.3
        column = int(torch.randint(3, 9, ()))
        picture[:, column:] += height
        result = F.conv2d(picture[None, None], w[None, None].double())[0, 0]
        expected = torch.zeros(4, 9).double()
        expected[:, column - 2 : column] = height / step
        case = f"a picture with a step of {height:.3f} before column {column}, edge_filter({step})"
        expect_close(result, expected, case, atol=1e-5)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "edge_silent", "grade": true, "points": 1}
# No answer to what changes only from top to bottom, nor to a grey wall; but a filter that is not silent everywhere.
w = edge_filter(1.0)
expect_shape(w, (3, 3), "edge_filter(1.0)")
answers = F.conv2d(torch.rand(1, 1, 9, 9).double(), w[None, None].double())
assert answers.abs().max() > 1e-3, "edge_filter(1.0) answers nothing at all, not even to a random picture."
for rows in ([7, 7, 7, 7, 7], [0, 0, 1, 1, 1], [0, 1, 4, 9, 16]):
    picture = torch.tensor(rows).double()[:, None].expand(5, 4)
    result = F.conv2d(picture[None, None], w[None, None].double())[0, 0]
    expect_close(result, torch.zeros(3, 2).double(), f"rows of brightness {rows}, edge_filter(1.0)", atol=1e-5)
### BEGIN HIDDEN TESTS
for step in (1.0, -2.0, *(torch.rand(3) + 0.5).tolist()):
    w = edge_filter(step)
    answers = F.conv2d(torch.rand(1, 1, 9, 9).double(), w[None, None].double())
    assert answers.abs().max() > 1e-3, f"edge_filter({step:.3f}) answers nothing at all, not even to a random picture."
    picture = torch.randn(8, 1).double().expand(8, 7)
    result = F.conv2d(picture[None, None], w[None, None].double())[0, 0]
    expect_close(result, torch.zeros(6, 5).double(), f"random rows, edge_filter({step:.3f})", atol=1e-5)
### END HIDDEN TESTS

# %% [markdown]
# Your three filters on the photograph, applied by your own `filter2d`. (Along strong edges the sharpened picture
# overshoots: the bright side gets brighter, the dark side darker. These are the halos of oversharpened photographs.)

# %%
fig, axes = plt.subplots(1, 4, figsize=(10, 2.4), layout="constrained")
axes[0].imshow(scene, cmap="gray", vmin=0, vmax=1)
axes[1].imshow(scene - filter2d(scene, shift_filter(1, 2).double(), "copy"), cmap="PuOr", vmin=-0.5, vmax=0.5)
axes[2].imshow(filter2d(scene, sharpen_filter(2.0).double(), "copy"), cmap="gray", vmin=0, vmax=1)
axes[3].imshow(filter2d(scene, edge_filter(1.0).double(), "copy"), cmap="PuOr", vmin=-0.5, vmax=0.5)
titles = "photograph", "minus itself, shifted", "sharpened, strength 2", "violet: brighter to the right"
for ax, title in zip(axes, titles):
    ax.set(title=title, xticks=[], yticks=[])
viz.show(
    fig,
    alt="The cameraman four times: as he is, minus the same picture shifted by one row and two columns, which leaves all "
    "outlines, sharpened with bright and dark halos, and as upright edges, his left sides orange and his right ones violet.",
)

# %% [markdown]
# **Two experiments for the reflection.** First, borders: we blur small pieces of the photograph by 9×9 with your
# `filter2d`, and compare with the truth, the piece as it looks when the *whole* photograph is blurred. Only the outer
# four pixels can be wrong. How wrong are they with each border? Write your guess down before you run the cell.
#
# Second, down and up: 41 pixels of the photograph are filtered with stride 2, and stamped again with the same filter.

# %% tags=["skip-grading"]
whole, box = datasets.photograph("camera")[0].double(), torch.ones(9, 9).double() / 81
truth = filter2d(whole, box)
torch.manual_seed(3)
corners = torch.randint(10, 400, (60, 2)).tolist()  # of pieces of 48×48 pixels
for border in ("zero", "wrap", "copy", "reflect"):
    errors = []
    for i, j in corners:
        error = (filter2d(whole[i : i + 48, j : j + 48], box, border) - truth[i : i + 48, j : j + 48]).abs()
        assert error[4:-4, 4:-4].max() < 1e-9  # inside, all borders are right
        errors.append(error.sum() / (48**2 - 40**2))
    print(f"border {border:8} mean error in the outer four pixels: {torch.stack(errors).mean():.3f} (white is 1)")

row, w = whole[200, 218:259], torch.tensor([0.25, 0.5, 0.25]).double()
matrix = banded(w, len(row), stride=2)
down = matrix @ row
up = stamp(down, 2 * w, stride=2, size=len(row))
print(f"\n{len(row)} pixels → {len(down)} → {len(up)}")
print(f"a matrix {list(matrix.shape)} of rank {torch.linalg.matrix_rank(matrix)}")
print("pixels 16 to 23 as they were:  ", [f"{value:.2f}" for value in row[16:24]])
print("filtered down and stamped up:  ", [f"{value:.2f}" for value in up[16:24]])

# %% [markdown]
# ## Exercise 6: what a filter keeps, and what it costs (3 points)
#
# In about 150 words:
#
# 1. Which border would you choose to blur a photograph, and which for a 360° panorama that closes upon itself? Say
#    why, and quote your measured errors for the photograph.
# 2. Stamping brought back the size of the row of pixels, but not the row. Explain from the shape and the rank of the
#    matrix why *no* filter could have brought it back.
# 3. A 31×31 Gaussian is to blur an image of 12 million pixels. How many products does it take as it is, and how many
#    after `separate`? Name a filter of this notebook for which the trick fails, and say why.
#
# | points | the answer |
# |---|---|
# | 1 | chooses a sensible border for each, with a reason, and quotes the measured errors |
# | 1 | argues from the matrix: fewer equations than unknowns, so different rows of pixels give the same result |
# | 1 | has both counts right, and a filter that is not of rank 1 with the reason |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. For the photograph *copy* or *reflect*: beyond its edge the scene goes on much as it was, and both say so. Mean
#    errors in the outer four pixels: 0.006 with copy and 0.009 with reflect, against 0.140 with zeros, which draw
#    black into the picture, and 0.036 with wrap, which mixes sky and ground. For the panorama *wrap* (to the left and
#    right): there the other end really is the neighbour, and any other border would leave a visible seam.
# 2. The matrix has 20 rows and 41 columns, so its rank is at most (and here exactly) 20: 20 equations for 41 unknowns.
#    There are 21 independent directions that it sends to zero. Two rows of pixels that differ by one of them, for
#    example in fast stripes, give the same 20 numbers, and nothing computed from these numbers can tell them apart.
#    The transpose reverses the shape of the matrix, not its effect.
# 3. $12 \cdot 10^6 \cdot 31^2 \approx 11.5$ thousand million products as it is, and $12 \cdot 10^6 \cdot 62 = 744$
#    million as a column and a row. It fails for the sharpening filter $(1 + a)\delta - a \cdot$ box: that is a sum of
#    two products, and its rows are no multiples of each other, so its rank is 2.
# ### END SOLUTION
