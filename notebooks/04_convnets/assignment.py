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
# # Assignment 04: a convolutional network from its parts
#
# `nn.Conv2d` is one line, and that line hides everything worth knowing about it. Here you open it: you count what
# comes out of a layer, what it must learn and what it keeps in memory; you write the layer, and the pooling that
# follows it, from plain tensor operations; and from torch's own layers you assemble LeNet. In the end you know how much
# of a picture one of its units can see, and what happens to it when the picture's pixels are shuffled.
#
# | exercise | you write | points |
# |---|---|---|
# | 1 | `conv_output_size`, `conv_parameters`, `training_memory` | 6 |
# | 2 | `conv2d` | 9 |
# | 3 | `max_pool2d` | 5 |
# | 4 | `LeNet` | 5 |
# | 5 | `receptive_field` | 2 |
# | 6 | a reflection, read by a person | 3 |
#
# Plan 60 to 90 minutes; the whole notebook runs in less than a minute on a CPU. It builds on lecture 04.
#
# **How it is graded.** Write between the `def` line and the end of each solution cell, then run the check cells below
# it. A check that passes is silent; one that fails says what is wrong. Each stands for one aspect, so a `conv2d` that
# cannot pad yet still earns most of the rest: only the checks of gradients need all arguments at once. When we grade,
# the same checks run once more with inputs that nobody has seen, in `float64` and, where nothing else is said, to
# within $10^{-10}$. No exercise needs another one: stuck on 2, go on with 3.

# %%
import matplotlib.pyplot as plt
import torch
import torch.nn.functional as F
from sklearn.datasets import load_digits, load_sample_image
from torch import Tensor, nn

from course_lib import viz
from course_lib.checks import by_hand, expect_close, expect_equal, expect_error, expect_shape, gradients, own_work

# %% [markdown]
# ## Exercise 1: count before you compute (6 points)
#
# Most bugs in a convolutional network are a size that somebody guessed. Before any layer exists, three questions have
# exact answers: how large is what comes out, how many numbers must be learned, and how much memory will training take?
#
# Take a row of 7 pixels and a filter of 3. With stride 2 the filter can start at pixel 0, 2 and 4, so 3 values come
# out; with one pixel of padding on *both* sides the row is 9 long, the starts are 0, 2, 4, 6, and 4 values come out.
# If the last step would push the filter over the edge, that step is not taken: a row of 6, filter 3, stride 2 gives 2
# values, and the last pixel goes unread.
#
# `conv_output_size(size, kernel, stride=1, padding=0)` returns this number, an `int`, along one axis. There are two
# requests it must refuse, with a `ValueError` whose message is a sentence: a stride below 1, and a filter that is
# longer than the padded input. (A filter *exactly* as long as the padded input fits once.)
#
# <details><summary>Hint: from starts to a formula</summary>
#
# The padded row has $n + 2p$ pixels. The last place where a filter of $k$ pixels can start is $n + 2p - k$. How many
# multiples of the stride, 0 included, are no larger than that?
#
# </details>


# %% nbgrader={"grade_id": "output_size", "solution": true}
def conv_output_size(size: int, kernel: int, stride: int = 1, padding: int = 0) -> int:
    """The number of places where a filter of `kernel` pixels fits along an axis of `size` pixels.

    Raises:
        ValueError: the stride is below 1, or the filter is longer than the padded input.
    """
    ### BEGIN SOLUTION
    if stride < 1:
        raise ValueError(f"the stride must be at least 1, not {stride}")
    room = size + 2 * padding - kernel  # the last place where the filter can start
    if room < 0:
        raise ValueError(f"a filter of {kernel} does not fit into {size} pixels with padding {padding}")
    return room // stride + 1
    ### END SOLUTION


# %% nbgrader={"grade_id": "output_size_fits", "grade": true, "points": 1}
# A filter moving pixel by pixel.
expect_equal(conv_output_size(32, 5), 28, "32 pixels, filter 5")
expect_equal(conv_output_size(7, 3), 5, "7 pixels, filter 3")
### BEGIN HIDDEN TESTS
for size, kernel in torch.randint(1, 40, (20, 2)).tolist():
    size += kernel
    expect_equal(conv_output_size(size, kernel), size - kernel + 1, f"{size} pixels, filter {kernel}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "output_size_stride_padding", "grade": true, "points": 1}
# Stride and padding, also when the last step does not fit.
expect_equal(conv_output_size(7, 3, stride=2), 3, "7 pixels, filter 3, stride 2")
expect_equal(conv_output_size(7, 3, stride=2, padding=1), 4, "7 pixels, filter 3, stride 2, padding 1")
expect_equal(conv_output_size(6, 3, stride=2), 2, "6 pixels, filter 3, stride 2")
expect_equal(conv_output_size(28, 5, padding=2), 28, "28 pixels, filter 5, padding 2")
### BEGIN HIDDEN TESTS
for kernel, stride, padding, extra in torch.randint(1, 12, (40, 4)).tolist():
    size = max(1, kernel - 2 * padding) + extra
    starts = range(0, size + 2 * padding - kernel + 1, stride)
    case = f"{size} pixels, filter {kernel}, stride {stride}, padding {padding}"
    expect_equal(conv_output_size(size, kernel, stride, padding), len(starts), case)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "output_size_refused", "grade": true, "points": 1}
# What cannot be is refused, what just fits is not.
expect_error(ValueError, conv_output_size, 4, 7)
expect_error(ValueError, conv_output_size, 7, 3, stride=0)
expect_equal(conv_output_size(5, 5), 1, "5 pixels, filter 5")
expect_equal(conv_output_size(4, 6, padding=1), 1, "4 pixels, filter 6, padding 1")
### BEGIN HIDDEN TESTS
for size, padding, excess in torch.randint(1, 9, (10, 3)).tolist():
    expect_equal(conv_output_size(size, size + 2 * padding, 3, padding), 1, "a filter as long as the padded input")
    expect_error(ValueError, conv_output_size, size, size + 2 * padding + excess, 3, padding)
    expect_error(ValueError, conv_output_size, size + 9, 3, -excess)
### END HIDDEN TESTS

# %% [markdown]
# The second question. A filter reaches through *all* channels of its input, and there is one filter for each channel
# of the output. So six 5×5 filters on an RGB image hold $6 \cdot (3 \cdot 5 \cdot 5) = 450$ weights, and with one
# bias for each filter the layer learns 456 numbers. Which of these numbers changes when the image gets larger?


# %% nbgrader={"grade_id": "parameters", "solution": true}
def conv_parameters(in_channels: int, out_channels: int, kernel: int, bias: bool = True) -> int:
    """The number of learned values in a convolution layer with square filters of `kernel` × `kernel` pixels."""
    ### BEGIN SOLUTION
    return out_channels * (in_channels * kernel**2 + int(bias))
    ### END SOLUTION


# %% nbgrader={"grade_id": "parameters_counted", "grade": true, "points": 1}
# With a bias, as layers usually come, and without.
expect_equal(conv_parameters(3, 6, 5), 456, "3 channels to 6, filters 5×5")
expect_equal(conv_parameters(1, 1, 3), 10, "1 channel to 1, filter 3×3")
expect_equal(conv_parameters(3, 6, 5, bias=False), 450, "3 channels to 6, filters 5×5, no bias")
### BEGIN HIDDEN TESTS
for cin, cout, kernel in torch.randint(1, 9, (20, 3)).tolist():
    layer, case = nn.Conv2d(cin, cout, kernel), f"{cin} channels to {cout}, filters {kernel}×{kernel}"
    weights, biases = layer.weight.numel(), layer.bias.numel()
    expect_equal(conv_parameters(cin, cout, kernel), weights + biases, case)
    expect_equal(conv_parameters(cin, cout, kernel, bias=False), weights, f"{case}, no bias")
### END HIDDEN TESTS

# %% [markdown]
# The third question decides whether a network fits on your GPU. For one step of training, a layer's memory must hold
#
# * its parameters (with biases), and a gradient for each of them;
# * its input, because the gradient of the weights is computed from it;
# * its output, and the gradient that comes back to it.
#
# All are numbers of 4 bytes (`float32`). Let the layer be padded so that the maps come out as large as they went in,
# and let a batch of images go through it together. Two grey images of 4×4 pixels and one 3×3 filter, for instance,
# take $2\cdot10$ numbers for the parameters and their gradients, $2\cdot16$ for the input and $2\cdot(2\cdot16)$ for
# the output and its gradient: 116 numbers, 464 bytes. Which of the three parts grow with the batch?
#
# `training_memory` returns the bytes, an `int`. It may call your `conv_parameters`; a mistake there then costs points
# here, too.
#
# (A library may need more, as workspace, or less, where it recomputes. These are the numbers that nobody gets around
# without paying in time.)


# %% nbgrader={"grade_id": "training_memory", "solution": true}
def training_memory(batch: int, height: int, width: int, in_channels: int, out_channels: int, kernel: int) -> int:
    """The bytes that one training step of a convolution layer must hold; `height` × `width` is the size of its maps."""
    ### BEGIN SOLUTION
    pixels = batch * height * width
    learned = out_channels * (in_channels * kernel**2 + 1)
    return 4 * (2 * learned + in_channels * pixels + 2 * out_channels * pixels)
    ### END SOLUTION


# %% nbgrader={"grade_id": "training_memory_image", "grade": true, "points": 1}
# One image at a time.
expect_equal(training_memory(1, 4, 4, 1, 1, 3), 272, "one 4×4 image, 1 channel, 1 filter 3×3")
expect_equal(training_memory(1, 8, 10, 3, 2, 5), 3456, "one 8×10 image, 3 channels, 2 filters 5×5")
### BEGIN HIDDEN TESTS
for height, width, cin, cout, half in torch.randint(1, 9, (20, 5)).tolist():
    layer, x = nn.Conv2d(cin, cout, 2 * half + 1, padding=half), torch.zeros(1, cin, height, width)
    held = x.numel() + 2 * layer(x).numel() + 2 * sum(p.numel() for p in layer.parameters())
    case = f"one {height}×{width} image, {cin} channels, {cout} filters, kernel {2 * half + 1}"
    expect_equal(training_memory(1, height, width, cin, cout, 2 * half + 1), 4 * held, case)
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "training_memory_batch", "grade": true, "points": 1}
# A batch: the last case is the lecture's, 200 filters 5×5 on 100 RGB images. Its 15,200 parameters hardly matter.
expect_equal(training_memory(2, 4, 4, 1, 1, 3), 464, "two 4×4 images, 1 channel, 1 filter 3×3")
expect_equal(training_memory(100, 150, 100, 3, 200, 5), 2418121600, "100 images 150×100, 3 channels, 200 filters 5×5")
### BEGIN HIDDEN TESTS
for batch, height, width, cin, cout in torch.randint(2, 9, (20, 5)).tolist():
    layer, x = nn.Conv2d(cin, cout, 3, padding=1), torch.zeros(batch, cin, height, width)
    held = x.numel() + 2 * layer(x).numel() + 2 * sum(p.numel() for p in layer.parameters())
    case = f"{batch} images {height}×{width}, {cin} channels, {cout} filters 3×3"
    expect_equal(training_memory(batch, height, width, cin, cout, 3), 4 * held, case)
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 2: the convolution layer (9 points)
#
# Now the layer itself. For image $b$, filter $k$ and output position $(i, j)$ it takes the window of the input that
# starts at row $s\,i$ and column $s\,j$, multiplies it with the filter and adds everything up, over all channels:
#
# $$y_{b,k,i,j} = \beta_k + \sum_{c,\,u,\,v} w_{k,c,u,v}\;\tilde x_{b,\,c,\,s i+u,\;s j+v}$$
#
# where $\tilde x$ is the input with $p$ rows and columns of zeros around it, $s$ the stride and $\beta$ the bias.
# (The filter is not flipped. Strictly speaking this is cross-correlation, but every deep-learning library calls it
# convolution.)
#
# | | shape | |
# |---|---|---|
# | `x` | `[B, C, H, W]` | `B` images; `B` may be 0 |
# | `weight` | `[K, C, kh, kw]` | `K` filters; `kh` and `kw` may differ |
# | `bias` | `[K]` | or `None` |
# | result | `[B, K, H', W']` | of the dtype of `x` |
#
# A case small enough for pencil and paper:
#
# $$\begin{gathered}
# x = \begin{pmatrix}1&2&0&1\\0&1&3&1\\2&1&0&2\end{pmatrix}\quad w = \begin{pmatrix}1&2\\0&-1\end{pmatrix} \\[4pt]
# y = \begin{pmatrix}4&-1&1\\1&7&3\end{pmatrix}
# \end{gathered}$$
#
# The first value is $1\cdot1 + 2\cdot2 + 0\cdot0 - 1\cdot1 = 4$. With a bias of 10 every value grows by 10. With
# stride 2 only $(4 \;\; 1)$ remains. With padding 1 the result is 4×5 and begins with $-1$: in that corner the filter
# touches a single real pixel.
#
# **By hand** means: from slices, sums, `einsum`, matrix products, `F.pad`, `F.unfold` or `Tensor.unfold`. The checks
# watch which operators run and refuse a finished convolution under any name, and also detours through NumPy, where
# gradients end. For the gradients there is nothing to write: autograd follows your operations, and a check compares
# what it finds. Leave `x`, `weight` and `bias` as they were: the caller still needs them.
#
# <details><summary>Hint 1: where to begin</summary>
#
# Pad first, then forget about padding. Write it for stride 1 and no bias, get the worked example right, and add one
# argument at a time, with the checks as your guide.
#
# </details>
#
# <details><summary>Hint 2: two short ways</summary>
#
# *Windows.* Loop over output positions: `x[:, :, i*s : i*s + kh, j*s : j*s + kw]` is one window of the whole batch,
# `[B, C, kh, kw]`. One `einsum` with the weight gives that position's `[B, K]`.
#
# *Taps.* Loop over filter positions $(u, v)$ instead. All the pixels that meet `weight[:, :, u, v]` form one strided
# slice of `x`, of shape `[B, C, H', W']`. There are only `kh * kw` of them to weigh and add.
#
# </details>
#
# <details><summary>Hint 3: a gradient is missing or wrong</summary>
#
# Autograd follows tensors, not numbers: `.item()`, `float(…)`, `torch.tensor(…)`, `.data` and `.detach()` cut the
# thread. Writing into slices of a fresh `x.new_zeros(…)` is fine.
#
# </details>


# %% nbgrader={"grade_id": "conv2d", "solution": true}
def conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None, stride: int = 1, padding: int = 0) -> Tensor:
    """Cross-correlate a batch of images with a bank of filters.

    Args:
        x: images [B, C, H, W].
        weight: filters [K, C, kh, kw].
        bias: one value a filter [K], or None.
        stride: step of the window, in pixels, along both axes.
        padding: rows and columns of zeros added on each of the four sides.

    Returns:
        Feature maps [B, K, H', W'], in the dtype of `x`.
    """
    ### BEGIN SOLUTION
    kh, kw = weight.shape[-2:]
    x = F.pad(x, (padding, padding, padding, padding))
    rows = (x.shape[2] - kh) // stride + 1
    cols = (x.shape[3] - kw) // stride + 1
    y = x.new_zeros(len(x), len(weight), rows, cols)
    for u in range(kh):  # one tap of the filter at a time: all pixels that meet w[u, v] are one strided slice
        for v in range(kw):
            met = x[:, :, u : u + (rows - 1) * stride + 1 : stride, v : v + (cols - 1) * stride + 1 : stride]
            y = y + torch.einsum("bchw,kc->bkhw", met, weight[:, :, u, v])
    return y if bias is None else y + bias[:, None, None]
    ### END SOLUTION


# %% nbgrader={"grade_id": "conv2d_example", "grade": true, "points": 1}
# One channel, one filter: the worked example.
x = torch.tensor([[[[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2]]]]).double()
weight = torch.tensor([[[[1, 2], [0, -1]]]]).double()
with by_hand():
    y = conv2d(x, weight)
expect_close(y, [[[[4, -1, 1], [1, 7, 3]]]], "the worked example")
### BEGIN HIDDEN TESTS
for _ in range(3):
    x, weight = torch.randn(1, 1, 5, 7).double(), torch.randn(1, 1, 3, 3).double()
    expected = F.conv2d(x, weight)
    with by_hand():
        y = conv2d(x, weight)
    expect_close(y, expected, "one channel, one filter 3×3")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_channels", "grade": true, "points": 1}
# Three channels in, two filters out: all ones, and all tens.
x = torch.ones(1, 3, 4, 5).double()
weight = torch.stack([torch.ones(3, 3, 3), 10 * torch.ones(3, 3, 3)]).double()
with by_hand():
    y = conv2d(x, weight)
expect_shape(y, (1, 2, 2, 3), "3 channels, 2 filters")
expect_close(y, torch.stack([torch.full((2, 3), 27.0), torch.full((2, 3), 270.0)])[None].double(), "27 ones, 27 tens")
### BEGIN HIDDEN TESTS
for channels, filters in ((1, 4), (3, 1), (2, 5), (4, 3)):
    x, weight = torch.randn(1, channels, 6, 7).double(), torch.randn(filters, channels, 3, 3).double()
    expected = F.conv2d(x, weight)
    with by_hand():
        y = conv2d(x, weight)
    expect_close(y, expected, f"{channels} channels, {filters} filters")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_bias", "grade": true, "points": 1}
# One bias a filter, added everywhere on that filter's map.
x = torch.tensor([[[[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2]]]]).double()
weight = torch.tensor([[[[1, 2], [0, -1]]]] * 2).view(2, 1, 2, 2).double()
with by_hand():
    y = conv2d(x, weight, torch.tensor([10.0, -3.0]).double())
expect_close(y, [[[[14, 9, 11], [11, 17, 13]], [[1, -4, -2], [-2, 4, 0]]]], "the worked example, biases 10 and -3")
### BEGIN HIDDEN TESTS
for filters in (1, 3, 4):  # with 4 filters and maps 4 wide, a bias along the wrong axis goes unnoticed by its shape
    x, weight = torch.randn(1, 2, 5, 6).double(), torch.randn(filters, 2, 3, 3).double()
    bias = torch.randn(filters).double()
    expected = F.conv2d(x, weight, bias)
    with by_hand():
        y = conv2d(x, weight, bias)
    expect_close(y, expected, f"{filters} filters with their biases")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_stride", "grade": true, "points": 1}
# Every other position, along both axes.
x = torch.tensor([[[[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2]]]]).double()
weight = torch.tensor([[[[1, 2], [0, -1]]]]).double()
with by_hand():
    y = conv2d(x, weight, stride=2)
expect_close(y, [[[[4, 1]]]], "the worked example, stride 2")
### BEGIN HIDDEN TESTS
for stride, size in ((2, 7), (2, 8), (3, 7), (3, 9), (5, 9)):
    x, weight = torch.randn(1, 2, size, size + 1).double(), torch.randn(3, 2, 3, 3).double()
    expected = F.conv2d(x, weight, stride=stride)
    with by_hand():
        y = conv2d(x, weight, stride=stride)
    expect_close(y, expected, f"{size}×{size + 1} pixels, stride {stride}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_padding", "grade": true, "points": 1}
# Zeros on all four sides.
x = torch.tensor([[[[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2]]]]).double()
weight = torch.tensor([[[[1, 2], [0, -1]]]]).double()
with by_hand():
    y = conv2d(x, weight, padding=1)
expect_close(
    y, [[[[-1, -2, 0, -1, 0], [2, 4, -1, 1, 1], [-2, 1, 7, 3, 1], [4, 4, 1, 4, 2]]]], "the worked example, padding 1"
)
### BEGIN HIDDEN TESTS
for padding in (1, 2, 3):
    x, weight = torch.randn(1, 2, 5, 6).double(), torch.randn(3, 2, 3, 3).double()
    expected = F.conv2d(x, weight, padding=padding)
    with by_hand():
        y = conv2d(x, weight, padding=padding)
    expect_close(y, expected, f"padding {padding}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_rectangles", "grade": true, "points": 1}
# A filter 3 high and 2 wide on an image 4 high and 6 wide.
x, weight = torch.arange(24).view(1, 1, 4, 6).double(), torch.ones(1, 1, 3, 2).double()
with by_hand():
    y = conv2d(x, weight)
expect_close(y, [[[[39, 45, 51, 57, 63], [75, 81, 87, 93, 99]]]], "filter 3×2, image 4×6")
### BEGIN HIDDEN TESTS
for kh, kw in ((1, 1), (1, 3), (5, 2), (3, 4), (2, 3)):
    x, weight = torch.randn(1, 2, 9, 6).double(), torch.randn(3, 2, kh, kw).double()
    expected = F.conv2d(x, weight)
    with by_hand():
        y = conv2d(x, weight)
    expect_close(y, expected, f"filter {kh}×{kw}, image 9×6")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_batch", "grade": true, "points": 1}
# Three images (all ones, all twos, all threes) do not mix, and no images give no maps.
x, weight = torch.ones(3, 1, 4, 4).double(), torch.ones(2, 1, 3, 3).double()
x[1] *= 2
x[2] *= 3
with by_hand():
    y, nothing = conv2d(x, weight), conv2d(x[:0], weight)
expect_shape(y, (3, 2, 2, 2), "3 images, 2 filters")
for image in range(3):
    expect_close(y[image], torch.full((2, 2, 2), 9.0 * (image + 1)).double(), f"image {image} of the batch")
expect_shape(nothing, (0, 2, 2, 2), "the maps of an empty batch")
### BEGIN HIDDEN TESTS
x, weight = torch.randn(4, 2, 6, 5).double(), torch.randn(3, 2, 3, 3).double()
for batch in (x, x[:2], x[:1], x[:0]):
    expected = F.conv2d(batch, weight)
    with by_hand():
        y = conv2d(batch, weight)
    expect_close(y, expected, f"{len(batch)} images")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_gradients", "grade": true, "points": 1}
# The derivatives of the sum of all outputs: a bias touches 6 of them, a weight meets the 6 pixels of its slice.
x = torch.tensor([[[[1, 2, 0, 1], [0, 1, 3, 1], [2, 1, 0, 2]]]]).double()
weight, bias = torch.tensor([[[[1, 2], [0, -1]]]]).double(), torch.zeros(1).double()
with by_hand():
    of_x, of_weight, of_bias = gradients(conv2d, x, weight, bias, upstream=torch.ones(1, 1, 2, 3).double())
expect_close(of_bias, [6], "the gradient of the bias")
expect_close(of_weight, [[[[7, 8], [7, 8]]]], "the gradient of the weight")
expect_close(of_x, [[[[1, 3, 3, 2], [1, 2, 2, 1], [0, -1, -1, -1]]]], "the gradient of x")
### BEGIN HIDDEN TESTS
for stride, padding in ((1, 0), (2, 1), (3, 2)):
    inputs = torch.randn(2, 3, 6, 7).double(), torch.randn(4, 3, 3, 2).double(), torch.randn(4).double()
    upstream = torch.randn_like(F.conv2d(*inputs, stride, padding))
    with by_hand():
        got = gradients(conv2d, *inputs, upstream=upstream, stride=stride, padding=padding)
    expected = gradients(F.conv2d, *inputs, upstream=upstream, stride=stride, padding=padding)
    for name, one, other in zip(("x", "weight", "bias"), got, expected):
        expect_close(one, other, f"the gradient of {name} (stride {stride}, padding {padding})")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "conv2d_untouched", "grade": true, "points": 1}
# The arguments are the caller's: right values come out, and x, weight and bias are as before.
x, weight, bias = torch.ones(1, 1, 3, 3).double(), torch.ones(1, 1, 2, 2).double(), torch.ones(1).double()
with by_hand():
    y = conv2d(x, weight, bias)
expect_close(y, [[[[5, 5], [5, 5]]]], "ones on ones, bias 1")
for name, argument in (("x", x), ("weight", weight), ("bias", bias)):
    expect_close(argument, torch.ones_like(argument), f"{name} after the call")
### BEGIN HIDDEN TESTS
for filters in (1, 3, 4):
    inputs = torch.randn(2, 3, 5, 6).double(), torch.randn(filters, 3, 3, 3).double(), torch.randn(filters).double()
    before, expected = [argument.clone() for argument in inputs], F.conv2d(*inputs)
    with by_hand():
        y = conv2d(*inputs)
    expect_close(y, expected, "the result")
    for name, argument, copy in zip(("x", "weight", "bias"), inputs, before):
        expect_close(argument, copy, f"{name} after the call")
### END HIDDEN TESTS

# %% [markdown]
# Your layer at work: two hand-made filters look at a roof in Beijing. One answers where the picture gets brighter
# from left to right, the other where it gets brighter from top to bottom. In a network nobody writes such filters;
# they are learned. (The lines along the border are not in Beijing: they are the edge between picture and padding.)

# %%
photograph = torch.tensor(load_sample_image("china.jpg")[60:180, 200:360]).double()  # [120, 160, 3]
x = photograph.mean(2)[None, None] / 255  # grey, [1, 1, 120, 160]
to_the_right = torch.tensor([[-1.0, 0, 1], [-2, 0, 2], [-1, 0, 1]]).double() / 8
filters = torch.stack([to_the_right, to_the_right.T])[:, None]  # [2, 1, 3, 3]
responses = conv2d(x, filters, padding=1)[0]  # [2, 120, 160]

fig, axes = plt.subplots(1, 3, figsize=(10, 3), layout="constrained")
axes[0].imshow(x[0, 0], cmap="gray")
for ax, response in zip(axes[1:], responses):
    ax.imshow(response, cmap="PuOr", vmin=-0.25, vmax=0.25)
titles = "photograph", "violet: brighter to the right", "violet: brighter downwards"
for ax, title in zip(axes, titles):
    ax.set(title=title, xticks=[], yticks=[])
viz.show(fig, alt="A temple roof, and what two edge filters make of it: one draws upright edges, the other level ones.")

# %% [markdown]
# ## Exercise 3: max pooling (5 points)
#
# A feature map says where something was found; the next layers mostly need to know *that* it was found, roughly
# there. Max pooling keeps the largest value of every window. It does so for each channel on its own and has nothing
# to learn. Its gradient is a switch: whatever arrives at an output goes back to the pixel that won the window, and
# the others get nothing.
#
# $$\begin{gathered}
# x = \left(\begin{array}{rr|rr}-1&-3&2&0\\-2&-5&1&4\\\hline 3&1&-6&-2\\0&2&-4&-7\end{array}\right) \\[4pt]
# \text{size 2: } \begin{pmatrix}-1&4\\3&-2\end{pmatrix} \\[4pt]
# \text{size 3, stride 1: } \begin{pmatrix}3&4\\3&4\end{pmatrix}
# \end{gathered}$$
#
# `max_pool2d(x, size, stride=None)` takes `x` `[B, C, H, W]` to `[B, C, H', W']`. Windows are `size`×`size`; the
# stride is `size` unless another one is given, so windows may overlap or leave gaps. There is no padding, and a step
# that does not fit is not taken, as in exercise 1. Again by hand: `max`, `amax` and `torch.maximum` are tools, a
# finished pooling layer is refused.
#
# <details><summary>Hint</summary>
#
# Either of the two ways of exercise 2 will do, with a maximum for the sum. What is the right value to start a running
# maximum from? (Look at the top-left window above.)
#
# </details>


# %% nbgrader={"grade_id": "max_pool2d", "solution": true}
def max_pool2d(x: Tensor, size: int, stride: int | None = None) -> Tensor:
    """The largest value of every window.

    Args:
        x: feature maps [B, C, H, W].
        size: side of the square window, in pixels.
        stride: step of the window; None means `size`.

    Returns:
        Maxima [B, C, H', W'], in the dtype of `x`.
    """
    ### BEGIN SOLUTION
    stride = stride or size
    windows = x.unfold(2, size, stride).unfold(3, size, stride)  # [B, C, H', W', size, size], a view
    return windows.flatten(-2).max(-1).values
    ### END SOLUTION


# %% nbgrader={"grade_id": "max_pool2d_example", "grade": true, "points": 1}
# Windows side by side.
x = torch.tensor([[[[1, 4, 3, 6], [2, 1, 0, 9], [2, 2, 7, 7], [5, 3, 3, 6]]]]).double()
with by_hand():
    y = max_pool2d(x, 2)
expect_close(y, [[[[4, 9], [5, 7]]]], "4×4 values, size 2")
### BEGIN HIDDEN TESTS
for size in (1, 2, 3, 4):
    x = torch.rand(1, 1, 12, 12).double()
    expected = F.max_pool2d(x, size)
    with by_hand():
        y = max_pool2d(x, size)
    expect_close(y, expected, f"12×12 values, size {size}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "max_pool2d_negative", "grade": true, "points": 1}
# A maximum may well be negative.
x = torch.tensor([[[[-1, -3, 2, 0], [-2, -5, 1, 4], [3, 1, -6, -2], [0, 2, -4, -7]]]]).double()
with by_hand():
    y = max_pool2d(x, 2)
expect_close(y, [[[[-1, 4], [3, -2]]]], "the worked example, size 2")
### BEGIN HIDDEN TESTS
for offset in (0, -10, -1e6):
    x = torch.randn(1, 2, 6, 6).double() + offset
    expected = F.max_pool2d(x, 3)
    with by_hand():
        y = max_pool2d(x, 3)
    expect_close(y, expected, f"values around {offset:g}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "max_pool2d_stride", "grade": true, "points": 1}
# Windows that overlap, and windows with gaps between them.
x = torch.tensor([[[[-1, -3, 2, 0], [-2, -5, 1, 4], [3, 1, -6, -2], [0, 2, -4, -7]]]]).double()
with by_hand():
    overlapping, gaps = max_pool2d(x, 3, stride=1), max_pool2d(x, 1, stride=3)
expect_close(overlapping, [[[[3, 4], [3, 4]]]], "the worked example, size 3, stride 1")
expect_close(gaps, [[[[-1, 0], [0, -7]]]], "the worked example, size 1, stride 3")
### BEGIN HIDDEN TESTS
for size, stride in ((3, 2), (3, 1), (2, 1), (2, 3), (1, 2), (5, 4)):
    x = torch.randn(2, 2, 9, 9).double()
    expected = F.max_pool2d(x, size, stride)
    with by_hand():
        y = max_pool2d(x, size, stride)
    expect_close(y, expected, f"size {size}, stride {stride}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "max_pool2d_shapes", "grade": true, "points": 1}
# Sizes that do not divide, images that are not square, several channels, any batch.
x = torch.arange(2 * 3 * 5 * 7).view(2, 3, 5, 7).double()  # growing row by row: each window's last value wins
with by_hand():
    y, nothing = max_pool2d(x, 2), max_pool2d(x[:0], 2)
expect_shape(y, (2, 3, 2, 3), "5×7 values, size 2")
expect_close(y, x[:, :, 1:4:2, 1:6:2], "5×7 growing values, size 2")
expect_shape(nothing, (0, 3, 2, 3), "the maxima of an empty batch")
### BEGIN HIDDEN TESTS
for shape, size in (((1, 1, 7, 7), 2), ((3, 2, 8, 5), 3), ((2, 4, 11, 6), 4), ((0, 2, 5, 5), 2), ((2, 1, 3, 4), 3)):
    x = torch.randn(shape).double()
    expected = F.max_pool2d(x, size)
    with by_hand():
        y = max_pool2d(x, size)
    expect_close(y, expected, f"input {shape}, size {size}")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "max_pool2d_gradient", "grade": true, "points": 1}
# The winner takes all: a 1 at each window's maximum, zeros elsewhere.
x = torch.tensor([[[[-1, -3, 2, 0], [-2, -5, 1, 4], [3, 1, -6, -2], [0, 2, -4, -7]]]]).double()
with by_hand():
    (of_x,) = gradients(max_pool2d, x, upstream=torch.ones(1, 1, 2, 2).double(), size=2)
expect_close(of_x, [[[[1, 0, 0, 0], [0, 0, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0]]]], "the gradient of x")
### BEGIN HIDDEN TESTS
for size, stride in ((2, 2), (3, 2), (3, 1)):  # where windows overlap, a pixel may win several times
    x = torch.randn(2, 3, 7, 8).double()
    upstream = torch.randn_like(F.max_pool2d(x, size, stride))
    with by_hand():
        (got,) = gradients(max_pool2d, x, upstream=upstream, size=size, stride=stride)
    (expected,) = gradients(F.max_pool2d, x, upstream=upstream, kernel_size=size, stride=stride)
    expect_close(got, expected, f"the gradient of x (size {size}, stride {stride})")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 4: LeNet (5 points)
#
# You have earned the finished layers: from here on `nn.Conv2d`, `nn.Linear` and `F.max_pool2d` are welcome. Put them
# together to LeCun's network of 1998, in today's dress: ReLU where the original had a scaled tanh, max pooling where
# it had a trainable mean, and no table that decides which maps are connected.
#
# | step | result for one 28×28 grey image |
# |---|---|
# | convolution, 6 filters 5×5, padding 2, then ReLU | 6×28×28 |
# | max pooling 2 | 6×14×14 |
# | convolution, 16 filters 5×5, no padding, then ReLU | 16×10×10 |
# | max pooling 2 | 16×5×5 |
# | flatten, in the order channel, row, column | 400 |
# | fully connected, then ReLU | 120 |
# | fully connected, then ReLU | 84 |
# | fully connected | `num_classes` |
#
# All five layers with weights also have a bias. The last one gives *logits*: plain scores, with nothing after them.
# The loss `F.cross_entropy` takes the softmax itself.
#
# `LeNet(num_classes=10)` is an `nn.Module` that maps `[B, 1, 28, 28]` to `[B, num_classes]`. With ten classes it has
# 61,706 parameters; `conv_parameters(1, 6, 5)`, 156, is the first entry of that sum. Name the layers as you like.
#
# <details><summary>Hint</summary>
#
# Layers that are to be trained must be attributes of `self` (or stand in an `nn.Sequential` that is one). Print
# `x.shape` between two steps of `forward`, and compare with the table.
#
# </details>


# %% nbgrader={"grade_id": "lenet", "solution": true}
class LeNet(nn.Module):
    """LeNet for grey images [B, 1, 28, 28]; returns logits [B, num_classes]."""

    def __init__(self, num_classes: int = 10):
        super().__init__()
        ### BEGIN SOLUTION
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(400, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, num_classes)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        ### BEGIN SOLUTION
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)  # [B, 6, 14, 14]
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)  # [B, 16, 5, 5]
        x = F.relu(self.fc1(x.flatten(1)))
        x = F.relu(self.fc2(x))
        return self.fc3(x)
        ### END SOLUTION


# %% nbgrader={"grade_id": "lenet_layers", "grade": true, "points": 1}
# The layers: their sizes, their number, and that each takes part in the result.
with own_work():
    net = LeNet()
    logits = net(torch.rand(8, 1, 28, 28))
sizes = sorted(tuple(p.shape) for p in net.parameters())
weights = [(6, 1, 5, 5), (16, 6, 5, 5), (120, 400), (84, 120), (10, 84)]
expect_equal(sizes, sorted(weights + [w[:1] for w in weights]), "the shapes of all weights and biases")
expect_equal(sum(p.numel() for p in net.parameters()), 61706, "the number of parameters")
expect_shape(logits, (8, 10), "the logits of 8 images")
logits.square().sum().backward()
for name, p in net.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
### BEGIN HIDDEN TESTS
with own_work():
    net = LeNet(num_classes=3)
    net(torch.rand(8, 1, 28, 28)).square().sum().backward()
weights[-1] = (3, 84)
sizes = sorted(tuple(p.shape) for p in net.parameters())
expect_equal(sizes, sorted(weights + [w[:1] for w in weights]), "the shapes of all weights and biases, 3 classes")
for name, p in net.named_parameters():
    assert p.grad is not None and p.grad.any(), f"no gradient reaches {name}: it has no part in the result."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lenet_output", "grade": true, "points": 1}
# One row of logits an image, whatever the batch, and as many as there are classes.
for num_classes, batch in ((10, 1), (10, 5), (3, 4)):
    with own_work():
        net, x = LeNet(num_classes), torch.rand(batch, 1, 28, 28)
        logits = net(x)
    expect_shape(logits, (batch, num_classes), f"the logits of {batch} images, {num_classes} classes")
    expect_close(logits[:1], net(x[:1]), "the first image, in the batch and alone", atol=1e-4)
    assert batch == 1 or (logits[0] != logits[1]).any(), "two different images get the very same logits."
### BEGIN HIDDEN TESTS
for num_classes, batch in zip((2, 7, 30), torch.randint(2, 9, (3,)).tolist()):
    with own_work():
        net, x = LeNet(num_classes=num_classes).double(), torch.rand(batch, 1, 28, 28).double()
        logits = net(x)
    expect_shape(logits, (batch, num_classes), f"the logits of {batch} images, {num_classes} classes")
    for image in range(batch):
        expect_close(logits[image], net(x[image : image + 1])[0], f"image {image}, in the batch and alone")
    assert (logits[0] != logits[1]).any(), "two different images get the very same logits."
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lenet_logits", "grade": true, "points": 1}
# Plain scores: when the last layer is multiplied by -2, so are they. After a softmax or a ReLU that would not hold.
with own_work():
    net, x = LeNet().double(), torch.rand(4, 1, 28, 28).double()
    before = net(x).detach()
    last = [p for p in net.parameters() if tuple(p.shape) in ((10, 84), (10,))]
    assert len(last) == 2, "there is no last layer with weights [10, 84] and a bias [10]."
    for p in last:
        p.data *= -2
    after = net(x)
assert (before[0] != before[1]).any(), "two different images get the very same logits."
expect_close(after, -2 * before, "the logits, with a last layer multiplied by -2")
### BEGIN HIDDEN TESTS
for num_classes in (2, 5):
    with own_work():
        net, x = LeNet(num_classes).double(), torch.randn(3, 1, 28, 28).double()
        before = net(x).detach()
        last = [p for p in net.parameters() if tuple(p.shape) in ((num_classes, 84), (num_classes,))]
        for p in last:
            p.data *= -3
        after = net(x)
    assert len(last) == 2 and (before[0] != before[1]).any(), "the logits are constant, or the last layer is not there."
    expect_close(after, -3 * before, "the logits, with a last layer multiplied by -3")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lenet_forward", "grade": true, "points": 1}
# The whole computation: weights and biases filled with cos 0, cos 1, cos 2, … divided by 5; the image is a grey wedge.
with own_work():
    net = LeNet().double()
    for p in net.parameters():
        p.data = torch.arange(p.numel()).double().cos().view_as(p) / 5
    logits = net(torch.linspace(0, 1, 784).double().view(1, 1, 28, 28))
expected = [[1.4416, -0.8122, -0.0732, 0.7087, -1.3738, 0.8408, 0.3688, -0.8737, 1.1874, -0.8123]]
expect_close(logits, expected, "the logits of the wedge", atol=1e-4)
### BEGIN HIDDEN TESTS
for num_classes in (10, 4):
    with own_work():
        net, x = LeNet(num_classes).double(), torch.randn(3, 1, 28, 28).double()
        logits = net(x)
    p = {tuple(p.shape): p for p in net.parameters()}
    h = F.max_pool2d(F.relu(F.conv2d(x, p[6, 1, 5, 5], p[6,], padding=2)), 2)
    h = F.max_pool2d(F.relu(F.conv2d(h, p[16, 6, 5, 5], p[16,])), 2).flatten(1)
    h = F.relu(F.linear(F.relu(F.linear(h, p[120, 400], p[120,])), p[84, 120], p[84,]))
    expected = F.linear(h, p[num_classes, 84], p[num_classes,])
    assert (expected[0] != expected[1]).any(), "two different images get the very same logits."
    expect_close(logits, expected, "the logits of random images")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "lenet_learns", "grade": true, "points": 1}
# A network that cannot learn 16 random images by heart will not learn anything else. This one needs 25 steps.
with own_work():
    net, x, labels = LeNet(), torch.randn(16, 1, 28, 28), torch.arange(16) % 10
    optimizer = torch.optim.Adam(net.parameters(), lr=4e-3)
    for _ in range(25):
        loss = F.cross_entropy(net(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
assert loss < 0.5, f"after 25 steps the loss is still {loss:.2f}; it starts near 2.30 and should be far below 0.5."

# %% [markdown]
# **An experiment for the reflection.** Take 1,000 handwritten digits, and move the pixels of *every* picture to new
# places, always by the same fixed shuffle. No information is lost: whoever knows the shuffle can undo it. We train your
# LeNet on the digits as they are and as shuffled, and beside it a network without convolutions: two fully connected
# layers, with as many parameters (62,020). Before you run the cell, write down what you expect for each of the four.


# %% tags=["skip-grading"]
def test_accuracy(net: nn.Module, images: Tensor, labels: Tensor) -> float:
    """Train on the first 1,000 images, and return the fraction of the others that is classified right."""
    optimizer = torch.optim.Adam(net.parameters())
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=5e-3, total_steps=6 * 20)
    for _ in range(6):
        for batch in torch.randperm(1000).split(50):
            loss = F.cross_entropy(net(images[batch]), labels[batch])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    with torch.no_grad():
        return (net(images[1000:]).argmax(1) == labels[1000:]).double().mean().item()


torch.manual_seed(4)
digits = load_digits()
labels = torch.tensor(digits.target)
images = F.interpolate(torch.tensor(digits.images).float()[:, None] / 16, size=28, mode="bilinear")  # [1797, 1, 28, 28]
shuffled = images.flatten(1)[:, torch.randperm(784)].view_as(images)
for pictures, kind in ((images, "as they are"), (shuffled, "shuffled")):
    connected = nn.Sequential(nn.Flatten(), nn.Linear(784, 78), nn.ReLU(), nn.Linear(78, 10))
    print(f"fully connected, digits {kind}: {test_accuracy(connected, pictures, labels):.1%}")
    print(f"LeNet,           digits {kind}: {test_accuracy(LeNet(), pictures, labels):.1%}")

# %% [markdown]
# ## Exercise 5: how far does a unit see? (2 points)
#
# A unit deep in a network depends on a square of input pixels, its receptive field; what happens outside is invisible
# to it. One 3×3 convolution sees 3×3 pixels, and a second one on top of it 5×5. After a pooling with stride 2 the
# next layer's neighbours are two input pixels apart, so every layer from there on widens the field twice as fast:
#
# | layer | kernel, stride | sees | its neighbours are apart |
# |---|---|---|---|
# | convolution | 3, 1 | 3×3 | 1 |
# | pooling | 2, 2 | 4×4 | 2 |
# | convolution | 3, 1 | 8×8 | 2 |
#
# `receptive_field(layers)` takes the layers from the input upwards, each as `(kernel, stride)`, and returns the side
# of the smallest square of input pixels that holds everything on which one unit of the last layer can depend. Pixels
# inside the square may have no influence, where a stride leaves gaps. Padding does not matter: think of an input
# without borders.
#
# <details><summary>Hint</summary>
#
# Go from the input upwards with two numbers, the last two columns of the table. What does a layer with kernel $k$ add
# to the first, when its inputs lie $d$ pixels apart? And what does its stride do to $d$?
#
# </details>


# %% nbgrader={"grade_id": "receptive_field", "solution": true}
def receptive_field(layers: list[tuple[int, int]]) -> int:
    """The side, in input pixels, of what a unit sees after `layers`: (kernel, stride) pairs from the input upwards."""
    ### BEGIN SOLUTION
    field, apart = 1, 1
    for kernel, stride in layers:
        field += (kernel - 1) * apart
        apart *= stride
    return field
    ### END SOLUTION


# %% nbgrader={"grade_id": "receptive_field_stride_one", "grade": true, "points": 1}
# Chains of convolutions with stride 1; without any layer, a unit is a pixel.
expect_equal(receptive_field([(3, 1), (3, 1)]), 5, "two 3×3 convolutions")
expect_equal(receptive_field([(7, 1)]), 7, "one 7×7 convolution")
expect_equal(receptive_field([]), 1, "no layer")
### BEGIN HIDDEN TESTS
for depth in (1, 3, 6):
    kernels = torch.randint(1, 8, (depth,)).tolist()
    expect_equal(receptive_field([(k, 1) for k in kernels]), 1 + sum(kernels) - depth, f"kernels {kernels}, stride 1")
### END HIDDEN TESTS

# %% nbgrader={"grade_id": "receptive_field_strides", "grade": true, "points": 1}
# Strides count for the layers above them.
expect_equal(receptive_field([(3, 1), (2, 2), (3, 1)]), 8, "convolution 3, pooling 2, convolution 3")
expect_equal(receptive_field([(5, 1), (2, 2), (5, 1), (2, 2)]), 16, "LeNet, up to its second pooling")
### BEGIN HIDDEN TESTS
for depth in (2, 3, 4, 4):  # measured: which input pixels does the first unit's gradient reach?
    layers = [(int(torch.randint(1, 6, ())), int(torch.randint(1, 4, ()))) for _ in range(depth)]
    signal = torch.ones(1, 1, 1500).double().requires_grad_()
    out = signal
    for kernel, stride in layers:
        out = F.conv1d(out, torch.ones(1, 1, kernel).double(), stride=stride)
    out[0, 0, 0].backward()
    expect_equal(receptive_field(layers), int(signal.grad.nonzero()[-1, -1]) + 1, f"layers {layers}")
### END HIDDEN TESTS

# %% [markdown]
# ## Exercise 6: what convolution assumes (3 points)
#
# LeNet's first layer learns 156 numbers. A fully connected layer that makes the same 6×28×28 outputs from the same
# 28×28 pixels would learn 3,692,640. Nothing comes for free: the difference is paid for with assumptions about
# images. In about 150 words:
#
# 1. Name the two assumptions, and say what each one does to the number of weights.
# 2. Explain, from these assumptions, what the shuffled digits did to your LeNet, and why they left the fully
#    connected network as it was. Quote your numbers.
# 3. Describe a task, other than ours, for which one of the two assumptions is false, and say what you would change in
#    the network.
#
# | points | the answer |
# |---|---|
# | 1 | names locality and shared weights, and ties each to its factor in the count |
# | 1 | explains both networks' results by the assumptions and quotes the measured accuracies |
# | 1 | gives a plausible task, says which assumption fails in it, and proposes a change that follows from this |
#
# Half a point for a part that is right but without its reason.

# %% [markdown] nbgrader={"grade_id": "reflection", "grade": true, "solution": true, "points": 3}
# ### BEGIN SOLUTION
# 1. *Locality*: a unit looks at 5×5 neighbouring pixels only, so it has 25 weights and a bias, not 784 and a bias.
#    *Shared weights*: what is worth detecting in one place is worth detecting everywhere, so the 784 units of a map
#    use the same 26 numbers, and 6 maps need 156. Without sharing, local units would still need $4704 \cdot 26 =
#    122{,}304$.
# 2. The shuffle destroys neighbourhood. A 5×5 window now holds 25 unrelated pixels, the edges and strokes that one
#    filter could find all over the image are gone, and pooling merges places that have nothing to do with each other:
#    LeNet fell from 92.7 % to 85.8 % (other seeds: from 91–95 % to 86–91 %). The fully connected network never knew
#    which pixels are neighbours. Permuting its first layer's columns undoes the shuffle exactly, so it is the same
#    learning problem: 91.1 % and 92.2 %, the difference being the random start.
# 3. In passport photographs all eyes are at the same place: what matters differs from place to place, so sharing
#    everywhere is false (locality still holds). I would use local filters that are not shared, or share them only
#    within regions, or feed in the coordinates as two more channels.
# ### END SOLUTION
